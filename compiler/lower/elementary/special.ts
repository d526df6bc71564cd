// Error functions, log Γ and its derivative. f32 does the rarer ones in f64 where there is one: simple, and right to the last bit.
import type { Expr } from "../../ir/scalar.ts";
import {
  DIGAMMA,
  ERFCX_F64,
  ERFINV_CENTER,
  ERFINV_TAIL,
  ERF_LARGE_F32,
  ERF_SMALL_F32,
  ERF_SMALL_F64,
  LGAMMA_F64,
  STIRLING,
} from "./coefficients.ts";
import { exp, expScaled } from "./exponential.ts";
import { kit, nearZero, type Kit } from "./kit.ts";
import { log } from "./logarithm.ts";
import { tan, sin } from "./trigonometric.ts";

const TWO_OVER_SQRT_PI = 1.1283791670955126,
  HALF_LOG_2PI = 0.9189385332046728;

/** A function written for f64, in either precision; on f32 itself where the target has no f64. */
const inF64 =
  (f: (k: Kit, x: Expr) => Expr) =>
  (k: Kit, x: Expr): Expr => {
    if (k.real === "f64" || !k.double) return f(k, x);
    const d = kit(k.s, "f64");
    return k.to("f32", f(d, d.to("f64", x)));
  };

/** erfc(a) for a >= 0.45: e^(-a²) times a polynomial in (a - 3.75)/(a + 3.75). */
function erfcTail(k: Kit, a0: Expr): Expr {
  if (k.real === "f32") {
    const a = k.atMost(a0, 11),
      short = k.fromBits(k.int("and", k.bits(a), 0xfffff000)); // 12 bits: its square is exact
    const e = k.mul(exp(k, k.neg(k.mul(short, short))), exp(k, k.mul(k.sub(short, a), k.add(short, a))));
    return k.div(k.mul(e, k.poly(k.div(k.sub(a, 3.75), k.add(a, 3.75)), ERFCX_F64)), k.fma(2, a, 1));
  }
  const a = k.atMost(a0, 28),
    short = k.to("f64", k.to("f32", a)),
    square = k.mul(short, short); // exact: 24 bits squared
  const e = expScaled(k, k.neg(square), { low: k.mul(k.sub(short, a), k.add(short, a)) });
  return k.div(k.mul(e, k.poly(k.div(k.sub(a, 3.75), k.add(a, 3.75)), ERFCX_F64)), k.fma(2, a, 1));
}
const erfCenter = (k: Kit, x: Expr): Expr => k.fma(k.poly(k.mul(x, x), ERF_SMALL_F64), x, x);

/** Error function. */
export function erf(k: Kit, x: Expr): Expr {
  const a = k.abs(x);
  if (k.real === "f64") return nearZero(k, x, 2 ** -60, k.copySign(k.select(k.lt(a, 1), erfCenter(k, a), k.sub(1, erfcTail(k, a))), x));
  const t = k.atMost(a, 3.95),
    small = k.fma(k.poly(k.mul(a, a), ERF_SMALL_F32), a, a);
  const large = k.sub(1, exp(k, k.neg(k.mul(k.poly(t, ERF_LARGE_F32), t))));
  return k.copySign(k.select(k.lt(a, 0.95), small, large), x);
}

/** Complementary error function, relatively accurate in the right tail. */
export const erfc: (k: Kit, x: Expr) => Expr = inF64((k, x) => {
  const tail = erfcTail(k, k.abs(x));
  return k.select(k.lt(k.abs(x), 0.47), k.sub(1, erfCenter(k, x)), k.select(k.lt(x, 0), k.sub(2, tail), tail));
});

/** Inverse error function: a polynomial start and one step of Halley's method. */
export const erfInv: (k: Kit, y: Expr) => Expr = inF64((k, y) => {
  const a = k.abs(y),
    w = k.neg(log(k, k.mul(k.sub(1, a), k.add(1, a))));
  const start = k.mul(a, k.select(k.lt(w, 5), k.poly(k.sub(w, 2.5), ERFINV_CENTER), k.poly(k.sub(k.sqrt(w), 4), ERFINV_TAIL)));
  const error = k.select(k.lt(a, 0.5), k.sub(erfCenter(k, start), a), k.sub(k.sub(1, a), erfcTail(k, start)));
  const step = k.div(error, k.mul(exp(k, k.neg(k.mul(start, start))), TWO_OVER_SQRT_PI)),
    x = k.sub(start, k.div(step, k.fma(start, step, 1)));
  return nearZero(k, y, k.real === "f32" ? 2 ** -126 : 2 ** -1020, k.copySign(k.select(k.eq(a, 1), Infinity, x), y));
});

