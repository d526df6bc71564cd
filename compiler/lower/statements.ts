// Kernel statements rewritten as a whole. Expressions stay shared: what was one object is one object afterwards.
import { unreachable } from "../../runtime/errors/error.ts";
import type { Stmt } from "../ir/kernel.ts";
import type { Expr } from "../ir/scalar.ts";

/** `stmts` with every buffer number replaced. */
export function mapBuffers(stmts: readonly Stmt[], f: (buf: number) => number): Stmt[] {
  const memo = new Map<Expr, Expr>();
  const expr = (e: Expr): Expr => {
    const known = memo.get(e);
    if (known) return known;
    const y = rebuild(e);
    memo.set(e, y);
    return y;
  };
  const rebuild = (e: Expr): Expr => {
    switch (e.kind) {
      case "const": case "var": return e;
      case "unary": case "convert": case "bitcast": { const x = expr(e.x); return x === e.x ? e : { ...e, x }; }
      case "binary": case "compare": { const x = expr(e.x), y = expr(e.y); return x === e.x && y === e.y ? e : { ...e, x, y }; }
      case "fma": { const x = expr(e.x), y = expr(e.y), z = expr(e.z); return x === e.x && y === e.y && z === e.z ? e : { ...e, x, y, z }; }
      case "select": { const cond = expr(e.cond), x = expr(e.x), y = expr(e.y); return cond === e.cond && x === e.x && y === e.y ? e : { ...e, cond, x, y }; }
      case "load": {
        const index = expr(e.index), guard = e.guard && expr(e.guard), otherwise = e.otherwise && expr(e.otherwise), buf = f(e.buf);
        return buf === e.buf && index === e.index && guard === e.guard && otherwise === e.otherwise ? e : { ...e, buf, index, ...(guard ? { guard } : {}), ...(otherwise ? { otherwise } : {}) };
      }
      default: return unreachable(e);
    }
  };
  const block = (b: readonly Stmt[]): Stmt[] => b.map(s => {
    switch (s.kind) {
      case "let": case "set": return { ...s, value: expr(s.value) };
      case "store": return { ...s, buf: f(s.buf), index: expr(s.index), value: expr(s.value), ...(s.guard ? { guard: expr(s.guard) } : {}) };
      case "for": return { ...s, begin: expr(s.begin), end: expr(s.end), body: block(s.body) };
      case "fold": return { ...s, begin: expr(s.begin), end: expr(s.end), folds: s.folds.map(x => ({ ...x, init: expr(x.init) })), body: block(s.body), values: s.values.map(expr), combine: s.combine.map(expr) };
      case "while": return { ...s, cond: expr(s.cond), body: block(s.body) };
      case "if": return { ...s, cond: expr(s.cond), yes: block(s.yes), no: block(s.no) };
      default: return unreachable(s);
    }
  });
  return block(stmts);
}
