// Few long rows on a machine of many threads: every loop of a row's kernel becomes a launch over pieces of the rows. A fold leaves a result for each piece, which whoever needs
// the whole combines again, in order: there are at most about a thousand. Pieces depend on sizes only, so bits do not depend on the machine's width.
import type { Aval } from "../ir/aval.ts";
import { operands } from "../ir/exprs.ts";
import type { KernelParam, Stmt } from "../ir/kernel.ts";
import { exprVar, type Expr } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import type { Launch } from "./loops.ts";
import { forEachExpr } from "./prepare.ts";
import type { FoldPart, Loop, RowParts, RowSplit } from "./rows.ts";
import { mapBuffers } from "./statements.ts";

/** Rows up to LONG elements stay whole. A row has at most about PIECES pieces, a piece at least SHORTEST elements. */
const LONG = 16384,
  PIECES = 1024,
  SHORTEST = 4096;
/** Are rows so few and long that a group for each would leave most of the machine without work, and launches more (two for one fold, else about one a loop) pay? */
export const isFew = ({ rows, n }: RowSplit, loops: number): boolean => n > LONG && rows < n / (loops === 1 ? 256 : 1024);
/** Elements of one piece of a row of `n`: a power of two. */
export function pieceOf(n: number): number {
  let piece = SHORTEST;
  while (piece * PIECES < n) piece *= 2;
  return piece;
}

/** The launches that a row's kernel is, a launch a loop, and one for what is stored once a row. `weight` is the price of one element; `fresh` makes temporary memory. */
export function inPieces(parts: RowParts, name: string, weight: number, fresh: (a: Aval) => SlotRef): Launch[] {
  const { split, scope, loops, rowVar, kept } = parts,
    { ops } = scope,
    { rows, n } = split;
  const size = pieceOf(n),
    pieces = Math.ceil(n / size),
    even = n % size === 0;
  const folds = loops.flatMap(l => (l.kind === "fold" ? l.folds : []));
  /** Where the results of a fold's pieces are, one memory an accumulator. */
  const partial = new Map<FoldPart, readonly { readonly ref: SlotRef; readonly aval: Aval }[]>(
    folds.map(f => [
      f,
      f.total.map(v => {
        const aval: Aval = { dtype: v.dtype, shape: [rows, pieces] };
        return { ref: fresh(aval), aval };
      }),
    ]),
  );
  const row: Expr = rows === 1 ? ops.int(0) : rowVar,
    at = (piece: Expr): Expr => ops.binary("add", ops.binary("mul", row, ops.int(pieces)), piece);

  /** Names before loop k that `body` needs, and the whole folds that they need. */
  const before = (k: number, body: readonly Stmt[]): Stmt[] => {
    const needed = new Set<Expr>(),
      out: Stmt[] = [];
    variablesOf(body, needed);
    for (let level = k; level >= 0; level--) {
      for (const { v, value } of parts.lets[level]?.toReversed() ?? [])
        if (needed.has(v)) {
          const s: Stmt = { kind: "let", v, value };
          out.push(s);
          variablesOf([s], needed);
        }
      const loop = loops[level - 1],
        whole = loop?.kind === "fold" ? loop.folds.filter(f => f.total.some(v => needed.has(v))) : [];
      if (whole.length > 0) {
        const q = scope.loop("q", pieces);
        out.push(
          foldOf(whole, q, pieces, [], f =>
            (partial.get(f) ?? []).map(({ ref, aval }) => ops.load(scope.buffer(ref, aval, "read"), aval.dtype, at(q))),
          ),
        );
      }
    }
    return out.reverse();
  };
  const launch = (label: string, body: readonly Stmt[], k: number, each: number, cost: number): Launch => {
    const g = exprVar("g", "i32"),
      head: Stmt[] = rows === 1 || each === 1 ? [] : [{ kind: "let", v: rowVar, value: ops.binary("div", g, ops.int(each)) }];
    const own = rows > 1 && each === 1 ? rowVar : g,
      place: Stmt[] = each === 1 ? [] : [{ kind: "let", v: pieceVar, value: rows === 1 ? g : ops.binary("rem", g, ops.int(each)) }];
    return usedOnly({
      kernel: {
        kind: "loop",
        name: label,
        params: scope.params,
        scratch: [],
        grid: { v: own, extent: rows * each, cost },
        body: [...head, ...place, ...before(k, body), ...body],
      },
      args: scope.args,
    });
  };
  const pieceVar = scope.loop("piece", pieces);
  const loopOf = (loop: Loop): Stmt[] => {
    const t = scope.loop("t", size),
      here = ops.binary("add", ops.binary("mul", pieceVar, ops.int(size)), t),
      inside = even ? undefined : ops.compare("lt", here, ops.int(n));
    const j: Stmt = { kind: "let", v: loop.j, value: even ? here : ops.binary("min", here, ops.int(n - 1)) };
    if (loop.kind === "store")
      return [
        {
          kind: "for",
          v: t,
          begin: ops.int(0),
          end: ops.int(size),
          parallel: true,
          body: [
            j,
            ...loop.stores.map(({ target, value }): Stmt => {
              const { buf, at: index } = parts.place(target, loop.j);
              return { kind: "store", buf, index, value: ops.convert(value, target.aval.dtype), ...(inside && { guard: inside }) };
            }),
          ],
        },
      ];
    return [
      foldOf(loop.folds, t, size, [j], f => (inside ? f.values.map((x, k) => ops.select(inside, x, f.init[k] ?? x)) : f.values)),
      ...loop.folds.flatMap(f =>
        (partial.get(f) ?? []).map(
          ({ ref, aval }, k): Stmt => ({
            kind: "store",
            buf: scope.buffer(ref, aval, "write"),
            index: at(pieceVar),
            value: f.total[k] as Expr,
          }), // one an accumulator
        ),
      ),
    ];
  };
  const made = loops.map((loop, k) =>
    launch(loops.length === 1 ? `${name}_pieces` : `${name}_pieces_${k}`, loopOf(loop), k, pieces, size * weight),
  );
  const last = parts.stores
    .filter(s => kept(s.target.ref))
    .map(({ target, value }): Stmt => ({
      kind: "store",
      buf: scope.buffer(target.ref, target.aval, "write"),
      index: row,
      value: ops.convert(value, target.aval.dtype),
    }));
  return last.length === 0 ? made : [...made, launch(name, last, loops.length, 1, pieces)];
}

