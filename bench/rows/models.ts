// The two models of the table, written as a user would: pure functions on trees of parameters. Letters as in ../work.ts.
import { add, einsum, expandDims, gelu, logSoftmax, mark, matmul, mean, mul, neg, relu, reshape, rsqrt, scan, softmax, square, sub, sum, take, tri, where, oneHot, type Tensor } from "pullback";
import type { Gpt } from "../work.ts";

/** Parameters by name. */
export type Params = { readonly [name: string]: Tensor };
/** Parameter `name`; the names are work.ts's. */
export const named = (params: Params, name: string): Tensor => {
  const x = params[name];
  if (!x) throw new Error(`there is no input ${name}`);
  return x;
};

/** (x - mean) / sqrt(variance + eps) over the last axis. */
export function normalize(x: Tensor, eps: number): Tensor {
  const centred = sub(x, mean(x, { axis: -1, keepdims: true }));
  return mul(centred, rsqrt(add(mean(square(centred), { axis: -1, keepdims: true }), eps)));
}

/** Mean cross-entropy of logits f32[..,V] against labels i32[..]. The logits are marked, so that Functional-SAM finds them. */
export function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const z = mark("logits", logits);
  return neg(mean(sum(mul(logSoftmax(z), oneHot(labels, z.shape.at(-1) ?? 0)), { axis: -1 })));
}

/** Loss of a ReLU network w0,b0,w1,b1,.. on x f32[B,I] and labels i32[B]. */
export function mlpLoss(params: Params, x: Tensor, labels: Tensor): Tensor {
  const depth = Object.keys(params).length / 2;
  let h = x;
  for (let i = 0; i < depth; i++) {
    h = add(matmul(h, named(params, `w${i}`)), named(params, `b${i}`));
    if (i < depth - 1) h = relu(h);
  }
  return crossEntropy(h, labels);
}

/** The decoder's logits: inputs i32[B,T] -> f32[B,T,V]. One scan over the stacked layers. */
export function logits({ heads: h, dim: d, tokens: t, batch: b }: Gpt, { embed, pos, lnf, ...layers }: Params, inputs: Tensor): Tensor {
  if (!embed || !pos || !lnf) throw new Error("the decoder needs embed, pos and lnf");
  const heads = (y: Tensor): Tensor => reshape(y, [b, t, h, d / h]);
  const norm = (y: Tensor, scale: Tensor): Tensor => mul(normalize(y, 1e-6), scale);
  const causal = tri(t, t, { dtype: "bool" });
  const block = (x: Tensor, w: Params): readonly [Tensor, null] => {
    const y = norm(x, named(w, "ln1"));
    const q = mul(heads(matmul(y, named(w, "wq"))), 1 / Math.sqrt(d / h)), k = heads(matmul(y, named(w, "wk"))), v = heads(matmul(y, named(w, "wv")));
    const scores = where(causal, einsum("bqhd,bkhd->bhqk", q, k), -Infinity);
    const mixed = reshape(einsum("bhqk,bkhd->bqhd", softmax(scores), v), [b, t, d]);
    const after = add(x, matmul(mixed, named(w, "wo")));
    return [add(after, matmul(gelu(matmul(norm(after, named(w, "ln2")), named(w, "up"))), named(w, "down"))), null];
  };
  const [x] = scan(block, add(take(embed, inputs), expandDims(pos, 0)), layers);
  return einsum("btd,vd->btv", norm(x, lnf), embed);
}
