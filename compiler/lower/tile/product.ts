// Matrix products by register tiles: a group computes a rectangle of the result, each thread a small one, from strips of both operands in shared memory. Whatever is fused
// into the operands runs as they are fetched, whatever follows the sums runs on registers. Sums over l are in order: bits do not depend on the tile.
import type { GemmKernel, LoopKernel } from "../../ir/kernel.ts";
import { replaceVars } from "../../ir/exprs.ts";
import { exprVar, scalarOps, type Expr, type ExprVar } from "../../ir/scalar.ts";
import type { TiledStmt } from "../../ir/tiled.ts";
import { interner, prepare } from "../prepare.ts";
import { expander } from "../elementary/expand.ts";
import { followsL } from "./follows.ts";
import { arith, int, less, load, TileBuilder, when, type Tiled } from "./builder.ts";
import { sequential } from "./statements.ts";
import type { TileTarget } from "./target.ts";

/** A tile: `m` x `n` results a group, `k` of the contracted index at a time, `rows` x `cols` results a thread. */
export interface TileShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly rows: number;
  readonly cols: number;
}

/** A tile for a product of this size. */
export function chooseTile({ m, n, dtype }: Pick<GemmKernel, "m" | "n" | "dtype">, target: TileTarget): TileShape {
  const side = (x: number): number => (x > 32 ? 64 : x > 16 ? 32 : 16),
    rows = side(m),
    cols = side(n),
    each = (x: number): number => (x === 64 ? 4 : 2);
  const shape = { m: rows, n: cols, k: 16, rows: each(rows), cols: each(cols) },
    threads = (rows / shape.rows) * (cols / shape.cols);
  const bytes = (rows + cols) * shape.k * (dtype === "f64" ? 8 : 4);
  return threads <= target.threads && bytes <= target.sharedBytes ? shape : { m: 16, n: 16, k: 8, rows: 2, cols: 2 };
}

/** A product with hardly any rows or columns: a fold for each result. */
export function asLoops(g: GemmKernel): LoopKernel {
  const at = exprVar("at", "i32"),
    { b, i, j, l, acc } = g.vars,
    p = exprVar("p", g.dtype),
    q = exprVar("q", g.dtype),
    row = arith("div", at, int(Math.max(1, g.n)));
  return {
    kind: "loop",
    name: g.name,
    params: g.params,
    scratch: [],
    grid: { v: at, extent: g.batch * g.m * g.n, cost: 2 * g.k },
    body: [
      { kind: "let", v: b, value: arith("div", row, int(Math.max(1, g.m))) },
      { kind: "let", v: i, value: arith("rem", row, int(Math.max(1, g.m))) },
      { kind: "let", v: j, value: arith("rem", at, int(Math.max(1, g.n))) },
      {
        kind: "fold",
        v: l,
        begin: int(0),
        end: int(g.k),
        folds: [{ acc, init: scalarOps.const(0, g.dtype) }],
        body: [],
        values: [scalarOps.binary("mul", g.lhs, g.rhs)],
        a: [p],
        b: [q],
        combine: [scalarOps.binary("add", p, q)],
      },
      ...g.epilogue,
    ],
  };
}

