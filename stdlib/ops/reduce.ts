// Folds over axes, and what is made of them: statistics, softmax, running sums. Axes are numbers or lists, negative ones count from the end.
import * as p from "../../compiler/extend.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { computeDType, isFloat } from "../../runtime/dtype.ts";
import { promoteNumber } from "./elementwise.ts";
import { asTensor, normalizeAxes, normalizeAxis, promoteFloat, toDType, type TensorLike } from "./promotion.ts";

/** `axis`: what is folded (default: everything). `keepdims`: folded axes stay with size 1. */
export interface ReduceOptions { readonly axis?: number | readonly number[]; readonly keepdims?: boolean }

function fold(name: string, x: Tensor, { axis, keepdims = false }: ReduceOptions, f: (x: Tensor, axes: readonly number[]) => Tensor): Tensor {
  const axes = normalizeAxes(name, axis, x.ndim), y = f(x, axes);
  return keepdims ? p.reshape(y, { shape: x.shape.map((d, i) => (axes.includes(i) ? 1 : d)) }) : y;
}
const only = (xs: readonly Tensor[]): Tensor => xs[0] as Tensor; // one operand went in
const numberOf = (x: TensorLike): Tensor => only(promoteNumber(x).xs);
const floatOf = (x: TensorLike): Tensor => only(promoteFloat(x).xs);
/** Folds of f16 and bf16 happen in f32. */
const wideFold = (x: Tensor, f: (x: Tensor) => Tensor): Tensor => (computeDType(x.dtype) === x.dtype || !isFloat(x.dtype) ? f(x) : toDType(f(toDType(x, computeDType(x.dtype))), x.dtype));

/** Sum. bool counts as i32; f16 and bf16 accumulate in f32. @throws E0203 */
export const sum = (x: TensorLike, o: ReduceOptions = {}): Tensor => wideFold(numberOf(x), t => fold("sum", t, o, (y, axes) => p.reduceSum(y, { axes })));
/** Product. @throws E0203 */
export const prod = (x: TensorLike, o: ReduceOptions = {}): Tensor => wideFold(numberOf(x), t => fold("prod", t, o, (y, axes) => p.reduceProd(y, { axes })));
/** Arithmetic mean; integers go to f32. @throws E0203 */
export const mean = (x: TensorLike, o: ReduceOptions = {}): Tensor => wideFold(floatOf(x), t => fold("mean", t, o, (y, axes) => { const s = p.reduceSum(y, { axes }); return p.div(s, p.fullLike(s, axes.reduce((n, d) => n * (y.shape[d] ?? 1), 1))); }));
/** Largest element; NaN wins; ties share the gradient. @throws E0203 */
export const max = (x: TensorLike, o: ReduceOptions = {}): Tensor => fold("max", numberOf(x), o, (y, axes) => p.reduceMax(y, { axes }));
/** Smallest element; NaN wins; ties share the gradient. @throws E0203 */
export const min = (x: TensorLike, o: ReduceOptions = {}): Tensor => fold("min", numberOf(x), o, (y, axes) => p.reduceMin(y, { axes }));
/** Is any element true (non-zero)? */
export const any = (x: TensorLike, o: ReduceOptions = {}): Tensor => fold("any", toDType(asTensor(x), "bool"), o, (y, axes) => p.reduceOr(y, { axes }));
/** Are all elements true (non-zero)? */
export const all = (x: TensorLike, o: ReduceOptions = {}): Tensor => fold("all", toDType(asTensor(x), "bool"), o, (y, axes) => p.reduceAnd(y, { axes }));
/** Variance with `ddof` degrees of freedom taken off (0: the population's). @throws E0203 */
export function variance(x: TensorLike, { ddof = 0, ...o }: ReduceOptions & { readonly ddof?: number } = {}): Tensor {
  const t = floatOf(x), axes = normalizeAxes("variance", o.axis, t.ndim), n = axes.reduce((k, d) => k * (t.shape[d] ?? 1), 1);
  const centre = mean(t, { axis: axes, keepdims: true });
  const d = p.sub(t, spread(centre, t, axes)), s = sum(p.mul(d, d), o);
  return p.div(s, p.fullLike(s, n - ddof));
}
/** Standard deviation. @throws E0203 */
export const std = (x: TensorLike, o: ReduceOptions & { readonly ddof?: number } = {}): Tensor => p.sqrt(variance(x, o));
/** Position of the largest element along `axis` (default: of the flattened tensor): i32, the first of ties, NaN wins. @throws E0203 */
export const argmax = (x: TensorLike, { axis }: { readonly axis?: number } = {}): Tensor => position(numberOf(x), axis, t => (k: number) => p.argmax(t, { axis: k, dtype: "i32" }));
/** Position of the smallest element. @throws E0203 */
export const argmin = (x: TensorLike, { axis }: { readonly axis?: number } = {}): Tensor => position(numberOf(x), axis, t => (k: number) => p.argmin(t, { axis: k, dtype: "i32" }));
const position = (t: Tensor, axis: number | undefined, f: (t: Tensor) => (axis: number) => Tensor): Tensor => (axis === undefined ? f(p.reshape(t, { shape: [t.size] }))(0) : f(t)(normalizeAxis("argmax", axis, t.ndim)));

