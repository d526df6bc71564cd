// Folds over axes, and what is made of them: statistics, softmax, running sums. Axes are numbers or lists, negative ones count from the end.
import * as p from "../../compiler/extend.ts";
import type { Shaped, ShapeOf, Tensor } from "../../compiler/extend.ts";
import type { FloatLike, Like, Reduced } from "./typed.ts";
import { computeDType, isFloat } from "../../runtime/dtype.ts";
import { promoteNumber } from "./elementwise.ts";
import { asTensor, normalizeAxes, normalizeAxis, promoteFloat, toDType, type TensorLike } from "./promotion.ts";

/** `axis`: what is folded (default: everything). `keepdims`: folded axes stay with size 1. */
export interface ReduceOptions {
  readonly axis?: number | readonly number[];
  readonly keepdims?: boolean;
}

function fold(
  name: string,
  x: Tensor,
  { axis, keepdims = false }: ReduceOptions,
  f: (x: Tensor, axes: readonly number[]) => Tensor,
): Tensor {
  const axes = normalizeAxes(name, axis, x.ndim),
    y = f(x, axes);
  return keepdims ? p.reshape(y, { shape: x.shape.map((d, i) => (axes.includes(i) ? 1 : d)) }) : y;
}
const only = (xs: readonly Tensor[]): Tensor => xs[0] as Tensor; // one operand went in
const numberOf = (x: TensorLike): Tensor => only(promoteNumber(x).xs);
const floatOf = (x: TensorLike): Tensor => only(promoteFloat(x).xs);
/** Folds of f16 and bf16 happen in f32. */
const wideFold = (x: Tensor, f: (x: Tensor) => Tensor): Tensor =>
  computeDType(x.dtype) === x.dtype || !isFloat(x.dtype) ? f(x) : toDType(f(toDType(x, computeDType(x.dtype))), x.dtype);

/** Small integers are added up and multiplied in their 32-bit kind. */
const countOf = (x: TensorLike): Tensor => {
  const t = numberOf(x);
  return isFloat(t.dtype) ? t : toDType(t, computeDType(t.dtype));
};
/** Sum. bool and i8 count as i32, u8 as u32; f16 and bf16 accumulate in f32. @throws E0203 */
export function sum<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function sum(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return wideFold(countOf(x), t => fold("sum", t, o, (y, axes) => p.reduceSum(y, { axes })));
}
/** Product, in the dtypes of sum. @throws E0203 */
export function prod<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function prod(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return wideFold(countOf(x), t => fold("prod", t, o, (y, axes) => p.reduceProd(y, { axes })));
}
/** Arithmetic mean; integers go to f32. @throws E0203 */
export function mean<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function mean(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return wideFold(floatOf(x), t =>
    fold("mean", t, o, (y, axes) => {
      const s = p.reduceSum(y, { axes });
      return p.div(
        s,
        p.fullLike(
          s,
          axes.reduce((n, d) => n * (y.shape[d] ?? 1), 1),
        ),
      );
    }),
  );
}
/** Largest element; NaN wins; ties share the gradient. @throws E0203 */
export function max<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function max(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return fold("max", numberOf(x), o, (y, axes) => p.reduceMax(y, { axes }));
}
/** Smallest element; NaN wins; ties share the gradient. @throws E0203 */
export function min<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function min(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return fold("min", numberOf(x), o, (y, axes) => p.reduceMin(y, { axes }));
}
/** Is any element true (non-zero)? */
export function any<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function any(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return fold("any", toDType(asTensor(x), "bool"), o, (y, axes) => p.reduceOr(y, { axes }));
}
/** Are all elements true (non-zero)? */
export function all<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function all(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return fold("all", toDType(asTensor(x), "bool"), o, (y, axes) => p.reduceAnd(y, { axes }));
}
/** Variance with `ddof` degrees of freedom taken off (0: the population's). @throws E0203 */
export function variance<X extends TensorLike, const O extends ReduceOptions & { readonly ddof?: number } = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function variance(x: TensorLike, { ddof = 0, ...o }: ReduceOptions & { readonly ddof?: number } = {}): Tensor {
  return wideFold(floatOf(x), t =>
    fold("variance", t, o, (y, axes) => {
      const n = axes.reduce((k, d) => k * (y.shape[d] ?? 1), 1),
        centre = p.reduceSum(y, { axes });
      const s = p.reduceSum(p.square(p.sub(y, spread(p.div(centre, p.fullLike(centre, n)), y, axes))), { axes });
      return p.div(s, p.fullLike(s, n - ddof));
    }),
  );
}
/** Standard deviation. @throws E0203 */
export function std<X extends TensorLike, const O extends ReduceOptions & { readonly ddof?: number } = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function std(x: TensorLike, o: ReduceOptions & { readonly ddof?: number } = {}): Tensor {
  return p.sqrt(variance(x, o));
}
/** Position of the largest element along `axis` (default: of the flattened tensor): i32, the first of ties, NaN wins. @throws E0203, E0205 for an empty axis */
export const argmax = (x: TensorLike, o: { readonly axis?: number; readonly keepdims?: boolean } = {}): Tensor =>
  position("argmax", numberOf(x), o, p.argmax);
