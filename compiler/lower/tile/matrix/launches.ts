// Whether a product goes to matrix units, and the launches that it then is: one, or two where its sum is split.
import type { FragmentDType } from "../../../ir/fragment.ts";
import type { GemmKernel, Kernel } from "../../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../../ir/scalar.ts";
import { price } from "../../scope.ts";
import type { Tiled } from "../builder.ts";
import type { MatrixUnits, TileTarget } from "../target.ts";
import { bulkOf, type Coming } from "./boxes.ts";
import { bulkCut, bulkTile } from "./bulk.ts";
import { cutProduct } from "./cut.ts";
import { multipliedAs } from "./multiplied.ts";
import { computedWay, wayOf, type Way } from "./operand.ts";
import { matrixTile } from "./product.ts";
import { besides, sourceBytes, type Produced } from "./prologue.ts";
import { addParts, partsTime } from "./split.ts";

/** A product on matrix units. `rest` follows it and has its parameters, workspace too. */
export interface MatrixProduct {
  readonly tiled: Tiled;
  readonly rest?: Kernel;
}
/** Workspace begins at a multiple of so many bytes. */
const WORKSPACE_ALIGNED = 256;
/** The product on matrix units, if the target has them and it is one for them. `aligned`: bytes of which the address of each parameter is a multiple. */
export function matrixProduct(g: GemmKernel, target: TileTarget, aligned: (param: number) => number): MatrixProduct | undefined {
  const { matrix } = target,
    as = matrix && multipliedAs(g, g.precision ?? matrix.precision);
  if (!matrix || !as || g.k === 0 || g.batch * g.m * g.n === 0) return undefined;
  const alignment = (p: number): number => (p < g.params.length ? aligned(p) : WORKSPACE_ALIGNED),
    [lhs, rhs] = [wayIn(g, "lhs", as.dtype, aligned), wayIn(g, "rhs", as.dtype, aligned)],
    computed = [lhs, rhs].filter(w => w.count === 0);
  const cut = cutProduct(
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
    work = (w: Way, value: Expr, outer: ExprVar, other: number): number =>
      w.count > 0 ? 0 : besides(producedOf(g, w, value, outer), other),
    slower = 1 + work(lhs, g.lhs, g.vars.i, cut.n) + work(rhs, g.rhs, g.vars.j, cut.m),
    time = (cut.time / cut.parts) * slower + partsTime(g, cut.parts, matrix.processors);
  const bulk = inBulk(g, [lhs, rhs], time, matrix, alignment, target);
  if (bulk) return bulk;
  const tiled = matrixTile(g, { ...as, cut, lhs, rhs, aligned: alignment }, target);
  return cut.parts === 1 ? { tiled } : { tiled, rest: addParts(g, cut.parts) };
}
/** How an operand comes: copied where it can be. */
function wayIn(g: GemmKernel, side: "lhs" | "rhs", dtype: FragmentDType, aligned: (param: number) => number): Way {
  const [value, outer, limit] = side === "lhs" ? [g.lhs, g.vars.i, g.m] : [g.rhs, g.vars.j, g.n],
    way = wayOf(value, g, outer, dtype, aligned);
  return way.count > 0 ? way : computedWay(value, g, outer, limit, dtype, aligned);
}
const producedOf = (g: GemmKernel, { together = 1 }: Way, value: Expr, outer: ExprVar): Produced => ({
  price: price(value),
  bytes: sourceBytes(value, outer, g),
  count: together,
});
/** By bulk copies and what a set of subgroups computes in pieces, where there are such and that takes less than `time`. */
function inBulk(
  g: GemmKernel,
  [lhs, rhs]: readonly [Way, Way],
  time: number,
  units: MatrixUnits,
  aligned: (param: number) => number,
  target: TileTarget,
): MatrixProduct | undefined {
  if (units.bulk !== true || (g.operands !== "bf16" && g.operands !== "f16")) return undefined;
  if ([lhs, rhs].some(w => w.count === 0 && w.together === 1)) return undefined; // element by element takes more registers than the bringing set has
  const coming = (value: Expr, outer: ExprVar, limit: number, way: Way): Coming =>
      bulkOf(value, g, outer, limit, aligned) ?? { across: way.along === "outer", ...producedOf(g, way, value, outer) },
    [x, y] = [coming(g.lhs, g.vars.i, g.m, lhs), coming(g.rhs, g.vars.j, g.n, rhs)],
    cut = bulkCut(g, x, y, units);
  if (cut.time >= time) return undefined;
  const tiled = bulkTile(g, x, y, cut, aligned, units, target);
  return cut.parts === 1 ? { tiled } : { tiled, rest: addParts(g, cut.parts) };
}
