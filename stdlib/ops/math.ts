// Elementary and special functions of floats. Integers and bool go to f32 (promotion.ts); outside a function's domain the result is NaN.
import * as p from "../../compiler/extend.ts";
import { float, float2, type Binary, type Unary } from "./elementwise.ts";

/** √x. */
export const sqrt: Unary = float(p.sqrt);
/** 1/√x. */
export const rsqrt: Unary = float(p.rsqrt);
/** The real cube root, of negative numbers too. */
export const cbrt: Unary = float(p.cbrt);
/** eˣ. */
export const exp: Unary = float(p.exp);
/** 2ˣ. */
export const exp2: Unary = float(p.exp2);
/** eˣ - 1, exact near 0. */
export const expm1: Unary = float(p.expm1);
/** Natural logarithm. */
export const log: Unary = float(p.log);
/** Logarithm to base 2. */
export const log2: Unary = float(p.log2);
/** Logarithm to base 10. */
export const log10: Unary = float(x => p.div(p.log(x), p.fullLike(x, Math.LN10)));
/** log(1 + x), exact near 0. */
export const log1p: Unary = float(p.log1p);
/** Sine of an angle in radians. */
export const sin: Unary = float(p.sin);
/** Cosine of an angle in radians. */
export const cos: Unary = float(p.cos);
/** Tangent of an angle in radians. */
export const tan: Unary = float(p.tan);
/** Inverse sine, radians in [-π/2, π/2]. */
export const asin: Unary = float(p.asin);
/** Inverse cosine, radians in [0, π]. */
export const acos: Unary = float(p.acos);
/** Inverse tangent, radians. */
export const atan: Unary = float(p.atan);
/** The angle of the point (x, y), radians in [-π, π]: atan2(y, x). @throws E0201 */
export const atan2: Binary = float2("atan2", p.atan2);
/** Hyperbolic sine. */
export const sinh: Unary = float(p.sinh);
/** Hyperbolic cosine. */
export const cosh: Unary = float(p.cosh);
/** Hyperbolic tangent. */
export const tanh: Unary = float(p.tanh);
/** Inverse hyperbolic sine. */
export const asinh: Unary = float(p.asinh);
/** Inverse hyperbolic cosine, of x ≥ 1. */
export const acosh: Unary = float(p.acosh);
/** Inverse hyperbolic tangent, of |x| ≤ 1. */
export const atanh: Unary = float(p.atanh);
/** The error function, 2/√π ∫₀ˣ e^(-t²) dt. */
export const erf: Unary = float(p.erf);
/** 1 - erf(x), exact where erf is near 1. */
export const erfc: Unary = float(p.erfc);
/** Inverse of erf, on [-1, 1]. */
export const erfInv: Unary = float(p.erfInv);
/** log |Γ(x)|. */
export const lgamma: Unary = float(p.lgamma);
/** Derivative of lgamma. */
export const digamma: Unary = float(p.digamma);
