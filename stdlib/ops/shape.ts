// The same elements under another shape or order. Axes may be negative (counted from the end); sizes are known while tracing. Nothing is computed.
import { PullbackError } from "../../runtime/errors/error.ts";
import * as p from "../../compiler/extend.ts";
import type { Shape, Shaped, ShapeOf, Tensor } from "../../compiler/extend.ts";
import type { Expanded, Permuted, Reshaped, Squeezed } from "./typed.ts";
import { asTensor, normalizeAxes, normalizeAxis, type TensorLike } from "./promotion.ts";

export { broadcastShapes, broadcastTo } from "./promotion.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** The elements in row-major order under `shape`; one -1 stands for what is left. @throws E0205 when the number of elements differs */
export function reshape<X extends TensorLike, const T extends Shape>(x: X, shape: T): Shaped<Reshaped<ShapeOf<X>, T>>;
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const t = asTensor(x),
    holes = shape.filter(d => d === -1).length;
  const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
  const full = holes === 1 && known > 0 ? shape.map(d => (d === -1 ? t.size / known : d)) : shape;
  const fits = full.every(d => Number.isInteger(d) && d >= 0) && p.sizeOf(full) === t.size;
  if (!fits)
    throw new PullbackError("E0205", `reshape cannot lay ${p.showAval(t.aval)}, ${t.size} elements, out as [${shape.join(",")}]`, {
      help: "the number of elements stays; one -1 stands for the size that is left",
    });
  return p.sameShape(full, t.shape) ? t : p.reshape(t, { shape: full });
}
/** All elements in one dimension. */
export const ravel = (x: TensorLike): Tensor => flatten(x);
/** Dimensions from `from` on joined into one: flatten(x, 1) of [B, C, H, W] is [B, C·H·W]. @throws E0203 */
export function flatten(x: TensorLike, from = 0): Tensor {
  const t = asTensor(x),
    start = t.ndim === 0 ? 0 : normalizeAxis("flatten", from, t.ndim);
  return reshape(t, [...t.shape.slice(0, start), p.sizeOf(t.shape.slice(start))]);
}
/** Dimensions reordered: out.shape[i] = x.shape[perm[i]]; reversed without `perm`. @throws E0203 unless `perm` is a permutation */
export function transpose<X extends TensorLike, const P extends readonly number[] | undefined = undefined>(
  x: X,
  perm?: P,
): Shaped<Permuted<ShapeOf<X>, P>>;
export function transpose(x: TensorLike, perm?: readonly number[]): Tensor {
  const t = asTensor(x);
  const full = perm?.map(d => normalizeAxis("transpose", d, t.ndim)) ?? range(t.ndim).reverse();
  return p.transpose(t, { perm: full });
}
/** Two dimensions exchanged. @throws E0203 */
export function swapaxes(x: TensorLike, a: number, b: number): Tensor {
  const t = asTensor(x),
    i = normalizeAxis("swapaxes", a, t.ndim),
    j = normalizeAxis("swapaxes", b, t.ndim);
  return p.transpose(t, { perm: range(t.ndim).map(d => (d === i ? j : d === j ? i : d)) });
}
/** Axes `from` moved to the positions `to`; the others keep their order. @throws E0203 */
export function moveaxis(x: TensorLike, from: number | readonly number[], to: number | readonly number[]): Tensor {
  const t = asTensor(x),
    list = (a: number | readonly number[]): readonly number[] => (typeof a === "number" ? [a] : a);
  const sources = list(from).map(a => normalizeAxis("moveaxis", a, t.ndim)),
    targets = list(to).map(a => normalizeAxis("moveaxis", a, t.ndim));
  if (sources.length !== targets.length || new Set(sources).size !== sources.length || new Set(targets).size !== targets.length) {
    throw new PullbackError("E0203", `moveaxis got the axes [${list(from).join(",")}] for the positions [${list(to).join(",")}]`, {
      help: "name as many distinct axes as positions",
    });
  }
  const rest = range(t.ndim).filter(d => !sources.includes(d));
  const perm = range(t.ndim).map(d => {
    const k = targets.indexOf(d);
    return k < 0 ? (rest.shift() ?? d) : (sources[k] ?? d);
  }); // as many left as places
  return p.transpose(t, { perm });
}
/** Dimensions of size 1 inserted so that they become dimensions `axis` of the result. @throws E0203 */
export function expandDims<X extends TensorLike, const A extends number | readonly number[]>(
  x: X,
  axis: A,
): Shaped<Expanded<ShapeOf<X>, A>>;
export function expandDims(x: TensorLike, axis: number | readonly number[]): Tensor {
  const t = asTensor(x),
    rank = t.ndim + (typeof axis === "number" ? 1 : axis.length);
  const axes = normalizeAxes("expandDims", axis, rank),
    old = [...t.shape];
  return reshape(
    t,
    range(rank).map(d => (axes.includes(d) ? 1 : (old.shift() ?? 1))),
  );
}
/** Dimensions of size 1 removed: all, or those named. @throws E0203, E0205 when a named one is larger */
export function squeeze<X extends TensorLike, const A extends number | readonly number[] | undefined = undefined>(
  x: X,
  axis?: A,
): Shaped<Squeezed<ShapeOf<X>, A>>;
export function squeeze(x: TensorLike, axis?: number | readonly number[]): Tensor {
  const t = asTensor(x);
  if (axis === undefined)
    return reshape(
      t,
      t.shape.filter(d => d !== 1),
    );
  return p.squeeze(t, normalizeAxes("squeeze", axis, t.ndim));
}
/** The order reversed along `axis` (along all without). @throws E0203 */
export function flip(x: TensorLike, axis?: number | readonly number[]): Tensor {
  const t = asTensor(x);
  return p.reverse(t, { axes: normalizeAxes("flip", axis, t.ndim) });
}
/** Elements moved `shift` places along `axis`, around the end; without `axis`, over the row-major order. @throws E0203, E0205 */
export function roll(x: TensorLike, shift: number, axis?: number): Tensor {
  const t = asTensor(x);
  if (!Number.isInteger(shift))
    throw new PullbackError("E0205", `roll got the shift ${shift}`, { help: "shift by a whole number of places" });
  if (axis === undefined) return reshape(roll(ravel(t), shift, 0), t.shape);
  const d = normalizeAxis("roll", axis, t.ndim),
    n = t.shape[d] ?? 0;
  const by = n === 0 ? 0 : ((shift % n) + n) % n;
  if (by === 0) return t;
  return p.concat(sliceAxis(t, d, n - by, n), sliceAxis(t, d, 0, n - by), { axis: d });
}
/** Elements [from, to) along one axis, which exists. */
export function sliceAxis(t: Tensor, axis: number, from: number, to: number): Tensor {
  if (from === 0 && to === t.shape[axis]) return t;
  return p.slice(t, { start: t.shape.map((_, d) => (d === axis ? from : 0)), limit: t.shape.map((n, d) => (d === axis ? to : n)) });
}
