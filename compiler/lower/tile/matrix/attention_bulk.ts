// Attention forward with bulk copies and products out of shared memory: one thread brings queries, and strips of keys and values, two sets of four subgroups own 64 queries each. While a set's weights
// are made from a strip's scores, its units multiply the weights of the strip before with values, and while those scores are made, results shrink; groups stay and take tile after tile, the long ones of a head first.
//   @see Shah et al. 2024, "FlashAttention-3"
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { BLOCK, fragment, type Fragment } from "../../../ir/fragment.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { SharedOperand, TensorBox, TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { arith, int, when, type Tiled } from "../builder.ts";
import type { MatrixUnits, TileTarget } from "../target.ts";
import { LINE } from "./prologue.ts";
import { headTensor, type HeadTensor } from "./heads_boxes.ts";
import type { HeadsCut } from "./heads_cut.ts";
import { Rows, type RowsCut, type Sums } from "./rows.ts";
import { byOne, ONLY_COPIES, roles, SET_ROWS, SETS, subgroupOf, THREADS } from "./sets.ts";
import { Softmax } from "./softmax.ts";

/** Queries that the sets of a group own. */
const ROWS = SET_ROWS * SETS;
/** Bytes for signals, and for memory to begin at a multiple of 1024. */
const SIGNALS = 2048;
const MOST_STAGES = 4,
  LONGEST = 128,
  SHORTEST = 64;
/** How much faster a tile's rows are than those of fragments (a guess until a card has been measured). */
const RATE = 2.5;
/** Bytes of keys and values of the heads that are worked on side by side: so many stay in the card's cache. */
const CACHED = 2 ** 25;

/** The kernel, where there are bulk copies, operands are tensors, and it is estimated to take less than by fragments. */
export function bulkHeads(k: AttentionKernel, cut: HeadsCut, target: TileTarget, aligned: (param: number) => number): Tiled | undefined {
  const { matrix } = target,
    { vars, d, t, s: keys, n } = k;
  if (matrix?.bulk !== true || k.pass !== "forward" || (cut.dtype !== "bf16" && cut.dtype !== "f16") || d % LINE !== 0) return undefined;
  const rounds = (rows: number): number => Math.ceil((n * Math.ceil(t / rows)) / matrix.processors) * rows;
  if (rounds(ROWS) / RATE >= rounds(cut.rows)) return undefined;
  const q = headTensor(k, k.q, vars.i, t, aligned),
    key = q && headTensor(k, k.k, vars.j, keys, aligned),
    value = key && headTensor(k, k.v, vars.j, keys, aligned);
  const strip = keys > SHORTEST ? LONGEST : SHORTEST,
    stages = Math.min(MOST_STAGES, Math.floor((matrix.sharedBytes - 2 * ROWS * d - SIGNALS) / (4 * strip * d)));
  if (!q || !key || !value || stages < 2) return undefined;
  const rows: RowsCut = { byKey: false, own: t, other: keys, blocks: 1, rows: ROWS, strip };
  return new Bulk(k, rows, aligned, cut.dtype, stages).kernel({ q, key, value }, matrix, target);
}

interface Tensors {
  readonly q: HeadTensor;
  readonly key: HeadTensor;
  readonly value: HeadTensor;
}
/** An operand in shared memory, `rows` rows a stage: panels of lines, one after another. */
interface Panels {
  readonly box: number;
  readonly buf: number;
  readonly rows: number;
  readonly from: HeadTensor;
}
/** A strip: its number, its stage, and the parity of how often that has been filled. */
interface Turn {
  readonly strip: Expr;
  readonly stage: Expr;
  readonly round: Expr;
}

class Bulk extends Rows {
  private readonly dtype: "bf16" | "f16";
  private readonly count = exprVar("count", "i32"); // strips of all tiles before this one
  private readonly turn = exprVar("turn", "i32"); // tiles before this one
  private readonly first = exprVar("first", "i32"); // the tile's first row
  private readonly end = exprVar("end", "i32"); // strips that it sees
  private readonly which = exprVar("which", "i32"); // the set's number among those that own queries
  private readonly within = exprVar("within", "i32"); // the thread's in its subgroup
  private readonly stages: number;
  constructor(k: AttentionKernel, cut: RowsCut, aligned: (param: number) => number, dtype: "bf16" | "f16", stages: number) {
    super(k, cut, aligned);
    this.dtype = dtype;
    this.stages = stages;
  }

