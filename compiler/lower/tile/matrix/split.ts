// The second half of a product in parts: the parts of each result are added in their order, and what follows the product runs on the sum.
import type { GemmKernel, LoopKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps } from "../../../ir/scalar.ts";
import { arith, int, load } from "../builder.ts";

/** A kernel over the parameters of `g` and one more, the sums of each part: [parts, batch, m, n]. */
export function addParts(g: GemmKernel, parts: number): LoopKernel {
  const at = exprVar("at", "i32"),
    part = exprVar("part", "i32"),
    { b, i, j, acc } = g.vars,
    [p, q] = [exprVar("p", "f32"), exprVar("q", "f32")] as const,
    size = g.batch * g.m * g.n,
    row = arith("div", at, int(g.n));
  return {
    kind: "loop",
    name: `${g.name}_sum`,
    params: [...g.params, { dtype: "f32", elements: parts * size, access: "read" }],
    scratch: [],
    grid: { v: at, extent: size, cost: 2 * parts },
    body: [
      { kind: "let", v: b, value: arith("div", row, int(g.m)) },
      { kind: "let", v: i, value: arith("rem", row, int(g.m)) },
      { kind: "let", v: j, value: arith("rem", at, int(g.n)) },
      {
        kind: "fold",
        v: part,
        begin: int(0),
        end: int(parts),
        folds: [{ acc, init: scalarOps.const(0, "f32") }],
        body: [],
        values: [load(g.params.length, "f32", arith("add", arith("mul", part, int(size)), at))],
        a: [p],
        b: [q],
        combine: [scalarOps.binary("add", p, q)],
      },
      ...g.epilogue,
    ],
  };
}
