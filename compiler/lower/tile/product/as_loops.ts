// A product as a fold for each result: where there is hardly anything to sum, or nothing shared among results.
import type { GemmKernel, LoopKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps } from "../../../ir/scalar.ts";
import { arith, int } from "../builder.ts";

/** The same product as loops. */
export function asLoops(g: GemmKernel): LoopKernel {
  const at = exprVar("at", "i32"),
    { b, i, j, l, acc } = g.vars,
    p = exprVar("p", g.dtype),
    q = exprVar("q", g.dtype),
    row = arith("div", at, int(Math.max(1, g.n)));
  return {
    kind: "loop",
    name: g.name,
    params: g.params,
    scratch: [],
    grid: { v: at, extent: g.batch * g.m * g.n, cost: 2 * g.k },
    body: [
      { kind: "let", v: b, value: arith("div", row, int(Math.max(1, g.m))) },
      { kind: "let", v: i, value: arith("rem", row, int(Math.max(1, g.m))) },
      { kind: "let", v: j, value: arith("rem", at, int(Math.max(1, g.n))) },
      {
        kind: "fold",
        v: l,
        begin: int(0),
        end: int(g.k),
        folds: [{ acc, init: scalarOps.const(0, g.dtype) }],
        body: [],
        values: [scalarOps.binary("mul", g.lhs, g.rhs)],
        a: [p],
        b: [q],
        combine: [scalarOps.binary("add", p, q)],
      },
      ...g.epilogue,
    ],
  };
}
