// exp and its family by Cody-Waite reduction x = n ln2 + r, a polynomial in r, and scaling by 2^n in two exact steps (so that results may be subnormal).
import type { Expr } from "../../ir/scalar.ts";
import { EXP2_F32, EXPM1_F32, EXP_F32, EXP_F64, SINH_F32, SINH_F64, TANH_F32 } from "./coefficients.ts";
import { nearZero, pow2F64, type Kit } from "./kit.ts";

// Adding 1.5 · 2^(mantissa bits) rounds to an integer and leaves it in the low bits of the sum. The 254 makes both halves of n biased exponents.
const MAGIC_F32 = 12582912 + 254,
  MAGIC_F64 = 6755399441055744;
const LOG2E = 1.4426950408889634;
const LN2_F32 = [0.693145751953125, 1.428606765330187e-6] as const;
const LN2_F64 = [0.6931471803691238, 1.9082149292705877e-10] as const;

/** An integer n as a real, and in the form that `scale` wants (`raw`). */
interface Exponent {
  readonly n: Expr;
  readonly raw: Expr;
}

/** The nearest integer to x. */
function nearest(k: Kit, x: (magic: number) => Expr): Exponent {
  const magic = k.real === "f32" ? MAGIC_F32 : MAGIC_F64,
    sum = k.exact(x(magic)),
    n = k.sub(sum, magic);
  return { n, raw: k.real === "f32" ? k.bits(sum) : k.s.convert(n, "i32") };
}

/** p · 2^(n + shift), rounded once. f32: n + shift in [-254, 254]; f64: [-2000, 2000]. */
function scale(k: Kit, p: Expr, { raw }: Exponent, shift: number): Expr {
  const bits = shift === 0 ? raw : k.int("add", raw, shift),
    half = k.int("sar", bits, 1),
    rest = k.int("sub", bits, half);
  const power = k.real === "f32" ? (n: Expr) => k.fromBits(k.int("shl", n, 23)) : (n: Expr) => pow2F64(k, n);
  return k.mul(k.mul(p, power(half)), power(rest));
}

function reduce(k: Kit, x: Expr): Exponent & { readonly r: Expr } {
  const [hi, lo] = k.real === "f32" ? LN2_F32 : LN2_F64;
  const e = nearest(k, magic => k.fma(x, LOG2E, magic));
  return { ...e, r: k.fma(e.n, -lo, k.fma(e.n, -hi, x)) };
}
const clamp = (k: Kit, x: Expr): Expr => (k.real === "f32" ? k.atLeast(k.atMost(x, 90), -104) : k.atLeast(k.atMost(x, 711), -746)); // e^90/2 overflows too

/** e^(x + low) · 2^shift; `low` is a small correction (at most about 1e-3) that x is too short to hold. */
export function expScaled(k: Kit, x: Expr, { low, shift = 0 }: { readonly low?: Expr; readonly shift?: number } = {}): Expr {
  const { r: r0, ...e } = reduce(k, clamp(k, x)),
    r = low ? k.add(r0, low) : r0;
  const p = k.real === "f32" ? k.poly(r, EXP_F32) : k.add(1, k.fma(k.mul(r, r), k.poly(r, EXP_F64), r));
  return scale(k, p, e, shift);
}

/** e^x. */
export const exp = (k: Kit, x: Expr): Expr => expScaled(k, x);

/** 2^x. */
export function exp2(k: Kit, x: Expr): Expr {
  const c = k.real === "f32" ? k.atLeast(k.atMost(x, 129), -151) : k.atLeast(k.atMost(x, 1025), -1077);
  const e = nearest(k, magic => k.add(c, magic)),
    f = k.sub(c, e.n);
  if (k.real === "f32") return scale(k, k.poly(f, EXP2_F32), e, 0);
  const r = k.mul(f, Math.LN2);
  return scale(k, k.add(1, k.fma(k.mul(r, r), k.poly(r, EXP_F64), r)), e, 0);
}

/** e^x - 1. */
export function expm1(k: Kit, x: Expr): Expr {
  const c = k.real === "f32" ? k.atLeast(k.atMost(x, 89), -25) : k.atLeast(k.atMost(x, 710), -40);
  const { r, raw } = reduce(k, c);
  const p = k.fma(k.mul(k.poly(r, k.real === "f32" ? EXPM1_F32 : EXP_F64), r), r, r);
  // 2^(n-1), so that n = 128 (1024) does not overflow before the sum does; f32: the raw exponent carries 254, the bias wants 127 - 1
  const half = k.real === "f32" ? k.fromBits(k.int("shl", k.int("sub", raw, 128), 23)) : pow2F64(k, k.int("sub", raw, 1));
  const y = k.fma(p, half, k.sub(half, 0.5));
  return nearZero(k, x, 2 ** -60, k.add(y, y));
}

/** 1 / (1 + e^-x), relatively accurate in both tails. */
export function sigmoid(k: Kit, x: Expr): Expr {
  const t = exp(k, k.neg(k.abs(x)));
  return k.div(k.select(k.lt(x, 0), t, 1), k.add(1, t));
}

/** Hyperbolic tangent. */
export function tanh(k: Kit, x: Expr): Expr {
  const a = k.abs(x);
  if (k.real === "f64") {
    const t = expm1(k, k.atMost(k.add(a, a), 50));
    return k.copySign(k.div(t, k.add(t, 2)), x);
  }
  const z = k.mul(a, a),
    small = k.fma(k.mul(k.poly(z, TANH_F32), z), a, a);
  const large = k.sub(1, k.div(2, k.add(exp(k, k.add(a, a)), 1)));
  return k.copySign(k.select(k.lt(a, 0.6), small, large), x);
}

/** Hyperbolic sine. */
export function sinh(k: Kit, x: Expr): Expr {
  const a = k.abs(x),
    z = k.mul(a, a),
    h = expScaled(k, a, { shift: -1 });
  const small = k.fma(k.mul(k.poly(z, k.real === "f32" ? SINH_F32 : SINH_F64), z), a, a);
  return k.copySign(k.select(k.lt(a, 1), small, k.sub(h, k.div(0.25, h))), x);
}

/** Hyperbolic cosine. */
export function cosh(k: Kit, x: Expr): Expr {
  const h = expScaled(k, k.abs(x), { shift: -1 });
  return k.add(h, k.div(0.25, h));
}
