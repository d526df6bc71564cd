// Draws of integers, booleans and orders: what is made of bits, uniforms and Gumbels by comparing and sorting.
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import { isFloat, type DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { add, mul, sub } from "../ops/arithmetic.ts";
import { less } from "../ops/compare.ts";
import { log } from "../ops/math.ts";
import { asTensor, broadcastTo, normalizeAxis, toDType } from "../ops/promotion.ts";
import { argmax, cumsum } from "../ops/reduce.ts";
import { argsort, searchsorted } from "../ops/sort.ts";
import { take } from "../ops/take.ts";
import { gumbel, uniform, type FloatDType } from "./continuous.ts";
import { keys } from "./keys.ts";

const invalid = (fact: string, help: string): PullbackError => new PullbackError("E0801", fact, { help });
const floatOf = (x: Tensor): FloatDType => (isFloat(x.dtype) ? (x.dtype as FloatDType) : "f32"); // isFloat names exactly these

/** True with probability `rate`, a number or a tensor of probabilities (whose shape is the default): bool. */
export function bernoulli(k: Tensor, rate: Tensor | number, shape?: Shape): Tensor {
  const r = asTensor(rate),
    u = uniform(k, shape ?? r.shape, { dtype: r.dtype === "f64" ? "f64" : "f32" });
  return less(u, r);
}
/** Positions drawn with probability softmax(logits) along `axis` (default: the last): i32. `shape` of the result, which ends in the logits' shape without the
 *  axis, gives many independent draws. @throws E0203, E0801 when `shape` does not end so */
export function categorical(
  k: Tensor,
  logits: Tensor,
  { axis = -1, shape }: { readonly axis?: number; readonly shape?: Shape } = {},
): Tensor {
  const at = normalizeAxis("categorical", axis, logits.ndim),
    batch = logits.shape.filter((_, d) => d !== at),
    out = shape ?? batch,
    lead = out.length - batch.length;
  if (lead < 0 || !batch.every((d, i) => d === out[lead + i]))
    throw invalid(
      `categorical: shape [${out.join(",")}] does not end in [${batch.join(",")}], the shape of the logits without axis ${at}`,
      "put the number of draws in front: [100, ...]",
    );
  const full = [...out.slice(0, lead), ...logits.shape];
  return argmax(add(gumbel(k, full, { dtype: floatOf(logits) }), logits), { axis: lead + at });
}

/** Kinds of integers that randint draws. */
export type IntDType = Extract<DType, "i32" | "u32" | "i8" | "u8">;
const ranges: { readonly [D in IntDType]: readonly [number, number] } = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i8: [-128, 127],
  u8: [0, 255],
};
/** Integers in [minval, maxval), which are integers of `dtype` (maxval may be one more). An empty interval gives minval. i8 and u8 are drawn as i32.
 *  @throws E0801 for other bounds */
export function randint(
  k: Tensor,
  shape: Shape,
  minval: number,
  maxval: number,
  { dtype = "i32" }: { readonly dtype?: IntDType } = {},
): Tensor {
  const [least, most] = ranges[dtype];
  if (!Number.isInteger(minval) || !Number.isInteger(maxval) || minval < least || minval > most || maxval < least || maxval > most + 1)
    throw invalid(`randint got [${minval}, ${maxval}) for ${dtype}`, `bounds are integers in [${least}, ${most + 1}]`);
  const span = maxval > minval ? maxval - minval : 1; // 2^32: every u32
  const [k1, k2] = keys(k),
    high = p.threefryBits(k1, shape),
    low = p.threefryBits(k2, shape);
  const half = 2 ** 16 % span,
    m = Number((BigInt(half) * BigInt(half)) & 0xffffffffn) % span,
    s = p.fullLike(high, span);
  const offset = span === 2 ** 32 ? low : p.rem(p.add(p.mul(p.rem(high, s), p.fullLike(high, m)), p.rem(low, s)), s);
  const x = p.add(offset, p.fullLike(offset, minval >>> 0)); // modulo 2^32
  return toDType(dtype === "u32" ? x : p.convert(x, { dtype: "i32" }), dtype);
}

