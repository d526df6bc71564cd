// Random numbers as pure functions of a key, bit for bit JAX's (threefry2x32, the partitionable layout). A key is u32[2]; use each key once, and make new
// ones with split or foldIn.
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import { fromHost } from "../../compiler/index.ts";
import type { DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { asTensor, broadcastTo, toDType, type TensorLike } from "../ops/promotion.ts";
import { argmax } from "../ops/reduce.ts";
import { take } from "../ops/take.ts";

/** A key from a seed: its two 32-bit halves, high first. JAX without x64 keeps the low half only; here seeds keep 64 bits. @throws E0801 for a fraction or a seed over 64 bits */
export function key(seed: number | bigint): Tensor {
  if (typeof seed === "number" && !Number.isSafeInteger(seed)) throw new PullbackError("E0801", `random.key got the seed ${seed}`, { help: "a seed is an integer; use a bigint beyond 2^53" });
  const bits = BigInt.asUintN(64, BigInt(seed));
  return fromHost("u32", [2], Uint32Array.of(Number(bits >> 32n), Number(bits & 0xffffffffn)));
}
/** `n` new keys: u32[n, 2]. */
export const split = (k: Tensor, n = 2): Tensor => p.threefryPairs(k, [n]);
/** `n` new keys as separate tensors. */
export const keys = (k: Tensor, n = 2): Tensor[] => Array.from({ length: n }, (_, i) => p.threefryFoldIn(k, p.lit(i, "u32")));
/** The key that belongs to `data` (an integer) under `k`. */
export const foldIn = (k: Tensor, data: TensorLike): Tensor => p.threefryFoldIn(k, toDType(asTensor(data), "u32"));
/** Random u32. */
export const bits = (k: Tensor, shape: Shape = []): Tensor => p.threefryBits(k, shape);

/** `dtype` of the sample: f32 (default), f64, f16 or bf16 (rounded from f32). */
export interface FloatOption { readonly dtype?: Extract<DType, "f32" | "f64" | "f16" | "bf16"> }
/** Uniform in [0, 1), multiples of 2^-23 (f32) or 2^-52 (f64). */
function unit(k: Tensor, shape: Shape, dtype: "f32" | "f64"): Tensor {
  if (dtype === "f32") {
    const b = p.threefryBits(k, shape), mantissa = p.or(p.shiftRightLogical(b, p.fullLike(b, 9)), p.fullLike(b, 0x3f800000));
    const u = p.bitcast(mantissa, { dtype: "f32" });
    return p.sub(u, p.fullLike(u, 1));
  }
  const pairs = p.threefryPairs(k, shape), word = (i: number): Tensor => p.reshape(p.slice(pairs, { start: [...shape.map(() => 0), i], limit: [...shape, i + 1] }), { shape });
  const high = word(0), low = word(1); // the top 52 bits: 32 of the first word, 20 of the second
  const f = (x: Tensor, factor: number): Tensor => { const y = p.convert(x, { dtype: "f64" }); return p.mul(y, p.fullLike(y, factor)); };
  return p.add(f(high, 2 ** -32), f(p.shiftRightLogical(low, p.fullLike(low, 12)), 2 ** -52));
}
/** Uniform in [minval, maxval). */
export function uniform(k: Tensor, shape: Shape = [], { dtype = "f32", minval = 0, maxval = 1 }: FloatOption & { readonly minval?: number; readonly maxval?: number } = {}): Tensor {
  if (dtype === "f16" || dtype === "bf16") return toDType(uniform(k, shape, { minval, maxval }), dtype);
  const round = dtype === "f32" ? Math.fround : (x: number): number => x;
  const u = unit(k, shape, dtype), lo = round(minval), span = round(round(maxval) - lo);
  if (lo === 0 && span === 1) return u;
  if (dtype === "f64") return p.max(p.fullLike(u, lo), p.add(p.mul(u, p.fullLike(u, span)), p.fullLike(u, lo)));
  const wide = p.convert(u, { dtype: "f64" }); // the product and the sum are rounded once, as a fused multiply-add does
  return p.max(p.fullLike(u, lo), p.convert(p.add(p.mul(wide, p.fullLike(wide, span)), p.fullLike(wide, lo)), { dtype: "f32" }));
}
const below1 = { f32: -1 + 2 ** -24, f64: -1 + 2 ** -53 } as const;
/** Normal with mean 0 and variance 1. */
export function normal(k: Tensor, shape: Shape = [], { dtype = "f32" }: FloatOption = {}): Tensor {
  if (dtype === "f16" || dtype === "bf16") return toDType(normal(k, shape), dtype);
  const x = p.erfInv(uniform(k, shape, { dtype, minval: below1[dtype], maxval: 1 }));
  return p.mul(x, p.fullLike(x, Math.SQRT2));
}
const erf = (x: number): number => { let term = x, sum = x; for (let n = 1; n < 120; n++) { term *= (2 * x * x) / (2 * n + 1); sum += term; } return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum; };
/** Normal, conditioned to [lower, upper]. @throws E0801 */
export function truncatedNormal(k: Tensor, lower: number, upper: number, shape: Shape = [], { dtype = "f32" }: { readonly dtype?: "f32" | "f64" } = {}): Tensor {
  if (!(lower < upper)) throw new PullbackError("E0801", `truncatedNormal got [${lower}, ${upper}]`, { help: "lower is less than upper" });
  const x = p.erfInv(uniform(k, shape, { dtype, minval: erf(lower / Math.SQRT2), maxval: erf(upper / Math.SQRT2) }));
  const y = p.mul(x, p.fullLike(x, Math.SQRT2));
  return p.max(p.fullLike(y, lower), p.min(p.fullLike(y, upper), y));
}
/** True with probability `rate`: bool. */
export const bernoulli = (k: Tensor, rate: number, shape: Shape = []): Tensor => { const u = uniform(k, shape); return p.less(u, p.fullLike(u, rate)); };
/** Exponential with rate 1. */
export const exponential = (k: Tensor, shape: Shape = []): Tensor => p.neg(p.log1p(p.neg(uniform(k, shape))));
/** Standard Gumbel. */
export const gumbel = (k: Tensor, shape: Shape = []): Tensor => p.neg(p.log(p.neg(p.log(uniform(k, shape, { minval: 2 ** -126, maxval: 1 })))));
/** Positions drawn with probability softmax(logits) along the last axis: [..., C] -> i32[...]. */
export function categorical(k: Tensor, logits: Tensor): Tensor {
  const g = gumbel(k, logits.shape);
  return argmax(p.add(toDType(g, logits.dtype), logits), { axis: -1 });
}
/** Integers in [minval, maxval): i32. @throws E0801 */
export function randint(k: Tensor, shape: Shape, minval: number, maxval: number): Tensor {
  if (!Number.isInteger(minval) || !Number.isInteger(maxval) || maxval - minval > 2 ** 32 - 1) throw new PullbackError("E0801", `randint got [${minval}, ${maxval})`, { help: "bounds are i32 integers" });
  const span = maxval > minval ? maxval - minval : 1, [high, low] = keys(k).map(q => p.threefryBits(q, shape)) as [Tensor, Tensor]; // two keys
  const s = p.fullLike(high, span), half = 2 ** 16 % span, m = Number((BigInt(half) * BigInt(half)) & 0xffffffffn) % span;
  const offset = p.rem(p.add(p.mul(p.rem(high, s), p.fullLike(high, m)), p.rem(low, s)), s);
  const i = p.convert(offset, { dtype: "i32" });
  return p.add(i, p.fullLike(i, minval));
}
/** A random order: of 0 .. n-1 when given a number (i32[n]), else of x's slices along `axis`. */
export function permutation(k: Tensor, x: number | Tensor, { axis = 0 }: { readonly axis?: number } = {}): Tensor {
  const n = typeof x === "number" ? x : x.shape[axis] ?? 0;
  let order = p.iota({ dtype: "i32", shape: [n], axis: 0 }), current = k;
  for (let round = Math.ceil((3 * Math.log(Math.max(1, n))) / Math.log(2 ** 32 - 1)); round > 0; round--) {
    const [next, sub] = keys(current) as [Tensor, Tensor]; // two keys
    current = next;
    order = p.sort.all(p.threefryBits(sub, [n]), order, { axis: 0, keys: 1, descending: false })[1] as Tensor; // two operands
  }
  return typeof x === "number" ? order : take(x, order, { axis, mode: "clip" });
}
/** A mask for dropout: 0 with probability `rate`, else 1 / (1 - rate). */
export function dropoutMask(k: Tensor, rate: number, shape: Shape): Tensor {
  if (!(rate >= 0 && rate < 1)) throw new PullbackError("E0801", `the dropout rate ${rate} is not in [0, 1)`, { help: "the rate is the share of elements that become 0" });
  const kept = bernoulli(k, 1 - rate, shape);
  return p.select(kept, broadcastTo(1 / (1 - rate), shape), broadcastTo(0, shape));
}
