// A product out of subgroup matrices: strips of both operands come to shared memory as for other products, subgroups multiply matrices of them, and the sums go block by block through shared memory to
// threads that know which results they have, where what follows the product runs.
import { subgroupMatrix, type Matrix } from "../../../ir/subgroup_matrix.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { prepare } from "../../prepare.ts";
import { arith, dealtOut, int, less, TileBuilder, when, type Tiled } from "../builder.ts";
import { storesTogether } from "../product/neighbours.ts";
import { Frame } from "../product/frame.ts";
import { storePart } from "../product/split.ts";
import { sequential } from "../statements.ts";
import type { Strips } from "../product/strips.ts";
import type { SubgroupUnits, TileTarget } from "../target.ts";
import { threadsOf, type SubgroupCut } from "./cut.ts";

/** The kernel. A product in parts leaves the sums of each in its workspace: [parts, batch, m, n]. */
export function subgroupTile(
  g: GemmKernel,
  cut: SubgroupCut,
  parts: number,
  aligned: (param: number) => number,
  target: TileTarget,
  units: SubgroupUnits,
): Tiled {
  const b = new TileBuilder(),
    threads = threadsOf(cut, units),
    frame = new Frame(g, b, { cut, threads, parts, aligned }, target),
    { down, across, unit } = cut;
  const workspace = parts === 1 ? undefined : b.memory("workspace", "f32", parts * g.batch * g.m * g.n),
    after = workspace === undefined ? sequential(prepare(g.epilogue, target)) : storePart(g, workspace, frame.part, frame.batch);
  const rows = cut.m / down,
    cols = cut.n / across,
    blocks = Array.from({ length: (rows / unit.m) * (cols / unit.n) }, (_, q) => ({
      row: Math.floor(q / (cols / unit.n)) * unit.m,
      col: (q % (cols / unit.n)) * unit.n,
      sums: subgroupMatrix("sums", "f32", unit.m, unit.n),
    }));
  const above = arith("mul", arith("rem", b.subgroup, int(down)), int(rows)), // the first row and column of the subgroup's share
    beside = arith("mul", arith("div", b.subgroup, int(down)), int(cols));

  const multiply = (lhs: Strips, rhs: Strips, buffer: Expr): TiledStmt[] => {
    const step = exprVar("step", "i32"),
      line = arith("add", arith("mul", buffer, int(cut.k)), arith("mul", step, int(unit.k)));
    /** A matrix of each row or column of blocks. */
    const loaded = (
      o: Strips,
      role: "lhs" | "rhs",
      size: number,
      first: Expr,
    ): { readonly all: ReadonlyMap<number, Matrix>; readonly load: TiledStmt[] } => {
      const at = [...new Set(blocks.map(x => (role === "lhs" ? x.row : x.col)))],
        all = new Map(
          at.map(x => [
            x,
            role === "lhs" ? subgroupMatrix("lhs", unit.dtype, unit.m, unit.k) : subgroupMatrix("rhs", unit.dtype, unit.k, unit.n),
          ]),
        ),
        start = arith("add", arith("mul", line, int(size)), first),
        [r, c] = role === "lhs" ? [1, size] : [size, 1];
      return {
        all,
        load: [...all].map(([x, into]): TiledStmt => ({
          kind: "loadMatrix",
          into,
          buf: o.buf,
          index: arith("add", start, int(x)),
          rows: r,
          cols: c,
        })),
      };
    };
    const as = loaded(lhs, "lhs", cut.m, above),
      bs = loaded(rhs, "rhs", cut.n, beside);
    return [
      {
        kind: "for",
        v: step,
        begin: int(0),
        end: int(cut.k / unit.k),
        body: [
          ...as.load,
          ...bs.load,
          ...blocks.map(
            ({ row, col, sums }): TiledStmt => ({
              kind: "multiplyMatrices",
              sums,
              lhs: as.all.get(row) as Matrix,
              rhs: bs.all.get(col) as Matrix,
            }), // of every row and column
          ),
        ],
      },
    ];
  };

  const area = unit.m * unit.n,
    out = b.memory("shared", "f32", down * across * area),
    { i, j, b: batch, acc } = g.vars,
    run = storesTogether(after, { v: j, extent: g.n, params: g.params, aligned }, 4);
  const inside = [...(g.m % cut.m === 0 ? [] : [less(i, int(g.m))]), ...(g.n % cut.n === 0 ? [] : [less(j, int(g.n))])].reduce<
    Expr | undefined
  >((x, y) => (x ? s.binary("and", x, y) : y), undefined);
  /** What follows the product, for four neighbours of every subgroup's block that begins at (`row`, `col`) of its share. */
  const results = (row: number, col: number): TiledStmt[] =>
    dealtOut(b, threads, (down * across * area) / 4, e => {
      const flat = arith("mul", e, int(4)),
        whose = arith("div", flat, int(area)),
        place = arith("rem", flat, int(area));
      const top = arith(
          "add",
          arith("mul", arith("rem", whose, int(down)), int(rows)),
          arith("add", int(row), arith("div", place, int(unit.n))),
        ),
        left = arith(
          "add",
          arith("mul", arith("div", whose, int(down)), int(cols)),
          arith("add", int(col), arith("rem", place, int(unit.n))),
        ),
        four = [0, 1, 2, 3].map(() => exprVar("sum", "f32"));
      const bound = (q: number): TiledStmt[] => [
        { kind: "let", v: batch, value: frame.batch },
        { kind: "let", v: i, value: arith("add", frame.top, top) },
        { kind: "let", v: j, value: arith("add", frame.left, arith("add", left, int(q))) },
        { kind: "let", v: acc, value: four[q] as Expr }, // four of them
      ];
      return [
        { kind: "loadVector", into: four, buf: out, index: flat },
        ...(run
          ? [when(undefined, [...bound(0), when(inside, run([0, 1, 2, 3].map(bound)))])]
          : [0, 1, 2, 3].map(q => when(undefined, [...bound(q), when(inside, after)]))),
      ];
    });
  const barrier: TiledStmt = { kind: "barrier" };
  return b.finish(
    g.name,
    g.params,
    threads,
    frame.groups,
    [
      ...frame.places(),
      ...blocks.map(({ sums }): TiledStmt => ({ kind: "clearMatrix", into: sums })),
      ...frame.strips(multiply),
      ...blocks.flatMap(({ row, col, sums }, q): TiledStmt[] => [
        ...(q === 0 ? [] : [barrier]),
        { kind: "storeMatrix", from: sums, buf: out, index: arith("mul", b.subgroup, int(area)), rows: unit.n, cols: 1 },
        barrier,
        ...results(row, col),
      ]),
    ],
    { subgroup: { v: b.subgroup, threads: units.threads } },
  );
}
