// What was saved of each row of queries, the logarithm of its sum and `delta`, for the threads that have sums of those rows; and what passes of attention's gradient make of sums with it: weights, and slopes.
import { InternalError } from "../../../../runtime/errors/error.ts";
import { BLOCK } from "../../../ir/fragment.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith } from "../builder.ts";
import { halfOf, missing, type Rows, type Sums } from "./rows.ts";

const real = (x: number): Expr => s.const(x, "f32");
/** The saved number that belongs to sum `e` of block `c` of columns, `r` of rows. */
export type SavedAt = (r: number, c: number, e: number) => Expr;
/** Both numbers, and the statements that make them known. `low`: minus the logarithm, as a power of two. */
export interface SavedRows {
  readonly lets: readonly TiledStmt[];
  readonly low: SavedAt;
  readonly delta: SavedAt;
}
/** What a gradient's kernel is given. */
export const savedOf = ({ saved, name }: AttentionKernel): NonNullable<AttentionKernel["saved"]> => {
  if (!saved) throw new InternalError(`${name} has no saved rows`);
  return saved;
};
/** A logarithm of a sum as the power of two that divides by it. */
export const lowOf = (lse: Expr): Expr => s.binary("mul", lse, real(-Math.LOG2E));

/** Those of the thread's own rows. */
export function ofRows(h: Rows): SavedRows {
  const { lse, delta } = savedOf(h.k),
    each = (name: string, values: readonly (readonly Expr[])[]): readonly [SavedAt, TiledStmt[]] => {
      const vars = h.perRow(() => exprVar(name, "f32")),
        of = (r: number, half: number): Expr => vars[r]?.[half] ?? missing();
      return [
        (r, _, e) => of(r, halfOf(e)),
        vars.flatMap((both, r) => both.map((v, half): TiledStmt => ({ kind: "let", v, value: values[r]?.[half] ?? missing() }))),
      ];
    };
  const [low, lows] = each(
      "low",
      h.mine(lse).map(both => both.map(lowOf)),
    ),
    [at, deltas] = each("delta", h.mine(delta));
  return { lets: [...lows, ...deltas], low, delta: at };
}
/** Numbers of a strip's rows, from element `first` of `buf` on, where those rows are columns: four a block. `as`: what is to be known of them. */
export function ofColumns(h: Rows, buf: number, first: Expr, as: (x: Expr) => Expr = x => x): readonly [SavedAt, TiledStmt[]] {
  const loads: TiledStmt[] = [],
    lets: TiledStmt[] = [];
  const values = Array.from({ length: h.cut.strip / BLOCK }, (_, c) =>
    [0, 4].flatMap(e => {
      const into = [exprVar("x", "f32"), exprVar("x", "f32")];
      loads.push({ kind: "loadVector", into, buf, index: arith("add", first, h.column(c, e)) });
      return into.map(x => {
        const v = exprVar("saved", "f32");
        lets.push({ kind: "let", v, value: as(x) });
        return v;
      });
    }),
  );
  return [(_, c, e) => values[c]?.[2 * (e >> 2) + (e & 1)] ?? missing(), [...loads, ...lets]];
}

/** Scores become weights: 2^(score + low). */
export function weigh({ k: { scale } }: Rows, scores: Sums, low: SavedAt): TiledStmt[] {
  return each(scores, (w, r, c, e) => s.unary("exp2", s.fma(w, real(scale * Math.LOG2E), low(r, c, e))));
}
/** Products of cotangents and values become slopes: weight * (product - delta). */
export function slope(weights: Sums, products: Sums, delta: SavedAt): TiledStmt[] {
  return each(products, (v, r, c, e) => s.binary("mul", weights[r]?.[c]?.[e] ?? missing(), s.binary("sub", v, delta(r, c, e))));
}
const each = (sums: Sums, value: (x: Expr, r: number, c: number, e: number) => Expr): TiledStmt[] =>
  sums.flatMap((blocks, r) => blocks.flatMap((block, c) => block.map((v, e): TiledStmt => ({ kind: "set", v, value: value(v, r, c, e) }))));
