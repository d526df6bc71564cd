// What happens to a kernel's statements before code is made of them: elementary functions become arithmetic, equal expressions become one object (so that
// every later table may go by identity), and named positions are written out, so that addresses show how they depend on loop variables.
// Pure: a new kernel comes out.
import { unreachable } from "../../runtime/errors/error.ts";
import { expander, type ExpandOptions } from "./elementary/expand.ts";
import { mapOperands, operands, rewriting } from "../ir/exprs.ts";
import type { Stmt } from "../ir/kernel.ts";
import type { Expr, ExprVar } from "../ir/scalar.ts";

/** The statements, ready for emission. */
export function prepare(body: readonly Stmt[], options: ExpandOptions = {}): readonly Stmt[] {
  const share = interner(),
    expand = expander(options),
    mutable = new Set<number>();
  forEachSet(body, v => mutable.add(v.id));
  return mapStmts(body, { share: e => share(expand(e)), mutable }, new Map());
}

/** How many operands (and statements) use each expression. */
export function countUses(body: readonly Stmt[]): ReadonlyMap<Expr, number> {
  const uses = new Map<Expr, number>();
  const visit = (e: Expr): void => {
    const n = uses.get(e) ?? 0;
    uses.set(e, n + 1);
    if (n === 0) operands(e).forEach(visit);
  };
  forEachExpr(body, visit);
  return uses;
}

/** Calls `visit` with every expression a statement holds, nested statements included. */
export function forEachExpr(stmts: readonly Stmt[], visit: (e: Expr) => void): void {
  for (const s of stmts) {
    switch (s.kind) {
      case "let":
      case "set":
        visit(s.value);
        break;
      case "store":
        visit(s.index);
        visit(s.value);
        if (s.guard) visit(s.guard);
        break;
      case "for":
        visit(s.begin);
        visit(s.end);
        forEachExpr(s.body, visit);
        break;
      case "fold":
        [s.begin, s.end, ...s.folds.map(x => x.init), ...s.values, ...s.combine].forEach(visit);
        forEachExpr(s.body, visit);
        break;
      case "while":
        visit(s.cond);
        forEachExpr(s.body, visit);
        break;
      case "if":
        visit(s.cond);
        forEachExpr(s.yes, visit);
        forEachExpr(s.no, visit);
        break;
      default:
        unreachable(s);
    }
  }
}

