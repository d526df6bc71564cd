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
import type { Coming } from "./boxes.ts";
import { producer, type Side } from "./bring.ts";
import { fetching, LINE, multiplying, producing } from "./prologue.ts";
import { rasterOf } from "./raster.ts";
import { resultsOf, type Held } from "./results.ts";
import { storesInBulk } from "./stores.ts";
import { byOne, ONLY_COPIES, roles, SET, SET_ROWS as ROWS, SETS, subgroupOf, THREADS } from "./sets.ts";
import { MOST_PARTS, partsTime, storePart } from "../product/split.ts";

/** Registers of both roles where the bringing set computes operands. */
const COMPUTES = { few: 120, many: 192 };
const STAGES = 4;
const DEPTH = 16;
/** Bytes for signals, and for memory to begin at a multiple of 1024. */
const RESERVED = 1024;
/** Tiles, and how much of the unit's rate of `cut.ts` each reaches (a guess until a card has been measured). A set multiplies a rectangle of 64 rows, or two below one another. */
const TILES = [
  { m: 128, n: 256, rate: 2.5 },
  { m: 256, n: 128, rate: 2.5 },
  { m: 128, n: 128, rate: 2.2 },
  { m: 128, n: 64, rate: 1.6 },
] as const;

/** Strips that a part of a sum has at least: the ring is filled and emptied once a part. */
const LEAST_STRIPS = 2 * STAGES;
/** A tile, into how many parts each sum is split, and the time that the product takes in units of `cut.ts`. */
export interface BulkCut {
  readonly m: number;
  readonly n: number;
  readonly parts: number;
  readonly time: number;
}
/** The fastest of the ways to cut a product. */
export function bulkCut(g: Pick<GemmKernel, "batch" | "m" | "n" | "k">, lhs: Coming, rhs: Coming, units: MatrixUnits): BulkCut {
  const strips = Math.ceil(g.k / LINE),
    most = Math.max(1, Math.min(MOST_PARTS, Math.floor(strips / LEAST_STRIPS)));
  const cuts = TILES.flatMap(({ m, n, rate }) => {
    const tiles = g.batch * Math.ceil(g.m / m) * Math.ceil(g.n / n),
      both = [
        { o: lhs, size: m },
        { o: rhs, size: n },
      ],
      computes = both.some(x => !x.o.tensor),
      produce = both.reduce((t, { o, size }) => t + (o.tensor ? 0 : producing(o, size, LINE, SET)), 0),
      fetch = fetching(both.reduce((t, { o, size }) => t + size * LINE * (o.tensor ? 2 : o.bytes), 0)),
      slower = computes ? Math.max(1, Math.max(produce, fetch) / multiplying(m * n * LINE, rate)) : 1; // whoever is slowest of those who bring, the cache, and those who multiply
    return Array.from({ length: most }, (_, p): BulkCut => {
      const each = Math.ceil(strips / (p + 1)),
        parts = Math.ceil(strips / each),
        turns = Math.ceil((tiles * parts) / units.processors);
      return { m, n, parts, time: ((turns * m * n * each) / strips / rate) * slower + partsTime(g, parts, units.processors) };
    });
  });
  return cuts.reduce((x, y) => (y.time < x.time ? y : x));
}

/** What happens with a strip: whether there was one before it in its tile, its number, its stage, and the parity of how often that has been filled. */
type Turn = (later: Expr, strip: Expr, stage: Expr, round: Expr) => TiledStmt[];

