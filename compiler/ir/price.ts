// A rough price of computing scalars, in simple operations: what decides whether a value is computed again.
import { computeDType, isFloat } from "../../runtime/dtype.ts";
import { unreachable } from "../../runtime/errors/error.ts";
import { operands } from "./exprs.ts";
import type { Eqn } from "./func.ts";
import { exprVar, scalarOps, type Expr } from "./scalar.ts";

const prices = new WeakMap<Eqn, number>(); // equations are immutable
/** Of an element of an equation's results, operands given. */
export function priceOf(e: Eqn): number {
  let p = prices.get(e);
  if (p === undefined) prices.set(e, (p = computePrice(e)));
  return p;
}
function computePrice(e: Eqn): number {
  const { lower } = e.prim;
  if (lower.kind === "view") return 0;
  if (lower.kind !== "map") return 4;
  const ins = e.ins.map((a, i) => exprVar(`x${i}`, computeDType(a.aval.dtype)));
  const r = lower.scalar(
    scalarOps,
    ins,
    e.params,
    e.outs.map(v => v.aval),
  );
  const seen = new Set<Expr>();
  return (Array.isArray(r) ? (r as readonly Expr[]) : [r as Expr]).reduce((sum, x) => sum + price(x, seen), 0); // Array.isArray does not narrow readonly arrays
}
/** The same for an expression, parts in `seen` left out; they grow. Addresses cost nothing. */
export function price(x: Expr, seen: Set<Expr> = new Set()): number {
  if (seen.has(x)) return 0;
  seen.add(x);
  const below = (x.kind === "load" ? (x.guard ? [x.guard] : []) : operands(x)).reduce((sum, y) => sum + price(y, seen), 0);
  switch (x.kind) {
    case "const":
    case "var":
      return 0;
    case "unary":
      return below + (cheapUnary.has(x.op) ? 1 : x.op === "sqrt" ? 4 : x.op === "rsqrt" ? 8 : 16);
    case "binary":
      return below + (x.op === "pow" || x.op === "atan2" ? 32 : x.op === "div" || x.op === "rem" ? (isFloat(x.dtype) ? 4 : 16) : 1);
    case "compare":
    case "fma":
    case "select":
    case "convert":
    case "bitcast":
    case "load":
      return 1 + below;
    default:
      return unreachable(x);
  }
}
const cheapUnary = new Set(["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "not", "isNan"]);
