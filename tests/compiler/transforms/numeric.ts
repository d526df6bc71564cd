// What the tests of transforms measure with: f64 Funcs through the reference evaluator, central differences, deterministic data.
import { evaluate, hostTensor, type HostTensor } from "../../../compiler/reference/evaluate.ts";
import { sizeOf, type Aval } from "../../../compiler/ir/aval.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { traceClosed } from "../../../compiler/trace/trace.ts";

/** f64 of a shape. */
export const f64 = (...shape: number[]): Aval => ({ dtype: "f64", shape });
/** Trace at f64 (or given) avals. */
export const func = (f: (...xs: Tensor[]) => Tensor | readonly Tensor[], ...avals: Aval[]): Func =>
  traceClosed((...xs) => {
    const out = f(...xs);
    return Array.isArray(out) ? (out as readonly Tensor[]) : [out as Tensor];
  }, avals); // Array.isArray does not narrow readonly arrays

/** Deterministic numbers in (low, high), by a linear congruence. */
export function numbers(n: number, seed: number, low = -1, high = 1): number[] {
  let state = seed * 7919 + 17;
  return Array.from({ length: n }, () => {
    state = (state * 16807) % 2147483647;
    return low + (high - low) * (state / 2147483647);
  });
}
/** Random arguments for the avals. */
export const randomArgs = (avals: readonly Aval[], seed = 1, low = -1, high = 1): HostTensor[] =>
  avals.map((a, i) => hostTensor(a.dtype, a.shape, numbers(sizeOf(a.shape), seed + i, low, high)));
/** Results as plain arrays. */
export const run = (f: Func, args: readonly HostTensor[]): number[][] => evaluate(f, args).map(r => [...r.data]);
/** Largest absolute difference. */
export const distance = (a: readonly number[], b: readonly number[]): number => {
  if (a.length !== b.length) return Infinity;
  return a.reduce((m, x, i) => {
    const d = Math.abs(x - (b[i] ?? NaN));
    return Number.isNaN(d) ? Infinity : Math.max(m, d);
  }, 0);
};
/** Sum of products. */
export const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, x, i) => s + x * (b[i] ?? NaN), 0);

/** The gradient of result `k` (a scalar) with respect to argument `wrt`, by central differences of fourth order. */
export function centralGrad(f: Func, args: readonly HostTensor[], wrt: number, k = 0, h = 3e-4): number[] {
  const x = args[wrt];
  if (!x) throw new Error("no such argument");
  return [...x.data].map((_, i) => {
    const at = (d: number): number =>
      run(
        f,
        args.map((a, j) => (j === wrt ? { ...a, data: a.data.map((v, m) => (m === i ? v + d : v)) } : a)),
      )[k]?.[0] ?? NaN;
    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
  });
}
/** The derivative of every result along `dxs` (null: constant), by central differences of fourth order. */
export function centralJvp(f: Func, args: readonly HostTensor[], dxs: readonly (readonly number[] | null)[], h = 3e-4): number[][] {
  const at = (s: number): number[][] =>
    run(
      f,
      args.map((a, j) => ({ ...a, data: a.data.map((v, i) => v + s * h * (dxs[j]?.[i] ?? 0)) })),
    );
  const [up, down, up2, down2] = [at(1), at(-1), at(2), at(-2)];
  return (up ?? []).map((r, k) =>
    r.map((v, i) => (8 * (v - (down?.[k]?.[i] ?? NaN)) - ((up2?.[k]?.[i] ?? NaN) - (down2?.[k]?.[i] ?? NaN))) / (12 * h)),
  );
}
