// Products with hardly any rows or columns: a matrix and a few vectors, so that all there is to do is to read the matrix once, side by side. The threads of a group share the sums of a few rows: where the
// matrix lies along the contracted index neighbours go along that, else along the rows; each has some rows and every vector in registers. Partial sums meet in shared memory, in order.
import type { GemmKernel } from "../../../ir/kernel.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { interner, prepare } from "../../prepare.ts";
import { arith, int, less, load, TileBuilder, when, type Tiled } from "../builder.ts";
import { storePart } from "./split.ts";
import { sequential } from "../statements.ts";
import { lieOf } from "./strips.ts";
import { powerOfTwo, type TileTarget } from "../target.ts";

/** Threads of a group; rows of a thread where there are plenty; a thread's turns, at least, before a sum is shared by more threads, or split among groups. */
const THREADS = 64,
  ROWS = 4,
  TURNS = 8;
/** Groups that a product should have, and the most parts of a sum. */
const GROUPS = 64,
  MOST_PARTS = 16;

/** How the work is dealt out: `slices` threads share a sum, `rows` rows a thread, `parts` groups share a sum; `deep` contracted neighbours are read together. */
export interface ThinCut {
  readonly slices: number;
  readonly rows: number;
  readonly parts: number;
  readonly deep: 1 | 4;
}
/** (xy)ᵀ = yᵀxᵀ: rows for columns. */
export const transposed = (g: GemmKernel): GemmKernel => ({
  ...g,
  m: g.n,
  n: g.m,
  vars: { ...g.vars, i: g.vars.j, j: g.vars.i },
  lhs: g.rhs,
  rhs: g.lhs,
});
/** Does the matrix stand on the left? */
const standing = (g: GemmKernel): GemmKernel => (g.m < g.n ? transposed(g) : g);

/** The cut: of sizes and of how the matrix lies, not of the card, since it decides the order of sums. */
export function thinCut(given: GemmKernel, aligned: (param: number) => number): ThinCut {
  const g = standing(given),
    lie = lieOf(g.lhs, g, g.vars.i, g.m, aligned),
    deep = lie.along === "l" && lie.fours ? 4 : 1,
    turns = Math.ceil(g.k / deep);
  const rows = g.batch * g.m >= ROWS * THREADS ? ROWS : 1,
    items = Math.ceil(g.m / rows);
  const most = lie.along === "l" ? THREADS : THREADS / 8, // eight neighbours read a sector of 32 bytes
    wanted = powerOfTwo(Math.max(1, Math.floor(turns / TURNS))),
    slices = Math.min(most, lie.along === "l" ? Math.max(wanted, powerOfTwo(Math.ceil(THREADS / items))) : wanted);
  const groups = g.batch * Math.ceil(items / (THREADS / slices)),
    parts = Math.min(MOST_PARTS, Math.floor(GROUPS / Math.max(1, groups)), Math.floor(turns / (slices * TURNS)));
  return { slices, rows, parts: Math.max(1, parts), deep };
}