/** log Γ for x >= 1/2 in f32: down to [2, 3) by its recurrence, every term of one sign. */
function lgammaRightShort(k: Kit, x: Expr): Expr {
  const below = k.lt(x, 1),
    low = k.lt(x, 8);
  let y = k.select(low, x, 2),
    rising: Expr = k.c(1);
  for (let i = 0; i < 5; i++) {
    const more = k.lt(y, 3);
    const next = k.sub(y, 1);
    rising = k.select(more, rising, k.mul(rising, next));
    y = k.select(more, y, next);
  }
  const t = k.select(below, k.sub(x, 1), k.sub(y, 2)),
    center = k.add(k.mul(k.mul(t, k.add(t, 1)), k.poly(t, LGAMMA_F64)), log(k, k.select(below, k.div(1, x), rising)));
  const inverse = k.div(1, x),
    series = k.mul(inverse, k.poly(k.mul(inverse, inverse), STIRLING.slice(0, 4)));
  const stirling = k.add(k.sub(k.mul(k.sub(x, 0.5), k.sub(log(k, x), 1)), 0.5), k.add(series, HALF_LOG_2PI));
  return k.select(low, center, stirling);
}
/** log Γ for x >= 1/2. */
function lgammaRight(k: Kit, x: Expr): Expr {
  if (k.real === "f32") return lgammaRightShort(k, x);
  const below = k.lt(x, 1),
    t = k.sub(k.select(below, k.add(x, 1), x), 2),
    center = k.add(k.mul(k.mul(t, k.add(t, 1)), k.poly(t, LGAMMA_F64)), 0); // not -0
  const low = k.lt(x, 8),
    z = k.select(low, k.add(x, 5), x);
  const rising = k.mul(k.mul(k.mul(x, k.add(x, 1)), k.mul(k.add(x, 2), k.add(x, 3))), k.add(x, 4));
  const inverse = k.div(1, z),
    series = k.mul(inverse, k.poly(k.mul(inverse, inverse), STIRLING));
  const stirling = k.add(k.sub(k.mul(k.sub(z, 0.5), k.sub(log(k, z), 1)), 0.5), k.add(series, HALF_LOG_2PI));
  const central = k.lt(x, 3),
    correction = log(k, k.select(below, x, k.select(low, rising, 1)));
  return k.sub(k.select(central, center, stirling), k.select(k.or(below, k.and(low, k.lt(3, k.add(x, 2 ** -40)))), correction, 0));
}

/** log |Γ(x)|; infinite at 0, -1, -2, ... */
export const lgamma: (k: Kit, x: Expr) => Expr = inF64((k, x) => {
  const left = k.lt(x, 0.5),
    right = k.select(left, k.sub(1, x), x),
    d = k.abs(k.sub(x, k.round(x)));
  const value = lgammaRight(k, right),
    near = k.real === "f32" ? 2 ** -14 : 2 ** -28, // sin(πd)/π is d to the last bit below it, and d may be subnormal
    sine = k.select(k.lt(d, near), d, k.mul(sin(k, k.mul(d, Math.PI), "near"), 1 / Math.PI)),
    mirrored = k.sub(k.neg(log(k, sine)), value);
  return k.select(k.eq(k.abs(x), Infinity), Infinity, k.select(left, k.select(k.eq(d, 0), Infinity, mirrored), value));
});

/** The derivative of log Γ; NaN at 0, -1, -2, ... */
export const digamma: (k: Kit, x: Expr) => Expr = inF64((k, x) => {
  const left = k.lt(x, 0.5),
    right = k.select(left, k.sub(1, x), x),
    low = k.lt(right, 10),
    z = k.select(low, k.add(right, 10), right);
  let shift = k.div(1, right);
  for (let i = 1; i < 10; i++) shift = k.add(shift, k.div(1, k.add(right, i)));
  const inverse = k.div(1, z),
    square = k.mul(inverse, inverse);
  const value = k.sub(k.sub(k.sub(log(k, z), k.mul(0.5, inverse)), k.mul(square, k.poly(square, DIGAMMA))), k.select(low, shift, 0));
  const d = k.sub(x, k.round(x)),
    pole = k.and(left, k.eq(d, 0));
  return k.select(pole, NaN, k.select(left, k.sub(value, k.div(Math.PI, tan(k, k.mul(d, Math.PI), "near"))), value));
});
