// sin, cos, tan: x = q π/2 + r with π/2 in short pieces, then kernels on |r| <= π/4 (a little more for large x). Large arguments multiply with digits of
// 2/π instead: right for all of f32; f64 beyond the range of f32 is only sure to lie in [-1, 1]. Targets without f64 do it in integers (turns.ts).
import type { Expr } from "../../ir/scalar.ts";
import { COS_F32, COS_F64, SIN_F32, SIN_F64 } from "./coefficients.ts";
import { kit, nearZero, type Kit } from "./kit.ts";
import { quarterTurns } from "./turns.ts";

const MAGIC_F32 = 12582912,
  MAGIC_F64 = 6755399441055744,
  TWO_OVER_PI = 0.6366197723675814;
/** 2/π = 0.(digit)(digit)... in base 2^24. */
const TWO_OVER_PI_DIGITS = [10680707, 7228996, 1387004, 2578385, 16069853, 12639074, 9804092, 4427841, 16666979, 11263675, 12935607];
const HALF_PI_SHORT = [1.570556640625, 0.0002396702766418457, 1.5890691429376602e-8, 2.5633440682570896e-12] as const;
/** Below this, products of the quadrant and the pieces of π/2 are exact. */
const NEAR = { f32: 1024, f64: 2 ** 20 } as const;
const HALF_PI = { first: 1.5707963267341256, second: 6.077100506303966e-11, third: 2.0222662487959506e-21 } as const;

/** sin(r) and cos(r), and the quadrant q as i32 (its two low bits matter). */
interface Reduced {
  readonly sin: Expr;
  readonly cos: Expr;
  readonly q: Expr;
}

