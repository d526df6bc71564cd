// What operands become before a primitive sees them: tensors of one dtype and one shape. The only place where the library promotes dtypes and
// broadcasts shapes; it computes nothing.
//
// The rules are JAX's, with one change that JavaScript forces (2.0 and 2 are the same number):
//   - dtypes meet in bool < u8 < u32, u8 < i32, bool < i8 < i32, u32 < i32, integers < f16, bf16 < f32 < f64; integers < 8-bit floats. (i8 with u8, and u32 with i8, give i32.)
//   - a JavaScript number is *weak*: it adopts the other operand's dtype when that is a float, whatever its size. With an integer it adopts that dtype
//     when it is integral, and gives f32 otherwise; with bool it gives i32 or f32. Numbers alone give f32.
//   - 8-bit floats meet no other floats: neither would hold what both can.
//   - a result is weak again when only weak operands made it a float, so `where(mask, 0, -1e9)` added to bf16 stays bf16.
//   - a JavaScript boolean is a bool.
import { isFloat, isFloat8, isInteger, type DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";

/** What every function of the library accepts as an operand. */
export type TensorLike = Tensor | number | boolean;
/** Operands of one dtype; `weak` says that their result gives way in turn. */
export interface Promoted {
  readonly xs: readonly Tensor[];
  readonly dtype: DType;
  readonly weak: boolean;
}

const ranks: { readonly [D in DType]: number } = {
  bool: 0,
  u8: 1,
  i8: 1,
  u32: 2,
  i32: 3,
  f8e4m3: 4,
  f8e5m2: 4,
  f16: 4,
  bf16: 4,
  f32: 5,
  f64: 6,
};

/** The dtype in which values of `a` and `b` meet. @throws E0204 for an 8-bit float with another float */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  if ((isFloat8(a) && isFloat(b)) || (isFloat8(b) && isFloat(a)))
    throw new PullbackError("E0204", `${a} and ${b} do not meet in a dtype by themselves`, {
      help: 'say which one is meant: x.astype("f32"), or the other operand in the 8-bit float',
    });
  const low = ranks[a] <= ranks[b] ? a : b,
    high = low === a ? b : a;
  if (ranks[low] === ranks[high]) return isFloat(low) ? "f32" : "i32"; // f16 with bf16, i8 with u8
  return low === "i8" && high === "u32" ? "i32" : high;
}

/** The dtype in which operands meet, and whether it is weak. */
export function resultType(...xs: readonly TensorLike[]): { readonly dtype: DType; readonly weak: boolean } {
  const strong = xs.flatMap(x => (typeof x === "boolean" ? ["bool" as const] : typeof x === "number" || x.weak ? [] : [x.dtype]));
  const weak = xs.filter((x): x is Tensor | number => typeof x === "number" || (typeof x !== "boolean" && x.weak));
  const first = strong[0];
  if (first === undefined) return { dtype: "f32", weak: true };
  const dtype = strong.reduce(promoteTypes, first);
  if (weak.length === 0 || isFloat(dtype)) return { dtype, weak: false };
  if (weak.every(x => typeof x === "number" && Number.isInteger(x))) return { dtype: dtype === "bool" ? "i32" : dtype, weak: false };
  return { dtype: "f32", weak: true };
}

/** `x` as a tensor: a number is a weak f32 scalar, a boolean a bool scalar. */
export const asTensor = (x: TensorLike): Tensor =>
  typeof x === "number" ? p.lit(x, "f32", true) : typeof x === "boolean" ? p.lit(x ? 1 : 0, "bool") : x;

/** `x` in `dtype`: a number becomes a literal of it, a tensor is converted. @throws E0204 for a number that an integer dtype cannot hold */
export function toDType(x: TensorLike, dtype: DType): Tensor {
  if (typeof x === "number") {
    needFits(x, dtype);
    return p.lit(dtype === "bool" ? (x === 0 ? 0 : 1) : x, dtype);
  }
  if (typeof x === "boolean") return p.lit(x ? 1 : 0, dtype);
  if (x.dtype === dtype) return x;
  const s = x.storage;
  return x.weak && s.kind === "staged" && s.atom.kind === "lit" ? p.lit(s.atom.value, dtype) : p.convert(x, { dtype });
}
const limits: { readonly [D in DType]?: readonly [number, number] } = {
  i8: [-128, 127],
  u8: [0, 255],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
};
function needFits(x: number, dtype: DType): void {
  const limit = limits[dtype];
  if (limit && Number.isInteger(x) && (x < limit[0] || x > limit[1])) {
    throw new PullbackError("E0204", `the number ${x} does not fit ${dtype}, which holds ${limit[0]} to ${limit[1]}`, {
      help: 'convert the tensor first, for example x.astype("i32")',
    });
  }
}

