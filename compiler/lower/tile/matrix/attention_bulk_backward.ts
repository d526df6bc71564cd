// Cotangents of attention with bulk copies and products out of shared memory. Two sets of four subgroups own 64 queries each, or keys with their values; the other side comes in strips, with what was saved of its
// rows where those are queries. Both passes do the same, seen from either side: own rows times a strip's are scores, and products of cotangents and values; they become weights and slopes where they lie, and
// those are operands from registers. While one kind is made, the units multiply the other. Each result is summed by one set in order, so that bits never vary.
//   @see Shah et al. 2024, "FlashAttention-3"
import { BLOCK, fragment } from "../../../ir/fragment.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, less, when, type Tiled } from "../builder.ts";
import type { MatrixUnits } from "../target.ts";
import { ALL_SUBGROUPS, BulkHeads, type Panels } from "./heads_bulk.ts";
import type { HeadTensor, HeadTensors } from "./heads_boxes.ts";
import { missing, type Sums } from "./rows.ts";
import { lowOf, ofColumns, ofRows, savedOf, slope, weigh, type SavedAt } from "./saved.ts";
import { byOne } from "./sets.ts";

/** Signals: own rows are there, or free again; then a stage is there, or free again. */
const OWN = 0,
  OWN_FREE = 1,
  FULL = 2;
const real = (x: number): Expr => s.const(x, "f32");

/** Two operands over the same rows: one gives scores, the other products of cotangents and values. */
interface Pair {
  readonly scored: Panels;
  readonly sloped: Panels;
}
/** A pass of the gradient: groups own queries, or keys. */
export class BulkBackward extends BulkHeads {
  kernel({ q, key, value, ct = missing() }: HeadTensors, units: MatrixUnits): Tiled {
    const { b, cut } = this,
      { byKey, rows, strip, stages } = cut,
      pair = (x: HeadTensor, y: HeadTensor, n: number, times: number): Pair => ({
        scored: this.panels(x, n, times),
        sloped: this.panels(y, n, times),
      });
    const own = byKey ? pair(key, value, rows, 1) : pair(q, ct, rows, 1),
      other = byKey ? pair(q, ct, strip, stages) : pair(key, value, strip, stages),
      saved = byKey ? b.memory("shared", "f32", 2 * strip * stages) : undefined, // [stage, low or delta, row]
      [start, tile] = this.multiply(own, other, saved),
      each = (n: number): number[] => new Array<number>(stages).fill(n);
    return this.kernelOf(
      units,
      [1, ALL_SUBGROUPS, ...each(1 + (byKey ? strip : 0)), ...each(ALL_SUBGROUPS)],
      tiles => [
        byKey ? when(less(b.lane, int(strip)), tiles(this.bring(own, other, saved))) : byOne(b, tiles(this.bring(own, other, saved))),
      ],
      start,
      tile,
    );
  }
  private free(stage: Expr): Expr {
    return arith("add", stage, int(FULL + this.cut.stages));
  }

  /** What bringing threads do for a tile: one lets boxes come, and where rows of queries come each stores what was saved of one of them. */
  private bring(own: Pair, other: Pair, saved: number | undefined): TiledStmt[] {
    const { b, cut } = this,
      strip = exprVar("strip", "i32"),
      [{ stage, round }, lets] = this.turnOf(strip),
      row = arith("mul", strip, int(cut.strip)),
      full = arith("add", stage, int(FULL)),
      alone = (body: readonly TiledStmt[]): TiledStmt => (saved === undefined ? when(undefined, body) : byOne(b, body));
    return [
      alone([
        { kind: "awaitPhase", signal: int(OWN_FREE), parity: s.binary("xor", this.odd, int(1)) },
        ...this.copy([own.scored, own.sloped], int(0), this.first, int(OWN)),
      ]),
      {
        kind: "for",
        v: strip,
        begin: this.begin,
        end: this.end,
        body: [
          ...lets,
          { kind: "awaitPhase", signal: this.free(stage), parity: s.binary("xor", round, int(1)) },
          alone(this.copy([other.scored, other.sloped], stage, row, full)),
          ...(saved === undefined ? [] : [...this.save(saved, stage, row), { kind: "arrive", signal: full } as const]),
        ],
      },
    ];
  }
  /** What was saved of the row of a strip that a bringing thread has; zeros past the end, where everything else is zero too. */
  private save(buf: number, stage: Expr, first: Expr): TiledStmt[] {
    const { b, cut, k } = this,
      { lse, delta } = savedOf(k),
      { other } = cut,
      far = arith("add", first, b.lane),
      whole = other % cut.strip === 0,
      to = arith("add", arith("mul", stage, int(2 * cut.strip)), b.lane);
    return [lse, delta].map((value, n): TiledStmt => {
      const there = this.at(value, [k.vars.i, whole ? far : arith("min", far, int(other - 1))], int(0)),
        said = n === 0 ? lowOf(there) : there;
      return {
        kind: "store",
        buf,
        index: arith("add", to, int(n * cut.strip)),
        value: whole ? said : s.select(less(far, int(other)), said, real(0)),
      };
    });
  }
  /** The same for the threads that have sums of these rows: the `n`-th of both numbers. */
  private columns(buf: number, stage: Expr, n: 0 | 1): readonly [SavedAt, TiledStmt[]] {
    return ofColumns(this, buf, arith("add", arith("mul", stage, int(2 * this.cut.strip)), int(n * this.cut.strip)));
  }

