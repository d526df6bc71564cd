// Attention forward with bulk copies and products out of shared memory: one thread brings queries, and strips of keys and values, two sets of four subgroups own 64 queries each. While a set's weights
// are made from a strip's scores, its units multiply the weights of the strip before with values, and while those scores are made, results shrink; groups stay and take tile after tile, the long ones of a head first.
//   @see Shah et al. 2024, "FlashAttention-3"
import { BLOCK, fragment, type Fragment } from "../../../ir/fragment.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { arith, int, type Tiled } from "../builder.ts";
import type { MatrixUnits, TileTarget } from "../target.ts";
import { ALL_SUBGROUPS, BulkHeads, type Panels, type Turn } from "./heads_bulk.ts";
import type { HeadTensors } from "./heads_boxes.ts";
import { SET_ROWS, byOne } from "./sets.ts";
import { Softmax } from "./softmax.ts";

/** The forward pass. */
export class BulkForward extends BulkHeads {
  kernel({ q, key, value }: HeadTensors, units: MatrixUnits, target: TileTarget): Tiled {
    const { b, cut } = this,
      queries = this.panels(q, cut.rows, 1),
      keys = this.panels(key, cut.strip, cut.stages),
      values = this.panels(value, cut.strip, cut.stages),
      each = (n: number): number[] => new Array<number>(cut.stages).fill(n),
      [start, multiply] = this.multiply(queries, keys, values, target);
    return this.kernelOf(
      units,
      [1, ALL_SUBGROUPS, ...each(1), ...each(ALL_SUBGROUPS), ...each(1), ...each(ALL_SUBGROUPS)],
      tiles => [byOne(b, tiles(this.bring(queries, keys, values)))],
      start,
      multiply,
    );
  }
  /** Signals: queries are there, or free again; a stage of keys; a stage of values. */
  private signal(what: "queries" | "keys" | "values", free: boolean, stage: Expr = int(0)): Expr {
    if (what === "queries") return int(free ? 1 : 0);
    return arith("add", stage, int(2 + this.cut.stages * ((what === "values" ? 2 : 0) + (free ? 1 : 0))));
  }

  /** What the bringing thread does for a tile. */
  private bring(queries: Panels, keys: Panels, values: Panels): TiledStmt[] {
    const strip = exprVar("strip", "i32"),
      [{ stage, round }, lets] = this.turnOf(strip);
    const part = (what: "keys" | "values", p: Panels): TiledStmt[] => [
      { kind: "awaitPhase", signal: this.signal(what, true, stage), parity: s.binary("xor", round, int(1)) },
      ...this.copy([p], stage, arith("mul", strip, int(this.cut.strip)), this.signal(what, false, stage)),
    ];
    return [
      { kind: "awaitPhase", signal: this.signal("queries", true), parity: s.binary("xor", this.odd, int(1)) },
      ...this.copy([queries], int(0), this.first, this.signal("queries", false)),
      { kind: "for", v: strip, begin: int(0), end: this.end, body: [...lets, ...part("keys", keys), ...part("values", values)] },
    ];
  }

  /** What the owning sets do before and for each tile: with each strip's scores on their way, the weights of the strip before are multiplied with its values, and results shrink after that. */
  private multiply(queries: Panels, keys: Panels, values: Panels, target: TileTarget): readonly [start: TiledStmt[], tile: TiledStmt[]] {
    const { k, cut, end } = this,
      softmax = new Softmax(this, k),
      out = this.sums("out", this.depth),
      scores = this.sums("score", cut.strip / BLOCK),
      all = [...out, ...scores].flat(2),
      full = exprVar("full", "i32");
    /** Scores of a strip, on their way. */
    const begin = ({ stage, round }: Turn): TiledStmt[] => [
      { kind: "awaitPhase", signal: this.signal("keys", false, stage), parity: round },
      { kind: "fenceProducts" },
      ...this.scored(scores, queries, keys, stage),
    ];
    /** Weights become operands; their products with a strip's values, on their way. */
    const pack = (): readonly [Fragment[], TiledStmt[]] => {
      const made = (scores[0] ?? []).map(() => fragment("lhs", cut.dtype));
      return [made, made.map((into, c): TiledStmt => ({ kind: "packFragment", into, values: scores[0]?.[c] ?? [] }))];
    };
    const weighted = (weights: readonly Fragment[], { stage, round }: Turn): TiledStmt[] => [
      ...softmax.rescale(out),
      { kind: "awaitPhase", signal: this.signal("values", false, stage), parity: round },
      { kind: "fenceProducts" },
      ...this.weighted(out, weights, values, stage),
    ];
    const strips = (from: Expr, to: Expr, masked: boolean): TiledStmt => {
      const strip = exprVar("strip", "i32"),
        [now, lets] = this.turnOf(strip),
        [before, letsBefore] = this.turnOf(arith("sub", strip, int(1))),
        [weights, packed] = pack();
      return {
        kind: "for",
        v: strip,
        begin: from,
        end: to,
        body: [
          ...lets,
          ...letsBefore,
          ...packed,
          ...begin(now),
          ...weighted(weights, before),
          { kind: "waitProducts", pending: 1 },
          this.release(this.signal("keys", true, now.stage)),
          ...(masked ? this.hide(scores, arith("mul", strip, int(cut.strip)), true) : []),
          ...softmax.weigh(scores),
          { kind: "waitProducts", pending: 0 },
          this.release(this.signal("values", true, before.stage)),
        ],
      };
    };
    const [start, letStart] = this.turnOf(int(0)),
      [last, letLast] = this.turnOf(arith("sub", end, int(1))),
      [weights, packed] = pack(),
      visible = k.causal ? arith("add", arith("add", this.first, arith("mul", this.which, int(SET_ROWS))), int(this.shift + 1)) : int(k.s);
    return [
      [...all.map((v): TiledStmt => ({ kind: "let", v, value: s.const(0, "f32") })), ...softmax.start("let")],
      [
        ...out.flat(2).map((v): TiledStmt => ({ kind: "set", v, value: s.const(0, "f32") })),
        ...softmax.start("set"),
        { kind: "let", v: full, value: arith("min", arith("div", visible, int(cut.strip)), end) },
        { kind: "awaitPhase", signal: this.signal("queries", false), parity: this.odd },
        ...letStart,
        ...begin(start),
        { kind: "waitProducts", pending: 0 },
        this.release(this.signal("keys", true, start.stage)),
        ...this.hide(scores, int(0), false),
        ...softmax.weigh(scores),
        strips(int(1), full, false),
        ...(k.causal || k.s % cut.strip !== 0 ? [strips(s.binary("max", full, int(1)), end, true)] : []),
        this.release(this.signal("queries", true)),
        ...letLast,
        ...packed,
        ...weighted(weights, last),
        { kind: "waitProducts", pending: 0 },
        this.release(this.signal("values", true, last.stage)),
        ...softmax.finish(out, expander(target)),
      ],
    ];
  }
}