/** A reduced tensor (axes kept with size 1) stretched back over `x`. */
function spread(y: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, d) => d).filter(d => !axes.includes(d));
  return p.broadcastInDim(p.reshape(y, { shape: kept.map(d => x.shape[d] ?? 1) }), { shape: x.shape, dims: kept });
}
/** x minus its largest element along `axes`, which is treated as a constant: the shift that makes exponentials safe. A row of -inf is not shifted. */
function shifted(t: Tensor, axes: readonly number[]): { readonly x: Tensor; readonly shift: Tensor } {
  const top = p.stopGradient(p.reduceMax(t, { axes }));
  const shift = p.select(p.less(p.abs(top), p.fullLike(top, Infinity)), top, p.fullLike(top, 0));
  return { x: p.sub(t, p.broadcastInDim(shift, { shape: t.shape, dims: t.shape.map((_, d) => d).filter(d => !axes.includes(d)) })), shift };
}
/** log Σ exp, without overflow. @throws E0203 */
export const logsumexp = (x: TensorLike, o: ReduceOptions = {}): Tensor => fold("logsumexp", floatOf(x), o, (t, axes) => { const { x: y, shift } = shifted(t, axes); return p.add(p.log(p.reduceSum(p.exp(y), { axes })), shift); });
/** exp(x) / Σ exp(x) along `axis` (default: the last); rows sum to 1. f16 and bf16 are computed in f32. @throws E0203 */
export function softmax(x: TensorLike, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  return wideFold(floatOf(x), t => { const axes = [normalizeAxis("softmax", axis, t.ndim)], e = p.exp(shifted(t, axes).x); return p.div(e, spread(p.reduceSum(e, { axes }), e, axes)); });
}
/** log softmax along `axis` (default: the last). @throws E0203 */
export function logSoftmax(x: TensorLike, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  return wideFold(floatOf(x), t => { const axes = [normalizeAxis("logSoftmax", axis, t.ndim)], y = shifted(t, axes).x; return p.sub(y, spread(p.log(p.reduceSum(p.exp(y), { axes })), y, axes)); });
}
/** Euclidean norm over `axis` (default: everything). Its gradient at 0 is NaN; use tree.norm with a guard where 0 can happen. @throws E0203 */
export const norm = (x: TensorLike, o: ReduceOptions = {}): Tensor => { const t = floatOf(x); return p.sqrt(sum(p.mul(t, t), o)); };

/** `axis` is walked (default 0), from its end when `reverse`. */
export interface CumulativeOptions { readonly axis?: number; readonly reverse?: boolean }
const along = (name: string, f: (x: Tensor, q: p.CumulativeParams) => Tensor) => (x: TensorLike, { axis = 0, reverse = false }: CumulativeOptions = {}): Tensor => { const t = numberOf(x); return f(t, { axis: normalizeAxis(name, axis, t.ndim), reverse }); };
/** Running sum. @throws E0203 */
export const cumsum: (x: TensorLike, o?: CumulativeOptions) => Tensor = along("cumsum", p.cumsum);
/** Running product. @throws E0203 */
export const cumprod: (x: TensorLike, o?: CumulativeOptions) => Tensor = along("cumprod", p.cumprod);
/** Running maximum. @throws E0203 */
export const cummax: (x: TensorLike, o?: CumulativeOptions) => Tensor = along("cummax", p.cummax);
/** Running minimum. @throws E0203 */
export const cummin: (x: TensorLike, o?: CumulativeOptions) => Tensor = along("cummin", p.cummin);
