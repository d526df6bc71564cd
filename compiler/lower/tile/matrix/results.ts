// What follows a product, on the sums that a thread holds: each is a result at its row and column, unless that is past the edge.
import { alongExpr, BLOCK, SUMS, type Along, type Spot } from "../../../ir/fragment.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, less, when } from "../builder.ts";
import { storesTogether } from "../product/neighbours.ts";

/** Blocks of sums, `across` of them in a row, of the rectangle that begins at (`row`, `col`) of batch `batch`; the thread is number 4 `quad` + `place` of its subgroup. `cut`: the tile's sides. */
export interface Held {
  readonly g: GemmKernel;
  readonly cut: { readonly m: number; readonly n: number };
  readonly aligned: (param: number) => number;
  readonly batch: Expr;
  readonly row: Expr;
  readonly col: Expr;
  readonly quad: Expr;
  readonly place: Expr;
  readonly sums: readonly (readonly ExprVar[])[];
  readonly across: number;
}
/** `after` for each, with the kernel's variables bound; for two neighbours together where their stores are. */
export function resultsOf(h: Held, after: readonly TiledStmt[]): TiledStmt[] {
  const { g, cut } = h,
    row = exprVar("row", "i32"),
    col = exprVar("col", "i32");
  const pairs = storesTogether(after, { v: g.vars.j, extent: g.n, params: g.params, aligned: h.aligned }, 2),
    together = pairs ? 2 : 1;
  const where = (block: number, e: number): readonly [Expr, Expr] => {
    const spot = SUMS[e] as Spot, // e is in range
      at = (base: Expr, b: number, a: Along): Expr => arith("add", base, arith("add", int(b * BLOCK), alongExpr(a, h.quad, h.place)));
    return [at(row, Math.floor(block / h.across), spot.row), at(col, block % h.across, spot.col)];
  };
  const bound = (i: Expr, j: Expr, sum: Expr): TiledStmt[] => [
    { kind: "let", v: g.vars.b, value: h.batch },
    { kind: "let", v: g.vars.i, value: i },
    { kind: "let", v: g.vars.j, value: j },
    { kind: "let", v: g.vars.acc, value: sum },
  ];
  const inside = (i: Expr, j: Expr): Expr | undefined =>
    [...(g.m % cut.m === 0 ? [] : [less(i, int(g.m))]), ...(g.n % cut.n === 0 ? [] : [less(j, int(g.n))])].reduce<Expr | undefined>(
      (p, q) => (p ? s.binary("and", p, q) : q),
      undefined,
    );
  const one = (block: readonly ExprVar[], at: number, e: number): TiledStmt => {
    const [i, j] = where(at, e),
      first = bound(i, j, block[e] as Expr); // a variable a sum
    if (!pairs) return when(inside(i, j), [...first, ...after]);
    return when(inside(i, j), pairs([first, bound(...where(at, e + 1), block[e + 1] as Expr)])); // likewise
  };
  return [
    { kind: "let", v: row, value: h.row },
    { kind: "let", v: col, value: h.col },
    ...h.sums.flatMap((block, at) => Array.from({ length: SUMS.length / together }, (_, q) => one(block, at, q * together))),
  ];
}