/** The product. One in parts leaves the sums of each in its workspace: [parts, batch, m, n], whichever way round it was computed. */
export function thinTile(given: GemmKernel, cut: ThinCut, aligned: (param: number) => number, target: TileTarget): Tiled {
  const g = standing(given),
    t = new TileBuilder(),
    { slices, rows, parts, deep } = cut,
    { b, i, j, l, acc } = g.vars,
    lie = lieOf(g.lhs, g, i, g.m, aligned);
  const items = THREADS / slices,
    blocks = Math.ceil(g.m / (items * rows)),
    turns = Math.ceil(g.k / deep),
    each = Math.ceil(turns / parts);
  const share = interner(),
    expand = expander(target),
    [lhs, rhs] = [g.lhs, g.rhs].map(e => share(expand(e))) as [Expr, Expr]; // two for two
  const batch = exprVar("batch", "i32"),
    part = exprVar("part", "i32"),
    top = exprVar("top", "i32"),
    slice = exprVar("slice", "i32"),
    item = exprVar("item", "i32"),
    turn = exprVar("turn", "i32"),
    at = exprVar("at", "i32"),
    end = exprVar("end", "i32"),
    whose = arith("div", t.group, int(blocks));
  const workspace = parts === 1 ? undefined : t.memory("workspace", g.dtype, parts * g.batch * g.m * g.n),
    results = items * rows * g.n,
    partial = t.memory("shared", g.dtype, slices * results),
    sums = Array.from({ length: rows * g.n }, () => exprVar("sum", g.dtype));
  const bound = (e: Expr, outer: ExprVar, x: Expr, y: Expr): Expr =>
      replaceVars(
        e,
        new Map([
          [b.id, batch],
          [outer.id, x],
          [l.id, y],
        ]),
      ),
    places = (n: number): number[] => Array.from({ length: n }, (_, q) => q);
  /** Row number `r` of the thread; past the edge the last is summed again, and not stored. */
  const row = (r: number): Expr => {
    const x = arith("add", top, rowOf(item, r));
    return g.m % (items * rows) === 0 ? x : arith("min", x, int(g.m - 1));
  };
  const rowOf = (thread: Expr, r: number): Expr =>
    lie.along === "l" ? arith("add", thread, int(r * items)) : arith("add", arith("mul", thread, int(rows)), int(r));
  const first = arith("mul", at, int(deep)),
    read: TiledStmt[] = [],
    name = (value: Expr): ExprVar => {
      const v = exprVar("x", g.dtype);
      read.push({ kind: "let", v, value });
      return v;
    },
    fours = (buf: number, index: Expr): ExprVar[] => {
      const into = places(4).map(() => exprVar("four", g.dtype));
      read.push({ kind: "loadVector", into, buf, index });
      return into;
    };
  const ys = places(g.n).map(c => places(deep).map(q => name(bound(rhs, j, int(c), arith("add", first, int(q)))))),
    xs = rowsRead();
  /** The matrix's elements of this turn: of each row, the contracted neighbours. */
  function rowsRead(): readonly (readonly ExprVar[])[] {
    const plain = g.lhs;
    if (plain.kind === "load" && lie.fours && lie.along === "l")
      return places(rows).map(r => fours(plain.buf, bound(plain.index, i, row(r), first)));
    if (plain.kind === "load" && lie.fours && rows === 4) {
      const x = arith("add", top, arith("mul", item, int(rows))),
        inside = g.m % (items * rows) === 0 ? x : arith("min", x, int(g.m - 4));
      return fours(plain.buf, bound(plain.index, i, inside, first)).map(v => [v]);
    }
    return places(rows).map(r => places(deep).map(q => name(bound(lhs, i, row(r), arith("add", first, int(q))))));
  }
  const add = sums.flatMap((v, q) =>
    places(deep).map((d): TiledStmt => ({
      kind: "set",
      v,
      value: s.fma(xs[Math.floor(q / g.n)]?.[d] as Expr, ys[q % g.n]?.[d] as Expr, v), // a sum for each row and vector
    })),
  );
  const meet = (q: number, r: Expr): Expr => arith("add", int(q * results), r),
    spot = (r: number, c: number): Expr => arith("add", arith("mul", rowOf(item, r), int(g.n)), int(c));
  const after: readonly TiledStmt[] =
    workspace === undefined ? sequential(prepare(g.epilogue, target)) : storePart(given, workspace, part, b);
  const body: TiledStmt[] = [
    { kind: "let", v: batch, value: g.batch * parts === 1 ? int(0) : arith("div", whose, int(parts)) },
    { kind: "let", v: part, value: parts === 1 ? int(0) : arith("rem", whose, int(parts)) },
    { kind: "let", v: top, value: arith("mul", arith("rem", t.group, int(blocks)), int(items * rows)) },
    { kind: "let", v: slice, value: lie.along === "l" ? arith("rem", t.lane, int(slices)) : arith("div", t.lane, int(items)) },
    { kind: "let", v: item, value: lie.along === "l" ? arith("div", t.lane, int(slices)) : arith("rem", t.lane, int(items)) },
    ...sums.map((v): TiledStmt => ({ kind: "let", v, value: s.const(0, g.dtype) })),
    {
      kind: "let",
      v: end,
      value: parts === 1 ? int(turns) : arith("min", arith("mul", arith("add", part, int(1)), int(each)), int(turns)),
    },
    {
      kind: "for",
      v: turn,
      begin: int(0),
      end: int(Math.ceil(each / slices)),
      body: [
        { kind: "let", v: at, value: arith("add", arith("add", arith("mul", part, int(each)), arith("mul", turn, int(slices))), slice) },
        when(each % slices === 0 && turns % each === 0 ? undefined : less(at, end), [...read, ...add]),
      ],
    },
    ...sums.map((v, q): TiledStmt => ({
      kind: "store",
      buf: partial,
      index: arith("add", arith("mul", slice, int(results)), spot(Math.floor(q / g.n), q % g.n)),
      value: v,
    })),
    { kind: "barrier" },
  ];
  for (let q = 0; q * THREADS < results; q++) {
    const r = arith("add", t.lane, int(q * THREADS)),
      parted: Expr[] = places(slices).map(p => load(partial, g.dtype, meet(p, r)));
    const inside = [
      ...((q + 1) * THREADS <= results ? [] : [less(r, int(results))]),
      ...(g.m % (items * rows) === 0 ? [] : [less(i, int(g.m))]),
    ].reduce<Expr | undefined>((x, y) => (x ? s.binary("and", x, y) : y), undefined);
    body.push(
      when(undefined, [
        { kind: "let", v: b, value: batch },
        { kind: "let", v: i, value: arith("add", top, arith("div", r, int(g.n))) },
        { kind: "let", v: j, value: arith("rem", r, int(g.n)) },
        when(inside, [{ kind: "let", v: acc, value: parted.reduce((x, y) => s.binary("add", x, y)) }, ...after]),
      ]),
    );
  }
  return t.finish(g.name, g.params, THREADS, g.batch * parts * blocks, body);
}
