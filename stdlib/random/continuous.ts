// Draws of real numbers. Each is a formula of uniform draws; f16 and bf16 are drawn in f32 and rounded, but for uniform, where rounding up would reach the
// excluded end: there they take as few bits as their mantissa has, as JAX does.
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import type { DType } from "../../runtime/dtype.ts";
import { PullbackError, unreachable } from "../../runtime/errors/error.ts";
import { toDType } from "../ops/promotion.ts";

/** A floating-point dtype. */
export type FloatDType = Extract<DType, "f32" | "f64" | "f16" | "bf16">;
/** `dtype` of the draw. Default f32. */
export interface FloatOption {
  readonly dtype?: FloatDType;
}

/** Multiples of 2^-m in [0, 1), m the mantissa bits of `dtype`; f16 and bf16 as f32. */
function unit(k: Tensor, shape: Shape, dtype: FloatDType): Tensor {
  const scaled = (b: Tensor, factor: number, to: "f32" | "f64" = "f32"): Tensor => {
    const y = p.convert(b, { dtype: to });
    return p.mul(y, p.fullLike(y, factor));
  }; // exact: b has no more bits than the mantissa
  const above = (b: Tensor, n: number): Tensor => p.shiftRightLogical(b, p.fullLike(b, n)),
    low = (b: Tensor, mask: number): Tensor => p.and(b, p.fullLike(b, mask));
  switch (dtype) {
    case "f32":
      return scaled(above(p.threefryBits(k, shape), 9), 2 ** -23);
    case "f16":
      return scaled(above(low(p.threefryBits(k, shape), 0xffff), 6), 2 ** -10);
    case "bf16":
      return scaled(above(low(p.threefryBits(k, shape), 0xff), 1), 2 ** -7);
    case "f64": {
      // the top 52 bits of both words: 32 of the first, 20 of the second
      const pairs = p.threefryPairs(k, shape),
        word = (i: number): Tensor => p.reshape(p.slice(pairs, { start: [...shape.map(() => 0), i], limit: [...shape, i + 1] }), { shape });
      return p.add(scaled(word(0), 2 ** -32, "f64"), scaled(above(word(1), 12), 2 ** -52, "f64"));
    }
    default:
      return unreachable(dtype);
  }
}
/** Uniform in [minval, maxval). */
export function uniform(
  k: Tensor,
  shape: Shape = [],
  { dtype = "f32", minval = 0, maxval = 1 }: FloatOption & { readonly minval?: number; readonly maxval?: number } = {},
): Tensor {
  const u = unit(k, shape, dtype),
    round = dtype === "f64" ? (x: number): number => x : Math.fround;
  const lo = round(minval),
    span = round(round(maxval) - lo);
  if (lo === 0 && span === 1) return toDType(u, dtype);
  const exact = u.dtype === "f64" || Math.log2(span) % 1 === 0; // the product needs no rounding of its own
  const x = exact ? p.add(p.mul(u, p.fullLike(u, span)), p.fullLike(u, lo)) : scaledOnce(u, span, lo);
  return toDType(p.max(p.fullLike(x, lo), x), dtype);
}

/** u * span + lo of f32, u in [0, 1) with 23 bits after the point, rounded once as a fused multiply-add does, on devices that have neither that nor f64: the product and
 *  the sum are made with their exact errors (Dekker's and Knuth's), which are added last. It stays right where a compiler fuses some of it. */