function quadrant(k: Kit, x: Expr): { readonly n: Expr; readonly q: Expr } {
  const n = k.sub(k.fma(x, TWO_OVER_PI, MAGIC_F64), MAGIC_F64);
  return { n, q: k.bits(k.s.binary("add", k.to("f32", n), k.s.const(MAGIC_F32, "f32"))) };
}
/** How large arguments may be. */
type Range = "any" | "near";
/** `finish` of x reduced: one way for small arguments, another for large ones, so that a target may skip the second. */
function reduced(k: Kit, x: Expr, range: Range, finish: (r: Reduced) => Expr): Expr {
  if (range === "near" && k.real === "f32") return finish(kernelsF32(k, reduceShort(k, x)));
  const d = kit(k.s, "f64"),
    near = k.lt(k.abs(x), NEAR[k.real]);
  if (k.real === "f32" && !k.double)
    return k.select(near, finish(kernelsF32(k, reduceShort(k, x))), finish(kernelsF32(k, quarterTurns(k, x))));
  if (k.real === "f32") {
    const far = reduceFar(d, k.to("f64", x), [k.to("f64", x)]);
    return k.select(near, finish(kernelsF32(k, reduceShort(k, x))), finish(kernelsF32(k, { q: far.q, r: k.to("f32", far.r) })));
  }
  const far = reduceFar(d, x, pieces(k, x)),
    { n, q } = quadrant(d, x);
  const t = k.fma(n, -HALF_PI.first, x),
    w0 = k.mul(n, HALF_PI.second),
    u = k.sub(t, w0);
  const w = k.sub(k.mul(n, HALF_PI.third), k.sub(k.sub(t, u), w0)),
    hi = k.sub(u, w),
    lo = k.sub(k.sub(u, hi), w);
  if (range === "near") return finish({ q, ...kernels(k, hi, lo) });
  return k.select(near, finish({ q, ...kernels(k, hi, lo) }), finish({ q: far.q, ...kernels(k, far.r, k.c(0)) }));
}
function kernelsF32(k: Kit, { q, r }: { readonly q: Expr; readonly r: Expr }): Reduced {
  const z = k.mul(r, r);
  return { q, sin: k.fma(k.mul(k.poly(z, SIN_F32), z), r, r), cos: k.fma(k.fma(k.poly(z, COS_F32), z, -0.5), z, 1) };
}
/** f32, |x| < 1024: n has 10 bits and the pieces of π/2 13, so that products are exact with or without fused multiply-add. */
function reduceShort(k: Kit, x: Expr): { readonly r: Expr; readonly q: Expr } {
  const sum = k.exact(k.fma(x, TWO_OVER_PI, MAGIC_F32)),
    n = k.sub(sum, MAGIC_F32),
    [a, b, c, rest] = HALF_PI_SHORT;
  const t = k.fma(n, -a, x),
    w = k.mul(n, b),
    u = k.exact(k.sub(t, w)),
    lost = k.sub(k.sub(t, u), w);
  return { q: k.bits(sum), r: k.fma(n, -rest, k.add(u, k.fma(n, -c, lost))) };
}
/** x in two pieces of at most 29 bits. */
function pieces(k: Kit, x: Expr): Expr[] {
  const a = k.atLeast(k.atMost(x, 3.4028234e38), -3.4028234e38),
    head = k.to("f64", k.to("f32", a));
  return [head, k.sub(a, head)];
}
/** The remainder of large arguments, after Payne and Hanek: x · 2/π in exact products with 24-bit digits of 2/π, whole turns dropped from each. `parts` sum to x. */
function reduceFar(d: Kit, x: Expr, parts: readonly Expr[]): { readonly r: Expr; readonly q: Expr } {
  let s: Expr = d.c(0),
    n: Expr = d.c(0);
  TWO_OVER_PI_DIGITS.forEach((digit, i) =>
    parts.forEach(part => {
      const t = d.mul(part, digit * 2 ** (-24 * (i + 1)));
      if (i > 5) {
        s = d.add(s, t);
        return;
      } // below 1/2 for every x < 2^128
      const sum = d.add(s, d.fma(d.round(d.mul(t, 0.25)), -4, t)),
        whole = d.round(sum);
      s = d.sub(sum, whole);
      n = d.add(n, whole);
    }),
  );
  const r = d.fma(s, Math.PI / 2, d.fma(s, 6.123233995736766e-17, d.mul(x, 0))); // infinity gives NaN
  return { r, q: d.bits(d.s.binary("add", d.to("f32", n), d.s.const(MAGIC_F32, "f32"))) };
}
/** sin and cos of hi + lo in f64. */
function kernels(k: Kit, hi: Expr, lo: Expr): { readonly sin: Expr; readonly cos: Expr } {
  const z = k.mul(hi, hi),
    v = k.mul(z, hi),
    [s1 = 0, ...rest] = SIN_F64;
  const sin = k.sub(hi, k.sub(k.sub(k.mul(z, k.sub(k.mul(0.5, lo), k.mul(v, k.poly(z, rest)))), lo), k.mul(v, s1)));
  const half = k.mul(0.5, z),
    w = k.sub(1, half);
  const cos = k.add(w, k.add(k.sub(k.sub(1, w), half), k.sub(k.mul(k.mul(z, z), k.poly(z, COS_F64)), k.mul(hi, lo))));
  return { sin, cos };
}

const isOdd = (k: Kit, q: Expr): Expr => k.s.compare("ne", k.int("and", q, 1), k.i(0));
function signed(k: Kit, y: Expr, q: Expr): Expr {
  if (k.real === "f32") return k.fromBits(k.int("xor", k.bits(y), k.int("shl", k.int("and", q, 2), 30)));
  return k.select(k.s.compare("ne", k.int("and", q, 2), k.i(0)), k.neg(y), y);
}

/** Sine. `near`: the argument is known to be below 1024. */
export const sin = (k: Kit, x: Expr, range: Range = "any"): Expr =>
  nearZero(
    k,
    x,
    2 ** -40,
    reduced(k, x, range, ({ sin, cos, q }) => signed(k, k.select(isOdd(k, q), cos, sin), q)),
  );
/** Cosine. */
export const cos = (k: Kit, x: Expr): Expr =>
  reduced(k, x, "any", ({ sin, cos, q }) => {
    const next = k.int("add", q, 1);
    return signed(k, k.select(isOdd(k, next), cos, sin), next);
  });
/** Tangent. */
export const tan = (k: Kit, x: Expr, range: Range = "any"): Expr =>
  nearZero(
    k,
    x,
    2 ** -40,
    reduced(k, x, range, ({ sin, cos, q }) => {
      const odd = isOdd(k, q);
      return k.div(k.select(odd, k.neg(cos), sin), k.select(odd, sin, cos));
    }),
  );
