// A product whose operands one thread brings by bulk copies while two sets of four subgroups multiply out of shared memory: a ring of stages between them, each with a signal that it is full and one
// that it is free again. Groups stay and take tile after tile, so that the next tile's strips arrive while results are stored.
import { BLOCK, SUMS } from "../../../ir/fragment.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { SharedOperand, TensorBox, TiledStmt } from "../../../ir/tiled.ts";
import { prepare } from "../../prepare.ts";
import { arith, int, less, scoped, TileBuilder, when, type Tiled } from "../builder.ts";
import { sequential } from "../statements.ts";
import type { MatrixUnits, TileTarget } from "../target.ts";
import { LINE, type Bulk } from "./boxes.ts";
import { rasterOf } from "./raster.ts";
import { resultsOf } from "./results.ts";
import { MOST_PARTS, partsTime, storePart } from "./split.ts";

/** Four subgroups, which multiply together, and how many such sets multiply; one more brings operands. */
const SET = 128,
  SETS = 2,
  ROWS = 64 * SETS;
/** Registers a thread that the bringing set leaves, and that the others take. */
const FEW = 40,
  MANY = 232;
const STAGES = 4;
const DEPTH = 16;
/** Tiles: how wide, and how much of a wide one's rate it reaches, in units of `cut.ts` (a guess until a card has been measured). */
const WIDTHS = [
  { n: 256, rate: 2.5 },
  { n: 128, rate: 2.2 },
  { n: 64, rate: 1.6 },
] as const;

/** Strips that a part of a sum has at least: the ring is filled and emptied once a part. */
const LEAST_STRIPS = 2 * STAGES;
/** A tile's width, into how many parts each sum is split, and the time that the product takes in units of `cut.ts`. */
export interface BulkCut {
  readonly n: number;
  readonly parts: number;
  readonly time: number;
}
/** The fastest of the ways to cut a product. */
export function bulkCut(g: Pick<GemmKernel, "batch" | "m" | "n" | "k">, units: MatrixUnits): BulkCut {
  const strips = Math.ceil(g.k / LINE),
    most = Math.max(1, Math.min(MOST_PARTS, Math.floor(strips / LEAST_STRIPS)));
  const cuts = WIDTHS.flatMap(({ n, rate }) => {
    const tiles = g.batch * Math.ceil(g.m / ROWS) * Math.ceil(g.n / n);
    return Array.from({ length: most }, (_, p): BulkCut => {
      const each = Math.ceil(strips / (p + 1)),
        parts = Math.ceil(strips / each),
        turns = Math.ceil((tiles * parts) / units.processors);
      return { n, parts, time: (turns * ROWS * n * each) / strips / rate + partsTime(g, parts, units.processors) };
    });
  });
  return cuts.reduce((x, y) => (y.time < x.time ? y : x));
}

/** What happens with a strip: whether there was one before it in its tile, its number, its stage, and the parity of how often that has been filled. */
type Turn = (later: Expr, strip: Expr, stage: Expr, round: Expr) => TiledStmt[];