  kernel({ q, key, value }: Tensors, units: MatrixUnits, target: TileTarget): Tiled {
    const { k, b, cut, dtype } = this,
      swizzle = { bits: 3, base: 4, shift: 7 };
    const panels = (box: number, from: HeadTensor, rows: number, stages: number): Panels => ({
      box,
      buf: b.memory("shared", dtype, stages * rows * k.d, swizzle),
      rows,
      from,
    });
    const queries = panels(0, q, ROWS, 1),
      keys = panels(1, key, cut.strip, this.stages),
      values = panels(2, value, cut.strip, this.stages);
    const groups = Math.min(this.tiles, units.processors),
      boxOf = ({ from: { tensor }, rows }: Panels): TensorBox => ({ ...tensor, box: [LINE, rows, ...tensor.dims.slice(2).map(() => 1)] }),
      each = (n: number): number[] => new Array<number>(this.stages).fill(n);
    return b.finish(
      k.name,
      k.params,
      THREADS,
      groups,
      roles(b, ONLY_COPIES, [byOne(b, this.tilesOf(groups, this.bring(queries, keys, values)))], {
        which: this.which,
        within: this.within,
        body: this.multiply(queries, keys, values, target, body => this.tilesOf(groups, body)),
      }),
      { boxes: [queries, keys, values].map(boxOf), signals: [1, 4 * SETS, ...each(1), ...each(4 * SETS), ...each(1), ...each(4 * SETS)] },
    );
  }
  /** Signals: queries are there, or free again; a stage of keys; a stage of values. */
  private signal(what: "queries" | "keys" | "values", free: boolean, stage: Expr = int(0)): Expr {
    if (what === "queries") return int(free ? 1 : 0);
    return arith("add", stage, int(2 + this.stages * ((what === "values" ? 2 : 0) + (free ? 1 : 0))));
  }
  private get blocks(): number {
    return Math.ceil(this.k.t / ROWS);
  }
  private get tiles(): number {
    return this.k.n * this.blocks;
  }

