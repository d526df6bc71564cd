// A thread that takes several elements computes what they share before the first, and what an element's statements share once. For adapters that compute on a CPU: there a load takes as
// long as eight operations, a thread is cheap only when it does much, and SwiftShader's compiler neither moves nor shares anything. Only lets and stores; the bits stay the same.
import { mapOperands, operands, rewriting } from "../../../ir/exprs.ts";
import { exprVar, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { interner } from "../../prepare.ts";

/** A let or a store. */
export type Simple = Extract<TiledStmt, { kind: "let" | "store" }>;

/** `body` for one value of `v` after another: what to do `before` all of them, and in each. Memory that the body stores to is read where it was; other memory may be written over only where an
 *  element has read it for the last time (`lower/inplace.ts`), so it may be read earlier. */
export function once(stmts: readonly Simple[], v: ExprVar): { readonly before: readonly TiledStmt[]; readonly each: readonly TiledStmt[] } {
  const share = interner(),
    body = stmts.map((s): Simple => mapSimple(s, share)),
    stored = new Set(body.flatMap(s => (s.kind === "store" ? [s.buf] : []))),
    moving = new Set([v.id]),
    still = steady(moving, stored),
    fixed = steady(new Set(), stored);
  for (const s of body) if (s.kind === "let" && !still(s.value)) moving.add(s.v.id);
  const uses = new Map<Expr, number>(),
    count = (e: Expr): void => {
      const n = uses.get(e) ?? 0;
      uses.set(e, n + 1);
      if (n === 0) operands(e).forEach(count);
    };
  body.flatMap(expressions).forEach(count);

  const before: TiledStmt[] = [],
    each: TiledStmt[] = [];
  const named = (list: TiledStmt[], value: Expr): Expr => {
    const t = exprVar("once", value.dtype);
    list.push({ kind: "let", v: t, value });
    return t;
  };
  const rewrite = rewriting((e, go) => {
    if (e.kind === "const" || e.kind === "var") return e;
    if (still(e)) return named(before, e);
    const x = mapOperands(e, go);
    return (uses.get(e) ?? 0) > 1 && fixed(e) ? named(each, x) : x;
  });
  for (const s of body) {
    if (s.kind === "let" && !moving.has(s.v.id)) before.push(s);
    else each.push(mapSimple(s, rewrite));
  }
  return { before, each };
}

const expressions = (s: Simple): Expr[] => (s.kind === "let" ? [s.value] : [s.index, s.value, ...(s.guard ? [s.guard] : [])]);
const mapSimple = (s: Simple, f: (e: Expr) => Expr): Simple =>
  s.kind === "let" ? { ...s, value: f(s.value) } : { ...s, index: f(s.index), value: f(s.value), ...(s.guard && { guard: f(s.guard) }) };
/** Is a value the same whatever the variables in `moving` are, and whenever it is computed? `moving` may grow by variables that nothing asked for yet names. */
function steady(moving: ReadonlySet<number>, stored: ReadonlySet<number>): (e: Expr) => boolean {
  const known = new Map<Expr, boolean>();
  const ask = (e: Expr): boolean => {
    let answer = known.get(e);
    if (answer === undefined) {
      answer = !(e.kind === "var" && moving.has(e.id)) && !(e.kind === "load" && stored.has(e.buf)) && operands(e).every(ask);
      known.set(e, answer);
    }
    return answer;
  };
  return ask;
}
