// Powers: x^y with log x carried in two words, cube roots, integer powers, and the neighbour of a float.
import type { Expr, ScalarOps } from "../../ir/scalar.ts";
import { LOG_F64 } from "./coefficients.ts";
import { exp, expScaled } from "./exponential.ts";
import { kit, splitExponent, type Kit } from "./kit.ts";
import { log } from "./logarithm.ts";

/** An unevaluated sum, |lo| <= ulp(hi)/2. */
interface Pair {
  readonly hi: Expr;
  readonly lo: Expr;
}

/** x = hi + lo with halves of 26 bits (Veltkamp), of 12 in f32. */
function halves(k: Kit, x: Expr): Pair {
  if (k.real === "f32") {
    const hi = k.fromBits(k.int("and", k.bits(x), 0xfffff000));
    return { hi, lo: k.sub(x, hi) };
  }
  const t = k.mul(x, 134217729),
    hi = k.sub(t, k.sub(t, x));
  return { hi, lo: k.sub(x, hi) };
}
/** Exact product (Dekker), without relying on fused multiply-add. */
function product(k: Kit, x: Expr, y: Expr): Pair {
  const hi = k.exact(k.mul(x, y)),
    a = halves(k, x),
    b = halves(k, y);
  const lo = k.sub(k.mul(a.lo, b.lo), k.sub(k.sub(k.sub(hi, k.mul(a.hi, b.hi)), k.mul(a.lo, b.hi)), k.mul(a.hi, b.lo)));
  return { hi, lo };
}
/** Sum of two with |x| >= |y|. */
function quickSum(k: Kit, x: Expr, y: Expr): Pair {
  const hi = k.exact(k.add(x, y));
  return { hi, lo: k.sub(y, k.sub(hi, x)) };
}
const times = (k: Kit, x: Pair, y: Pair): Pair => {
  const p = product(k, x.hi, y.hi);
  return quickSum(k, p.hi, k.add(p.lo, k.add(k.mul(x.hi, y.lo), k.mul(x.lo, y.hi))));
};

/** log of a positive finite number, relative error about 2^-64 (2^-34 in f32). */
function logPair(k: Kit, x: Expr): Pair {
  const { m, e } = splitExponent(k, x),
    f = k.sub(m, 1),
    d = k.exact(k.add(2, f)),
    dLow = k.sub(f, k.sub(d, 2));
  const q = k.div(f, d),
    back = product(k, q, d),
    rest = k.sub(k.sub(k.sub(f, back.hi), back.lo), k.mul(q, dLow));
  const s: Pair = { hi: q, lo: k.div(rest, d) },
    z = times(k, s, s),
    cube = times(k, z, s),
    [, ...tail] = LOG_F64;
  // log m = 2s + (2/3) s³ + s³ z (...); the last term is small enough for one word
  const third = times(k, cube, { hi: k.c(2 / 3), lo: k.c(k.real === "f32" ? 2 / 3 - Math.fround(2 / 3) : 3.700743415417188e-17) }),
    far = k.mul(k.mul(cube.hi, z.hi), k.poly(z.hi, tail));
  const near = quickSum(k, k.add(s.hi, s.hi), third.hi);
  const low = k.add(near.lo, k.add(k.add(k.add(s.lo, s.lo), third.lo), far)),
    lm = quickSum(k, near.hi, low);
  // e ln2: the first word is short, so that its product with e is exact
  const [ln2, ln2Low] = LN2[k.real],
    top = k.mul(e, ln2),
    sum = quickSum(k, top, lm.hi),
    zero = k.eq(e, 0);
  const hi = k.select(zero, lm.hi, sum.hi),
    lo = k.select(zero, lm.lo, k.add(sum.lo, k.fma(e, ln2Low, lm.lo)));
  return quickSum(k, hi, lo);
}

const LN2 = { f32: [0.693145751953125, 1.428606765330187e-6], f64: [0.6931471803691238, 1.9082149292705877e-10] } as const;

/** a^y for a >= 0 finite and positive, y any. */
function powPositive(k: Kit, a: Expr, y: Expr): Expr {
  if (k.real === "f32" && k.double) {
    const d = kit(k.s, "f64");
    return k.to("f32", exp(d, d.mul(d.to("f64", y), log(d, d.to("f64", a)))));
  }
  const most = k.real === "f32" ? 1e12 : 1e25, // |log a| >= 1e-8 (1e-16): that overflows all the same
    c = k.atLeast(k.atMost(y, most), -most),
    l = logPair(k, a),
    p = product(k, c, l.hi);
  const inside = k.lt(k.abs(p.hi), 800),
    low = k.select(inside, k.add(p.lo, k.mul(c, l.lo)), 0);
  const power = expScaled(k, p.hi, { low });
  return k.real === "f32" ? k.select(k.eq(a, a), power, a) : power; // the bits of a NaN split into a number
}

