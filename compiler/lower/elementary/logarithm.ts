// Logarithms by x = m 2^e with m in [2/3, 4/3), and the inverse hyperbolic functions that log1p gives.
import type { Expr } from "../../ir/scalar.ts";
import { LOG_F32, LOG_F64 } from "./coefficients.ts";
import { nearZero, splitExponent, type Kit } from "./kit.ts";

const LN2_F64 = [0.6931471803691238, 1.9082149292705877e-10] as const;

/** log(1+f) + e ln2 for f in [-1/3, 1/3). */
function logKernel(k: Kit, f: Expr, e: Expr): Expr {
  if (k.real === "f32") return k.fma(e, Math.LN2, k.fma(k.poly(f, LOG_F32), k.mul(f, f), f));
  const s = k.div(f, k.add(2, f)),
    z = k.mul(s, s),
    r = k.mul(z, k.poly(z, LOG_F64)),
    half = k.mul(0.5, k.mul(f, f));
  // log(1+f) = f - (f²/2 - s (f²/2 + r))
  return k.sub(k.mul(e, LN2_F64[0]), k.sub(k.sub(half, k.fma(s, k.add(half, r), k.mul(e, LN2_F64[1]))), f));
}
/** The values a logarithm has outside (0, inf). `zero` is where it falls to -inf. */
const outside = (k: Kit, x: Expr, zero: number, y: Expr): Expr =>
  k.select(k.and(k.lt(zero, x), k.lt(x, Infinity)), y, k.select(k.eq(x, zero), -Infinity, k.select(k.lt(x, zero), NaN, x)));

/** Natural logarithm. */
export function log(k: Kit, x: Expr): Expr {
  const { m, e } = splitExponent(k, x);
  return outside(k, x, 0, logKernel(k, k.sub(m, 1), e));
}

/** Logarithm to base 2; exact at powers of two. */
export function log2(k: Kit, x: Expr): Expr {
  const { m, e } = splitExponent(k, x),
    l = logKernel(k, k.sub(m, 1), k.c(0));
  const [hi, lo] =
    k.real === "f32" ? ([1.4426950216293335, 1.925963033500011e-8] as const) : ([1.4426950408889634, 2.0355273740931033e-17] as const);
  return outside(k, x, 0, k.fma(l, hi, k.fma(l, lo, e)));
}

/** log(1 + x). */
export function log1p(k: Kit, x: Expr): Expr {
  const u = k.add(1, x);
  if (k.real === "f32") {
    // scale x, not u, by 2^-e: nothing of x is lost
    const e = k.int("and", k.int("sub", k.bits(u), 0x3f2aaaab), 0xff800000);
    const power = k.fromBits(k.int("sub", k.i(0x40800000), e)); // 4 · 2^-e
    const f = k.add(k.fromBits(k.int("sub", k.bits(x), e)), k.fma(0.25, power, -1));
    return nearZero(k, x, 2 ** -60, outside(k, x, -1, logKernel(k, f, k.mul(k.to("f32", e), 2 ** -23))));
  }
  const { m, e } = splitExponent(k, u),
    lost = k.sub(x, k.sub(u, 1));
  return nearZero(k, x, 2 ** -60, outside(k, x, -1, k.add(logKernel(k, k.sub(m, 1), e), k.div(lost, u))));
}

/** Inverse hyperbolic sine: log1p(a + a²/(1 + sqrt(a² + 1))); log(2a) for large a. */
export function asinh(k: Kit, x: Expr): Expr {
  const a = k.abs(x),
    a2 = k.mul(a, a),
    big = k.lt(2 ** 30, a);
  const t = k.add(a, k.div(a2, k.add(1, k.sqrt(k.add(a2, 1)))));
  return k.copySign(k.add(log1p(k, k.select(big, k.sub(a, 1), t)), k.select(big, Math.LN2, 0)), x);
}

/** Inverse hyperbolic cosine: log1p(t + sqrt(2t + t²)), t = x - 1; NaN below 1. */
export function acosh(k: Kit, x: Expr): Expr {
  const t = k.sub(x, 1),
    big = k.lt(2 ** 30, x),
    y = k.add(t, k.sqrt(k.mul(t, k.add(t, 2))));
  return k.select(k.lt(x, 1), NaN, k.add(log1p(k, k.select(big, t, y)), k.select(big, Math.LN2, 0)));
}

/** Inverse hyperbolic tangent: log1p(2a/(1 - a))/2. */
export function atanh(k: Kit, x: Expr): Expr {
  const a = k.abs(x);
  return k.copySign(k.mul(0.5, log1p(k, k.div(k.add(a, a), k.sub(1, a)))), x);
}
