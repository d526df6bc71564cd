// What a grid is made of once nothing is blocked for a CPU's cache: every independent turn is an item of its own.
import type { LoopKernel, Stmt } from "../../ir/kernel.ts";
import { int } from "./builder.ts";
import type { ExprVar } from "../../ir/scalar.ts";
import { prepare } from "../prepare.ts";
import type { TileTarget } from "./target.ts";

/** `body` for each `v` in [0, extent), prepared for code. */
export interface Items {
  readonly v: ExprVar;
  readonly extent: number;
  readonly body: readonly Stmt[];
}

/** The items of a kernel. A parallel loop that was cut in pieces is one item again: [0, n). */
export function itemsOf(k: LoopKernel, target: TileTarget): Items {
  const { each, v, extent } = k.grid,
    [only] = k.body;
  if (!each || only?.kind !== "for") return { v, extent, body: prepare(k.body, target) };
  if (only.parallel) return { v, extent: 1, body: prepare([{ ...only, begin: int(0), end: int(each.extent) }], target) };
  return { v: each.v, extent: each.extent, body: prepare(only.body, target) };
}