/** Position of the smallest element. @throws E0203, E0205 for an empty axis */
export const argmin = (x: TensorLike, o: { readonly axis?: number; readonly keepdims?: boolean } = {}): Tensor =>
  position("argmin", numberOf(x), o, p.argmin);
function position(
  name: string,
  t: Tensor,
  { axis, keepdims = false }: { readonly axis?: number; readonly keepdims?: boolean },
  f: typeof p.argmax,
): Tensor {
  if (axis === undefined)
    return p.reshape(f(p.reshape(t, { shape: [t.size] }), { axis: 0, dtype: "i32" }), { shape: keepdims ? t.shape.map(() => 1) : [] });
  return fold(name, t, { axis, keepdims }, (y, axes) => f(y, { axis: axes[0] ?? 0, dtype: "i32" }));
}

/** A reduced tensor stretched back over `x`. */
const spread = (y: Tensor, x: Tensor, axes: readonly number[]): Tensor =>
  p.broadcastInDim(y, { shape: x.shape, dims: x.shape.map((_, d) => d).filter(d => !axes.includes(d)) });
/** The largest element along `axes` as a constant: the shift that makes exponentials safe without a part in the gradient. */
const top = (t: Tensor, axes: readonly number[]): Tensor => p.stopGradient(p.reduceMax(t, { axes }));
const minus = (t: Tensor, shift: Tensor, axes: readonly number[]): Tensor => p.sub(t, spread(shift, t, axes));
/** log Σ exp, without overflow; -∞ for rows of -∞. @throws E0203 */
export function logsumexp<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function logsumexp(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return wideFold(floatOf(x), t =>
    fold("logsumexp", t, o, (y, axes) => {
      const high = top(y, axes),
        shift = p.select(p.less(p.abs(high), p.fullLike(high, Infinity)), high, p.fullLike(high, 0)); // infinite rows need no shift
      return p.add(p.log(p.reduceSum(p.exp(minus(y, shift, axes)), { axes })), shift);
    }),
  );
}
/** exp(x) / Σ exp(x) along `axis` (default: the last); rows sum to 1. f16 and bf16 are computed in f32. @throws E0203 */
export function softmax<X extends TensorLike>(x: X, options?: { readonly axis?: number }): FloatLike<X>;
export function softmax(x: TensorLike, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  return wideFold(floatOf(x), t => {
    const axes = [normalizeAxis("softmax", axis, t.ndim)],
      e = p.exp(minus(t, top(t, axes), axes));
    return p.div(e, spread(p.reduceSum(e, { axes }), e, axes));
  });
}
/** log softmax along `axis` (default: the last). @throws E0203 */
export function logSoftmax<X extends TensorLike>(x: X, options?: { readonly axis?: number }): FloatLike<X>;
export function logSoftmax(x: TensorLike, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  return wideFold(floatOf(x), t => {
    const axes = [normalizeAxis("logSoftmax", axis, t.ndim)],
      y = minus(t, top(t, axes), axes);
    return p.sub(y, spread(p.log(p.reduceSum(p.exp(y), { axes })), y, axes));
  });
}
/** Euclidean norm over `axis` (default: everything). Its gradient at 0 is NaN; use tree.norm with a guard where 0 can happen. @throws E0203 */
export function norm<X extends TensorLike, const O extends ReduceOptions = Record<never, never>>(
  x: X,
  options?: O,
): Shaped<Reduced<ShapeOf<X>, O>>;
export function norm(x: TensorLike, o: ReduceOptions = {}): Tensor {
  return wideFold(floatOf(x), t => p.sqrt(sum(p.square(t), o)));
}

/** `axis` is walked (default 0), from its end when `reverse`. */
export interface CumulativeOptions {
  readonly axis?: number;
  readonly reverse?: boolean;
}
/** A fold that keeps every step. */
export interface Running {
  <X extends TensorLike>(x: X, options?: CumulativeOptions): Like<X>;
}
const along = (name: string, f: (x: Tensor, q: p.CumulativeParams) => Tensor, operand = numberOf): Running =>
  ((x: TensorLike, { axis = 0, reverse = false }: CumulativeOptions = {}) => {
    const t = operand(x);
    return f(t, { axis: normalizeAxis(name, axis, t.ndim), reverse });
  }) as Running; // the shape stays
/** Running sum, in the dtypes of sum. @throws E0203 */
export const cumsum: Running = along("cumsum", p.cumsum, countOf);
/** Running product, in the dtypes of sum. @throws E0203 */
export const cumprod: Running = along("cumprod", p.cumprod, countOf);
/** Running maximum. @throws E0203 */
export const cummax: Running = along("cummax", p.cummax);
/** Running minimum. @throws E0203 */
export const cummin: Running = along("cummin", p.cummin);
/** Running log Σ exp, without overflow. @throws E0203 */
export const cumlogsumexp: Running = along("cumlogsumexp", p.cumlogsumexp, floatOf);
