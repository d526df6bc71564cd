// Error and gamma functions, element by element, on floats. polygamma closes digamma under differentiation.
import type { Expr, ScalarOps } from "../ir/scalar.ts";
import { mul, neg, square } from "./arithmetic.ts";
import { floats, needParam } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { exp } from "./exponential.ts";
import { fullLike } from "./fill.ts";
import { elementwiseAval, unaryMap } from "./rules.ts";
import type { Tensor } from "../trace/tensor.ts";

/** 2/√π e^(-x²), the derivative of erf. */
const bell = (x: Tensor): Tensor => mul(fullLike(x, 2 / Math.sqrt(Math.PI)), exp(neg(square(x))));

/** The error function 2/√π ∫₀ˣ e^(-t²) dt. */
export const erf: Operation<1> = unaryMap("erf", floats, (dx, x) => mul(dx, bell(x)));
/** 1 - erf(x), exact for large x. */
export const erfc: Operation<1> = unaryMap("erfc", floats, (dx, x) => neg(mul(dx, bell(x))));
/** Inverse of erf on (-1, 1). */
export const erfInv: Operation<1> = unaryMap("erfInv", floats, (dx, _x, out) =>
  mul(dx, mul(fullLike(out, Math.sqrt(Math.PI) / 2), exp(square(out)))),
);
/** log |Γ(x)|. */
export const lgamma: Operation<1> = unaryMap("lgamma", floats, (dx, x) => mul(dx, digamma(x)));
/** ψ(x) = d/dx log Γ(x). */
export const digamma: Operation<1> = unaryMap("digamma", floats, (dx, x) => mul(dx, polygamma(x, { n: 1 })));

/** The order of the derivative of digamma, at least 1. */
export type PolygammaParams = { readonly n: number };
/** The n-th derivative of digamma, n ≥ 1 (n = 1 is trigamma); negative x by reflection. @throws E0204, E0205 */
export const polygamma: Operation<1, PolygammaParams> = definePrimitive<1, PolygammaParams>({
  name: "polygamma",
  aval(ins, { n }) {
    needParam(
      Number.isInteger(n) && n >= 1 && n <= 20,
      () => `polygamma got the order ${n}`,
      "the order is an integer from 1 to 20; order 0 is digamma",
    );
    return elementwiseAval("polygamma", floats, ins);
  },
  lower: {
    kind: "map",
    scalar(s, [x], { n }) {
      const at = (v: number): Expr => s.const(v, x.dtype);
      const negative = s.compare("lt", x, at(0.5));
      const y = s.select(negative, s.binary("sub", at(1), x), x); // y ≥ 1/2
      const series = s.binary("mul", at((n % 2 === 1 ? 1 : -1) * factorial(n)), hurwitzZeta(s, n + 1, y));
      // ψ(1-x) - ψ(x) = π cot πx, differentiated n times
      const reflected = s.binary("sub", s.binary("mul", at(n % 2 === 1 ? -1 : 1), series), cotangentDerivative(s, n, x));
      return s.select(negative, reflected, series);
    },
  },
  jvp: [(dx, [x], { n }) => mul(dx, polygamma(x, { n: n + 1 }))],
});

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
/** x^n by repeated multiplication, n ≥ 1. */
const power = (s: ScalarOps, x: Expr, n: number): Expr =>
  n === 1 ? x : n % 2 === 1 ? s.binary("mul", x, power(s, x, n - 1)) : power(s, s.binary("mul", x, x), n / 2);
/** B₂ₖ / (2k)! for k = 1.. */
const bernoulliOverFactorial: readonly number[] = [
  1 / 12,
  -1 / 720,
  1 / 30240,
  -1 / 1209600,
  1 / 47900160,
  -691 / 1307674368000,
  1 / 74724249600,
  -3617 / 10670622842880000,
];

/** ζ(m, q) = Σ 1/(q+k)^m for integer m ≥ 2 and q > 0: ten terms, then Euler-Maclaurin. @see Johansson 2014, "Rigorous high-precision computation of the Hurwitz zeta function" */
function hurwitzZeta(s: ScalarOps, m: number, q: Expr): Expr {
  const at = (v: number): Expr => s.const(v, q.dtype);
  const inverse = (x: Expr): Expr => s.binary("div", at(1), x);
  const terms = 10;
  const y = inverse(s.binary("add", q, at(terms)));
  const y2 = s.binary("mul", y, y);
  // tail: y^(m-1)/(m-1) + y^m/2 + y^(m-1) Σ B₂ₖ/(2k)! m(m+1)..(m+2k-2) y^2k, small terms first
  let series: Expr = at(0);
  for (let k = bernoulliOverFactorial.length; k >= 1; k--) {
    let rising = 1;
    for (let i = 0; i < 2 * k - 1; i++) rising *= m + i;
    series = s.binary("mul", y2, s.binary("add", series, at((bernoulliOverFactorial[k - 1] ?? 0) * rising)));
  }
  const bracket = s.binary("add", s.binary("add", series, s.binary("mul", y, at(0.5))), at(1 / (m - 1)));
  let sum = s.binary("mul", power(s, y, m - 1), bracket);
  for (let k = terms - 1; k >= 0; k--) sum = s.binary("add", sum, power(s, inverse(s.binary("add", q, at(k))), m));
  return sum;
}

/** dⁿ/dxⁿ (π cot πx) as a polynomial in c = cot πx: each derivative maps P(c) to -π(1 + c²)P'(c). */
function cotangentDerivative(s: ScalarOps, n: number, x: Expr): Expr {
  let p: readonly number[] = [0, Math.PI];
  for (let i = 0; i < n; i++) {
    const d = p.slice(1).map((a, k) => a * (k + 1));
    p = Array.from({ length: d.length + 2 }, (_, k) => -Math.PI * ((d[k] ?? 0) + (d[k - 2] ?? 0)));
  }
  // cot has period 1 in x: the distance to the nearest integer keeps the argument small
  const r = s.binary("mul", s.binary("sub", x, s.unary("round", x)), s.const(Math.PI, x.dtype));
  const c = s.binary("div", s.unary("cos", r), s.unary("sin", r));
  return p.reduceRight<Expr>((acc, a) => s.binary("add", s.binary("mul", acc, c), s.const(a, x.dtype)), s.const(0, x.dtype));
}
