// How tests of the library compute: a function of tensors on the reference evaluator, and the same program compiled for the default device.
import { evaluate, hostTensor, type HostTensor } from "../../compiler/reference/evaluate.ts";
import { sizeOf, type Shape } from "../../compiler/ir/aval.ts";
import { trace } from "../../compiler/trace/trace.ts";
import { fromHost, fromStorage, jit, readSync, toStorage, type DType, type Tensor } from "../../stdlib/index.ts";
import { isGoldenArray, type Golden } from "../goldens/load.ts";

/** What a tested function gives: one tensor or several. */
export type Results = Tensor | readonly Tensor[];
const list = (r: Results): readonly Tensor[] => (Array.isArray(r) ? (r as readonly Tensor[]) : [r as Tensor]); // Array.isArray does not narrow readonly arrays

/** Numbers of a shape as a host tensor, f64 unless said otherwise. */
export const host = (shape: Shape, data: readonly number[], dtype: DType = "f64"): HostTensor => hostTensor(dtype, shape, data);
/** 0, 1, 2, ... of a shape. */
export const counting = (shape: Shape, dtype: DType = "f64"): HostTensor =>
  host(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => i),
    dtype,
  );
/** An array of a golden file. */
export function golden(g: Golden | undefined): HostTensor {
  if (g === undefined || !isGoldenArray(g)) throw new Error("the golden is no array");
  return hostTensor(g.dtype as DType, g.shape, Array.from(fromStorage(g.dtype as DType, g.data as Float64Array))); // ops.json holds no u16 or u64
}

/** A concrete tensor's numbers. */
export const fromTensor = (x: Tensor): HostTensor => hostTensor(x.dtype, x.shape, Array.from(fromStorage(x.dtype, readSync(x))));
/** Results of `f` by the reference evaluator. */
export function run(f: (...xs: Tensor[]) => Results, ...args: readonly HostTensor[]): HostTensor[] {
  const { func, captured } = trace((...xs) => list(f(...xs)), args);
  return evaluate(func, [...captured.map(fromTensor), ...args]);
}
/** Results of `f`, compiled and run on the default device. */
export function runCompiled(f: (...xs: Tensor[]) => Results, ...args: readonly HostTensor[]): HostTensor[] {
  const outs = jit((xs: readonly Tensor[]) => list(f(...xs)))(
    args.map(a => fromHost(a.dtype, a.shape, toStorage(a.dtype, a.data))),
  ) as readonly Tensor[]; // trees of tensors map to themselves
  return outs.map(fromTensor);
}

/** Where `got` differs from `want`: dtype, shape, or the first value off by more than `tolerance`·(1 + |want|). NaN equals NaN. Undefined when they agree. */
export function difference(got: HostTensor | undefined, want: HostTensor, tolerance = 0): string | undefined {
  if (!got) return "nothing came out";
  const type = (t: HostTensor): string => `${t.dtype}[${t.shape.join(",")}]`;
  if (type(got) !== type(want)) return `${type(got)}, not ${type(want)}`;
  const i = want.data.findIndex((w, k) => {
    const v = got.data[k] ?? Infinity;
    return !(Object.is(v, w) || v === w || Math.abs(v - w) <= tolerance * (1 + Math.abs(w)));
  });
  return i < 0 ? undefined : `[${i}] is ${got.data[i]}, not ${want.data[i]}`;
}
/** @throws when either way of computing `f` is further than `tolerance` from what is wanted */
export function expect(
  what: string,
  f: (...xs: Tensor[]) => Results,
  args: readonly HostTensor[],
  wants: readonly HostTensor[],
  tolerance = 0,
): void {
  for (const [way, results] of [
    ["evaluated", run(f, ...args)],
    ["compiled", runCompiled(f, ...args)],
  ] as const) {
    if (results.length !== wants.length) throw new Error(`${what} ${way}: ${results.length} results, not ${wants.length}`);
    wants.forEach((want, k) => {
      const off = difference(results[k], want, tolerance);
      if (off !== undefined) throw new Error(`${what} ${way}, result ${k}: ${off}`);
    });
  }
}