  /** The group's tiles one after another. Some heads at a time, whose keys and values the cache holds; of those, where some tiles are longer, the longest first. */
  private tilesOf(groups: number, body: readonly TiledStmt[]): TiledStmt[] {
    const { k, turn, b, blocks } = this,
      together = Math.max(1, Math.min(k.n, Math.floor(CACHED / (4 * k.s * k.d)))),
      tile = exprVar("tile", "i32"),
      band = exprVar("band", "i32"),
      wide = exprVar("wide", "i32"),
      rest = exprVar("rest", "i32"),
      block = arith("div", rest, wide);
    const last = arith("min", arith("add", this.first, int(ROWS)), int(k.t));
    return [
      { kind: "let", v: this.count, value: int(0) },
      {
        kind: "for",
        v: turn,
        begin: int(0),
        end: arith("div", arith("sub", int(this.tiles - 1 + groups), b.group), int(groups)),
        body: [
          { kind: "let", v: tile, value: arith("add", arith("mul", turn, int(groups)), b.group) },
          { kind: "let", v: band, value: arith("mul", arith("div", tile, int(together * blocks)), int(together)) },
          { kind: "let", v: wide, value: arith("min", arith("sub", int(k.n), band), int(together)) },
          { kind: "let", v: rest, value: arith("rem", tile, int(together * blocks)) },
          { kind: "let", v: this.head, value: arith("add", band, arith("rem", rest, wide)) },
          { kind: "let", v: this.first, value: arith("mul", k.causal ? arith("sub", int(blocks - 1), block) : block, int(ROWS)) },
          {
            kind: "let",
            v: this.end,
            value: k.causal
              ? arith("div", arith("add", last, int(this.shift + this.cut.strip - 1)), int(this.cut.strip))
              : int(Math.ceil(k.s / this.cut.strip)),
          },
          ...body,
          { kind: "set", v: this.count, value: arith("add", this.count, this.end) },
        ],
      },
    ];
  }
  private turnOf(strip: Expr): Turn {
    const all = arith("add", this.count, strip);
    return { strip, stage: arith("rem", all, int(this.stages)), round: s.binary("and", arith("div", all, int(this.stages)), int(1)) };
  }
  /** What the bringing thread does for a tile. */
  private bring(queries: Panels, keys: Panels, values: Panels): TiledStmt[] {
    const { k, turn } = this,
      strip = exprVar("strip", "i32"),
      stage = exprVar("stage", "i32"),
      round = exprVar("round", "i32"),
      at = this.turnOf(strip);
    const copy = ({ box, buf, rows, from }: Panels, place: Expr, row: Expr, signal: Expr): TiledStmt[] => [
      { kind: "expect", signal, bytes: 2 * rows * k.d },
      ...Array.from({ length: k.d / LINE }, (_, panel): TiledStmt => ({
        kind: "copyBox",
        box,
        at: [int(panel * LINE), row, ...from.of(this.head)],
        into: buf,
        to: arith("add", arith("mul", place, int(rows * k.d)), int(panel * rows * LINE)),
        signal,
      })),
    ];
    const part = (what: "keys" | "values", p: Panels): TiledStmt[] => [
      { kind: "awaitPhase", signal: this.signal(what, true, stage), parity: s.binary("xor", round, int(1)) },
      ...copy(p, stage, arith("mul", strip, int(this.cut.strip)), this.signal(what, false, stage)),
    ];
    return [
      { kind: "awaitPhase", signal: this.signal("queries", true), parity: s.binary("xor", s.binary("and", turn, int(1)), int(1)) },
      ...copy(queries, int(0), this.first, this.signal("queries", false)),
      {
        kind: "for",
        v: strip,
        begin: int(0),
        end: this.end,
        body: [
          { kind: "let", v: stage, value: at.stage },
          { kind: "let", v: round, value: at.round },
          ...part("keys", keys),
          ...part("values", values),
        ],
      },
    ];
  }

