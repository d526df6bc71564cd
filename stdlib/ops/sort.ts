// Order: sorting, the largest few, and places in a sorted list. NaN counts as larger than every number; equal elements keep their order.
import { isFloat } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as p from "../../compiler/extend.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { promoteNumber } from "./elementwise.ts";
import { asTensor, normalizeAxis, promote, type TensorLike } from "./promotion.ts";

/** `axis` (default: the last) is sorted, largest first when `descending`. */
export interface SortOptions {
  readonly axis?: number;
  readonly descending?: boolean;
}
/** x sorted along `axis`. @throws E0203 */
export function sort(x: TensorLike, { axis = -1, descending = false }: SortOptions = {}): Tensor {
  const t = asTensor(x);
  return p.sort(t, { axis: normalizeAxis("sort", axis, t.ndim), keys: 1, descending });
}
/** Positions (i32) that sort x along `axis`. @throws E0203 */
export function argsort(x: TensorLike, { axis = -1, descending = false }: SortOptions = {}): Tensor {
  const t = asTensor(x);
  return p.argsort(t, normalizeAxis("argsort", axis, t.ndim), descending);
}
/** `keys` sorted along `axis`, and `values` (of the same shape) in the same order. @throws E0201, E0203 */
export function sortWith(
  keys: TensorLike,
  values: TensorLike,
  { axis = -1, descending = false }: SortOptions = {},
): readonly [Tensor, Tensor] {
  const k = asTensor(keys),
    [a, b] = p.sort.all(k, asTensor(values), { axis: normalizeAxis("sortWith", axis, k.ndim), keys: 1, descending });
  return [a as Tensor, b as Tensor]; // one result for each operand
}
/** The k largest along `axis` (default: the last), largest first, and their positions (i32). @throws E0203, E0205 when k exceeds the axis */
export function topK(
  x: TensorLike,
  k: number,
  { axis = -1 }: { readonly axis?: number } = {},
): { readonly values: Tensor; readonly indices: Tensor } {
  const t = asTensor(x),
    [values, indices] = p.topK(t, k, normalizeAxis("topK", axis, t.ndim));
  return { values, indices };
}
/** Where each of `v` [V] belongs in the ascending `a` [N] so that it stays sorted: i32 [V], before equal elements ("left", default) or after. Counts: N·V
 *  comparisons, one fused pass. @throws E0205 unless `a` has one dimension */
export function searchsorted(a: TensorLike, v: TensorLike, { side = "left" }: { readonly side?: "left" | "right" } = {}): Tensor {
  const [list, wanted] = promoteNumber(...promote(a, v).xs).xs as readonly [Tensor, Tensor]; // two went in
  if (list.ndim !== 1)
    throw new PullbackError("E0205", `searchsorted needs a list of one dimension, got ${p.showAval(list.aval)}`, {
      help: "vmap over the other dimensions",
    });
  const shape = [...wanted.shape, list.size];
  const x = p.broadcastInDim(list, { shape, dims: [wanted.ndim] }),
    y = p.broadcastInDim(wanted, { shape, dims: wanted.shape.map((_, d) => d) });
  const before = side === "left" ? p.less(x, y) : p.lessEqual(x, y);
  const counted = isFloat(list.dtype) ? p.or(before, side === "left" ? p.and(p.isNan(y), p.not(p.isNan(x))) : p.isNan(y)) : before;
  return p.reduceSum(p.convert(counted, { dtype: "i32" }), { axes: [wanted.ndim] });
}
