// Attention. Shape letters: B any leading dimensions, T queries, S keys, H heads, G key heads (H a multiple of G), D head size, M = H·D width.
import { attention, showAval, sizeOf, type Precision, type Tensor } from "../../compiler/extend.ts";
import { computeDType, isFloat } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { add, astype, mul } from "../ops/arithmetic.ts";
import { where } from "../ops/compare.ts";
import { tri } from "../ops/creation.ts";
import { einsum } from "../ops/einsum.ts";
import { matmul } from "../ops/linalg.ts";
import { softmax } from "../ops/reduce.ts";
import { broadcastTo } from "../ops/promotion.ts";
import { expandDims, reshape } from "../ops/shape.ts";
import * as random from "../random/index.ts";
import { xavierUniform, type Initializer } from "./init.ts";

/** `mask` (bool, broadcasts to [B, H, T, S]): true where a query may look. `causal`: no query looks past its own place, the last query at the last key. `bias` is
 *  added to the scores. `scale` defaults to 1/sqrt(D). `precision`: of the products, as of `matmul`. */
export interface AttentionOptions {
  readonly mask?: Tensor;
  readonly causal?: boolean;
  readonly bias?: Tensor;
  readonly scale?: number;
  readonly precision?: Precision;
}
/** The score of a forbidden pair: e^hidden is 0 beside any score, yet a query that may look nowhere stays finite (it averages over all keys). */
const hidden = -0.7 * 3.4028234663852886e38;

/** softmax(q·kᵀ·scale)·v: q [B, T, H, D], k and v [B, S, G, D] -> [B, T, H, D]. With G < H neighbouring queries share a key head (grouped-query attention). The
 *  softmax is computed in f32 or wider.
 *
 *  Without `mask` and `bias` this is one operation, which devices compute, and differentiate once, without keeping scores of size T·S. With them, and where dtypes or the
 *  sizes of keys and values differ or causal queries outnumber the keys, it is the composed formula, which keeps the scores. @throws E0202 when D, S, G or B do not fit @see Vaswani et al. 2017, eq. 1 */
export function dotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { mask, causal = false, bias, scale, precision } = options,
    [t = 0, h = 0, d = 1] = q.shape.slice(-3),
    [s = 0, g = 0, dk] = k.shape.slice(-3);
  if (
    q.ndim < 3 ||
    q.ndim !== k.ndim ||
    d !== dk ||
    k.shape.some((n, i) => n !== v.shape[i] && i < k.ndim - 1) ||
    k.ndim !== v.ndim ||
    h % Math.max(1, g) !== 0
  ) {
    throw new PullbackError("E0202", `attention cannot combine q ${showAval(q.aval)}, k ${showAval(k.aval)}, v ${showAval(v.aval)}`, {
      help: "q is [B, T, H, D], k and v are [B, S, G, D], and G divides H",
    });
  }
  const shared = (x: Tensor): Tensor =>
    g === h
      ? x
      : reshape(broadcastTo(expandDims(x, -2), [...x.shape.slice(0, -1), h / g, x.shape.at(-1) ?? 1]), [
          ...x.shape.slice(0, -2),
          h,
          x.shape.at(-1) ?? 1,
        ]);
  if (!mask && !bias && isFloat(q.dtype) && k.dtype === q.dtype && v.dtype === q.dtype && v.shape.at(-1) === d && !(causal && t > s)) {
    const flat = (x: Tensor): Tensor => reshape(x, [sizeOf(x.shape.slice(0, -3)), ...x.shape.slice(-3)]);
    return reshape(
      attention(flat(q), flat(shared(k)), flat(shared(v)), { scale: scale ?? 1 / Math.sqrt(d), causal, ...(precision && { precision }) }),
      q.shape,
    );
  }
  const product = (spec: string, x: Tensor, y: Tensor): Tensor => (precision ? einsum({ spec, precision }, x, y) : einsum(spec, x, y)),
    raw = product("...thd,...shd->...hts", mul(q, scale ?? 1 / Math.sqrt(d)), shared(k)),
    wide = astype(raw, computeDType(raw.dtype));
  const biased = bias ? add(wide, astype(bias, wide.dtype)) : wide;
  const causally = causal ? where(tri(t, s, { k: s - t, dtype: "bool" }), biased, hidden) : biased;
  const weights = softmax(mask ? where(mask, causally, hidden) : causally);
  return product("...hts,...shd->...thd", astype(weights, v.dtype), shared(v));
}
/** Kernels of multi-head attention, each [M, M]. */
export interface MultiHead {
  readonly wq: Tensor;
  readonly wk: Tensor;
  readonly wv: Tensor;
  readonly wo: Tensor;
}
/** Fresh kernels. */
export function initMultiHead(key: Tensor, dim: number, { kernel = xavierUniform }: { readonly kernel?: Initializer } = {}): MultiHead {
  const [wq, wk, wv, wo] = random.keys(key, 4).map(k => kernel(k, [dim, dim])) as [Tensor, Tensor, Tensor, Tensor]; // four keys
  return { wq, wk, wv, wo };
}
/** Self-attention of x [B, T, M] with `heads` contiguous heads of size M/heads. @throws E0801 when the width is no multiple of the heads */
export function multiHeadAttention(p: MultiHead, x: Tensor, heads: number, options: AttentionOptions = {}): Tensor {
  const split = (w: Tensor): Tensor => {
    const y = matmul(x, w),
      d = y.shape.at(-1) ?? 0;
    if (!Number.isInteger(heads) || heads < 1 || d % heads !== 0)
      throw new PullbackError("E0801", `multiHeadAttention: the width ${d} does not divide into ${heads} heads`, {
        help: "choose a width that is a multiple of the number of heads",
      });
    return reshape(y, [...y.shape.slice(0, -1), heads, d / heads]);
  };
  const out = dotProductAttention(split(p.wq), split(p.wk), split(p.wv), options);
  return matmul(reshape(out, [...out.shape.slice(0, -2), (out.shape.at(-2) ?? 0) * (out.shape.at(-1) ?? 0)]), p.wo);
}
