// Reading parts of a tensor, as NumPy's x[...]: `index(x, 0, slice(1, 3), null, "...", rows)`. Static parts are views; positions in tensors are one gather
// (one dynamic slice when they are scalars).
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import { planIndex, type IndexItem, type IndexPlan } from "./index_plan.ts";
import { asTensor, type TensorLike } from "./promotion.ts";

export { slice, type IndexItem, type Slice } from "./index_plan.ts";

/** The part of `x` that `items` name, one per dimension. Positions in tensors that lie outside read the nearest element inside (they are not known while tracing).
 *  @throws E0201, E0204, E0205  @see NumPy, "Indexing on ndarrays" */
export function index(x: TensorLike, ...items: readonly IndexItem[]): Tensor {
  const t = asTensor(x);
  return readPlan(t, planIndex(t.shape, items), "clip", 0);
}

/** Do the positions name one place, so that a window can be moved there? */
export const isWindow = (plan: IndexPlan): boolean => plan.positionShape.length === 0;
/** What `plan` names of `t`. `fill` is read outside in that mode. */
export function readPlan(t: Tensor, plan: IndexPlan, mode: "clip" | "fill", fill: number): Tensor {
  const part = sliceKept(t, plan);
  if (plan.positions.length === 0) return p.reshape(part, { shape: plan.shape });
  if (mode === "clip" && isWindow(plan)) return arrange(p.dynamicSlice(part, ...starts(plan), { sizes: windowShape(plan) }), plan);
  const dims = plan.positions.map(q => q.dim),
    rest = restDims(plan);
  const read = p.gather(p.permute(part, [...dims, ...rest]), stackPositions(plan), { mode, fill });
  return arrange(read, plan);
}
/** The static part: slices, steps and reversals. */
function sliceKept(t: Tensor, { kept }: IndexPlan): Tensor {
  const backward = kept.flatMap(({ step, count }, d) => (step < 0 && count > 1 ? [d] : []));
  const low = kept.map(({ start, count, step }) => (count === 0 ? 0 : step < 0 ? start + (count - 1) * step : start));
  const limit = kept.map(({ count, step }, d) => (low[d] ?? 0) + (count === 0 ? 0 : (count - 1) * Math.abs(step) + 1));
  const whole = kept.every(({ count }, d) => count === t.shape[d]);
  return p.reverse(whole ? t : p.slice(t, { start: low, limit, strides: kept.map(k => Math.abs(k.step)) }), { axes: backward });
}
/** Dimensions that positions do not replace, in order. */
export const restDims = ({ kept, positions }: IndexPlan): number[] => kept.flatMap((_, d) => (positions.some(q => q.dim === d) ? [] : [d]));
/** Positions as gather wants them: [..positions, K]. */
export function stackPositions({ positions, positionShape }: IndexPlan): Tensor {
  const columns = positions.map(q => p.reshape(q.at, { shape: [...positionShape, 1] }));
  return columns.length === 1 ? (columns[0] as Tensor) : p.concat(...columns, { axis: positionShape.length }); // there is one
}
/** Where the window of a plan with scalar positions begins in the static part: one i32 scalar per dimension. */
export const starts = ({ kept, positions }: IndexPlan): Tensor[] =>
  kept.map((_, d) => positions.find(q => q.dim === d)?.at ?? p.lit(0, "i32"));
/** The window's shape: 1 where a position is. */
export const windowShape = ({ kept, positions }: IndexPlan): Shape => kept.map((k, d) => (positions.some(q => q.dim === d) ? 1 : k.count));

/** [positions.., rest..] (or a window) to the order and shape of the result. */
function arrange(read: Tensor, plan: IndexPlan): Tensor {
  if (isWindow(plan)) return p.reshape(read, { shape: plan.shape });
  return p.reshape(p.permute(read, order(plan)), { shape: plan.shape });
}
/** For each dimension of the result without new ones: where it is in [positions.., rest..]. */
export function order(plan: IndexPlan): number[] {
  const n = plan.positionShape.length,
    rest = restDims(plan);
  return plan.sources.flatMap(s =>
    s.kind === "positions" ? plan.positionShape.map((_, i) => i) : s.kind === "kept" ? [n + rest.indexOf(s.dim)] : [],
  );
}
