// The online softmax on a thread's scores: the largest so far and the sum of what they became are kept by row, and what earlier scores made is shrunk when a larger one comes.
//
// Exponentials are powers of two by the card's own instruction (22 bits): weights have 8, 11 or 22 when they are multiplied.
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { halfOf, inHalves, missing, type PerRow, type Rows, type Sums } from "./rows.ts";

const real = (x: number): Expr => s.const(x, "f32"),
  add = (x: Expr, y: Expr): Expr => s.binary("add", x, y),
  power = (x: Expr): Expr => s.unary("exp2", x);

/** The rows of one thread. */
export class Softmax {
  private readonly h: Rows;
  private readonly factor: number;
  private readonly low: PerRow<ExprVar>; // minus the largest score so far, as a power of two
  private readonly sum: PerRow<ExprVar>; // of the thread's weights, which are 2^(score + low)
  private readonly shrink: PerRow<ExprVar>; // what results of earlier scores are to be multiplied by
  private readonly one: PerRow<ExprVar>; // the whole sum's inverse
  constructor(h: Rows, { scale }: AttentionKernel) {
    this.h = h;
    this.factor = scale * Math.LOG2E;
    const rows = (name: string): PerRow<ExprVar> => h.perRow(() => exprVar(name, "f32"));
    [this.low, this.sum, this.shrink, this.one] = [rows("low"), rows("sum"), rows("shrink"), rows("one")];
  }
  /** Nothing has been seen: by `let`, or by `set` in a loop over tiles. */
  start(kind: "let" | "set"): TiledStmt[] {
    return [
      ...this.low.flat().map((v): TiledStmt => ({ kind, v, value: real(3e38) })), // and not infinite, so that a row whose scores are all hidden as yet has weights of 0
      ...[...this.sum, ...this.shrink].flat().map((v): TiledStmt => ({ kind, v, value: real(0) })),
    ];
  }
  /** Scores become weights; earlier results are to be rescaled before more is added to them. */
  weigh(scores: Sums): TiledStmt[] {
    const { h, factor } = this;
    const body = h.perRow((r, half): TiledStmt[] => {
      const mine = ofHalf(scores, r, half),
        low = this.low[r]?.[half] ?? missing(),
        sum = this.sum[r]?.[half] ?? missing(),
        shrink = this.shrink[r]?.[half] ?? missing(),
        top = exprVar("top", "f32"),
        next = exprVar("next", "f32");
      return [
        { kind: "let", v: top, value: inHalves(mine, (x, y) => s.binary("max", x, y)) },
        ...h.together(top, (x, y) => s.binary("max", x, y)),
        { kind: "let", v: next, value: s.binary("min", low, s.binary("mul", top, real(-factor))) },
        { kind: "set", v: shrink, value: power(s.binary("sub", next, low)) },
        { kind: "set", v: low, value: next },
        ...mine.map((x): TiledStmt => ({ kind: "set", v: x, value: power(s.fma(x, real(factor), next)) })),
        { kind: "set", v: sum, value: s.fma(sum, shrink, inHalves(mine, add)) },
      ];
    });
    return body.flat(2);
  }
  /** Results of the scores before the last ones, as if those had been known. */
  rescale(out: Sums): TiledStmt[] {
    return this.h
      .perRow((r, half) =>
        ofHalf(out, r, half).map((v): TiledStmt => ({ kind: "set", v, value: s.binary("mul", v, this.shrink[r]?.[half] ?? missing()) })),
      )
      .flat(2);
  }
  /** Results `out` divided by the sums, and the logarithms of the sums. `expand`: elementary functions as arithmetic. */
  finish(out: Sums, expand: (e: Expr) => Expr): TiledStmt[] {
    const { h, one, sum, low } = this;
    const whole = h.perRow((r, half): TiledStmt[] => {
      const total = sum[r]?.[half] ?? missing();
      return [...h.together(total, add), { kind: "let", v: one[r]?.[half] ?? missing(), value: s.binary("div", real(1), total) }];
    });
    return [
      ...whole.flat(2),
      ...h.store(0, out, (r, half) => one[r]?.[half] ?? missing()),
      ...h.storeOne(1, (r, half) =>
        s.fma(low[r]?.[half] ?? missing(), real(-Math.LN2), expand(s.unary("log", sum[r]?.[half] ?? missing()))),
      ),
    ];
  }
}
const ofHalf = (sums: Sums, r: number, half: number): ExprVar[] =>
  (sums[r] ?? []).flatMap(block => block.filter((_, e) => halfOf(e) === half));
