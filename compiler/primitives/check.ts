// The checks that shape and dtype rules share. They only refuse, with a code and both facts; they never convert or broadcast.
import { dtypeInfo, type DType } from "../../runtime/dtype.ts";
import { PullbackError, InternalError } from "../../runtime/errors/error.ts";
import { sameShape, showAval, sizeOf, type Aval, type Shape } from "../ir/aval.ts";

/** A set of dtypes and how to call it in a message. */
export interface Accepts {
  readonly says: string;
  readonly classes: readonly ("float" | "int" | "uint" | "bool")[];
}
/** f32, f64, f16, bf16. */
export const floats: Accepts = { says: "a floating-point dtype", classes: ["float"] };
/** Floats and integers. */
export const numbers: Accepts = { says: "a number dtype (not bool)", classes: ["float", "int", "uint"] };
/** Signed and unsigned integers. */
export const integers: Accepts = { says: "an integer dtype", classes: ["int", "uint"] };
/** Integers and bool: what bitwise operations take. */
export const bitTypes: Accepts = { says: "an integer or bool dtype", classes: ["int", "uint", "bool"] };
/** Every dtype. */
export const anything: Accepts = { says: "any dtype", classes: ["float", "int", "uint", "bool"] };

/** `f32[2] and i32[]`, for messages. */
export const listAvals = (ins: readonly Aval[]): string => ins.map(showAval).join(" and ");

/** @throws E0204 unless `a` has a dtype of `set`. */
export function needDType(name: string, set: Accepts, a: Aval): void {
  if (set.classes.includes(dtypeInfo(a.dtype).class)) return;
  throw new PullbackError("E0204", `${name} needs ${set.says}, got ${showAval(a)}`, {
    help: 'convert explicitly, for example x.astype("f32")',
  });
}
/** @throws E0204 unless all dtypes are equal. */
export function needEqualDTypes(name: string, ins: readonly Aval[]): void {
  if (ins.every(a => a.dtype === ins[0]?.dtype)) return;
  throw new PullbackError("E0204", `${name} needs equal dtypes, got ${listAvals(ins)}`, {
    help: "convert one of them explicitly with astype, or use the function of the standard library, which promotes dtypes",
  });
}
/** @throws E0204 unless `a` is of exactly `dtype`. */
export function needExactly(name: string, what: string, dtype: DType, a: Aval): void {
  if (a.dtype === dtype) return;
  throw new PullbackError("E0204", `${name} needs ${what} of dtype ${dtype}, got ${showAval(a)}`, {
    help: `convert it with astype("${dtype}")`,
  });
}
/** @throws E0201 unless all shapes are equal. */
export function needEqualShapes(name: string, ins: readonly Aval[]): void {
  const first = ins[0];
  if (!first || ins.every(a => sameShape(a.shape, first.shape))) return;
  throw new PullbackError("E0201", `${name} needs equal shapes, got ${listAvals(ins)}`, {
    help: "broadcast explicitly, or use the function of the standard library, which follows NumPy's rules",
  });
}
/** @throws E0201 unless `a` has shape `shape`; `what` names the operand. */
export function needShape(name: string, what: string, shape: Shape, a: Aval): void {
  if (sameShape(a.shape, shape)) return;
  throw new PullbackError("E0201", `${name} needs ${what} of shape [${shape.join(",")}], got ${showAval(a)}`, {
    help: "primitives never broadcast: give exactly this shape",
  });
}
/** @throws E0203 unless `axes` are distinct, ascending and in [0, rank). */
export function needAxes(name: string, axes: readonly number[], a: Aval): void {
  const fits = axes.every((d, i) => Number.isInteger(d) && d >= 0 && d < a.shape.length && (i === 0 || d > (axes[i - 1] ?? -1)));
  if (fits) return;
  throw new PullbackError("E0203", `${name} got axes [${axes.join(",")}] for ${showAval(a)}`, {
    help: `axes of a primitive are distinct, ascending and in [0, ${a.shape.length}); the standard library also takes negative ones`,
  });
}
/** @throws E0203 unless `axis` is an integer in [0, rank). */
export const needAxis = (name: string, axis: number, a: Aval): void => needAxes(name, [axis], a);
/** @throws E0205 unless `shape` is a list of non-negative integers. */
export function needSizes(name: string, shape: Shape): void {
  if (shape.every(d => Number.isSafeInteger(d) && d >= 0) && Number.isSafeInteger(sizeOf(shape))) return;
  throw new PullbackError("E0205", `${name} got the sizes [${shape.join(",")}]`, { help: "sizes are non-negative integers" });
}
/** An E0205 unless `ok`. */
export function needParam(ok: boolean, fact: () => string, help: string): void {
  if (!ok) throw new PullbackError("E0205", fact(), { help });
}

/** Element `i` of a list whose length an earlier check proved. */
export function nth<T>(xs: readonly T[], i: number): T {
  const x = xs[i];
  if (x === undefined) throw new InternalError(`index ${i} of a list of ${xs.length}`);
  return x;
}
/** The numbers 0 .. n-1. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
/** `xs` without the positions in `axes`. */
export const without = <T>(xs: readonly T[], axes: readonly number[]): T[] => xs.filter((_, d) => !axes.includes(d));
