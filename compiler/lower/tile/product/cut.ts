// How a product without matrix units may be cut: the tiles that could do, the likely best first. All of them add over l in the same order, so that they give the same bits, and
// whoever measures may choose. Into how many parts a sum is split does change bits: that depends on the product's sizes alone.
import { byteSize } from "../../../../runtime/dtype.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import type { Packed, TileTarget } from "../target.ts";

/** A group makes `m` x `n` results from strips of `k` contracted indices, a thread `rows` x `cols` of them. `buffers`: strips in shared memory at a time; with two, the next is fetched while one is
 *  summed, and threads meet once a strip. `packed`: strips of 16-bit floats are of 16 bits in shared memory too. */
export interface ProductCut {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly rows: number;
  readonly cols: number;
  readonly buffers: 1 | 2;
  readonly packed?: Packed;
}
/** What cuts depend on. */
export type ProductSizes = Pick<GemmKernel, "batch" | "m" | "n" | "k" | "dtype" | "operands">;

/** A tile and how much of a large one's rate it reaches on a card (a guess until a card has been measured). */
interface Shape extends Pick<ProductCut, "m" | "n" | "rows" | "cols"> {
  readonly rate: number;
}
const SHAPES: readonly Shape[] = [
  { m: 128, n: 128, rows: 8, cols: 8, rate: 1 },
  { m: 128, n: 64, rows: 8, cols: 4, rate: 0.85 },
  { m: 64, n: 128, rows: 4, cols: 8, rate: 0.85 },
  { m: 64, n: 64, rows: 8, cols: 8, rate: 0.7 },
  { m: 64, n: 64, rows: 4, cols: 4, rate: 0.7 },
  { m: 64, n: 32, rows: 4, cols: 4, rate: 0.5 },
  { m: 32, n: 64, rows: 4, cols: 4, rate: 0.5 },
  { m: 32, n: 32, rows: 4, cols: 4, rate: 0.4 },
  { m: 32, n: 32, rows: 2, cols: 2, rate: 0.35 },
  { m: 16, n: 16, rows: 2, cols: 2, rate: 0.15 },
];
/** Strips, the likely best first. */
const STRIPS = [
  { k: 16, buffers: 2 },
  { k: 8, buffers: 2 },
  { k: 16, buffers: 1 },
  { k: 32, buffers: 1 },
  { k: 8, buffers: 1 },
] as const;
/** The same for strips of 16 bits: twice as deep, in as much memory. A last one is as if they were not: what threads read is widened, which is free on some cards and not on others. */
const PACKED_STRIPS = [
  { k: 32, buffers: 2 },
  { k: 16, buffers: 2 },
  { k: 32, buffers: 1 },
  { k: 16, buffers: 1 },
  { k: 8, buffers: 1 },
] as const;
/** Of each shape so many strips are candidates, and so many candidates are named at most. */
const STRIPS_EACH = 3,
  MOST = 12;
/** Groups that run side by side where the target does not say. */
const PROCESSORS = 32;

/** The cuts of a product on a target: one at least, the likely best first. */
export function productCuts(p: ProductSizes, target: TileTarget): readonly ProductCut[] {
  const processors = target.matrix?.processors ?? PROCESSORS,
    wide = byteSize(p.dtype) === 8 ? 8 : 4,
    packed = p.dtype === "f32" ? target.packs?.find(d => d === p.operands) : undefined,
    parts = partsOf(p);
  const time = (s: Shape): number =>
      (Math.ceil((p.batch * parts * Math.ceil(p.m / s.m) * Math.ceil(p.n / s.n)) / processors) * s.m * s.n) / s.rate,
    fits = (c: ProductCut): boolean =>
      threadsOf(c) <= target.threads && (c.m + c.n) * c.k * c.buffers * (c.packed ? 2 : wide) <= target.sharedBytes;
  const cuts = SHAPES.map((s, at) => ({ s, at, time: time(s) }))
    .sort((x, y) => x.time - y.time || x.at - y.at)
    .map(({ s: { m, n, rows, cols } }) => {
      const some = (strips: typeof STRIPS | typeof PACKED_STRIPS, count: number, as: Pick<ProductCut, "packed">): ProductCut[] =>
        strips
          .map(({ k, buffers }): ProductCut => ({ m, n, k, rows, cols, buffers, ...as }))
          .filter(fits)
          .slice(0, count);
      return packed ? [...some(PACKED_STRIPS, STRIPS_EACH - 1, { packed }), ...some(STRIPS, 1, {})] : some(STRIPS, STRIPS_EACH, {});
    });
  const all = cuts.flat().slice(0, MOST);
  return all.length > 0 ? all : [{ m: 16, n: 16, k: 8, rows: 2, cols: 2, buffers: 1 }];
}
/** Threads of a group. */
export const threadsOf = ({ m, n, rows, cols }: ProductCut): number => (m / rows) * (n / cols);
/** The cut in a word: what a cache remembers. */
export const nameOf = ({ m, n, k, rows, cols, buffers, packed }: ProductCut): string =>
  `${m}x${n}x${k} by ${rows}x${cols}, ${buffers === 1 ? "one buffer" : "two buffers"}${packed ? ` of ${packed}` : ""}`;

/** Results of a group as parts are counted, groups that a product should have, and the shortest sum of a part. Constants: a program's bits are the same on every card of one make. */
const PART_SIDE = 64,
  GROUPS = 64,
  LEAST_PART = 256,
  MOST_PARTS = 16;
/** Into how many parts the sums of a product are split, so that there are groups enough. */
export function partsOf({ batch, m, n, k }: Pick<GemmKernel, "batch" | "m" | "n" | "k">): number {
  const tiles = batch * Math.ceil(m / PART_SIDE) * Math.ceil(n / PART_SIDE),
    wanted = Math.min(MOST_PARTS, Math.floor(GROUPS / Math.max(1, tiles)), Math.floor(k / LEAST_PART));
  return wanted < 2 ? 1 : wanted;
}
