// Whether a computed operand of a product on matrix units (a cast, a scale, a mask, a bias, an activation) is computed inside of the product, on its way into shared memory, or stored first. The rule, and the
// estimates that it shares with the choice of a kernel, in cycles of one processor, work divided among all. From sizes alone; numbers are guesses until a card has been measured.
//
//   stored: one launch, its sources read and itself written, once for all who read it;
//   inside: every row (column) of tiles computes it again, beside the products where a set of subgroups of its own brings operands (`bulk.ts`), between them where the same subgroups do both (`product.ts`);
//           and sources that are wider than it, or more than one, are fetched again and again, from the cache.
//
// So casts, scales and masks go inside wherever a product is not very wide; exponentials only where there are few tiles. Reductions never come here: they have memory (`../../region.ts`).
import { byteSize, isFloat8 } from "../../../../runtime/dtype.ts";
import { operands } from "../../../ir/exprs.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../../ir/scalar.ts";
import type { Prologue } from "../../prologue.ts";
import { coefficient } from "../../indexing.ts";
import { price } from "../../../ir/price.ts";
import type { TileTarget } from "../target.ts";
import { multipliedAs } from "./multiplied.ts";
import { computedWay } from "./operand.ts";
import { SET } from "./sets.ts";

/** Multiply-adds a cycle: of the unit of `cut.ts`, and of products out of shared memory. Operations a cycle of threads that compute operands. Bytes a cycle from memory and from the cache. A launch. */
const MULTIPLIES = 600,
  BULK_MULTIPLIES = 1500,
  OPERATIONS = 96,
  MEMORY_BYTES = 12,
  CACHE_BYTES = 40,
  LAUNCH = 3000;
/** Operations that an element costs beside its value: its address, its conversion, its way into shared memory; and a piece of elements side by side. */
const HANDLING = 2,
  PIECE = 8;
/** Cycles from a load to its value, and what a thread that only brings operands has on its way meanwhile: bytes, and loads at most. */
const LATENCY = 700,
  IN_FLIGHT = 128,
  LOADS = 16;
/** Results of a tile along a side, at most, and in bulk. */
const ROWS = 128,
  WIDE = 256;
/** In bulk: elements of a line of 128 bytes, which is the contracted side of a strip, and of a panel of an operand that lies across it. */
export const LINE = 64;

/** Bytes of which addresses are multiples; products with fewer rows or columns are for no unit. */
const ALIGNED = 16,
  LEAST = 4;

/** An operand that a kernel computes as it fetches it: what an element costs, from how many bytes it is computed, and how many come at once. */
export interface Produced {
  readonly price: number;
  readonly bytes: number;
  readonly count: number;
}
/** By how much more work a strip of a tile is where the subgroups that multiply also compute an operand, `other` being the tile's other side. */
export const besides = ({ price, count }: Produced, other: number): number =>
  ((price + HANDLING + PIECE / count) * MULTIPLIES) / OPERATIONS / other;
/** Pieces that a thread loads before it computes the first of them. */
export const atOnce = ({ bytes, count }: Produced): number =>
  Math.max(1, Math.min(LOADS, Math.floor(IN_FLIGHT / (Math.max(2, bytes) * count))));
/** Cycles in which `threads` threads compute `size` lines of an operand, each of `line` elements. */
export function producing(p: Produced, size: number, line: number, threads: number): number {
  const pieces = Math.ceil((size * line) / p.count / threads);
  return Math.ceil(pieces / atOnce(p)) * LATENCY + pieces * p.count * (p.price + HANDLING);
}
/** Cycles in which a strip's bytes come from the cache. */
export const fetching = (bytes: number): number => bytes / CACHE_BYTES;
/** Cycles of the products of so many multiply-adds, at `rate` of the unit of `cut.ts`. */
export const multiplying = (multiplies: number, rate: number): number => multiplies / (MULTIPLIES * rate);

/** The rule for a target; undefined where products take stored operands alone. */
export function prologueOf(target: TileTarget): Prologue | undefined {
  const { matrix } = target;
  if (!matrix) return undefined;
  return o => {
    const { batch, m, n, k, side, value, vars, operands: dtype, held, readers, joins } = o,
      as = isFloat8(dtype) ? undefined : multipliedAs(o, o.precision ?? matrix.precision),
      inBulk = matrix.bulk === true && as?.dtype !== "f32",
      [own, other] = side === "lhs" ? [m, n] : [n, m];
    if (!as || joins || held === 0 || Math.min(m, n) < LEAST || batch * k === 0) return false;
    const outer = side === "lhs" ? vars.i : vars.j,
      way = computedWay(value, o, outer, own, as.dtype, () => ALIGNED),
      elements = (batch * own * k) / matrix.processors,
      turns = Math.ceil(other / (inBulk ? WIDE : ROWS)),
      size = byteSize(dtype),
      sources = sourceBytes(value, outer, o);
    const stored = (LAUNCH + (held * (sources + size)) / MEMORY_BYTES / matrix.processors) / readers;
    const multiply = (elements * other) / (inBulk ? BULK_MULTIPLIES : MULTIPLIES),
      made = { price: price(value), bytes: sources, count: way.together ?? 1 },
      compute =
        elements *
        turns *
        (inBulk ? producing(made, ROWS, LINE, SET) / (ROWS * LINE) : (made.price + HANDLING + PIECE / made.count) / OPERATIONS),
      fetch = fetching(elements * turns * (sources + (inBulk ? WIDE / ROWS : 1) * size));
    const inside = inBulk ? Math.max(multiply, compute, fetch) - multiply : compute + Math.max(multiply, fetch) - multiply;
    return inside < stored;
  };
}
/** Bytes that an element of the operand is computed from: of what differs from element to element in both directions. */
export function sourceBytes(
  value: Expr,
  outer: ExprVar,
  { vars: { l }, params }: Pick<GemmKernel, "params"> & { readonly vars: Pick<GemmKernel["vars"], "l"> },
): number {
  const seen = new Set<Expr>();
  let bytes = 0;
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "load" && [outer, l].every(v => coefficient(e.index, v) !== 0)) bytes += byteSize(params[e.buf]?.dtype ?? "f32");
    operands(e).forEach(visit);
  };
  visit(value);
  return bytes;
}
