// Walking and rewriting scalar expressions. They are DAGs shared by identity, so every rewriting here visits a shared part once and keeps it shared; what does
// not change keeps its identity.
import type { Expr } from "./scalar.ts";

/** Operands of an expression, in order. */
export function operands(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case "const":
    case "var":
      return [];
    case "unary":
    case "convert":
    case "bitcast":
      return [e.x];
    case "binary":
    case "compare":
      return [e.x, e.y];
    case "fma":
      return [e.x, e.y, e.z];
    case "select":
      return [e.cond, e.x, e.y];
    case "load":
      return [e.index, ...(e.guard ? [e.guard] : []), ...(e.otherwise ? [e.otherwise] : [])];
    default:
      return e satisfies never;
  }
}

/** The same operation on other operands; `e` itself when none differs. */
export function mapOperands(e: Expr, f: (x: Expr) => Expr): Expr {
  switch (e.kind) {
    case "const":
    case "var":
      return e;
    case "unary":
    case "convert":
    case "bitcast": {
      const x = f(e.x);
      return x === e.x ? e : { ...e, x };
    }
    case "binary":
    case "compare": {
      const x = f(e.x),
        y = f(e.y);
      return x === e.x && y === e.y ? e : { ...e, x, y };
    }
    case "fma": {
      const x = f(e.x),
        y = f(e.y),
        z = f(e.z);
      return x === e.x && y === e.y && z === e.z ? e : { ...e, x, y, z };
    }
    case "select": {
      const cond = f(e.cond),
        x = f(e.x),
        y = f(e.y);
      return cond === e.cond && x === e.x && y === e.y ? e : { ...e, cond, x, y };
    }
    case "load": {
      const index = f(e.index),
        guard = e.guard && f(e.guard),
        otherwise = e.otherwise && f(e.otherwise);
      return index === e.index && guard === e.guard && otherwise === e.otherwise
        ? e
        : { ...e, index, ...(guard && { guard }), ...(otherwise && { otherwise }) };
    }
    default:
      return e satisfies never;
  }
}

/** A rewriting that remembers: `step(e, go)` says what takes the place of `e`, `go` rewrites what is below. `known` are answers given beforehand. Shared parts stay
 *  shared over all calls of the function that comes back. */
export function rewriting(step: (e: Expr, go: (x: Expr) => Expr) => Expr, known: ReadonlyMap<Expr, Expr> = new Map()): (e: Expr) => Expr {
  const memo = new Map<Expr, Expr>(known);
  const go = (e: Expr): Expr => {
    const done = memo.get(e);
    if (done) return done;
    const result = step(e, go);
    memo.set(e, result);
    return result;
  };
  return go;
}

/** `e` with some of its parts replaced. */
export const substitute = (e: Expr, by: ReadonlyMap<Expr, Expr>): Expr => rewriting(mapOperands, by)(e);
/** `e` with variables, by their numbers, replaced. */
export const replaceVars = (e: Expr, by: ReadonlyMap<number, Expr>): Expr =>
  rewriting((x, go) => (x.kind === "var" ? (by.get(x.id) ?? x) : mapOperands(x, go)))(e);
