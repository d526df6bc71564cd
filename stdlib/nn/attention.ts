// Attention. Shape letters: B any leading dimensions, T queries, S keys, H heads, D head size.
import type { Tensor } from "../../compiler/extend.ts";
import { computeDType } from "../../runtime/dtype.ts";
import { add, astype, mul } from "../ops/arithmetic.ts";
import { where } from "../ops/compare.ts";
import { tri } from "../ops/creation.ts";
import { einsum } from "../ops/linalg.ts";
import { softmax } from "../ops/reduce.ts";
import { reshape } from "../ops/shape.ts";

/** `mask` (bool, broadcasts to [B, H, T, S]): true where a query may look. `causal`: no query looks ahead. `bias` is added to the scores. `scale` defaults to 1/sqrt(D). */
export interface AttentionOptions { readonly mask?: Tensor; readonly causal?: boolean; readonly bias?: Tensor; readonly scale?: number }
/** softmax(q·kᵀ·scale)·v: q [B, T, H, D], k and v [B, S, H, D] -> [B, T, H, D]. The softmax is computed in f32 or wider. @see Vaswani et al. 2017, eq. 1 */
export function dotProductAttention(q: Tensor, k: Tensor, v: Tensor, { mask, causal = false, bias, scale }: AttentionOptions = {}): Tensor {
  const d = q.shape.at(-1) ?? 1, t = q.shape.at(-3) ?? 1, s = k.shape.at(-3) ?? 1;
  const raw = einsum("...thd,...shd->...hts", mul(q, scale ?? 1 / Math.sqrt(d)), k), wide = astype(raw, computeDType(raw.dtype));
  const biased = bias ? add(wide, bias) : wide;
  const causally = causal ? where(tri(t, s, { k: s - t, dtype: "bool" }), biased, -Infinity) : biased;
  const weights = softmax(mask ? where(mask, causally, -Infinity) : causally);
  return einsum("...hts,...shd->...thd", astype(weights, v.dtype), v);
}
/** Kernels of multi-head attention, each [D, D]. */
export interface MultiHead { readonly wq: Tensor; readonly wk: Tensor; readonly wv: Tensor; readonly wo: Tensor }
/** Self-attention of x [B, T, D] with `heads` heads of size D/heads. */
export function multiHeadAttention(p: MultiHead, x: Tensor, heads: number, options: AttentionOptions = {}): Tensor {
  const d = x.shape.at(-1) ?? 0, split = (w: Tensor): Tensor => { const y = einsum("...d,de->...e", x, w); return reshape(y, [...y.shape.slice(0, -1), heads, d / heads]); };
  const out = dotProductAttention(split(p.wq), split(p.wk), split(p.wv), options);
  return einsum("...d,de->...e", reshape(out, x.shape), p.wo);
}