/** Some folds of a row in one loop. */
function foldOf(
  folds: readonly FoldPart[],
  v: Loop["j"],
  n: number,
  body: readonly Stmt[],
  values: (f: FoldPart) => readonly Expr[],
): Stmt {
  const bound = (value: number): Expr => ({ kind: "const", dtype: "i32", value });
  return {
    kind: "fold",
    v,
    begin: bound(0),
    end: bound(n),
    body,
    folds: folds.flatMap(f => f.total.map((acc, k) => ({ acc, init: f.init[k] as Expr }))), // one init an accumulator
    values: folds.flatMap(values),
    a: folds.flatMap(f => f.a),
    b: folds.flatMap(f => f.b),
    combine: folds.flatMap(f => f.combine),
  };
}
/** Variables that statements read, into `found`. */
function variablesOf(stmts: readonly Stmt[], found: Set<Expr>): void {
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "var") found.add(e);
    operands(e).forEach(visit);
  };
  forEachExpr(stmts, visit);
}
/** The launch with the parameters that its statements touch, each with the access that it has there. */
function usedOnly({ kernel, args }: Launch): Launch {
  const read = new Set<number>(),
    written = new Set<number>(),
    seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "load") read.add(e.buf);
    operands(e).forEach(visit);
  };
  forEachExpr(kernel.body, visit);
  const stores = (body: readonly Stmt[]): void => {
    for (const s of body) {
      if (s.kind === "store") written.add(s.buf);
      if (s.kind === "for") stores(s.body);
    }
  };
  stores(kernel.body);
  const used = kernel.params.flatMap((_, i) => (read.has(i) || written.has(i) ? [i] : []));
  return {
    kernel: {
      ...kernel,
      params: used.map((i): KernelParam => ({
        ...(kernel.params[i] as KernelParam), // i is one of theirs
        access: !written.has(i) ? "read" : read.has(i) ? "update" : "write",
      })),
      body: mapBuffers(kernel.body, b => used.indexOf(b)),
    },
    args: used.map(i => args[i] as SlotRef), // an argument a parameter
  };
}