/** The product by tiles. */
export function productTile(g: GemmKernel, tile: TileShape, target: TileTarget): Tiled {
  const t = new TileBuilder(),
    { b, i, j, l, acc } = g.vars,
    threads = (tile.m / tile.rows) * (tile.n / tile.cols),
    across = tile.n / tile.cols;
  const tilesM = Math.ceil(g.m / tile.m),
    tilesN = Math.ceil(g.n / tile.n),
    batch = exprVar("batch", "i32"),
    top = exprVar("top", "i32"),
    left = exprVar("left", "i32"),
    strip = exprVar("strip", "i32");
  const ty = exprVar("ty", "i32"),
    tx = exprVar("tx", "i32"),
    inBatch = arith("rem", t.group, int(Math.max(1, tilesM * tilesN)));
  const lhsTile = t.memory("shared", g.dtype, tile.k * tile.m),
    rhsTile = t.memory("shared", g.dtype, tile.k * tile.n);
  const share = interner(),
    expand = expander(target),
    ready = (e: Expr): Expr => share(expand(e));
  /** Fetch an operand's strip: element (outer, l) of the tile at [l * size + outer], zero outside. */
  const fetch = (buf: number, size: number, operand: Expr, outer: ExprVar, start: Expr, limit: number): TiledStmt[] => {
    const e = ready(operand),
      alongL = followsL(e, l, outer),
      count = Math.ceil((size * tile.k) / threads),
      exact = (size * tile.k) % threads === 0;
    return Array.from({ length: count }, (_, r): TiledStmt => {
      const at = exprVar("at", "i32"),
        o = exprVar("o", "i32"),
        k = exprVar("k", "i32"),
        x = exprVar("x", "i32"),
        y = exprVar("y", "i32");
      const inside = [...(limit % size === 0 ? [] : [less(x, int(limit))]), ...(g.k % tile.k === 0 ? [] : [less(y, int(g.k))])],
        clamped = (v: Expr, n: number, whole: boolean): Expr => (whole ? v : arith("min", v, int(n - 1)));
      const value = replaceVars(
        e,
        new Map([
          [b.id, batch],
          [outer.id, clamped(x, limit, limit % size === 0)],
          [l.id, clamped(y, g.k, g.k % tile.k === 0)],
        ]),
      );
      const guarded = inside.reduceRight<Expr>((v, c) => scalarOps.select(c, v, scalarOps.const(0, g.dtype)), value);
      const place = arith("add", t.lane, int(r * threads));
      return when(exact ? undefined : less(place, int(size * tile.k)), [
        { kind: "let", v: at, value: place },
        { kind: "let", v: o, value: alongL ? arith("div", at, int(tile.k)) : arith("rem", at, int(size)) },
        { kind: "let", v: k, value: alongL ? arith("rem", at, int(tile.k)) : arith("div", at, int(size)) },
        { kind: "let", v: x, value: arith("add", start, o) },
        { kind: "let", v: y, value: arith("add", strip, k) },
        { kind: "store", buf, index: arith("add", arith("mul", k, int(size)), o), value: guarded },
      ]);
    });
  };
  const sums = Array.from({ length: tile.rows * tile.cols }, (_, r) => exprVar(`sum${r}`, g.dtype)),
    row = Array.from({ length: tile.rows }, () => exprVar("a", g.dtype)),
    col = Array.from({ length: tile.cols }, () => exprVar("b", g.dtype)),
    kk = exprVar("kk", "i32");
  const body: TiledStmt[] = [
    { kind: "let", v: batch, value: g.batch === 1 ? int(0) : arith("div", t.group, int(Math.max(1, tilesM * tilesN))) },
    { kind: "let", v: top, value: arith("mul", arith("div", inBatch, int(Math.max(1, tilesN))), int(tile.m)) },
    { kind: "let", v: left, value: arith("mul", arith("rem", inBatch, int(Math.max(1, tilesN))), int(tile.n)) },
    { kind: "let", v: ty, value: arith("mul", arith("div", t.lane, int(across)), int(tile.rows)) },
    { kind: "let", v: tx, value: arith("mul", arith("rem", t.lane, int(across)), int(tile.cols)) },
    ...sums.map((v): TiledStmt => ({ kind: "let", v, value: scalarOps.const(0, g.dtype) })),
    { kind: "for", v: exprVar("step", "i32"), begin: int(0), end: int(Math.ceil(g.k / tile.k)), body: [] },
  ];
  const step = body.pop() as Extract<TiledStmt, { kind: "for" }>; // pushed just above
  body.push({
    ...step,
    body: [
      { kind: "let", v: strip, value: arith("mul", step.v, int(tile.k)) },
      ...fetch(lhsTile, tile.m, g.lhs, i, top, g.m),
      ...fetch(rhsTile, tile.n, g.rhs, j, left, g.n),
      { kind: "barrier" },
      {
        kind: "for",
        v: kk,
        begin: int(0),
        end: int(tile.k),
        body: [
          ...vector(row, lhsTile, arith("add", arith("mul", kk, int(tile.m)), ty)),
          ...vector(col, rhsTile, arith("add", arith("mul", kk, int(tile.n)), tx)),
          ...sums.map((v, r): TiledStmt => ({
            kind: "set",
            v,
            value: scalarOps.fma(row[Math.floor(r / tile.cols)] as Expr, col[r % tile.cols] as Expr, v),
          })), // a sum for each pair
        ],
      },
      { kind: "barrier" },
    ],
  });
  const epilogue = sequential(prepare(g.epilogue, target));
  sums.forEach((sum, r) => {
    const inside = [...(g.m % tile.m === 0 ? [] : [less(i, int(g.m))]), ...(g.n % tile.n === 0 ? [] : [less(j, int(g.n))])];
    body.push(
      when(undefined, [
        { kind: "let", v: b, value: batch },
        { kind: "let", v: i, value: arith("add", top, arith("add", ty, int(Math.floor(r / tile.cols)))) },
        { kind: "let", v: j, value: arith("add", left, arith("add", tx, int(r % tile.cols))) },
        { kind: "let", v: acc, value: sum },
        when(
          inside.reduce<Expr | undefined>((x, y) => (x ? scalarOps.binary("and", x, y) : y), undefined),
          epilogue,
        ),
      ]),
    );
  });
  return t.finish(g.name, g.params, threads, g.batch * tilesM * tilesN, body);
}

/** Neighbouring elements of shared memory: in fours or twos where that is a vector. */
function vector(into: readonly ExprVar[], buf: number, index: Expr): TiledStmt[] {
  const dtype = into[0]?.dtype ?? "f32";
  return dtype !== "f64" && (into.length === 2 || into.length === 4)
    ? [{ kind: "loadVector", into, buf, index }]
    : into.map((v, q): TiledStmt => ({ kind: "let", v, value: load(buf, dtype, arith("add", index, int(q))) }));
}
