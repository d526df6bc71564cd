// A product in parts: what that costs, how a part's sums are left in memory, and the second half, where the parts of each result are added in their order and what follows the product runs
// on the sum. All from sizes alone: equal programs add equal parts in equal order.
import type { GemmKernel, LoopKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, load } from "../builder.ts";

/** Most parts of a sum: each is written and read once more. */
export const MOST_PARTS = 16;
/** What adding the parts costs, in units of `cut.ts` (the work of one result): the bytes that parts are written and read with, at some 12 bytes a cycle of a processor that does some 600
 *  multiply-adds a cycle, and one more launch of some 5000 cycles. Guesses until a card has been measured. */
export function partsTime({ batch, m, n, k }: Pick<GemmKernel, "batch" | "m" | "n" | "k">, parts: number, processors: number): number {
  if (parts === 1) return 0;
  const cycles = (batch * m * n * parts * 8) / 12 / processors + 5000;
  return (cycles * 600) / k;
}
/** What a part does with each of its sums: it lies in [parts, batch, m, n]. */
export function storePart(g: GemmKernel, buf: number, part: Expr, batch: Expr): TiledStmt[] {
  const { i, j, acc } = g.vars,
    at = arith("add", arith("mul", part, int(g.batch)), batch),
    row = arith("add", arith("mul", at, int(g.m)), i);
  return [{ kind: "store", buf, index: arith("add", arith("mul", row, int(g.n)), j), value: acc }];
}

/** A kernel over the parameters of `g` and one more, the sums of each part: [parts, batch, m, n]. */
export function addParts(g: GemmKernel, parts: number): LoopKernel {
  const at = exprVar("at", "i32"),
    { b, i, j, acc } = g.vars,
    size = g.batch * g.m * g.n,
    row = arith("div", at, int(g.n));
  const sums: Expr[] = Array.from({ length: parts }, (_, p) => load(g.params.length, g.dtype, arith("add", int(p * size), at)));
  return {
    kind: "loop",
    name: `${g.name}_sum`,
    params: [...g.params, { dtype: g.dtype, elements: parts * size, access: "read" }],
    scratch: [],
    grid: { v: at, extent: size, cost: 2 * parts },
    body: [
      { kind: "let", v: b, value: arith("div", row, int(g.m)) },
      { kind: "let", v: i, value: arith("rem", row, int(g.m)) },
      { kind: "let", v: j, value: arith("rem", at, int(g.n)) },
      { kind: "let", v: acc, value: sums.reduce((x, y) => scalarOps.binary("add", x, y)) },
      ...g.epilogue,
    ],
  };
}