  /** What the owning sets do before and for each tile. */
  private multiply(own: Pair, other: Pair, saved: number | undefined): readonly [start: TiledStmt[], tile: TiledStmt[]] {
    const { cut, k, begin, end } = this,
      { byKey } = cut,
      scores = this.sums("score", cut.strip / BLOCK),
      slopes = this.sums("slope", cut.strip / BLOCK),
      sloped = this.sums(byKey ? "dk" : "dq", this.depth),
      weighted = byKey ? this.sums("dv", this.depth) : undefined,
      results = [...sloped, ...(weighted ?? [])].flat(2),
      all = [...scores.flat(2), ...slopes.flat(2), ...results],
      mine = saved === undefined ? ofRows(this) : undefined,
      strip = exprVar("strip", "i32"),
      [{ stage, round }, lets] = this.turnOf(strip),
      before = arith("rem", arith("add", stage, int(cut.stages - 1)), int(cut.stages));
    /** Sums as operands; their products with rows of the strip, on their way. */
    const times = (out: Sums, sums: Sums, rows: Panels): TiledStmt[] => {
      const made = (sums[0] ?? []).map(() => fragment("lhs", cut.dtype));
      return [
        ...made.map((into, c): TiledStmt => ({ kind: "packFragment", into, values: sums[0]?.[c] ?? [] })),
        { kind: "fenceProducts" },
        ...this.weighted(out, made, rows, stage),
      ];
    };
    const known = (n: 0 | 1): readonly [SavedAt, TiledStmt[]] =>
      mine ? [n === 0 ? mine.low : mine.delta, []] : this.columns(saved ?? missing(), stage, n);
    const [low, lows] = known(0),
      [delta, deltas] = known(1);
    const turn: TiledStmt[] = [
      ...lets,
      { kind: "awaitPhase", signal: arith("add", stage, int(FULL)), parity: round },
      { kind: "fenceProducts" },
      ...this.scored(scores, own.scored, other.scored, stage),
      { kind: "waitProducts", pending: 1 }, // the strip before has been read
      this.release(this.free(before), less(begin, strip)),
      ...this.scored(slopes, own.sloped, other.sloped, stage),
      { kind: "waitProducts", pending: 1 },
      ...this.hide(scores, arith("mul", strip, int(cut.strip))),
      ...lows,
      ...weigh(this, scores, low),
      ...(weighted ? times(weighted, scores, other.sloped) : []),
      { kind: "waitProducts", pending: weighted ? 1 : 0 },
      ...deltas,
      ...slope(scores, slopes, delta),
      ...times(sloped, slopes, other.scored),
    ];
    return [
      all.map((v): TiledStmt => ({ kind: "let", v, value: real(0) })),
      [
        ...results.map((v): TiledStmt => ({ kind: "set", v, value: real(0) })),
        ...(mine?.lets ?? []),
        { kind: "awaitPhase", signal: int(OWN), parity: this.odd },
        { kind: "for", v: strip, begin, end, body: turn },
        { kind: "waitProducts", pending: 0 },
        this.release(int(OWN_FREE)),
        this.release(this.free(arith("rem", arith("sub", arith("add", this.count, end), int(1)), int(cut.stages)))),
        ...this.store(0, sloped, () => real(k.scale)),
        ...(weighted ? this.store(1, weighted, () => real(1)) : []),
      ],
    ];
  }
}
