// What all ways of attention on a GPU have to decide: which pass is made; and for attention by rows how it is cut: which rows belong to threads, how many threads share one, how long the strips of the other side are. Numbers only.
import { InternalError } from "../../../../runtime/errors/error.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import type { Expr } from "../../../ir/scalar.ts";
import type { TileTarget } from "../target.ts";

/** Rows that are taken together forward, so that what is kept is rescaled once for all of them; and backward; elements that a thread fetches at a time. */
export const TOGETHER = 4,
  PAIR = 2,
  AHEAD = 8;
/** The most rows of a strip; variables that a thread keeps, about (more would spill on a card with 255 registers); threads of a group. */
const LONGEST = 32,
  KEPT = 64,
  THREADS = 64;

/** How a kernel is cut. `own` rows belong to threads, `share` threads to a row; `other` rows are walked, `strip` at a time. `wide`: a head's size in whole vectors of all that share it. */
export interface AttentionCut {
  readonly byKey: boolean;
  readonly own: number;
  readonly other: number;
  readonly share: number;
  readonly wide: number;
  readonly strip: number;
  readonly threads: number;
  readonly rows: number;
  readonly blocks: number;
}
/** A cut for `target`: so many threads share a row that its vectors fit into their registers, as far as threads can shuffle. */
export function cutAttention(k: AttentionKernel, target: TileTarget): AttentionCut {
  const byKey = k.pass === "keys",
    own = byKey ? k.s : k.t,
    other = byKey ? k.t : k.s,
    vectors = k.pass === "forward" ? 2 : byKey ? 4 : 3;
  const threads = Math.min(target.group, target.threads, THREADS);
  let share = 1;
  while (vectors * Math.ceil(k.d / share) > KEPT && 2 * share <= Math.min(target.subgroup, threads)) share *= 2;
  const wide = Math.ceil(k.d / (4 * share)) * 4 * share;
  let strip = LONGEST;
  while (strip > TOGETHER && strip * (2 * wide + 2) * 4 > target.sharedBytes) strip /= 2;
  const rows = threads / share;
  return { byKey, own, other, share, wide, strip, threads, rows, blocks: Math.ceil(own / rows) };
}
/** What is fetched for each row of the other side: a vector of the head's size, or one number. */
export interface Strip {
  readonly buf: number;
  readonly value: Expr;
  readonly width: number;
}
/** The pass that a kernel is, of those that GPUs have: groups own queries or keys, never both (`backward`). */
export function passOf<T>(k: AttentionKernel, passes: Readonly<Record<Exclude<AttentionKernel["pass"], "backward">, () => T>>): T {
  if (k.pass === "backward") throw new InternalError(`${k.name}: groups take queries and keys in turn`);
  return passes[k.pass]();
}
