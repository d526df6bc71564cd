// What the tests of lowering share: programs from functions, numbers from a formula, a lowered program against the reference evaluator.
import * as assert from "uvu/assert";
import { isFloat, type DType } from "../../../runtime/dtype.ts";
import { sizeOf, type Aval } from "../../../compiler/ir/aval.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import type { Schedule, Step } from "../../../compiler/ir/schedule.ts";
import { lowerFunc } from "../../../compiler/lower/lower.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../compiler/reference/schedule.ts";
import { traceClosed } from "../../../compiler/trace/trace.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { numbers } from "../transforms/numeric.ts";

/** A program from a function of tensors. */
export const program = (f: (...xs: Tensor[]) => Tensor | readonly Tensor[], ...avals: Aval[]): Func =>
  traceClosed((...xs) => {
    const y = f(...xs);
    return Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor];
  }, avals); // Array.isArray does not narrow readonly arrays
export const f32 = (...shape: number[]): Aval => ({ dtype: "f32", shape });
export const f64 = (...shape: number[]): Aval => ({ dtype: "f64", shape });
/** The optimised program, lowered. */
export const lowered = (f: Func, donate: readonly boolean[] = []): Schedule => lowerFunc(optimize(f), { donate });
/** Names of the kernels launched, in order; those of loops and branches once. */
export function kernels(steps: readonly Step[]): string[] {
  return steps.flatMap(s => {
    switch (s.kind) {
      case "launch":
        return [s.kernel.name.replace(/_\d+$/, "")];
      case "copy":
        return ["copy"];
      case "loop":
        return kernels(s.body);
      case "while":
        return [...kernels(s.test), ...kernels(s.body)];
      case "branch":
        return s.cases.flatMap(kernels);
      default:
        return s satisfies never;
    }
  });
}
/** Inputs for a program: floats in (-2, 2), whole numbers otherwise. */
export const inputsOf = (f: Func, seed = 1): HostTensor[] =>
  f.params.map((v, i) =>
    hostTensor(
      v.aval.dtype,
      v.aval.shape,
      numbers(sizeOf(v.aval.shape), seed + 31 * i, -2, 2).map(x => (isFloat(v.aval.dtype) ? x : Math.floor(Math.abs(x)))),
    ),
  );

const tolerance = (d: DType): number => (d === "f64" ? 1e-12 : d === "f32" ? 2e-5 : d === "f16" ? 2e-3 : d === "bf16" ? 1.6e-2 : 0);
/** The lowered program gives what the reference evaluator gives, up to the order of sums. */
export function agrees(f: Func, args: readonly HostTensor[] = inputsOf(f), what = "", schedule: Schedule = lowered(f)): void {
  const want = evaluate(f, args),
    got = runSchedule(
      schedule,
      args.map(x => ({ ...x, data: x.data.slice() })),
    );
  assert.is(got.length, want.length);
  want.forEach((w, k) => {
    const scale = tolerance(w.dtype) * (1 + Math.max(0, ...Array.from(w.data, Math.abs).filter(Number.isFinite)));
    w.data.forEach((y, i) => {
      const x = got[k]?.[i] ?? NaN;
      if (!(x === y || (Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= scale))
        assert.unreachable(`${what} result ${k}[${i}] is ${x}, the reference ${y}`);
    });
  });
}