/** A random order: of 0 .. n-1 when given a number (i32[n]); of x's slices along `axis`; or, with `independent`, of each line along `axis` by itself. @throws E0203 */
export function permutation(
  k: Tensor,
  x: number | Tensor,
  { axis = 0, independent = false }: { readonly axis?: number; readonly independent?: boolean } = {},
): Tensor {
  if (typeof x === "number") return shuffle(k, p.iota({ dtype: "i32", shape: [x], axis: 0 }), 0);
  const at = normalizeAxis("permutation", axis, x.ndim);
  if (independent || x.ndim === 1) return shuffle(k, x, at);
  return take(x, permutation(k, x.shape[at] ?? 0), { axis: at, mode: "clip" });
}
/** Sorts by random keys, often enough that a collision of keys hardly matters. */
function shuffle(k: Tensor, x: Tensor, axis: number): Tensor {
  let order = x,
    current = k;
  for (let round = Math.ceil((3 * Math.log(Math.max(1, x.size))) / Math.log(2 ** 32 - 1)); round > 0; round--) {
    const [next, sub] = keys(current);
    current = next;
    order = p.sort.all(p.threefryBits(sub, x.shape), order, { axis, keys: 1, descending: false })[1] as Tensor; // two operands
  }
  return order;
}
/** Draws of `shape` from 0 .. n-1 (i32), or from x's slices along its first axis. `replace` (default true): the same may come again. `p`: probabilities [n], which
 *  add up to 1; without them all are equal. @throws E0801 when there are not enough to draw from */
export function choice(
  k: Tensor,
  x: number | Tensor,
  shape: Shape = [],
  { replace = true, p: probabilities }: { readonly replace?: boolean; readonly p?: Tensor } = {},
): Tensor {
  const n = typeof x === "number" ? x : (x.shape[0] ?? 0),
    count = p.sizeOf(shape);
  if (n < 1 || (!replace && count > n))
    throw invalid(`choice: ${count} draws from ${n}${replace ? "" : " without replacement"}`, "draw fewer, or with replacement");
  if (probabilities && (probabilities.ndim !== 1 || probabilities.shape[0] !== n))
    throw invalid(`choice: p is ${p.showAval(probabilities.aval)} for ${n} elements`, "give one probability for each element");
  const positions = (): Tensor => {
    const first = (order: Tensor): Tensor => p.reshape(p.slice(order, { start: [0], limit: [count] }), { shape });
    if (!probabilities) return replace ? randint(k, shape, 0, n) : first(permutation(k, n));
    const dtype = floatOf(probabilities);
    if (!replace) return first(argsort(mul(add(gumbel(k, [n], { dtype }), log(probabilities)), -1)));
    const c = cumsum(probabilities, { axis: 0 }),
      total = p.reshape(p.slice(c, { start: [n - 1], limit: [n] }), { shape: [] });
    return searchsorted(c, mul(total, sub(1, uniform(k, shape, { dtype }))));
  };
  return typeof x === "number" ? positions() : take(x, positions(), { mode: "clip" });
}
/** A mask for dropout: 0 with probability `rate`, else 1 / (1 - rate): f32. @throws E0801 unless rate is in [0, 1) */
export function dropoutMask(k: Tensor, rate: number, shape: Shape): Tensor {
  if (!(rate >= 0 && rate < 1))
    throw invalid(`the dropout rate ${rate} is not in [0, 1)`, "the rate is the share of elements that become 0");
  const kept = bernoulli(k, 1 - rate, shape);
  return p.select(kept, broadcastTo(toDType(1 / (1 - rate), "f32"), shape), broadcastTo(toDType(0, "f32"), shape));
}
