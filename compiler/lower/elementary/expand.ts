// Elementary functions as arithmetic: the table from operation to formula, and the rewriting of whole expressions. Afterwards only operations remain
// that every target has: + - * / fma, comparisons, select, conversions, bits, neg abs floor ceil trunc round sqrt, min max rem, integer operations.
import { mapOperands, rewriting } from "../../ir/exprs.ts";
import { scalarOps, type BinaryOp, type Expr, type UnaryOp } from "../../ir/scalar.ts";
import { cosh, exp, exp2, expm1, sigmoid, sinh, tanh } from "./exponential.ts";
import { acos, asin, atan, atan2 } from "./inverse.ts";
import { kit, type Kit, type Real } from "./kit.ts";
import { acosh, asinh, atanh, log, log1p, log2 } from "./logarithm.ts";
import { cbrt, intPow, nextAfter, pow } from "./power.ts";
import { digamma, erf, erfc, erfInv, lgamma } from "./special.ts";
import { cos, sin, tan } from "./trigonometric.ts";

/** Operations that stay as they are. */
export type BasicUnary = "neg" | "abs" | "floor" | "ceil" | "trunc" | "round" | "sqrt" | "not" | "popcount" | "clz" | "isNan";
/** Operations that stay as they are. */
export type BasicBinary = Exclude<BinaryOp, "pow" | "atan2" | "nextAfter">;

const unaries: { readonly [Op in Exclude<UnaryOp, BasicUnary | "sign">]: (k: Kit, x: Expr) => Expr } = {
  exp,
  exp2,
  expm1,
  log,
  log2,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
  erfc,
  erfInv,
  lgamma,
  digamma,
  sigmoid,
  cbrt,
  rsqrt: (k, x) => k.div(1, k.sqrt(x)),
};
const binaries: { readonly [Op in Exclude<BinaryOp, BasicBinary>]: (k: Kit, x: Expr, y: Expr) => Expr } = { pow, atan2, nextAfter };

/** log1p's error grows in these three; where the target has f64, f32 has it to spare. */
const better: ReadonlySet<UnaryOp> = new Set(["asinh", "acosh", "atanh"]);
const isReal = (d: Expr["dtype"]): d is Real => d === "f32" || d === "f64";

function expandUnary(op: UnaryOp, x: Expr, double: boolean): Expr {
  if (op === "sign") {
    const zero = scalarOps.const(0, x.dtype),
      one = scalarOps.const(1, x.dtype),
      minus = scalarOps.const(-1, x.dtype);
    if (x.dtype === "u32" || x.dtype === "bool") return scalarOps.select(scalarOps.compare("ne", x, zero), one, zero);
    return scalarOps.select(scalarOps.compare("gt", x, zero), one, scalarOps.select(scalarOps.compare("lt", x, zero), minus, x));
  }
  if (double && x.dtype === "f32" && better.has(op)) return scalarOps.convert(expandUnary(op, scalarOps.convert(x, "f64"), true), "f32");
  return op in unaries && isReal(x.dtype)
    ? unaries[op as keyof typeof unaries](kit(scalarOps, x.dtype, double), x)
    : scalarOps.unary(op, x); // `in` has shown that op is a key
}
function expandBinary(op: BinaryOp, x: Expr, y: Expr, double: boolean): Expr {
  if (op === "pow" && !isReal(x.dtype)) return intPow(scalarOps, x, y);
  return op in binaries && isReal(x.dtype)
    ? binaries[op as keyof typeof binaries](kit(scalarOps, x.dtype, double), x, y)
    : scalarOps.binary(op, x, y); // as above
}

/** What the target of an expansion has. `double`: arithmetic in f64 (default true). */
export interface ExpandOptions {
  readonly double?: boolean;
}
/** A rewriting of expressions; shared parts stay shared, over all calls of one expander. */
export const expander = ({ double = true }: ExpandOptions = {}): ((e: Expr) => Expr) =>
  rewriting((e, go) =>
    e.kind === "unary"
      ? expandUnary(e.op, go(e.x), double)
      : e.kind === "binary"
        ? expandBinary(e.op, go(e.x), go(e.y), double)
        : mapOperands(e, go),
  );
/** `expander` for one expression. */
export const expandExpr = (e: Expr): Expr => expander()(e);
