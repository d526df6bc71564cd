// Inverse trigonometric functions: one arctangent of a quotient, reduced to |t| <= tan(π/8), and arcsine on |x| <= 1/2.
import type { Expr } from "../../ir/scalar.ts";
import { ASIN_F32, ASIN_F64, ATAN_F32, ATAN_F64 } from "./coefficients.ts";
import { nearZero, type Kit } from "./kit.ts";

interface Angles {
  readonly pi: Angle;
  readonly half: Angle;
  readonly quarter: Angle;
}
type Angle = readonly [hi: number, lo: number];
const ANGLES: { readonly [R in Kit["real"]]: Angles } = {
  f32: {
    pi: [3.1415927410125732, -8.742277657347586e-8],
    half: [1.5707963705062866, -4.371138828673793e-8],
    quarter: [0.7853981852531433, -2.1855694143368964e-8],
  },
  f64: {
    pi: [3.141592653589793, 1.2246467991473532e-16],
    half: [1.5707963267948966, 6.123233995736766e-17],
    quarter: [0.7853981633974483, 3.061616997868383e-17],
  },
};

/** atan(y/x) for y, x >= 0, not both zero, not both infinite: in [0, π/2]. */
function atanOf(k: Kit, y: Expr, x: Expr): Expr {
  const { half, quarter } = ANGLES[k.real],
    steep = k.lt(k.mul(x, 2.414213562373095), y),
    middle = k.lt(k.mul(x, 0.4142135623730951), y);
  const t = k.div(k.select(steep, k.neg(x), k.select(middle, k.sub(y, x), y)), k.select(steep, y, k.select(middle, k.add(y, x), x)));
  const z = k.mul(t, t),
    p = k.mul(k.mul(k.poly(z, k.real === "f32" ? ATAN_F32 : ATAN_F64), z), t);
  const base = (part: 0 | 1): Expr => k.select(steep, half[part], k.select(middle, quarter[part], 0));
  return k.add(base(0), k.add(t, k.add(p, base(1))));
}

/** Arctangent. */
export const atan = (k: Kit, x: Expr): Expr => k.copySign(atanOf(k, k.abs(x), k.c(1)), x);

/** The angle of (x, y), in [-π, π], with the signs of zeros as in IEEE 754. */
export function atan2(k: Kit, y: Expr, x: Expr): Expr {
  const ay = k.abs(y),
    ax = k.abs(x),
    { pi } = ANGLES[k.real];
  const both = (v: number): Expr => k.and(k.eq(ay, v), k.eq(ax, v));
  // halves and doubles keep sums finite and differences normal; infinities become 1 and 0, so that no quotient is inf/inf
  const limit = k.real === "f32" ? 2 ** 126 : 2 ** 1022,
    unit = k.select(k.or(k.lt(limit, ay), k.lt(limit, ax)), 0.25, 4);
  const inf = both(Infinity),
    sy = k.select(inf, 1, k.mul(ay, unit)),
    sx = k.select(inf, 1, k.select(both(0), 1, k.mul(ax, unit)));
  const r = atanOf(k, sy, sx);
  return k.copySign(k.select(k.signBit(x), k.add(k.sub(pi[0], r), pi[1]), r), y);
}

const asinPoly = (k: Kit, x: Expr, z: Expr): Expr => k.mul(k.mul(k.poly(z, k.real === "f32" ? ASIN_F32 : ASIN_F64), z), x);

/** Arcsine; NaN outside [-1, 1]. */
export function asin(k: Kit, x: Expr): Expr {
  const a = k.abs(x),
    { half } = ANGLES[k.real],
    low = k.lt(a, 0.5);
  const z = k.select(low, k.mul(a, a), k.mul(0.5, k.sub(1, a))),
    s = k.select(low, a, k.sqrt(z)),
    p = asinPoly(k, s, z);
  // π/2 - 2 asin(sqrt((1-a)/2)) above 1/2; π/2 - 2s is exact where the result is small
  const high = k.sub(k.sub(half[0], k.add(s, s)), k.sub(k.add(p, p), half[1]));
  return nearZero(k, x, 2 ** -40, k.copySign(k.select(low, k.add(s, p), high), x));
}

/** Arccosine; NaN outside [-1, 1]. */
export function acos(k: Kit, x: Expr): Expr {
  const a = k.abs(x),
    { half, pi } = ANGLES[k.real],
    low = k.lt(a, 0.5),
    negative = k.lt(x, 0);
  const z = k.select(low, k.mul(a, a), k.mul(0.5, k.sub(1, a))),
    s = k.select(low, x, k.sqrt(z)),
    p = asinPoly(k, s, z);
  const center = k.sub(half[0], k.sub(s, k.sub(half[1], p))),
    side = k.add(s, k.add(s, k.add(p, p)));
  return k.select(low, center, k.select(negative, k.sub(pi[0], k.sub(side, pi[1])), side));
}
