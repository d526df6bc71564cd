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

/** The cut of a product that has results and something to sum. */
export function cutProduct(p: Product, units: MatrixUnits): Cut {
  const bytes = p.operands === "f32" ? 4 : 2,
    k = 64 / bytes;
  const tiles = (c: Choice): number => p.batch * Math.ceil(p.m / c.m) * Math.ceil(p.n / c.n),
    time = (c: Choice): number => (Math.ceil(tiles(c) / units.processors) * c.m * c.n) / c.rate;
  const best = CHOICES.filter(c => p.direct || p.pieces === true || c.m * c.n <= 64 * 64).reduce((x, y) => (time(y) < time(x) ? y : x)),
    strips = Math.ceil(p.k / k);
  const wanted = Math.min(MOST_PARTS, Math.floor(units.processors / tiles(best)), Math.floor(strips / LEAST_STRIPS)),
    each = Math.ceil(strips / Math.max(1, wanted));
  const room = Math.floor(units.sharedBytes / ((best.m + best.n) * k * bytes)),
    { m, n, down, across } = best;
  return {
    m,
    n,
    k,
    down,
    across,
    stages: Math.max(2, Math.min(p.direct ? STAGES : 2, room)),
    parts: Math.ceil(strips / each),
    time: time(best),
  };
}
