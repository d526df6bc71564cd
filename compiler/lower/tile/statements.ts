// Walking and rewriting tiled statements, and what a loop kernel's statements are when one thread runs all of them.
import { unreachable } from "../../../runtime/errors/error.ts";
import { mapOperands, rewriting, substitute } from "../../ir/exprs.ts";
import type { Stmt } from "../../ir/kernel.ts";
import { exprVar, type Expr, type ExprVar } from "../../ir/scalar.ts";
import { isSubgroupStmt } from "../../ir/subgroup_matrix.ts";
import { inShared, needsMatrixUnits, type SharedOperand, type TiledStmt } from "../../ir/tiled.ts";

/** Each expression, statement by statement, in order. */
export function forEachTiled(stmts: readonly TiledStmt[], visit: (s: TiledStmt) => void): void {
  for (const s of stmts) {
    visit(s);
    if (needsMatrixUnits(s) || isSubgroupStmt(s)) continue;
    switch (s.kind) {
      case "for":
      case "while":
        forEachTiled(s.body, visit);
        break;
      case "if":
        forEachTiled(s.yes, visit);
        forEachTiled(s.no, visit);
        break;
      case "let":
      case "set":
      case "store":
      case "barrier":
      case "shuffle":
      case "loadVector":
      case "storeVector":
      case "bind":
        break;
      default:
        unreachable(s);
    }
  }
}

/** The expressions that a statement holds itself. */
export function expressionsOf(s: TiledStmt): readonly Expr[] {
  switch (s.kind) {
    case "let":
    case "set":
      return [s.value];
    case "bind":
      return [s.part];
    case "shuffle":
      return s.of ? [s.value, s.of] : [s.value];
    case "store":
      return [s.index, s.value, ...(s.guard ? [s.guard] : [])];
    case "for":
      return [s.begin, s.end];
    case "while":
    case "if":
      return [s.cond];
    case "barrier":
    case "commitCopies":
    case "waitCopies":
    case "fenceProducts":
    case "fenceStores":
    case "commitStores":
    case "waitStores":
    case "meet":
    case "commitProducts":
    case "waitProducts":
    case "registers":
    case "clearMatrix":
    case "multiplyMatrices":
      return [];
    case "copyBox":
      return [...s.at, s.to, s.signal];
    case "storeBox":
      return [...s.at, s.from];
    case "expect":
    case "arrive":
      return [s.signal];
    case "awaitPhase":
      return [s.signal, s.parity];
    case "multiplyShared":
      return [...s.sums, ...(inShared(s.lhs) ? [s.lhs.index] : []), s.rhs.index];
    case "loadVector":
    case "loadFragment":
    case "loadMatrix":
    case "storeMatrix":
      return [s.index];
    case "packFragment":
      return s.values;
    case "multiply":
      return s.sums;
    case "copyAsync":
      return [s.to, s.from, ...(s.present ? [s.present] : [])];
    case "storeVector":
      return [s.index, ...s.values];
    default:
      return unreachable(s);
  }
}

/** The variables that a statement gives a new value. */
export const assigned = (s: TiledStmt): readonly ExprVar[] =>
  s.kind === "set" ? [s.v] : s.kind === "multiply" || s.kind === "multiplyShared" ? s.sums : [];