/** The kernel. A product in parts leaves the sums of each part in its workspace: f32 [parts, batch, m, n]. */
export function bulkTile(
  g: GemmKernel,
  lhs: Bulk,
  rhs: Bulk,
  { n: width, parts }: Omit<BulkCut, "time">,
  aligned: (param: number) => number,
  units: MatrixUnits,
  target: TileTarget,
): Tiled {
  const b = new TileBuilder(),
    dtype = g.operands === "f16" ? "f16" : "bf16",
    swizzle = { bits: 3, base: 4, shift: 7 },
    sizes = [ROWS * LINE, width * LINE] as const,
    stages = Math.min(STAGES, Math.floor(units.sharedBytes / (2 * (sizes[0] + sizes[1]) + 64))),
    buffers = sizes.map(n => b.memory("shared", dtype, stages * n, swizzle)) as [number, number], // two
    strips = Math.ceil(g.k / LINE),
    share = Math.ceil(strips / parts);
  const { count: perBatch, at: tileAt } = rasterOf(g, ROWS, width),
    tiles = g.batch * parts * perBatch,
    groups = Math.min(tiles, units.processors);
  const boxOf = ({ tensor, across }: Bulk, size: number): TensorBox => ({
    ...tensor,
    box: [LINE, across ? LINE : size, ...(g.batch === 1 ? [] : [1])],
  });
  const set = exprVar("set", "i32"),
    full = (stage: Expr): Expr => stage,
    free = (stage: Expr): Expr => arith("add", stage, int(stages));
  /** The group's tiles one after another, and all strips of each: `count` runs over the strips of all of them. */
  const tilesOf = (
    body: (
      at: { readonly batch: Expr; readonly part: Expr; readonly top: Expr; readonly left: Expr },
      each: (one: Turn) => TiledStmt[],
      count: Expr,
    ) => TiledStmt[],
  ): TiledStmt[] => {
    const count = exprVar("count", "i32"),
      turn = exprVar("turn", "i32"),
      tile = exprVar("tile", "i32"),
      where = tileAt(arith("rem", tile, int(perBatch))),
      top = exprVar("top", "i32"),
      left = exprVar("left", "i32"),
      whose = exprVar("whose", "i32"),
      part = arith("rem", whose, int(parts)),
      first = arith("mul", part, int(share));
    const each = (one: Turn): TiledStmt[] => {
      const strip = exprVar("strip", "i32"),
        stage = exprVar("stage", "i32");
      return [
        {
          kind: "for",
          v: strip,
          begin: first,
          end: parts === 1 ? int(strips) : arith("min", arith("add", first, int(share)), int(strips)),
          body: [
            { kind: "let", v: stage, value: arith("rem", count, int(stages)) },
            ...one(less(first, strip), strip, stage, s.binary("and", arith("div", count, int(stages)), int(1))),
            { kind: "set", v: count, value: arith("add", count, int(1)) },
          ],
        },
      ];
    };
    return [
      { kind: "let", v: count, value: int(0) },
      {
        kind: "for",
        v: turn,
        begin: int(0),
        end: arith("div", arith("sub", int(tiles - 1 + groups), b.group), int(groups)),
        body: [
          { kind: "let", v: tile, value: arith("add", arith("mul", turn, int(groups)), b.group) },
          ...where.before,
          { kind: "let", v: top, value: where.top },
          { kind: "let", v: left, value: where.left },
          { kind: "let", v: whose, value: g.batch * parts === 1 ? int(0) : arith("div", tile, int(perBatch)) },
          ...body({ batch: arith("div", whose, int(parts)), part, top, left }, each, count),
        ],
      },
    ];
  };
  const bring = tilesOf(({ batch, top, left }, each) =>
    each((_, strip, stage, round) => [
      { kind: "awaitPhase", signal: free(stage), parity: s.binary("xor", round, int(1)) },
      { kind: "expect", signal: full(stage), bytes: 2 * (sizes[0] + sizes[1]) },
      ...(
        [
          [0, lhs, top, ROWS],
          [1, rhs, left, width],
        ] as const
      ).flatMap(([q, o, start, size]) =>
        Array.from({ length: o.across ? size / LINE : 1 }, (_, panel): TiledStmt => {
          const outer = arith("add", start, int(panel * LINE)),
            deep = arith("mul", strip, int(LINE));
          return {
            kind: "copyBox",
            box: q,
            at: [...(o.across ? [outer, deep] : [deep, outer]), ...(g.batch === 1 ? [] : [batch])],
            into: buffers[q],
            to: arith("add", arith("mul", stage, int(sizes[q])), int(panel * LINE * LINE)),
            signal: full(stage),
          };
        }),
      ),
    ]),
  );
  const blocks = Array.from({ length: width / BLOCK }, () => SUMS.map((): ExprVar => exprVar("sum", "f32"))),
    sums = blocks.flat(),
    mine = exprVar("mine", "i32"), // the set's number among those that multiply
    lane = exprVar("within", "i32");
  const operandOf = (q: 0 | 1, o: Bulk, stage: Expr, first: Expr, step: number): SharedOperand => ({
    buf: buffers[q],
    index: arith("add", arith("add", arith("mul", stage, int(sizes[q])), first), int(step * DEPTH * (o.across ? LINE : 1))),
    across: o.across,
    panel: LINE * LINE,
  });
  const release = (stage: Expr): TiledStmt => when(s.compare("eq", lane, int(0)), [{ kind: "arrive", signal: free(stage) }]);
  const workspace = parts === 1 ? undefined : b.memory("workspace", "f32", parts * g.batch * g.m * g.n);
  const multiply = tilesOf(({ batch, part, top, left }, each, count) => [
    ...sums.map((v): TiledStmt => ({ kind: "set", v, value: s.const(0, "f32") })),
    ...each((later, _, stage, round) => [
      { kind: "awaitPhase", signal: full(stage), parity: round },
      { kind: "fenceProducts" },
      ...Array.from({ length: LINE / DEPTH }, (_, step): TiledStmt => ({
        kind: "multiplyShared",
        sums,
        dtype,
        lhs: operandOf(0, lhs, stage, arith("mul", mine, int(LINE * LINE)), step),
        rhs: operandOf(1, rhs, stage, int(0), step),
      })),
      { kind: "commitProducts" },
      { kind: "waitProducts", pending: 1 }, // the strip before has been read
      when(later, [release(arith("rem", arith("add", count, int(stages - 1)), int(stages)))]),
    ]),
    { kind: "waitProducts", pending: 0 },
    release(arith("rem", arith("sub", count, int(1)), int(stages))),
    scoped(
      resultsOf(
        {
          g,
          cut: { m: ROWS, n: width },
          aligned,
          batch,
          row: arith(
            "add",
            top,
            arith("add", arith("mul", mine, int(64)), arith("mul", arith("div", arith("rem", b.lane, int(SET)), int(32)), int(16))),
          ),
          col: left,
          quad: arith("div", lane, int(4)),
          place: arith("rem", lane, int(4)),
          sums: blocks,
          across: blocks.length,
        },
        workspace === undefined ? sequential(prepare(g.epilogue, target)) : storePart(g, workspace, part, batch),
      ),
    ),
  ]);
  return b.finish(
    g.name,
    g.params,
    SET * (SETS + 1),
    groups,
    [
      { kind: "let", v: set, value: arith("div", b.lane, int(SET)) },
      {
        kind: "if",
        cond: less(set, int(1)),
        yes: [{ kind: "registers", count: FEW, more: false }, when(s.compare("eq", b.lane, int(0)), bring)],
        no: [
          { kind: "registers", count: MANY, more: true },
          { kind: "let", v: mine, value: arith("sub", set, int(1)) },
          { kind: "let", v: lane, value: arith("rem", b.lane, int(32)) },
          ...sums.map((v): TiledStmt => ({ kind: "let", v, value: s.const(0, "f32") })),
          ...multiply,
        ],
      },
    ],
    {
      boxes: [boxOf(lhs, ROWS), boxOf(rhs, width)],
      signals: [...new Array<number>(stages).fill(1), ...new Array<number>(stages).fill(4 * SETS)],
    },
  );
}
