// What the passes of attention by bulk copies share: groups that stay and take tile after tile, own rows of heads and strips of the other side as panels in shared memory, products out of there.
import { BLOCK, type Fragment } from "../../../ir/fragment.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { SharedOperand, TensorBox, TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, when, type Tiled } from "../builder.ts";
import type { MatrixUnits } from "../target.ts";
import type { HeadTensor } from "./heads_boxes.ts";
import type { BulkHeadsCut } from "./heads_cut.ts";
import { LINE } from "./prologue.ts";
import { Rows, type Sums } from "./rows.ts";
import { ONLY_COPIES, roles, SET_ROWS, SETS, subgroupOf, THREADS } from "./sets.ts";

/** Bytes of the other side's operands of the heads that are worked on side by side: so many stay in the card's cache. */
const CACHED = 2 ** 25;
/** Arrivals that end a phase of a signal that multiplying sets give: one of each subgroup. */
export const ALL_SUBGROUPS: number = 4 * SETS;

/** An operand in shared memory, `rows` rows a stage: panels of lines, one after another. */
export interface Panels {
  readonly box: number;
  readonly buf: number;
  readonly rows: number;
  readonly from: HeadTensor;
}
/** A strip: its number, its stage, and the parity of how often that has been filled. */
export interface Turn {
  readonly strip: Expr;
  readonly stage: Expr;
  readonly round: Expr;
}

/** One kernel that is being made. */
export class BulkHeads extends Rows<BulkHeadsCut> {
  protected readonly turn: ExprVar = exprVar("turn", "i32"); // tiles before this one
  protected readonly first: ExprVar = exprVar("first", "i32"); // the tile's first row
  protected readonly begin: ExprVar = exprVar("begin", "i32"); // strips that it sees
  protected readonly end: ExprVar = exprVar("end", "i32");
  protected readonly which: ExprVar = exprVar("which", "i32"); // the set's number among those that own rows
  private readonly within = exprVar("within", "i32"); // the thread's in its subgroup
  protected readonly count: ExprVar = exprVar("count", "i32"); // strips of all tiles before this one, less the first of this one
  private readonly boxes: TensorBox[] = [];

