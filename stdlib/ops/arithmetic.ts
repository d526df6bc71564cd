// Arithmetic with NumPy's broadcasting and JAX's promotion (promotion.ts). Every function takes tensors, numbers and booleans, and throws E0201 when
// shapes do not broadcast.
import { dtypeInfo, isFloat } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as p from "../../compiler/extend.ts";
import type { Demand, Tensor } from "../../compiler/extend.ts";
import type { As, Meet, NumberMeet } from "./typed.ts";
import {
  float,
  float2,
  numeric,
  numeric2,
  pair,
  promoteNumber,
  type Binary,
  type FloatBinary,
  type FloatUnary,
  type Unary,
} from "./elementwise.ts";
import { isDiscrete, resultType, toDType, withWeak, type TensorLike } from "./promotion.ts";

/** x + y. @throws E0201 */
export const add: Binary = numeric2("add", p.add);
/** x - y. @throws E0201 */
export const sub: Binary = numeric2("sub", p.sub);
/** x · y, element by element. @throws E0201 */
export const mul: Binary = numeric2("mul", p.mul);
/** True division: integers and bool divide as f32. See floorDiv. @throws E0201 */
export const div: FloatBinary = float2("div", p.div);
/** The smaller of two; NaN wins; ties share the gradient. @throws E0201 */
export const minimum: Binary = numeric2("minimum", p.min);
/** The larger of two; NaN wins; ties share the gradient. @throws E0201 */
export const maximum: Binary = numeric2("maximum", p.max);
/** Remainder with the sign of the dividend (JavaScript's %). See mod. @throws E0201 */
export const rem: Binary = numeric2("rem", p.rem);
/** Remainder with the sign of the divisor (Python's %): x - y·floor(x/y). @throws E0201 */
export const mod: Binary = numeric2("mod", (x, y) => {
  const r = p.rem(x, y);
  return p.select(crosses(r, y), p.add(r, y), r);
});
/** floor(x / y), integers staying integers; with `mod`, x = y·floorDiv(x, y) + mod(x, y). @throws E0201 */
export const floorDiv: Binary = numeric2("floorDiv", (x, y) => {
  const r = p.rem(x, y);
  const q = isFloat(x.dtype) ? p.div(p.sub(x, r), y) : p.div(x, y);
  const down = p.select(crosses(r, y), p.sub(q, p.fullLike(q, 1)), q);
  if (!isFloat(x.dtype)) return down;
  return p.select(p.equal(y, p.fullLike(y, 0)), p.div(x, y), p.round(down)); // (x - r) / y is an integer up to rounding
});
/** Is the remainder nonzero with another sign than the divisor? */
function crosses(r: Tensor, y: Tensor): Tensor {
  const zero = p.fullLike(r, 0);
  return p.and(p.notEqual(r, zero), p.xor(p.less(r, zero), p.less(y, zero)));
}

/** -x. */
export const neg: Unary = numeric(p.neg);
/** |x|; the derivative at 0 is 0. */
export const abs: Unary = numeric(p.abs);
/** -1, 0 or 1; NaN stays. */
export const sign: Unary = numeric(p.sign);
/** x². */
export const square: Unary = numeric(p.square);
/** 1/x; integers as f32. */
export const reciprocal: FloatUnary = float(p.reciprocal);
/** Largest integer ≤ x, in x's dtype. */
export const floor: Unary = rounding(p.floor);
/** Smallest integer ≥ x, in x's dtype. */
export const ceil: Unary = rounding(p.ceil);
/** Nearest integer, halves to even, in x's dtype. */
export const round: Unary = rounding(p.round);
/** Integer part, in x's dtype. */
export const trunc: Unary = rounding(p.trunc);
/** Integers are their own rounding. */
function rounding(f: p.Operation<1>): Unary {
  return numeric(x => (isFloat(x.dtype) ? f(x) : x));
}

/** The largest exponent that is written as multiplications; beyond it exp and log are as exact and shorter. */
const UNROLLED = 64;
/** x to the power y. A whole JavaScript number as exponent multiplies (and takes any sign of x); otherwise x < 0 gives NaN. Integer tensors need
 *  exponents ≥ 0 and wrap. Derivatives at x = 0: in x, y·0^(y-1); in y, 0 where y > 0. @throws E0201, E0204 for a negative whole exponent of an integer */
export function pow<X extends TensorLike, Y extends TensorLike>(x: X, y: Y & Demand<Meet<X, Y>>): NumberMeet<X, Y>;
export function pow(x: TensorLike, y: TensorLike): Tensor {
  const { dtype } = resultType(x, y);
  if (typeof y === "number" && Number.isInteger(y) && Math.abs(y) <= UNROLLED) {
    if (y < 0 && isDiscrete(dtype))
      throw new PullbackError("E0204", `pow cannot raise ${dtype} to the power ${y}: the result is no integer`, {
        help: 'convert first: x.astype("f32")',
      });
    const {
      xs: [base],
      weak,
    } = promoteNumber(x);
    return withWeak(p.integerPow(base as Tensor, { n: y }), weak && isFloat(dtype)); // one went in
  }
  const a = pair("pow", promoteNumber(x, y));
  return withWeak(isFloat(a.x.dtype) ? p.pow(a.x, a.y) : integerPower(a.x, a.y), a.weak);
}
/** Binary exponentiation, a step a bit. */
function integerPower(x: Tensor, y: Tensor): Tensor {
  const one = p.fullLike(x, 1),
    zero = p.fullLike(x, 0);
  let result = one,
    base = x,
    rest = y;
  for (let bit = 0; bit < dtypeInfo(x.dtype).bits; bit++) {
    result = p.select(p.notEqual(p.and(rest, one), zero), p.mul(result, base), result);
    base = p.mul(base, base);
    rest = p.shiftRightLogical(rest, one);
  }
  return result;
}

/** √(x² + y²), without overflow on the way. @throws E0201 */
export const hypot: FloatBinary = float2("hypot", (x, y) => {
  const a = p.abs(x),
    b = p.abs(y),
    high = p.max(a, b),
    low = p.min(a, b),
    zero = p.fullLike(x, 0),
    inf = p.fullLike(x, Infinity);
  const ratio = p.div(low, p.select(p.equal(high, zero), p.fullLike(x, 1), high));
  const length = p.select(p.equal(high, zero), high, p.mul(high, p.sqrt(p.add(p.fullLike(x, 1), p.square(ratio)))));
  return p.select(p.or(p.equal(a, inf), p.equal(b, inf)), inf, length);
});
/** `x` in another dtype. Float to integer truncates and saturates, NaN gives 0; anything to bool is x ≠ 0. */
export function astype<X extends TensorLike, const D extends Tensor["dtype"]>(x: X, dtype: D): As<X, D>;
export function astype(x: TensorLike, dtype: Tensor["dtype"]): Tensor {
  return toDType(x, dtype);
}