  /** What the owning sets do: with each strip's scores on their way, the weights of the strip before are multiplied with its values, and results shrink after that. */
  private multiply(
    queries: Panels,
    keys: Panels,
    values: Panels,
    target: TileTarget,
    tiles: (body: readonly TiledStmt[]) => TiledStmt[],
  ): TiledStmt[] {
    const { k, b, cut, turn, end } = this,
      softmax = new Softmax(this, k),
      out = this.sums("out", this.depth),
      scores = this.sums("score", cut.strip / BLOCK),
      all = [...out, ...scores].flat(2),
      full = exprVar("full", "i32");
    const warp = subgroupOf(b),
      top = arith("add", this.first, arith("add", arith("mul", this.which, int(SET_ROWS)), arith("mul", warp, int(BLOCK))));
    const release = (signal: Expr): TiledStmt => when(s.compare("eq", this.within, int(0)), [{ kind: "arrive", signal }]);
    /** Scores of a strip, on their way. */
    const begin = ({ stage, round }: Turn): TiledStmt[] => [
      { kind: "awaitPhase", signal: this.signal("keys", false, stage), parity: round },
      { kind: "fenceProducts" },
      ...this.scored(scores, queries, keys, stage),
      { kind: "commitProducts" },
    ];
    /** Weights become operands; their products with a strip's values, on their way. */
    const pack = (): readonly [Fragment[], TiledStmt[]] => {
      const made = (scores[0] ?? []).map(() => fragment("lhs", this.dtype));
      return [made, made.map((into, c): TiledStmt => ({ kind: "packFragment", into, values: scores[0]?.[c] ?? [] }))];
    };
    const weighted = (weights: readonly Fragment[], { stage, round }: Turn): TiledStmt[] => [
      ...softmax.rescale(out),
      { kind: "awaitPhase", signal: this.signal("values", false, stage), parity: round },
      { kind: "fenceProducts" },
      ...this.product(out, weights, values, stage),
      { kind: "commitProducts" },
    ];
    const known = (strip: Expr): readonly [Turn, TiledStmt[]] => {
      const turnAt = this.turnOf(strip),
        stage = exprVar("stage", "i32"),
        round = exprVar("round", "i32");
      return [
        { strip, stage, round },
        [
          { kind: "let", v: stage, value: turnAt.stage },
          { kind: "let", v: round, value: turnAt.round },
        ],
      ];
    };
    const strips = (from: Expr, to: Expr, masked: boolean): TiledStmt => {
      const strip = exprVar("strip", "i32"),
        [now, lets] = known(strip),
        [before, letsBefore] = known(arith("sub", strip, int(1))),
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
          release(this.signal("keys", true, now.stage)),
          ...(masked ? this.hide(scores, arith("mul", strip, int(cut.strip)), true) : []),
          ...softmax.weigh(scores),
          { kind: "waitProducts", pending: 0 },
          release(this.signal("values", true, before.stage)),
        ],
      };
    };
    const [start, letStart] = known(int(0)),
      [last, letLast] = known(arith("sub", end, int(1))),
      [weights, packed] = pack(),
      visible = k.causal ? arith("add", arith("add", this.first, arith("mul", this.which, int(SET_ROWS))), int(this.shift + 1)) : int(k.s);
    return [
      ...all.map((v): TiledStmt => ({ kind: "let", v, value: s.const(0, "f32") })),
      ...softmax.start("let"),
      ...tiles([
        ...this.places(this.head, top, this.within),
        ...out.flat(2).map((v): TiledStmt => ({ kind: "set", v, value: s.const(0, "f32") })),
        ...softmax.start("set"),
        { kind: "let", v: full, value: arith("min", arith("div", visible, int(cut.strip)), end) },
        { kind: "awaitPhase", signal: this.signal("queries", false), parity: s.binary("and", turn, int(1)) },
        ...letStart,
        ...begin(start),
        { kind: "waitProducts", pending: 0 },
        release(this.signal("keys", true, start.stage)),
        ...this.hide(scores, int(0), false),
        ...softmax.weigh(scores),
        strips(int(1), full, false),
        ...(k.causal || k.s % cut.strip !== 0 ? [strips(s.binary("max", full, int(1)), end, true)] : []),
        release(this.signal("queries", true)),
        ...letLast,
        ...packed,
        ...weighted(weights, last),
        { kind: "waitProducts", pending: 0 },
        release(this.signal("values", true, last.stage)),
        ...softmax.finish(out, expander(target)),
      ]),
    ];
  }
  private scored(scores: Sums, queries: Panels, keys: Panels, stage: Expr): TiledStmt[] {
    const { k, cut } = this,
      own = exprVar("own", "i32"),
      from = exprVar("from", "i32"),
      line = (x: number, rows: number): Expr => int(Math.floor((x * BLOCK) / LINE) * rows * LINE + ((x * BLOCK) % LINE)),
      operand = ({ buf, rows }: Panels, first: Expr, x: number): SharedOperand => ({
        buf,
        index: arith("add", first, line(x, rows)),
        across: false,
        panel: rows * LINE,
      });
    return [
      { kind: "let", v: own, value: arith("mul", this.which, int(SET_ROWS * LINE)) },
      { kind: "let", v: from, value: arith("mul", stage, int(cut.strip * k.d)) },
      ...Array.from({ length: k.d / BLOCK }, (_, x): TiledStmt => ({
        kind: "multiplyShared",
        sums: scores.flat(2),
        fresh: x === 0,
        dtype: this.dtype,
        lhs: operand(queries, own, x),
        rhs: operand(keys, from, x),
      })),
    ];
  }
  private product(out: Sums, weights: readonly Fragment[], values: Panels, stage: Expr): TiledStmt[] {
    const from = exprVar("from", "i32");
    return [
      { kind: "let", v: from, value: arith("mul", stage, int(values.rows * this.k.d)) },
      ...weights.map((lhs, c): TiledStmt => ({
        kind: "multiplyShared",
        sums: out.flat(2),
        dtype: this.dtype,
        lhs,
        rhs: { buf: values.buf, index: arith("add", from, int(c * BLOCK * LINE)), across: true, panel: values.rows * LINE },
      })),
    ];
  }
}
