// Matrix products where threads share nothing: each keeps a block of sums in variables and reads both operands from memory. For adapters that compute on a CPU: its caches do what
// shared memory does, neighbouring threads are the lanes of one vector register, and barriers are what costs. The order of sums is that of every other tile: over l, one by one.
import type { GemmKernel } from "../../../ir/kernel.ts";
import { operands, replaceVars } from "../../../ir/exprs.ts";
import { exprVar, scalarOps, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { interner, prepare } from "../../prepare.ts";
import { expander } from "../../elementary/expand.ts";
import { arith, int, less, load, TileBuilder, when, type Tiled } from "../builder.ts";
import { sequential } from "../statements.ts";
import { powerOfTwo, type TileTarget } from "../target.ts";

/** A block: `threads` neighbours side by side, each with `rows` x `cols` sums; its columns are `threads` apart, so that neighbours read neighbours. */
export interface DirectShape {
  readonly threads: number;
  readonly rows: number;
  readonly cols: number;
}
/** Most sums of a thread, rows and columns of them, threads of a group. */
const SUMS = 64,
  SIDE = 8,
  WIDEST = 8;
/** So many sums are finished one after another in the text. */
const FEW = 4;
/** Groups that a product should have, so that every core has work. */
const GROUPS = 16;

/** A block for a product of this size. */
export function chooseDirect({ batch, m, n }: Pick<GemmKernel, "batch" | "m" | "n">, target: TileTarget): DirectShape {
  const threads = Math.min(target.threads, Math.max(WIDEST, target.subgroup), powerOfTwo(n)),
    groups = (rows: number, cols: number): number => batch * Math.ceil(m / rows) * Math.ceil(n / (threads * cols));
  let rows = Math.min(SIDE, powerOfTwo(m)),
    cols = Math.min(SIDE, SUMS / rows, powerOfTwo(Math.ceil(n / threads)));
  while (rows * cols > 4 && groups(rows, cols) < GROUPS) {
    if (rows > cols) rows /= 2;
    else cols /= 2;
  }
  return { threads, rows, cols };
}

/** The product by blocks. Neighbours go along the side whose elements are neighbours in memory. */
export function directTile(g: GemmKernel, target: TileTarget): Tiled {
  const along = (e: Expr, v: ExprVar): boolean => loads(e).some(x => coefficient(x.index, v) === 1);
  const turned = !along(g.rhs, g.vars.j) && along(g.lhs, g.vars.i) && g.m >= target.subgroup;
  const p = turned ? transposed(g) : g;
  return blocks(p, chooseDirect(p, target), target);
}
/** (xy)ᵀ = yᵀxᵀ: the same sums, rows for columns. */
const transposed = (g: GemmKernel): GemmKernel => ({
  ...g,
  m: g.n,
  n: g.m,
  vars: { ...g.vars, i: g.vars.j, j: g.vars.i },
  lhs: g.rhs,
  rhs: g.lhs,
});
function loads(e: Expr): Extract<Expr, { kind: "load" }>[] {
  return [...(e.kind === "load" ? [e] : []), ...operands(e).flatMap(loads)];
}

function blocks(g: GemmKernel, { threads, rows, cols }: DirectShape, target: TileTarget): Tiled {
  const t = new TileBuilder(),
    { b, i, j, l, acc } = g.vars,
    width = threads * cols,
    across = Math.ceil(g.n / width),
    down = Math.ceil(g.m / rows);
  const batch = exprVar("batch", "i32"),
    top = exprVar("top", "i32"),
    left = exprVar("left", "i32"),
    step = exprVar("step", "i32"),
    block = arith("rem", t.group, int(Math.max(1, across * down)));
  const share = interner(),
    expand = expander(target);
  const row = (r: number): Expr => arith("add", top, int(r)),
    col = (c: number): Expr => arith("add", left, int(c * threads)),
    inside = (x: Expr, n: number, exact: boolean): Expr => (exact ? x : arith("min", x, int(n - 1))); // past the end the last is computed again, and not stored
  const [wholeRows, wholeCols] = [g.m % rows === 0, g.n % width === 0];
  const read = (name: string, operand: Expr, outer: ExprVar, at: readonly Expr[]): [ExprVar[], TiledStmt[]] => {
    const vars = at.map(() => exprVar(name, g.dtype)),
      e = share(expand(operand));
    return [
      vars,
      vars.map((v, q): TiledStmt => ({
        kind: "let",
        v,
        value: replaceVars(
          e,
          new Map([
            [b.id, batch],
            [outer.id, at[q] as Expr], // a place each
            [l.id, step],
          ]),
        ),
      })),
    ];
  };
  const places = (n: number, f: (q: number) => Expr): Expr[] => Array.from({ length: n }, (_, q) => f(q));
  const [xs, readRows] = read(
      "x",
      g.lhs,
      i,
      places(rows, r => inside(row(r), g.m, wholeRows)),
    ),
    [ys, readCols] = read(
      "y",
      g.rhs,
      j,
      places(cols, c => inside(col(c), g.n, wholeCols)),
    );
  const sums = Array.from({ length: rows * cols }, () => exprVar("sum", g.dtype));
  const epilogue = sequential(prepare(g.epilogue, target)),
    within = [...(wholeRows ? [] : [less(i, int(g.m))]), ...(wholeCols ? [] : [less(j, int(g.n))])];
  const finish = (r: Expr, c: Expr, sum: Expr): TiledStmt =>
    when(undefined, [
      { kind: "let", v: b, value: batch },
      { kind: "let", v: i, value: arith("add", top, r) },
      { kind: "let", v: j, value: arith("add", left, arith("mul", c, int(threads))) },
      { kind: "let", v: acc, value: sum },
      when(
        within.reduce<Expr | undefined>((x, y) => (x ? scalarOps.binary("and", x, y) : y), undefined),
        epilogue,
      ),
    ]);
  return t.finish(g.name, g.params, threads, g.batch * across * down, [
    { kind: "let", v: batch, value: g.batch === 1 ? int(0) : arith("div", t.group, int(Math.max(1, across * down))) },
    { kind: "let", v: top, value: arith("mul", arith("div", block, int(Math.max(1, across))), int(rows)) },
    { kind: "let", v: left, value: arith("add", arith("mul", arith("rem", block, int(Math.max(1, across))), int(width)), t.lane) },
    ...sums.map((v): TiledStmt => ({ kind: "let", v, value: scalarOps.const(0, g.dtype) })),
    {
      kind: "for",
      v: step,
      begin: int(0),
      end: int(g.k),
      body: [
        ...readRows,
        ...readCols,
        ...sums.map((v, q): TiledStmt => ({
          kind: "set",
          v,
          value: scalarOps.fma(xs[Math.floor(q / cols)] as Expr, ys[q % cols] as Expr, v),
        })), // a sum for each pair
      ],
    },
    ...(sums.length <= FEW
      ? sums.map((sum, q) => finish(int(Math.floor(q / cols)), int(q % cols), sum))
      : oneByOne(t, g, sums, cols, finish)),
  ]);
}
/** What is done with many sums, once in the text: compilers for CPUs take long over every access to memory that is written out. */
function oneByOne(
  t: TileBuilder,
  { dtype }: GemmKernel,
  sums: readonly ExprVar[],
  cols: number,
  finish: (r: Expr, c: Expr, sum: Expr) => TiledStmt,
): TiledStmt[] {
  const kept = t.memory("local", dtype, sums.length),
    q = exprVar("which", "i32");
  return [
    ...sums.map((value, at): TiledStmt => ({ kind: "store", buf: kept, index: int(at), value })),
    {
      kind: "for",
      v: q,
      begin: int(0),
      end: int(sums.length),
      body: [finish(arith("div", q, int(cols)), arith("rem", q, int(cols)), load(kept, dtype, q))],
    },
  ];
}
