// How a product is cut for subgroup matrices: which of the adapter's products it is made of, the tile of a group, and its share among subgroups. Decided from sizes and from what the adapter has.
import type { MatrixProduct } from "../../../../runtime/artifact.ts";
import type { Precision } from "../../../../runtime/precision.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import { partsOf, type ProductCut } from "../product/cut.ts";
import type { SubgroupUnits, TileTarget } from "../target.ts";

/** A group makes `m` x `n` results from strips of `k`, `down` x `across` subgroups sharing them, out of products of the adapter's `unit`. */
export interface SubgroupCut extends Pick<ProductCut, "m" | "n" | "k" | "buffers" | "packed"> {
  readonly down: number;
  readonly across: number;
  readonly unit: MatrixProduct;
}
/** A tile and how much of a large one's rate it reaches (a guess until an adapter has been measured). */
interface Shape extends Pick<SubgroupCut, "m" | "n" | "down" | "across"> {
  readonly rate: number;
}
const SHAPES: readonly Shape[] = [
  { m: 128, n: 64, down: 2, across: 2, rate: 1 },
  { m: 64, n: 128, down: 2, across: 2, rate: 1 },
  { m: 64, n: 64, down: 2, across: 2, rate: 0.8 },
  { m: 32, n: 64, down: 1, across: 4, rate: 0.5 },
  { m: 64, n: 32, down: 4, across: 1, rate: 0.5 },
  { m: 32, n: 32, down: 2, across: 2, rate: 0.35 },
];
/** Contracted indices of a strip; groups that run side by side, since no adapter says. */
const DEPTH = 32,
  PROCESSORS = 32;
/** Products with fewer rows, columns or terms would mostly multiply nothing. */
const LEAST = 16;

/** The adapter's product that this one may be made of; undefined where there is none that keeps what its operands hold. Those of f32 may round operands as they like (to 11 bits at least, which is all that
 *  16-bit floats have): for operands of f32 they are for programs that ask for `tensorfloat32`. */
export function unitFor(
  { operands, dtype }: Pick<GemmKernel, "operands" | "dtype">,
  precision: Precision,
  units: SubgroupUnits,
): MatrixProduct | undefined {
  if (dtype !== "f32") return undefined;
  const of = (d: MatrixProduct["dtype"]): MatrixProduct | undefined => units.products.find(p => p.dtype === d && DEPTH % p.k === 0);
  if (operands === "f16") return of("f16") ?? of("f32");
  if (operands === "bf16") return of("f32");
  return operands === "f32" && precision === "tensorfloat32" ? of("f32") : undefined;
}
/** The cuts, the likely best first; none where the target has no such matrices, or they are not for this product. All add the same products in the same order. */
export function subgroupCuts(g: GemmKernel, target: TileTarget): readonly SubgroupCut[] {
  const { matrices: units } = target,
    unit = units && unitFor(g, g.precision ?? units.precision, units);
  if (!units || !unit || Math.min(g.m, g.n, g.k) < LEAST) return [];
  const parts = partsOf(g),
    packed = unit.dtype === "f16" ? "f16" : undefined,
    time = (s: Shape): number =>
      (Math.ceil((g.batch * parts * Math.ceil(g.m / s.m) * Math.ceil(g.n / s.n)) / PROCESSORS) * s.m * s.n) / s.rate;
  const fits = (c: SubgroupCut): boolean =>
    threadsOf(c, units) <= target.threads &&
    (c.m / c.down) % unit.m === 0 &&
    (c.n / c.across) % unit.n === 0 &&
    (c.m + c.n) * c.k * c.buffers * (packed ? 2 : 4) + c.down * c.across * unit.m * unit.n * 4 <= target.sharedBytes;
  return SHAPES.map((s, at) => ({ s, at, time: time(s) }))
    .sort((x, y) => x.time - y.time || x.at - y.at)
    .flatMap(({ s: { m, n, down, across } }) =>
      ([2, 1] as const)
        .map((buffers): SubgroupCut => ({ m, n, k: DEPTH, down, across, buffers, unit, ...(packed && { packed }) }))
        .filter(fits)
        .slice(0, 1),
    );
}
/** Threads of a group. */
export const threadsOf = ({ down, across }: Pick<SubgroupCut, "down" | "across">, units: SubgroupUnits): number =>
  down * across * units.threads;
/** The cut in a word: what a cache remembers. */
export const nameOf = ({ m, n, k, down, across, buffers, unit }: SubgroupCut): string =>
  `subgroup matrices ${unit.m}x${unit.n}x${unit.k} of ${unit.dtype}, ${m}x${n}x${k} by ${down}x${across}, ${buffers === 1 ? "one buffer" : "two buffers"}`;