  /** Memory for `stages` times `rows` rows of a tensor. */
  protected panels(from: HeadTensor, rows: number, stages: number): Panels {
    const { k, b, cut, boxes } = this,
      { tensor } = from,
      buf = b.memory("shared", cut.dtype, stages * rows * k.d, { swizzle: { bits: 3, base: 4, shift: 7 } });
    return { box: boxes.push({ ...tensor, box: [LINE, rows, ...tensor.dims.slice(2).map(() => 1)] }) - 1, buf, rows, from };
  }
  /** The kernel: for every tile, what the bringing set does, and what the others do, who begin with `start`. */
  protected kernelOf(
    { processors }: MatrixUnits,
    signals: readonly number[],
    bring: (tiles: (body: readonly TiledStmt[]) => TiledStmt[]) => readonly TiledStmt[],
    start: readonly TiledStmt[],
    multiply: readonly TiledStmt[],
  ): Tiled {
    const { k, b, which, within, boxes } = this,
      groups = Math.min(this.tiles, processors),
      tiles = (body: readonly TiledStmt[]): TiledStmt[] => this.tilesOf(groups, body),
      body = [...start, ...tiles([...this.placed(), ...multiply])];
    return b.finish(k.name, k.params, THREADS, groups, roles(b, ONLY_COPIES, bring(tiles), { which, within, body }), { boxes, signals });
  }
  private get blocks(): number {
    return Math.ceil(this.cut.own / this.cut.rows);
  }
  private get tiles(): number {
    return this.k.n * this.blocks;
  }
  private placed(): TiledStmt[] {
    const row = arith("add", arith("mul", this.which, int(SET_ROWS)), arith("mul", subgroupOf(this.b), int(BLOCK)));
    return this.places(this.head, arith("add", this.first, row), this.within);
  }
  /** The group's tiles one after another. Some heads at a time, whose strips the cache holds; of those, where some tiles are longer, the longest first. */
  private tilesOf(groups: number, body: readonly TiledStmt[]): TiledStmt[] {
    const { k, b, cut, turn, count, begin, end, blocks } = this,
      together = Math.max(1, Math.min(k.n, Math.floor(CACHED / (4 * cut.other * k.d)))),
      tile = exprVar("tile", "i32"),
      band = exprVar("band", "i32"),
      wide = exprVar("wide", "i32"),
      rest = exprVar("rest", "i32"),
      seen = this.seenFrom(this.first);
    const moves = seen.begin.kind !== "const"; // the first strip is not always number 0
    return [
      { kind: "let", v: count, value: int(0) },
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
          { kind: "let", v: this.first, value: this.firstOf(arith("div", rest, wide)) },
          { kind: "let", v: begin, value: seen.begin },
          { kind: "let", v: end, value: seen.end },
          ...(moves ? [{ kind: "set", v: count, value: arith("sub", count, begin) } as const] : []),
          ...body,
          { kind: "set", v: count, value: arith("add", count, end) },
        ],
      },
    ];
  }
  /** A strip of a tile, and what has to be said before it is used. */
  protected turnOf(strip: Expr): readonly [Turn, TiledStmt[]] {
    const all = arith("add", this.count, strip),
      stage = exprVar("stage", "i32"),
      round = exprVar("round", "i32");
    return [
      { strip, stage, round },
      [
        { kind: "let", v: stage, value: arith("rem", all, int(this.cut.stages)) },
        { kind: "let", v: round, value: s.binary("and", arith("div", all, int(this.cut.stages)), int(1)) },
      ],
    ];
  }
  /** Parity of the tile: own rows have been there so often. */
  protected get odd(): Expr {
    return s.binary("and", this.turn, int(1));
  }

  /** One thread lets rows of operands come, from row `row` on: all of them are there when the signal says so. */
  protected copy(operands: readonly Panels[], place: Expr, row: Expr, signal: Expr): TiledStmt[] {
    const { d } = this.k;
    return [
      { kind: "expect", signal, bytes: operands.reduce((n, { rows }) => n + 2 * rows * d, 0) },
      ...operands.flatMap(({ box, buf, rows, from }) =>
        Array.from({ length: d / LINE }, (_, panel): TiledStmt => ({
          kind: "copyBox",
          box,
          at: [int(panel * LINE), row, ...from.of(this.head)],
          into: buf,
          to: arith("add", arith("mul", place, int(rows * d)), int(panel * rows * LINE)),
          signal,
        })),
      ),
    ];
  }
  /** Of each multiplying subgroup one thread arrives. */
  protected release(signal: Expr, cond?: Expr): TiledStmt {
    const one = s.compare("eq", this.within, int(0));
    return when(cond ? s.binary("and", one, cond) : one, [{ kind: "arrive", signal }]);
  }
  /** sums = own rows times the rows of a stage, over the head: on their way. */
  protected scored(sums: Sums, own: Panels, other: Panels, stage: Expr): TiledStmt[] {
    const { k, which } = this,
      mine = exprVar("own", "i32"),
      from = exprVar("from", "i32");
    const operand = ({ buf, rows }: Panels, first: Expr, x: number): SharedOperand => {
      const panel = Math.floor((x * BLOCK) / LINE);
      return { buf, index: arith("add", first, int(panel * rows * LINE + ((x * BLOCK) % LINE))), across: false, panel: rows * LINE };
    };
    return [
      { kind: "let", v: mine, value: arith("mul", which, int(SET_ROWS * LINE)) },
      { kind: "let", v: from, value: arith("mul", stage, int(other.rows * k.d)) },
      ...Array.from({ length: k.d / BLOCK }, (_, x): TiledStmt => ({
        kind: "multiplyShared",
        sums: sums.flat(2),
        fresh: x === 0,
        dtype: this.cut.dtype,
        lhs: operand(own, mine, x),
        rhs: operand(other, from, x),
      })),
      { kind: "commitProducts" },
    ];
  }
  /** out += weights times the rows of a stage: on their way. */
  protected weighted(out: Sums, weights: readonly Fragment[], { buf, rows }: Panels, stage: Expr): TiledStmt[] {
    const from = exprVar("from", "i32");
    return [
      { kind: "let", v: from, value: arith("mul", stage, int(rows * this.k.d)) },
      ...weights.map((lhs, c): TiledStmt => ({
        kind: "multiplyShared",
        sums: out.flat(2),
        dtype: this.cut.dtype,
        lhs,
        rhs: { buf, index: arith("add", from, int(c * BLOCK * LINE)), across: true, panel: rows * LINE },
      })),
      { kind: "commitProducts" },
    ];
  }
}
