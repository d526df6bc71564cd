// NumPy's indexing rules as data: which slice of each dimension is kept, which dimensions positions given by tensors replace, and where the result's
// dimensions come from. It reads and writes nothing; indexing.ts and update.ts do, from the same plan.
import { isInteger } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import { broadcastShapes, broadcastTo, toDType } from "./promotion.ts";

/** A range of one dimension. See `slice`. */
export interface Slice {
  readonly kind: "slice";
  readonly start: number | undefined;
  readonly stop: number | undefined;
  readonly step: number;
}
/** Positions from `start` to before `stop`, every `step`-th: Python's start:stop:step. Negative positions count from the end, absent ones mean the ends, and a
 *  negative step walks backwards. `slice()` is all. @throws E0205 for step 0 */
export function slice(start?: number, stop?: number, step = 1): Slice {
  if (step === 0 || ![start ?? 0, stop ?? 0, step].every(Number.isInteger))
    throw new PullbackError("E0205", `slice got ${start}:${stop}:${step}`, { help: "positions are whole numbers, and the step is not 0" });
  return { kind: "slice", start, stop, step };
}
/** One entry of an index: a position, a `slice`, null (a new dimension of size 1), "..." (all dimensions not named), or positions as a list or an integer tensor. */
export type IndexItem = number | Slice | null | "..." | readonly number[] | Tensor;

/** What is kept of a dimension: `count` positions from `start`, `step` apart. */
export interface Kept {
  readonly start: number;
  readonly count: number;
  readonly step: number;
}
/** A dimension of the result: one of the operand, a new one, or the block of those that the positions have. */
export type Source = { readonly kind: "kept"; readonly dim: number } | { readonly kind: "new" } | { readonly kind: "positions" };
/** An index made explicit. */
export interface IndexPlan {
  /** Per dimension of the operand. Those under `positions` are kept whole. */
  readonly kept: readonly Kept[];
  /** Dimensions replaced by positions: i32, non-negative when they lie inside, all of shape `positionShape`. */
  readonly positions: readonly { readonly dim: number; readonly at: Tensor }[];
  readonly positionShape: Shape;
  /** Where the result's dimensions come from, in order. Static positions leave none. */
  readonly sources: readonly Source[];
  readonly shape: Shape;
}

/** The plan of `items` on an operand of shape `shape`. As in NumPy, numbers beside tensors are positions too, and positions that are not neighbours put their
 *  dimensions first. @throws E0201 when positions do not broadcast, E0204 for bool or float positions, E0205 for too many items or a static position outside */
export function planIndex(shape: Shape, items: readonly IndexItem[]): IndexPlan {
  const full = expandDots(shape, items),
    gathers = items.some(i => isTensorOrList(i));
  const kept: Kept[] = [],
    found: { dim: number; at: Tensor }[] = [],
    sources: Source[] = [];
  const firstBlocks: number[] = []; // positions' places among the items, to see whether they are neighbours
  full.forEach((item, place) => {
    const dim = kept.length,
      n = shape[dim] ?? 0;
    if (item === null) {
      sources.push({ kind: "new" });
      return;
    }
    if (typeof item === "number" && !gathers) {
      kept.push({ start: staticPosition(item, n, dim), count: 1, step: 1 });
      return;
    }
    if (typeof item === "object" && "kind" in item) {
      kept.push(range(item, n));
      sources.push({ kind: "kept", dim });
      return;
    }
    found.push({ dim, at: positionsOf(item, n, dim) });
    kept.push({ start: 0, count: n, step: 1 });
    if (firstBlocks.length === 0) sources.push({ kind: "positions" });
    firstBlocks.push(place);
  });
  const neighbours = firstBlocks.every((place, i) => place === (firstBlocks[0] ?? 0) + i);
  const ordered = neighbours ? sources : [...sources.filter(s => s.kind === "positions"), ...sources.filter(s => s.kind !== "positions")];
  const positionShape = broadcastShapes("index", ...found.map(f => f.at.shape));
  const positions = found.map(f => ({ dim: f.dim, at: broadcastTo(f.at, positionShape) }));
  return {
    kept,
    positions,
    positionShape,
    sources: ordered,
    shape: ordered.flatMap(s => (s.kind === "new" ? [1] : s.kind === "positions" ? positionShape : [kept[s.dim]?.count ?? 0])),
  };
}

const isTensorOrList = (i: IndexItem): i is Tensor | readonly number[] => Array.isArray(i) || p.isTensor(i);
type Expanded = Exclude<IndexItem, "...">;
function expandDots(shape: Shape, items: readonly IndexItem[]): readonly Expanded[] {
  const named = items.filter(i => i !== null && i !== "...").length,
    dots = items.filter(i => i === "...").length;
  if (named > shape.length || dots > 1) {
    throw new PullbackError(
      "E0205",
      `an index of ${named} entries${dots > 1 ? ` and ${dots} times "..."` : ""} does not fit a tensor of shape [${shape.join(",")}]`,
      { help: `name at most ${shape.length} dimension${shape.length === 1 ? "" : "s"}, and "..." once` },
    );
  }
  const whole = Array.from({ length: shape.length - named }, () => slice());
  return dots === 0
    ? [...(items as readonly Expanded[]), ...whole]
    : items.flatMap((i): readonly Expanded[] => (i === "..." ? whole : [i])); // without "...", every item is of the rest
}
function staticPosition(i: number, n: number, dim: number): number {
  if (!Number.isInteger(i) || i < -n || i >= n)
    throw new PullbackError("E0205", `position ${i} is not in dimension ${dim}, whose size is ${n}`, {
      help: `positions are whole numbers in [${-n}, ${n})`,
    });
  return i < 0 ? i + n : i;
}
/** Python's slice.indices: the positions that a slice keeps of n. */
function range({ start, stop, step }: Slice, n: number): Kept {
  const low = step > 0 ? 0 : -1,
    high = step > 0 ? n : n - 1;
  const bound = (i: number): number => Math.min(high, Math.max(low, i < 0 ? i + n : i));
  const from = start === undefined ? (step > 0 ? 0 : n - 1) : bound(start),
    to = stop === undefined ? (step > 0 ? n : -1) : bound(stop);
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)), step };
}
function positionsOf(item: number | readonly number[] | Tensor, n: number, dim: number): Tensor {
  if (typeof item === "number") return p.lit(staticPosition(item, n, dim), "i32");
  if (!p.isTensor(item)) return constants(item.map(i => staticPosition(i, n, dim)));
  if (!isInteger(item.dtype))
    throw new PullbackError("E0204", `an index has ${p.showAval(item.aval)} for dimension ${dim}`, {
      help: "positions are integers; for a mask use where(mask, x, y), because how many it picks is unknown while tracing",
    });
  return wrapNegative(item, n);
}
/** Integer positions as i32, negative ones counted from the end of n. */
export function wrapNegative(at: Tensor, n: number): Tensor {
  const i = toDType(at, "i32");
  return p.select(p.less(i, p.fullLike(i, 0)), p.add(i, p.fullLike(i, n)), i);
}
/** A short list of numbers as a tensor made of literals: i32 [n]. */
function constants(values: readonly number[]): Tensor {
  const step = (values[1] ?? 0) - (values[0] ?? 0),
    count = p.iota({ dtype: "i32", shape: [values.length], axis: 0 });
  if (values.every((v, i) => v === (values[0] ?? 0) + i * step))
    return p.add(p.mul(count, p.fullLike(count, step)), p.fullLike(count, values[0] ?? 0));
  return p.concat(...values.map(v => p.full([1], v, "i32")), { axis: 0 });
}
