// Reading along one axis by computed positions, windows at computed places, and positions as masks. See indexing.ts for NumPy's x[...].
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import type { DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { wrapNegative } from "./index_plan.ts";
import { asTensor, broadcastShapes, broadcastTo, normalizeAxis, toDType, type TensorLike } from "./promotion.ts";

/** What a position outside means. `fill` (unless given): NaN, or 0 for integers, after negative ones were counted from the end. `clip`: the nearest inside
 *  (negative: the first). `wrap`: around the end, in both directions. */
export interface TakeOptions {
  readonly axis?: number;
  readonly mode?: "fill" | "clip" | "wrap";
}
/** Elements (or slices) of x at `indices` along `axis` (default 0): x [A, N, R], indices [I] -> [A, I, R]. The gradient adds up what was read. @throws E0203 */
export function take(x: TensorLike, indices: TensorLike, { axis = 0, mode = "fill" }: TakeOptions = {}): Tensor {
  const t = asTensor(x),
    at = normalizeAxis("take", axis, t.ndim),
    i = resolve(toDType(asTensor(indices), "i32"), t.shape[at] ?? 0, mode);
  const front = at === 0 ? t : p.permute(t, [at, ...t.shape.map((_, d) => d).filter(d => d !== at)]);
  const read = p.gather(front, p.reshape(i, { shape: [...i.shape, 1] }), { mode: mode === "fill" ? "fill" : "clip" });
  if (at === 0) return read;
  const n = i.ndim; // [I, A, R] -> [A, I, R]
  return p.permute(read, [
    ...Array.from({ length: at }, (_, d) => n + d),
    ...Array.from({ length: n }, (_, d) => d),
    ...Array.from({ length: t.ndim - 1 - at }, (_, d) => n + at + d),
  ]);
}
/** Negative positions counted from the end (fill), or all positions brought inside (wrap). */
function resolve(i: Tensor, n: number, mode: "fill" | "clip" | "wrap"): Tensor {
  if (mode === "clip") return i;
  if (mode === "fill") return wrapNegative(i, n);
  const size = p.fullLike(i, Math.max(1, n));
  return wrapNegative(p.rem(i, size), n);
}
/** out[a, i, r] = x[a, indices[a, i, r], r] along `axis` (default: the last): ranks are equal, and the other dimensions broadcast. Outside: as take's. @throws E0201, E0203 */
export function takeAlongAxis(x: TensorLike, indices: TensorLike, { axis = -1, mode = "fill" }: TakeOptions = {}): Tensor {
  const t = asTensor(x),
    raw = toDType(asTensor(indices), "i32"),
    at = normalizeAxis("takeAlongAxis", axis, t.ndim);
  if (raw.ndim !== t.ndim)
    throw new PullbackError("E0201", `takeAlongAxis needs equal ranks, got ${p.showAval(t.aval)} and indices ${p.showAval(raw.aval)}`, {
      help: "insert dimensions of size 1 with expandDims, or use take for one list of positions",
    });
  const others = (s: Shape): number[] => s.filter((_, d) => d !== at),
    lead = broadcastShapes("takeAlongAxis", others(t.shape), others(raw.shape));
  const last = (y: Tensor): Tensor => {
    const m = p.moveAxis(y, at, y.ndim - 1);
    return broadcastTo(m, [...lead, m.shape[m.ndim - 1] ?? 0]);
  };
  const i = last(resolve(raw, t.shape[at] ?? 0, mode));
  const read = p.gather(last(t), p.reshape(i, { shape: [...i.shape, 1] }), { mode: mode === "fill" ? "fill" : "clip", batch: lead.length });
  return p.moveAxis(read, t.ndim - 1, at);
}
/** 1 at the position that each index names, else 0: [I] -> [I, classes]; an index outside gives a row of zeros. */
export function oneHot(indices: TensorLike, classes: number, { dtype = "f32" }: { readonly dtype?: DType } = {}): Tensor {
  const i = toDType(asTensor(indices), "i32"),
    shape = [...i.shape, classes];
  const hit = p.equal(p.broadcastInDim(i, { shape, dims: i.shape.map((_, d) => d) }), p.iota({ dtype: "i32", shape, axis: i.ndim }));
  return p.convert(hit, { dtype });
}
/** The window of `sizes` that begins at `starts`, one number or integer scalar per dimension, negative ones counted from the end; moved inside where it
 *  would hang over. @throws E0205 */
export function dynamicSlice(x: TensorLike, starts: readonly TensorLike[], sizes: Shape): Tensor {
  const t = asTensor(x);
  return p.dynamicSlice(t, ...windowStarts(t, starts), { sizes });
}
/** x with `update` (in x's dtype) written over the window that begins at `starts`, placed as dynamicSlice's. @throws E0205 */
export function dynamicUpdateSlice(x: TensorLike, update: TensorLike, starts: readonly TensorLike[]): Tensor {
  const t = asTensor(x);
  return p.dynamicUpdateSlice(t, toDType(update, t.dtype), ...windowStarts(t, starts), {});
}
const windowStarts = (t: Tensor, starts: readonly TensorLike[]): Tensor[] =>
  starts.map((s, d) =>
    typeof s === "number" ? toDType(s < 0 ? s + (t.shape[d] ?? 0) : s, "i32") : wrapNegative(asTensor(s), t.shape[d] ?? 0),
  );
