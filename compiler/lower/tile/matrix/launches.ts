// Whether a product goes to matrix units, and the ways in which it may then be cut: one launch each, or two where its sum is split.
import type { FragmentDType } from "../../../ir/fragment.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../../ir/scalar.ts";
import { price } from "../../../ir/price.ts";
import type { Launches, Way } from "../product/choice.ts";
import type { MatrixUnits, TileTarget } from "../target.ts";
import { bulkOf, type Coming } from "./boxes.ts";
import { bulkCut, bulkTile } from "./bulk.ts";
import { productCuts } from "./cut.ts";
import { multipliedAs } from "./multiplied.ts";
import { computedWay, wayOf, type Way as Path } from "./operand.ts";
import { matrixTile } from "./product.ts";
import { besides, sourceBytes, type Produced } from "./prologue.ts";
import { addParts, partsTime } from "../product/split.ts";

/** The ways to cut the product for matrix units, the likely best first; none where the target has no such units, or it is none for them. `aligned`: bytes of which the address of each parameter is a
 *  multiple, workspace too. All ways multiply the same fragments in the same order; bulk copies, whose products are other instructions, are an only way. */
export function matrixWays(g: GemmKernel, target: TileTarget, aligned: (param: number) => number): readonly Way[] {
  const { matrix } = target,
    as = matrix && multipliedAs(g, g.precision ?? matrix.precision);
  if (!matrix || !as || g.k === 0) return [];
  const [lhs, rhs] = [wayIn(g, "lhs", as.dtype, aligned), wayIn(g, "rhs", as.dtype, aligned)],
    computed = [lhs, rhs].filter(w => w.count === 0);
  const [cut, ...others] = productCuts(
      {
        batch: g.batch,
        m: g.m,
        n: g.n,
        k: g.k,
        operands: as.dtype,
        direct: computed.length === 0,
        pieces: computed.every(w => w.together !== 1),
      },
      matrix,
    ),
    work = (w: Path, value: Expr, outer: ExprVar, other: number): number =>
      w.count > 0 ? 0 : besides(producedOf(g, w, value, outer), other),
    slower = 1 + work(lhs, g.lhs, g.vars.i, cut.n) + work(rhs, g.rhs, g.vars.j, cut.m),
    time = (cut.time / cut.parts) * slower + partsTime(g, cut.parts, matrix.processors);
  const bulk = inBulk(g, [lhs, rhs], time, matrix, aligned, target);
  if (bulk) return [{ name: "bulk", make: () => bulk }];
  return [cut, ...others].map(c => ({
    name: `units ${c.m}x${c.n} by ${c.down}x${c.across}, ${c.stages} stages`,
    make: () => {
      const first = matrixTile(g, { ...as, cut: c, lhs, rhs, aligned }, target);
      return c.parts === 1 ? { first } : { first, rest: addParts(g, c.parts) };
    },
  }));
}
/** How an operand comes: copied where it can be. */
function wayIn(g: GemmKernel, side: "lhs" | "rhs", dtype: FragmentDType, aligned: (param: number) => number): Path {
  const [value, outer, limit] = side === "lhs" ? [g.lhs, g.vars.i, g.m] : [g.rhs, g.vars.j, g.n],
    way = wayOf(value, g, outer, dtype, aligned);
  return way.count > 0 ? way : computedWay(value, g, outer, limit, dtype, aligned);
}
const producedOf = (g: GemmKernel, { together = 1 }: Path, value: Expr, outer: ExprVar): Produced => ({
  price: price(value),
  bytes: sourceBytes(value, outer, g),
  count: together,
});
/** By bulk copies and what a set of subgroups computes in pieces, where there are such and that takes less than `time`. */
function inBulk(
  g: GemmKernel,
  [lhs, rhs]: readonly [Path, Path],
  time: number,
  units: MatrixUnits,
  aligned: (param: number) => number,
  target: TileTarget,
): Launches | undefined {
  if (units.bulk !== true || (g.operands !== "bf16" && g.operands !== "f16")) return undefined;
  if ([lhs, rhs].some(w => w.count === 0 && w.together === 1)) return undefined; // element by element takes more registers than the bringing set has
  const coming = (value: Expr, outer: ExprVar, limit: number, way: Path): Coming =>
      bulkOf(value, g, outer, limit, aligned) ?? { across: way.along === "outer", ...producedOf(g, way, value, outer) },
    [x, y] = [coming(g.lhs, g.vars.i, g.m, lhs), coming(g.rhs, g.vars.j, g.n, rhs)],
    cut = bulkCut(g, x, y, units);
  if (cut.time >= time) return undefined;
  const first = bulkTile(g, x, y, cut, aligned, units, target);
  return cut.parts === 1 ? { first } : { first, rest: addParts(g, cut.parts) };
}
