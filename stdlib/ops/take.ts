// Reading by computed positions, and positions as masks.
import * as p from "../../compiler/extend.ts";
import type { Tensor } from "../../compiler/extend.ts";
import type { DType } from "../../runtime/dtype.ts";
import { asTensor, normalizeAxis, toDType, type TensorLike } from "./promotion.ts";

/** What a position outside means: the nearest inside, or NaN (0 for integers). */
export interface TakeOptions { readonly axis?: number; readonly mode?: "clip" | "fill" }
/** Elements (or slices) of x at `indices` along `axis` (default 0): x [A, N, R], indices [I] -> [A, I, R]. The gradient adds up what was read. @throws E0203 */
export function take(x: TensorLike, indices: TensorLike, { axis = 0, mode = "fill" }: TakeOptions = {}): Tensor {
  const t = asTensor(x), at = normalizeAxis("take", axis, t.ndim), i = toDType(asTensor(indices), "i32");
  const front = at === 0 ? t : p.permute(t, [at, ...t.shape.map((_, d) => d).filter(d => d !== at)]);
  const read = p.gather(front, p.reshape(i, { shape: [...i.shape, 1] }), { mode });
  if (at === 0) return read;
  const n = i.ndim; // [I, A, R] -> [A, I, R]
  return p.permute(read, [...Array.from({ length: at }, (_, d) => n + d), ...Array.from({ length: n }, (_, d) => d), ...Array.from({ length: t.ndim - 1 - at }, (_, d) => n + at + d)]);
}
/** 1 at the position that each index names, else 0: [I] -> [I, classes]; an index outside gives a row of zeros. */
export function oneHot(indices: TensorLike, classes: number, { dtype = "f32" }: { readonly dtype?: DType } = {}): Tensor {
  const i = toDType(asTensor(indices), "i32"), shape = [...i.shape, classes];
  const hit = p.equal(p.broadcastInDim(i, { shape, dims: i.shape.map((_, d) => d) }), p.iota({ dtype: "i32", shape, axis: i.ndim }));
  return p.convert(hit, { dtype });
}