type Rewrite = (e: Expr) => Expr;
/** `share` expands and shares; `mutable` are the variables that some `set` changes. */
interface Context {
  readonly share: Rewrite;
  readonly mutable: ReadonlySet<number>;
}
/** `outer`: positions (i32 variables that never change and read no memory) and their values, so far. */
function mapStmts(stmts: readonly Stmt[], c: Context, outer: ReadonlyMap<Expr, Expr>): Stmt[] {
  const { share, mutable } = c,
    known = new Map(outer);
  let written = replacer(known, share);
  const f: Rewrite = e => written(share(e));
  const name = (v: ExprVar): ExprVar => share(v) as ExprVar; // a variable expands to itself
  return stmts.flatMap((s): Stmt[] => {
    switch (s.kind) {
      case "let": {
        const v = name(s.v),
          value = f(s.value);
        if (v.dtype !== "i32" || mutable.has(v.id) || !isPosition(value, mutable)) return [{ ...s, v, value }];
        known.set(v, value);
        written = replacer(known, share);
        return [];
      }
      case "set":
        return [{ ...s, v: name(s.v), value: f(s.value) }];
      case "store":
        return [{ ...s, index: f(s.index), value: f(s.value), ...(s.guard && { guard: f(s.guard) }) }];
      case "for":
        return [{ ...s, v: name(s.v), begin: f(s.begin), end: f(s.end), body: mapStmts(s.body, c, known) }];
      case "fold":
        return [
          {
            ...s,
            v: name(s.v),
            begin: f(s.begin),
            end: f(s.end),
            folds: s.folds.map(x => ({ acc: name(x.acc), init: f(x.init) })),
            a: s.a.map(name),
            b: s.b.map(name),
            ...foldBody(s, c, known),
          },
        ];
      case "while":
        return [{ ...s, cond: f(s.cond), body: mapStmts(s.body, c, known) }];
      case "if":
        return [{ ...s, cond: f(s.cond), yes: mapStmts(s.yes, c, known), no: mapStmts(s.no, c, known) }];
      default:
        return unreachable(s);
    }
  });
}
type Fold = Extract<Stmt, { kind: "fold" }>;
/** The body of a fold and the values that may use its names. */
function foldBody(s: Fold, c: Context, known: ReadonlyMap<Expr, Expr>): Pick<Fold, "body" | "values" | "combine"> {
  // the values are written as stores for the rewriting, so that names of the body reach them
  const holder = (e: Expr): Stmt => ({ kind: "store", buf: -1, index: e, value: e });
  const all = mapStmts([...s.body, ...s.values.map(holder), ...s.combine.map(holder)], c, known),
    n = s.values.length,
    m = s.combine.length;
  const valueOf = (x: Stmt): Expr[] => (x.kind === "store" ? [x.value] : []);
  return {
    body: all.slice(0, all.length - n - m),
    values: all.slice(all.length - n - m, all.length - m).flatMap(valueOf),
    combine: all.slice(all.length - m).flatMap(valueOf),
  };
}
function forEachSet(stmts: readonly Stmt[], visit: (v: ExprVar) => void): void {
  for (const s of stmts) {
    switch (s.kind) {
      case "set":
        visit(s.v);
        break;
      case "let":
      case "store":
        break;
      case "for":
      case "fold":
      case "while":
        forEachSet(s.body, visit);
        break;
      case "if":
        forEachSet(s.yes, visit);
        forEachSet(s.no, visit);
        break;
      default:
        unreachable(s);
    }
  }
}
/** Integer arithmetic without memory, over variables that keep their value: the same wherever it is written out again. */
function isPosition(e: Expr, mutable: ReadonlySet<number>, seen: Set<Expr> = new Set()): boolean {
  if (seen.has(e)) return true; // a part that was refused has ended the walk
  seen.add(e);
  if (e.dtype !== "i32") return false;
  return (
    e.kind === "const" ||
    (e.kind === "var" && !mutable.has(e.id)) ||
    (e.kind === "binary" && isPosition(e.x, mutable, seen) && isPosition(e.y, mutable, seen))
  );
}

/** Replaces whole subexpressions; what does not change keeps its identity. */
function replacer(by: ReadonlyMap<Expr, Expr>, share: Rewrite): Rewrite {
  return by.size === 0 ? e => e : rewriting((e, go) => share(mapOperands(e, go)), by);
}

/** Structurally equal expressions become the same object. */
export function interner(): Rewrite {
  const table = new Map<string, Expr>(),
    ids = new Map<Expr, number>(),
    memo = new Map<Expr, Expr>();
  const id = (e: Expr | undefined): number => (e ? (ids.get(e) ?? -1) : -1);
  const share = (e: Expr): Expr => {
    const known = memo.get(e);
    if (known) return known;
    const x = mapOperands(e, share),
      key = keyOf(x, id);
    let one = table.get(key);
    if (!one) {
      table.set(key, (one = x));
      ids.set(one, ids.size);
      memo.set(one, one);
    }
    memo.set(e, one);
    return one;
  };
  return share;
}
function keyOf(e: Expr, id: (e: Expr | undefined) => number): string {
  switch (e.kind) {
    case "const":
      return `c${e.dtype}${Object.is(e.value, -0) ? "-0" : e.value}`;
    case "var":
      return `v${e.id}`;
    case "unary":
      return `u${e.op},${id(e.x)}`;
    case "binary":
      return `b${e.op},${id(e.x)},${id(e.y)}`;
    case "compare":
      return `p${e.op},${id(e.x)},${id(e.y)}`;
    case "fma":
      return `f${id(e.x)},${id(e.y)},${id(e.z)}`;
    case "select":
      return `s${id(e.cond)},${id(e.x)},${id(e.y)}`;
    case "convert":
      return `t${e.dtype},${id(e.x)}`;
    case "bitcast":
      return `r${e.dtype},${id(e.x)}`;
    case "load":
      return `l${e.dtype},${e.buf},${id(e.index)},${id(e.guard)},${id(e.otherwise)}`;
    default:
      return unreachable(e);
  }
}