/** x^y with the special cases of C's pow; NaN for a negative x and a y that is no integer. */
export function pow(k: Kit, x: Expr, y: Expr): Expr {
  const trunc = (v: Expr): Expr => k.s.unary("trunc", v),
    a = k.abs(x),
    half = k.mul(y, 0.5);
  const whole = k.eq(trunc(y), y),
    odd = k.and(whole, k.s.compare("ne", trunc(half), half)),
    negative = k.signBit(x);
  const zero = k.eq(a, 0),
    infinite = k.eq(a, Infinity),
    edge = k.or(zero, infinite);
  const atEdge = k.select(k.s.compare("eq", k.select(zero, 1, 0), k.select(k.lt(0, y), 1, 0)), 0, Infinity);
  const size = k.select(
    k.eq(a, 1),
    k.select(k.eq(y, y), 1, y),
    k.select(edge, k.select(k.eq(y, y), atEdge, y), powPositive(k, k.select(edge, 1, a), y)),
  );
  const result = k.select(
    negative,
    k.select(odd, k.neg(size), k.select(k.or(k.or(whole, edge), k.eq(y, y)), k.select(k.or(whole, edge), size, NaN), size)),
    size,
  );
  return k.select(k.or(k.eq(y, 0), k.eq(x, 1)), 1, result);
}

/** Cube root: exp(log(a)/3) and a Newton step. */
export function cbrt(k: Kit, x: Expr): Expr {
  const a = k.abs(x),
    y = exp(k, k.mul(log(k, a), 1 / 3));
  const better = k.fma(k.sub(k.div(a, k.mul(y, y)), y), 1 / 3, y);
  return k.select(k.or(k.eq(a, 0), k.eq(a, Infinity)), x, k.copySign(better, x));
}

/** x^y of integers, wrapping. A negative y gives 0, except for x = 1 and -1. */
export function intPow(s: ScalarOps, x: Expr, y: Expr): Expr {
  const c = (n: number): Expr => s.const(n, x.dtype),
    odd = (n: Expr): Expr => s.compare("ne", s.binary("and", n, c(1)), c(0));
  let r = c(1),
    b = x,
    n = y;
  for (let bit = 0; bit < 32; bit++) {
    r = s.select(odd(n), s.binary("mul", r, b), r);
    b = s.binary("mul", b, b);
    n = s.binary("shr", n, c(1));
  }
  if (x.dtype !== "i32") return r;
  const one = s.compare("eq", x, c(1)),
    minus = s.compare("eq", x, c(-1));
  const inverse = s.select(one, c(1), s.select(minus, s.select(odd(y), c(-1), c(1)), c(0)));
  return s.select(s.compare("lt", y, c(0)), inverse, r);
}

/** The float next to x in the direction of y. */
export function nextAfter(k: Kit, x: Expr, y: Expr): Expr {
  const up = k.lt(x, y),
    tiny = k.real === "f32" ? 2 ** -149 : 2 ** -1074;
  let step: Expr;
  if (k.real === "f32") {
    const away = k.s.compare("eq", k.select(up, 1, 0), k.select(k.lt(0, x), 1, 0)); // away from zero
    step = k.fromBits(k.int("add", k.bits(x), k.s.select(away, k.i(1), k.i(-1))));
  } else {
    // Rump, Zimmermann, Boldo, Melquiond 2009: c + (2^-53 (1 + 2^-52)) |c| rounds to the successor where no subnormal is near
    const neighbour = (c: Expr): Expr => {
      const d = k.mul(k.abs(c), 2 ** -53 * (1 + 2 ** -52));
      return k.select(up, k.add(c, d), k.sub(c, d));
    };
    const a = k.abs(x),
      low = k.lt(a, 2 ** -1021),
      middle = k.lt(a, 2 ** -900);
    const shifted = k.mul(neighbour(k.select(middle, k.mul(x, 2 ** 100), x)), k.select(middle, 2 ** -100, 1));
    const fromInf = k.eq(a, Infinity),
      max = k.copySign(k.c(Number.MAX_VALUE), x);
    step = k.select(fromInf, max, k.select(low, k.select(up, k.add(x, tiny), k.sub(x, tiny)), shifted));
  }
  const moved = k.select(k.eq(x, 0), k.select(up, tiny, -tiny), step);
  return k.select(k.eq(x, y), y, k.select(k.and(k.eq(x, x), k.eq(y, y)), moved, NaN));
}