/** The kernel. A product in parts leaves the sums of each part in its workspace: f32 [parts, batch, m, n]. */
export function bulkTile(
  g: GemmKernel,
  lhs: Coming,
  rhs: Coming,
  { m: height, n: width, parts }: Omit<BulkCut, "time">,
  aligned: (param: number) => number,
  units: MatrixUnits,
  target: TileTarget,
): Tiled {
  const b = new TileBuilder(),
    dtype = g.operands === "f16" ? "f16" : "bf16",
    swizzle = { bits: 3, base: 4, shift: 7 },
    sizes = [height * LINE, width * LINE] as const,
    stages = Math.min(STAGES, Math.floor(units.sharedBytes / (2 * (sizes[0] + sizes[1]) + 64))),
    buffers = sizes.map(n => b.memory("shared", dtype, stages * n, { swizzle })) as [number, number], // two
    strips = Math.ceil(g.k / LINE),
    share = Math.ceil(strips / parts);
  const { count: perBatch, at: tileAt } = rasterOf(g, height, width),
    tiles = g.batch * parts * perBatch,
    groups = Math.min(tiles, units.processors);
  const sides: readonly Side[] = [
      { q: 0, o: lhs, size: height, value: g.lhs, outer: g.vars.i, limit: g.m },
      { q: 1, o: rhs, size: width, value: g.rhs, outer: g.vars.j, limit: g.n },
    ],
    boxed = sides.filter(x => x.o.tensor),
    computes = sides.filter(x => !x.o.tensor),
    boxes = boxed.flatMap(({ o: { tensor, across }, size }): TensorBox[] =>
      tensor ? [{ ...tensor, box: [LINE, across ? LINE : size, ...(g.batch === 1 ? [] : [1])] }] : [],
    );
  const full = (stage: Expr): Expr => stage,
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
  const produce = producer(b, g, computes, target);
  const bring = tilesOf(({ batch, top, left }, each) =>
    each((_, strip, stage, round) => {
      const deep = arith("mul", strip, int(LINE)),
        start = (q: 0 | 1): Expr => (q === 0 ? top : left),
        at = (q: 0 | 1): Expr => arith("mul", stage, int(sizes[q])); // where the stage begins
      const copies = boxed.flatMap(({ q, o, size }, box) =>
        Array.from({ length: o.across ? size / LINE : 1 }, (_, panel): TiledStmt => {
          const outer = arith("add", start(q), int(panel * LINE));
          return {
            kind: "copyBox",
            box,
            at: [...(o.across ? [outer, deep] : [deep, outer]), ...(g.batch === 1 ? [] : [batch])],
            into: buffers[q],
            to: arith("add", at(q), int(panel * LINE * LINE)),
            signal: full(stage),
          };
        }),
      );
      const bytes = 2 * boxed.reduce((n, { q }) => n + sizes[q], 0),
        one: TiledStmt[] = boxed.length === 0 ? [] : [{ kind: "expect", signal: full(stage), bytes }, ...copies];
      return [
        { kind: "awaitPhase", signal: free(stage), parity: s.binary("xor", round, int(1)) },
        ...(computes.length === 0
          ? one
          : [
              ...(one.length === 0 ? [] : [when(s.compare("eq", b.lane, int(0)), one)]),
              ...computes.flatMap(x => produce(x, buffers[x.q], at(x.q), start(x.q), deep, batch)),
              { kind: "fenceStores" } as const,
              { kind: "arrive", signal: full(stage) } as const,
            ]),
      ];
    }),
  );
  const rectangles = Array.from({ length: height / ROWS / SETS }, () =>
      Array.from({ length: width / BLOCK }, () => SUMS.map((): ExprVar => exprVar("sum", "f32"))),
    ),
    sums = rectangles.flat(2),
    under = (r: number): Expr => arith("mul", arith("add", arith("mul", mine, int(rectangles.length)), int(r)), int(ROWS)), // the first row of a rectangle in the tile
    mine = exprVar("mine", "i32"), // the set's number among those that multiply
    lane = exprVar("within", "i32");
  const operandOf = (q: 0 | 1, o: Coming, stage: Expr, first: Expr, step: number): SharedOperand => ({
    buf: buffers[q],
    index: arith("add", arith("add", arith("mul", stage, int(sizes[q])), first), int(step * DEPTH * (o.across ? LINE : 1))),
    across: o.across,
    panel: LINE * LINE,
  });
  const release = (stage: Expr): TiledStmt => when(s.compare("eq", lane, int(0)), [{ kind: "arrive", signal: free(stage) }]);
  const workspace = parts === 1 ? undefined : b.memory("workspace", "f32", parts * g.batch * g.m * g.n),
    after = sequential(prepare(g.epilogue, target)),
    bytes = units.sharedBytes - RESERVED - 2 * stages * (height + width) * LINE,
    stores =
      workspace === undefined ? storesInBulk(b, g, after, aligned, { box: boxes.length, subgroups: 4 * SETS, width, bytes }) : undefined;
  const multiply = tilesOf(({ batch, part, top, left }, each, count) => [
    ...sums.map((v): TiledStmt => ({ kind: "set", v, value: s.const(0, "f32") })),
    ...each((later, _, stage, round) => [
      { kind: "awaitPhase", signal: full(stage), parity: round },
      { kind: "fenceProducts" },
      ...Array.from({ length: LINE / DEPTH }, (_, step) =>
        rectangles.map((blocks, r): TiledStmt => ({
          kind: "multiplyShared",
          sums: blocks.flat(),
          dtype,
          lhs: operandOf(0, lhs, stage, arith("mul", under(r), int(LINE)), step),
          rhs: operandOf(1, rhs, stage, int(0), step),
        })),
      ).flat(),
      { kind: "commitProducts" },
      { kind: "waitProducts", pending: 1 }, // the strip before has been read
      when(later, [release(arith("rem", arith("add", count, int(stages - 1)), int(stages)))]),
    ]),
    { kind: "waitProducts", pending: 0 },
    release(arith("rem", arith("sub", count, int(1)), int(stages))),
    ...rectangles.map((blocks, r) => {
      const held: Held = {
        g,
        cut: { m: height, n: width },
        aligned,
        batch,
        row: arith("add", arith("add", top, under(r)), arith("mul", subgroupOf(b), int(16))),
        col: left,
        quad: arith("div", lane, int(4)),
        place: arith("rem", lane, int(4)),
        sums: blocks,
        across: blocks.length,
      };
      if (stores) return scoped(stores.store(held, arith("add", arith("mul", mine, int(4)), subgroupOf(b)), lane));
      return scoped(resultsOf(held, workspace === undefined ? after : storePart(g, workspace, part, batch)));
    }),
  ]);
  const registers = computes.length > 0 ? COMPUTES : ONLY_COPIES;
  return b.finish(
    g.name,
    g.params,
    THREADS,
    groups,
    roles(b, registers, computes.length > 0 ? bring : [byOne(b, bring)], {
      which: mine,
      within: lane,
      body: [
        ...sums.map((v): TiledStmt => ({ kind: "let", v, value: s.const(0, "f32") })),
        ...multiply,
        ...(stores ? [stores.finish(lane)] : []),
      ],
    }),
    {
      ...((boxes.length > 0 || stores) && { boxes: [...boxes, ...(stores ? [stores.box] : [])] }),
      signals: [
        ...new Array<number>(stages).fill((boxes.length > 0 ? 1 : 0) + (computes.length > 0 ? SET : 0)),
        ...new Array<number>(stages).fill(4 * SETS),
      ],
    },
  );
}