type Load = Extract<Expr, { kind: "load" }>;
/** The same statements with other loads (their operands already rewritten) and buffer numbers. Variables that are declared or set keep theirs. */
export function mapTiled(
  stmts: readonly TiledStmt[],
  { load = e => e, buf = b => b }: { readonly load?: (e: Load) => Expr; readonly buf?: (b: number) => number },
): TiledStmt[] {
  const expr = rewriting((e, go) => {
    const x = mapOperands(e, go),
      y = x.kind === "load" ? load(x) : x;
    return y.kind === "load" && buf(y.buf) !== y.buf ? { ...y, buf: buf(y.buf) } : y;
  });
  return mapStatements(stmts, { expr, bound: expr, buf });
}
/** The same statements with other expressions, bounds of loops, and buffer numbers (those of loads are the business of `expr`). */
export function mapStatements(
  stmts: readonly TiledStmt[],
  { expr: f, bound, buf }: { readonly expr: (e: Expr) => Expr; readonly bound: (e: Expr) => Expr; readonly buf: (b: number) => number },
): TiledStmt[] {
  const go = (body: readonly TiledStmt[]): TiledStmt[] =>
    body.map((s): TiledStmt => {
      switch (s.kind) {
        case "let":
        case "set":
          return { ...s, value: f(s.value) };
        case "shuffle":
          return { ...s, value: f(s.value), ...(s.of && { of: f(s.of) }) };
        case "store":
          return { ...s, buf: buf(s.buf), index: f(s.index), value: f(s.value), ...(s.guard && { guard: f(s.guard) }) };
        case "for":
          return { ...s, begin: bound(s.begin), end: bound(s.end), body: go(s.body) };
        case "bind":
          return { ...s, part: f(s.part) };
        case "while":
          return { ...s, cond: f(s.cond), body: go(s.body) };
        case "if":
          return { ...s, cond: f(s.cond), yes: go(s.yes), no: go(s.no) };
        case "barrier":
        case "multiply":
        case "commitCopies":
        case "waitCopies":
        case "fenceProducts":
        case "fenceStores":
        case "commitStores":
        case "waitStores":
        case "meet":
        case "commitProducts":
        case "waitProducts":
        case "registers":
        case "clearMatrix":
        case "multiplyMatrices":
          return s;
        case "copyBox":
          return { ...s, at: s.at.map(f), into: buf(s.into), to: f(s.to), signal: f(s.signal) };
        case "storeBox":
          return { ...s, at: s.at.map(f), buf: buf(s.buf), from: f(s.from) };
        case "expect":
        case "arrive":
          return { ...s, signal: f(s.signal) };
        case "awaitPhase":
          return { ...s, signal: f(s.signal), parity: f(s.parity) };
        case "multiplyShared": {
          const operand = (o: SharedOperand): SharedOperand => ({ ...o, buf: buf(o.buf), index: f(o.index) });
          return { ...s, lhs: inShared(s.lhs) ? operand(s.lhs) : s.lhs, rhs: operand(s.rhs) };
        }
        case "loadVector":
        case "loadFragment":
        case "loadMatrix":
        case "storeMatrix":
          return { ...s, buf: buf(s.buf), index: f(s.index) };
        case "packFragment":
          return { ...s, values: s.values.map(f) };
        case "copyAsync":
          return { ...s, into: buf(s.into), to: f(s.to), buf: buf(s.buf), from: f(s.from), ...(s.present && { present: f(s.present) }) };
        case "storeVector":
          return { ...s, buf: buf(s.buf), index: f(s.index), values: s.values.map(f) };
        default:
          return unreachable(s);
      }
    });
  return go(stmts);
}

/** A fold of the kernel language. */
export type FoldStmt = Extract<Stmt, { kind: "fold" }>;
/** acc[k] = combine[k](a := acc, b := values), all at once. */
export function accumulate(
  { a, b, combine }: Pick<FoldStmt, "a" | "b" | "combine">,
  accs: readonly ExprVar[],
  values: readonly Expr[],
): TiledStmt[] {
  const by = new Map<Expr, Expr>([...a.map((v, k) => [v, accs[k] as Expr] as const), ...b.map((v, k) => [v, values[k] as Expr] as const)]); // equal lengths
  const next = combine.map(c => substitute(c, by)),
    [only] = accs;
  if (accs.length === 1 && only) return [{ kind: "set", v: only, value: next[0] as Expr }]; // one each
  const names = accs.map(v => exprVar(`next_${v.name}`, v.dtype));
  return [
    ...names.map((v, k): TiledStmt => ({ kind: "let", v, value: next[k] as Expr })),
    ...accs.map((v, k): TiledStmt => ({ kind: "set", v, value: names[k] as Expr })),
  ]; // likewise
}
/** One turn of a fold: its body, then its values combined into the accumulators. */
export const foldTurn = (s: FoldStmt): TiledStmt[] => [
  ...sequential(s.body),
  ...accumulate(
    s,
    s.folds.map(f => f.acc),
    s.values,
  ),
];
/** The accumulators of a fold at their start. */
export const foldStart = (s: FoldStmt): TiledStmt[] => s.folds.map((f): TiledStmt => ({ kind: "let", v: f.acc, value: f.init }));

/** One thread runs every turn of every loop. */
export function sequential(stmts: readonly Stmt[]): TiledStmt[] {
  return stmts.flatMap((s): TiledStmt[] => {
    switch (s.kind) {
      case "let":
      case "set":
      case "store":
        return [s];
      case "for":
        return [{ kind: "for", v: s.v, begin: s.begin, end: s.end, body: sequential(s.body) }];
      case "fold":
        return [...foldStart(s), { kind: "for", v: s.v, begin: s.begin, end: s.end, body: foldTurn(s) }];
      case "while":
        return [{ ...s, body: sequential(s.body) }];
      case "if":
        return [{ ...s, yes: sequential(s.yes), no: sequential(s.no) }];
      default:
        return unreachable(s);
    }
  });
}
