// How a product is cut for matrix units: the tile of a group, its share among subgroups, the stages of its pipeline, and into how many parts the contracted index is split
// where there are too few tiles for the card. Decided from sizes alone, so that equal programs are equal code.
import type { FragmentDType } from "../../../ir/fragment.ts";
import type { MatrixUnits } from "../target.ts";

/** A group makes `m` x `n` results from strips of `k`, `down` x `across` subgroups sharing them; `stages` strips are in shared memory at a time; `parts` groups share a tile's sum. */
export interface Cut {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly down: number;
  readonly across: number;
  readonly stages: number;
  readonly parts: number;
  /** Results of a large tile's worth of work that one processor makes in all. */
  readonly time: number;
}
/** What the cut depends on. `direct`: both operands are copied as they are; others pass through registers, of which tiles then leave some, fewer where they come in `pieces`. */
export interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly operands: FragmentDType;
  readonly direct: boolean;
  readonly pieces?: boolean;
}
/** A tile and how much of a large tile's rate it reaches (a guess until a card has been measured). */
interface Choice extends Pick<Cut, "m" | "n" | "down" | "across"> {
  readonly rate: number;
}
const CHOICES: readonly Choice[] = [
  { m: 128, n: 128, down: 2, across: 4, rate: 1 },
  { m: 128, n: 64, down: 2, across: 2, rate: 0.85 },
  { m: 64, n: 128, down: 2, across: 2, rate: 0.85 },
  { m: 64, n: 64, down: 2, across: 2, rate: 0.7 },
  { m: 32, n: 64, down: 1, across: 2, rate: 0.45 },
  { m: 64, n: 32, down: 2, across: 1, rate: 0.45 },
  { m: 32, n: 32, down: 1, across: 1, rate: 0.3 },
  { m: 16, n: 16, down: 1, across: 1, rate: 0.1 },
];
/** Strips that a part has at least, and the most parts: each is read once more. */
const LEAST_STRIPS = 8,
  MOST_PARTS = 16;
const STAGES = 4;
/** Other cuts that are worth a measurement: how many, and how much longer they may be thought to take. */
const MOST_OTHERS = 6,
  FAR = 4;

/** The cut of a product that has results and something to sum. */
export const cutProduct = (p: Product, units: MatrixUnits): Cut => productCuts(p, units)[0];
/** It, and then others that give the same bits: of as many parts, which begin at the same places. */
export function productCuts(p: Product, units: MatrixUnits): readonly [Cut, ...Cut[]] {
  const bytes = p.operands === "f32" ? 4 : 2,
    k = 64 / bytes,
    strips = Math.ceil(p.k / k);
  const tiles = (c: Choice): number => p.batch * Math.ceil(p.m / c.m) * Math.ceil(p.n / c.n),
    time = (c: Choice, parts: number): number => (Math.ceil((tiles(c) * parts) / units.processors) * c.m * c.n) / (parts * c.rate);
  const able = CHOICES.filter(c => p.direct || p.pieces === true || c.m * c.n <= 64 * 64),
    best = able.reduce((x, y) => (time(y, 1) < time(x, 1) ? y : x));
  const wanted = Math.min(MOST_PARTS, Math.floor(units.processors / tiles(best)), Math.floor(strips / LEAST_STRIPS)),
    each = Math.ceil(strips / Math.max(1, wanted)),
    parts = Math.ceil(strips / each);
  const cut = (c: Choice, stages: number): Cut => {
    const room = Math.floor(units.sharedBytes / ((c.m + c.n) * k * bytes)),
      { m, n, down, across } = c;
    return { m, n, k, down, across, stages: Math.max(2, Math.min(p.direct ? stages : 2, room)), parts, time: time(c, 1) };
  };
  const others = able
    .filter(c => c !== best && time(c, parts) < FAR * time(best, parts))
    .sort((x, y) => time(x, parts) - time(y, parts))
    .slice(0, MOST_OTHERS);
  const fewer = cut(best, STAGES).stages - 1;
  return [cut(best, STAGES), ...(fewer >= 2 ? [cut(best, fewer)] : []), ...others.map(c => cut(c, STAGES))];
}
