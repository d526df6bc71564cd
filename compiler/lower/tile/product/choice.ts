// Which ways there are to cut a product, and which one is taken: the likely best, or what somebody who has measured says. All ways of one product give the same bits.
import { operands } from "../../../ir/exprs.ts";
import type { GemmKernel, LoopKernel } from "../../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../../ir/scalar.ts";
import { forEachExpr } from "../../prepare.ts";
import { asLoops } from "./as_loops.ts";
import type { Tiled } from "../builder.ts";
import { directTile } from "./direct.ts";
import { matrixWays } from "../matrix/launches.ts";
import { productTile } from "./tiles.ts";
import { nameOf, partsOf, productCuts } from "./cut.ts";
import { addParts } from "./split.ts";
import { lieOf } from "./strips.ts";
import { nameOf as nameOfSubgroups, subgroupCuts } from "../subgroup/cut.ts";
import { subgroupTile } from "../subgroup/product.ts";
import type { TileTarget } from "../target.ts";
import { thinCut, thinTile } from "./thin.ts";

/** The launches of a product: one, and perhaps what is left after it. Both have the product's parameters, then workspace. */
export interface Launches {
  readonly first: Tiled | LoopKernel;
  readonly rest?: LoopKernel;
}
/** One way to cut a product. `name` says all that differs from the others. */
export interface Way {
  readonly name: string;
  make(): Launches;
}
/** A product of which there are several ways. `key`: equal for products that take as long, whatever they are part of. `names`: of the ways, the likely best first. */
export interface Choice {
  readonly key: string;
  readonly names: readonly string[];
  readonly product: GemmKernel;
  readonly alignments: readonly number[];
}
/** Says which way is taken; undefined, or a name that is none of them: the first. */
export type Choose = (choice: Choice) => string | undefined;

/** Products with fewer rows or columns are not worth tiles, shorter sums not worth a group of threads. */
const THIN = 4,
  SHORT = 16;
/** Workspace begins at a multiple of so many bytes. */
const WORKSPACE_ALIGNED = 256;

/** The way that is taken. */
export function chosenWay(g: GemmKernel, target: TileTarget, alignments: readonly number[], choose: Choose | undefined): Way {
  const ways = waysOf(g, target, alignments),
    name =
      choose && ways.length > 1
        ? choose({ key: keyOf(g, target, alignments), names: ways.map(w => w.name), product: g, alignments })
        : undefined;
  return ways.find(w => w.name === name) ?? (ways[0] as Way); // one at least
}
/** All ways, the likely best first. Bits depend on the first's parts alone, which are those of all. */
export function waysOf(g: GemmKernel, target: TileTarget, alignments: readonly number[]): readonly Way[] {
  const aligned = (param: number): number => (param < g.params.length ? (alignments[param] ?? 1) : WORKSPACE_ALIGNED),
    empty = g.batch * g.m * g.n === 0;
  if (empty || (Math.min(g.m, g.n) < THIN && (target.software === true || g.k < SHORT)))
    return [{ name: "loops", make: () => ({ first: asLoops(g) }) }];
  if (Math.min(g.m, g.n) < THIN) {
    const cut = thinCut(g, aligned);
    return [{ name: "rows", make: () => inParts(g, cut.parts, thinTile(g, cut, aligned, target)) }];
  }
  const units = matrixWays(g, target, aligned);
  if (units.length > 0) return units;
  if (target.software === true) return [{ name: "registers", make: () => ({ first: directTile(g, target) }) }];
  const parts = partsOf(g),
    { matrices } = target,
    cuts = matrices ? subgroupCuts(g, target) : [];
  if (matrices && cuts.length > 0)
    return cuts.map(cut => ({
      name: nameOfSubgroups(cut),
      make: () => inParts(g, parts, subgroupTile(g, cut, parts, aligned, target, matrices)),
    }));
  return productCuts(g, target).map(cut => ({
    name: nameOf(cut),
    make: () => inParts(g, parts, productTile(g, { cut, parts, aligned }, target)),
  }));
}
const inParts = (g: GemmKernel, parts: number, first: Tiled): Launches => (parts === 1 ? { first } : { first, rest: addParts(g, parts) });

/** Sizes, types, how operands lie, how much is fused. */
function keyOf(g: GemmKernel, { matrix, matrices }: TileTarget, alignments: readonly number[]): string {
  const aligned = (param: number): number => alignments[param] ?? 1;
  const operand = (e: Expr, outer: ExprVar, limit: number): string => {
    const { along, fours } = lieOf(e, g, outer, limit, aligned);
    return `${along === "l" ? "along" : "across"}${fours ? " by 4" : ""} ${sizeOf([e])}`;
  };
  const stored: Expr[] = [],
    precision = g.precision ?? matrix?.precision ?? matrices?.precision;
  forEachExpr(g.epilogue, e => stored.push(e));
  return [
    `${g.batch}x${g.m}x${g.n}x${g.k} ${g.dtype} of ${g.operands}${precision === undefined ? "" : ` ${precision}`}`,
    operand(g.lhs, g.vars.i, g.m),
    operand(g.rhs, g.vars.j, g.n),
    `after ${sizeOf(stored)}`,
  ].join(", ");
}
/** Operations of some expressions, shared ones once. */
function sizeOf(es: readonly Expr[]): number {
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    operands(e).forEach(visit);
  };
  es.forEach(visit);
  return seen.size;
}
