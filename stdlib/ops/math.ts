// Elementary and special functions of floats. Integers and bool go to f32 (promotion.ts); outside a function's domain the result is NaN.
import * as p from "../../compiler/extend.ts";
import { float, float2, type FloatBinary, type FloatUnary } from "./elementwise.ts";

/** √x. */
export const sqrt: FloatUnary = float(p.sqrt);
/** 1/√x. */
export const rsqrt: FloatUnary = float(p.rsqrt);
/** The real cube root, of negative numbers too. */
export const cbrt: FloatUnary = float(p.cbrt);
/** eˣ. */
export const exp: FloatUnary = float(p.exp);
/** 2ˣ. */
export const exp2: FloatUnary = float(p.exp2);
/** eˣ - 1, exact near 0. */
export const expm1: FloatUnary = float(p.expm1);
/** Natural logarithm. */
export const log: FloatUnary = float(p.log);
/** Logarithm to base 2. */
export const log2: FloatUnary = float(p.log2);
/** Logarithm to base 10. */
export const log10: FloatUnary = float(x => p.div(p.log(x), p.fullLike(x, Math.LN10)));
/** log(1 + x), exact near 0. */
export const log1p: FloatUnary = float(p.log1p);
/** Sine of an angle in radians. */
export const sin: FloatUnary = float(p.sin);
/** Cosine of an angle in radians. */
export const cos: FloatUnary = float(p.cos);
/** Tangent of an angle in radians. */
export const tan: FloatUnary = float(p.tan);
/** Inverse sine, radians in [-π/2, π/2]. */
export const asin: FloatUnary = float(p.asin);
/** Inverse cosine, radians in [0, π]. */
export const acos: FloatUnary = float(p.acos);
/** Inverse tangent, radians. */
export const atan: FloatUnary = float(p.atan);
/** The angle of the point (x, y), radians in [-π, π]: atan2(y, x). @throws E0201 */
export const atan2: FloatBinary = float2("atan2", p.atan2);
/** Hyperbolic sine. */
export const sinh: FloatUnary = float(p.sinh);
/** Hyperbolic cosine. */
export const cosh: FloatUnary = float(p.cosh);
/** Hyperbolic tangent. */
export const tanh: FloatUnary = float(p.tanh);
/** Inverse hyperbolic sine. */
export const asinh: FloatUnary = float(p.asinh);
/** Inverse hyperbolic cosine, of x ≥ 1. */
export const acosh: FloatUnary = float(p.acosh);
/** Inverse hyperbolic tangent, of |x| ≤ 1. */
export const atanh: FloatUnary = float(p.atanh);
/** The error function, 2/√π ∫₀ˣ e^(-t²) dt. */
export const erf: FloatUnary = float(p.erf);
/** 1 - erf(x), exact where erf is near 1. */
export const erfc: FloatUnary = float(p.erfc);
/** Inverse of erf, on [-1, 1]. */
export const erfInv: FloatUnary = float(p.erfInv);
/** log |Γ(x)|. */
export const lgamma: FloatUnary = float(p.lgamma);
/** Derivative of lgamma. */
export const digamma: FloatUnary = float(p.digamma);