function scaledOnce(u: Tensor, span: number, lo: number): Tensor {
  const c = (x: number): Tensor => p.fullLike(u, x);
  const spanHigh = upper(span),
    spanLow = span - spanHigh;
  const high = p.mul(p.floor(p.mul(u, c(2 ** 11))), c(2 ** -11)),
    low = p.sub(u, high);
  const product = p.mul(u, c(span));
  const first = p.sub(p.mul(high, c(spanHigh)), product),
    cross = p.add(p.add(first, p.mul(high, c(spanLow))), p.mul(low, c(spanHigh)));
  const lost = p.add(cross, p.mul(low, c(spanLow)));
  const sum = p.add(product, c(lo)),
    other = p.sub(sum, product);
  const rest = p.add(p.sub(product, p.sub(sum, other)), p.sub(c(lo), other));
  return p.add(sum, p.add(rest, lost));
}
/** The upper 12 bits of an f32's mantissa. */
function upper(x: number): number {
  const shifted = Math.fround(4097 * x);
  return Math.fround(shifted - Math.fround(shifted - x));
}

const below1 = { f32: -1 + 2 ** -24, f64: -1 + 2 ** -53 } as const;
const wideOf = (dtype: FloatDType): "f32" | "f64" => (dtype === "f64" ? "f64" : "f32");
const sqrt2 = (x: Tensor): Tensor => p.mul(x, p.fullLike(x, Math.SQRT2));
/** Normal with mean 0 and variance 1: √2 erfInv of a uniform in (-1, 1). */
export function normal(k: Tensor, shape: Shape = [], { dtype = "f32" }: FloatOption = {}): Tensor {
  const d = wideOf(dtype);
  return toDType(sqrt2(p.erfInv(uniform(k, shape, { dtype: d, minval: below1[d], maxval: 1 }))), dtype);
}
/** Normal, conditioned to (lower, upper). @throws E0801 unless lower < upper */
export function truncatedNormal(k: Tensor, lower: number, upper: number, shape: Shape = [], { dtype = "f32" }: FloatOption = {}): Tensor {
  if (!(lower < upper))
    throw new PullbackError("E0801", `truncatedNormal got the interval [${lower}, ${upper}]`, { help: "lower is less than upper" });
  const d = wideOf(dtype),
    x = sqrt2(p.erfInv(uniform(k, shape, { dtype: d, minval: erf(lower / Math.SQRT2), maxval: erf(upper / Math.SQRT2) })));
  return toDType(p.max(p.fullLike(x, neighbour(lower, 1, d)), p.min(p.fullLike(x, neighbour(upper, -1, d)), x)), dtype);
}
/** Exponential with rate 1. */
export function exponential(k: Tensor, shape: Shape = [], { dtype = "f32" }: FloatOption = {}): Tensor {
  return toDType(p.neg(p.log1p(p.neg(uniform(k, shape, { dtype: wideOf(dtype) })))), dtype);
}
/** Standard Gumbel: -log(-log u), u from the smallest normal number. */
export function gumbel(k: Tensor, shape: Shape = [], { dtype = "f32" }: FloatOption = {}): Tensor {
  const d = wideOf(dtype),
    u = uniform(k, shape, { dtype: d, minval: d === "f64" ? 2 ** -1022 : 2 ** -126, maxval: 1 });
  return toDType(p.neg(p.log(p.neg(p.log(u)))), dtype);
}

/** erf by its series, all terms positive: exact to an ulp or two where the result is not yet 1. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x,
    sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
/** The number next to x in `dtype`, upwards or downwards (of an infinity, inwards: the largest finite one). */
function neighbour(x: number, direction: 1 | -1, dtype: "f32" | "f64"): number {
  const v = dtype === "f32" ? Math.fround(x) : x;
  if (v === 0) return direction * (dtype === "f32" ? 2 ** -149 : Number.MIN_VALUE);
  const away = Math.sign(v) === direction;
  if (dtype === "f32") {
    const f = Float32Array.of(v),
      u = new Uint32Array(f.buffer);
    u[0] = (u[0] ?? 0) + (away ? 1 : -1);
    return f[0] ?? NaN;
  }
  const f = Float64Array.of(v),
    u = new BigUint64Array(f.buffer);
  u[0] = (u[0] ?? 0n) + (away ? 1n : -1n);
  return f[0] ?? NaN;
}
