// Powers and roots. They stand apart from arithmetic because their derivatives need logarithms.
import { dtypeInfo } from "../../runtime/dtype.ts";
import type { Expr, ScalarOps } from "../ir/scalar.ts";
import { div, mul, sub } from "./arithmetic.ts";
import { floats, needParam, numbers } from "./check.ts";
import { equal, select } from "./compare.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { log } from "./exponential.ts";
import { fullLike } from "./fill.ts";
import { binaryMap, elementwiseAval, unaryMap } from "./rules.ts";

/** x^y on floats; NaN for a negative x with a fractional y, and 1 for y = 0.
 *  The derivatives are finite where the function is: d/dx x⁰ = 0 everywhere, d/dy 0^y = 0 for y ≥ 0. */
export const pow: Operation<2> = binaryMap("pow", "pow", floats, [
  (dx, x, y) => {
    const zero = equal(y, fullLike(y, 0)),
      one = fullLike(y, 1);
    return mul(dx, select(zero, fullLike(x, 0), mul(y, pow(x, select(zero, one, sub(y, one))))));
  },
  (dy, x, _y, out) => mul(dy, mul(log(select(equal(x, fullLike(x, 0)), fullLike(x, 1), x)), out)),
]);

/** The exponent: an integer; negative ones need a float operand. */
export type IntegerPowParams = { readonly n: number };
/** x to a known integer power, by repeated squaring. @throws E0204, E0205 */
export const integerPow: Operation<1, IntegerPowParams> = definePrimitive<1, IntegerPowParams>({
  name: "integerPow",
  aval(ins, { n }) {
    const out = elementwiseAval("integerPow", numbers, ins);
    needParam(
      Number.isInteger(n) && Math.abs(n) < 2 ** 31,
      () => `integerPow got the exponent ${n}`,
      "use an integer, or pow for other exponents",
    );
    needParam(
      n >= 0 || dtypeInfo(out.dtype).class === "float",
      () => `integerPow of ${out.dtype} got the exponent ${n}`,
      "negative powers of integers are not integers: convert to a float first",
    );
    return out;
  },
  lower: { kind: "map", scalar: (s, [x], { n }) => (n < 0 ? s.binary("div", s.const(1, x.dtype), power(s, x, -n)) : power(s, x, n)) },
  jvp: [(dx, [x], { n }) => mul(dx, n === 0 ? fullLike(x, 0) : mul(fullLike(x, n), integerPow(x, { n: n - 1 })))],
  simplify: ([x], { n }) => (n === 1 ? [x] : undefined),
});
function power(s: ScalarOps, x: Expr, n: number): Expr {
  let result: Expr | undefined;
  for (let base = x, rest = n; rest > 0; rest = Math.floor(rest / 2), base = s.binary("mul", base, base)) {
    if (rest % 2 === 1) result = result ? s.binary("mul", result, base) : base;
  }
  return result ?? s.const(1, x.dtype);
}

/** √x; NaN below 0. */
export const sqrt: Operation<1> = unaryMap("sqrt", floats, (dx, _x, out) => div(dx, mul(out, fullLike(out, 2))));
/** 1/√x. */
export const rsqrt: Operation<1> = unaryMap("rsqrt", floats, (dx, x, out) => mul(dx, mul(out, div(fullLike(x, -0.5), x))));
/** Cube root, also of negative numbers. */
export const cbrt: Operation<1> = unaryMap("cbrt", floats, (dx, _x, out) => div(dx, mul(fullLike(out, 3), mul(out, out))));