/** Operands in the dtype where they meet; shapes stay. */
export function promote(...xs: readonly TensorLike[]): Promoted {
  const { dtype, weak } = resultType(...xs);
  return { xs: xs.map(x => toDType(x, dtype)), dtype, weak };
}
/** The same, with integers and bool going to f32: for division, exp, mean. */
export function promoteFloat(...xs: readonly TensorLike[]): Promoted {
  const { dtype, weak } = resultType(...xs);
  const float = isFloat(dtype) ? dtype : "f32";
  return { xs: xs.map(x => toDType(x, float)), dtype: float, weak };
}
/** `x` with its dtype giving way (or not). */
export const withWeak = (x: Tensor, weak: boolean): Tensor => (x.weak === weak ? x : new p.Tensor(x.aval, x.storage, weak));

/** The shape that `shapes` broadcast to: aligned at the right, size 1 stretches. `name` speaks in the error. @throws E0201 @see NumPy, "Broadcasting" */
export function broadcastShapes(name: string, ...shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map(s => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map(s => s[s.length - rank + i] ?? 1).filter(d => d !== 1);
    if (sizes.some(d => d !== sizes[0])) {
      throw new PullbackError("E0201", `${name} cannot broadcast ${shapes.map(s => `[${s.join(",")}]`).join(" with ")}`, {
        help: "shapes are aligned at the right, and a dimension must be equal or 1: insert dimensions with expandDims, or check the operands' order",
      });
    }
    return sizes[0] ?? 1;
  });
}

/** `x` stretched to `shape`: aligned at the right, dimensions of size 1 repeat. @throws E0201 */
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const t = asTensor(x),
    lead = shape.length - t.ndim;
  if (lead === 0 && t.shape.every((d, i) => d === shape[i])) return t;
  if (lead < 0 || !t.shape.every((d, i) => d === 1 || d === shape[lead + i])) {
    throw new PullbackError("E0201", `broadcastTo cannot stretch ${p.showAval(t.aval)} to [${shape.join(",")}]`, {
      help: "shapes are aligned at the right; only dimensions of size 1 stretch",
    });
  }
  const kept = t.shape.flatMap((d, i) => (d === shape[lead + i] ? [i] : []));
  const narrow = kept.length === t.ndim ? t : p.reshape(t, { shape: kept.map(i => t.shape[i] ?? 1) });
  return withWeak(p.broadcastInDim(narrow, { shape, dims: kept.map(i => lead + i) }), t.weak);
}

/** Operands of one dtype and one shape, ready for an element-wise primitive. @throws E0201 */
export function align(name: string, operands: Promoted): Promoted {
  const shape = broadcastShapes(name, ...operands.xs.map(x => x.shape));
  return { ...operands, xs: operands.xs.map(x => broadcastTo(x, shape)) };
}

/** Is the dtype one of the integers or bool? */
export const isDiscrete = (d: DType): boolean => isInteger(d) || d === "bool";

/** `axis` counted from the front. @throws E0203 */
export function normalizeAxis(name: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new PullbackError("E0203", `${name} got axis ${axis} for ${rank} dimension${rank === 1 ? "" : "s"}`, {
      help: `an axis is an integer in [${-rank}, ${rank})`,
    });
  return axis < 0 ? axis + rank : axis;
}
/** Axes counted from the front, ascending; all of them for undefined. @throws E0203, also when one repeats */
export function normalizeAxes(name: string, axes: number | readonly number[] | undefined, rank: number): readonly number[] {
  const all =
    axes === undefined
      ? Array.from({ length: rank }, (_, i) => i)
      : (typeof axes === "number" ? [axes] : axes).map(a => normalizeAxis(name, a, rank));
  if (new Set(all).size !== all.length)
    throw new PullbackError("E0203", `${name} got a repeated axis in [${all.join(",")}]`, { help: "name each axis once" });
  return all.toSorted((a, b) => a - b);
}
