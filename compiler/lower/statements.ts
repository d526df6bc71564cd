// Kernel statements rewritten as a whole. Expressions stay shared: what was one object is one object afterwards.
import { unreachable } from "../../runtime/errors/error.ts";
import { mapOperands, rewriting } from "../ir/exprs.ts";
import type { Stmt } from "../ir/kernel.ts";
import type { Expr } from "../ir/scalar.ts";

type Store = Extract<Stmt, { kind: "store" }>;

/** `stmts` with every buffer number replaced. */
export function mapBuffers(stmts: readonly Stmt[], f: (buf: number) => number): Stmt[] {
  const expr = rewriting((e, go) => {
    const x = mapOperands(e, go);
    return x.kind === "load" && f(x.buf) !== x.buf ? { ...x, buf: f(x.buf) } : x;
  });
  return mapStatements(stmts, expr, s => ({ buf: f(s.buf), value: expr(s.value) }));
}

/** `stmts` with `expr` applied to every expression; `store` says what is stored, and where. */
export function mapStatements(
  stmts: readonly Stmt[],
  expr: (e: Expr) => Expr,
  store: (s: Store) => Partial<Pick<Store, "buf" | "value">>,
): Stmt[] {
  const block = (b: readonly Stmt[]): Stmt[] =>
    b.map(s => {
      switch (s.kind) {
        case "let":
        case "set":
          return { ...s, value: expr(s.value) };
        case "store":
          return { ...s, ...store(s), index: expr(s.index), ...(s.guard ? { guard: expr(s.guard) } : {}) };
        case "for":
          return { ...s, begin: expr(s.begin), end: expr(s.end), body: block(s.body) };
        case "fold":
          return {
            ...s,
            begin: expr(s.begin),
            end: expr(s.end),
            folds: s.folds.map(x => ({ ...x, init: expr(x.init) })),
            body: block(s.body),
            values: s.values.map(expr),
            combine: s.combine.map(expr),
          };
        case "while":
          return { ...s, cond: expr(s.cond), body: block(s.body) };
        case "if":
          return { ...s, cond: expr(s.cond), yes: block(s.yes), no: block(s.no) };
        default:
          return unreachable(s);
      }
    });
  return block(stmts);
}
