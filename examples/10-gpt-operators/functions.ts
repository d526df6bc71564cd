// A GPT with functions. operators.tensor.ts is the same model with operators: both become the same program.
//
// Shape letters: B batch, T tokens, D width, H heads, V vocabulary.
import {
  add,
  arange,
  cond,
  div,
  einsum,
  expandDims,
  greater,
  grad,
  index,
  lessEqual,
  matmul,
  mean,
  mul,
  reshape,
  slice,
  softmax,
  sqrt,
  sub,
  sum,
  take,
  where,
  type Tensor,
} from "pullback";
import { softmaxCrossEntropy } from "pullback/nn";
import * as tree from "pullback/tree";
import type { Block, Gpt } from "./parameters.ts";

/** Layer norm over the last axis, with a scale. */
function norm(x: Tensor, scale: Tensor): Tensor {
  const c = sub(x, mean(x, { axis: -1, keepdims: true }));
  return mul(div(c, sqrt(add(mean(mul(c, c), { axis: -1, keepdims: true }), 1e-5))), scale);
}
/** Causal self-attention: [B, T, D] -> [B, T, D]. */
function attention(p: Block, x: Tensor, heads: number): Tensor {
  const [b, t, d] = x.shape as readonly [number, number, number]; // B, T, D
  const split = (w: Tensor): Tensor => reshape(matmul(x, w), [b, t, heads, d / heads]);
  const q = split(p.query),
    k = split(p.key),
    v = split(p.value);
  const scores = div(einsum("bthd,bshd->bhts", q, k), Math.sqrt(d / heads));
  const at = arange(t);
  const weights = softmax(where(lessEqual(at, expandDims(at, 1)), scores, -1e9));
  return matmul(reshape(einsum("bhts,bshd->bthd", weights, v), [b, t, d]), p.out);
}
/** One block, with the squared ReLU. */
function block(p: Block, x: Tensor, heads: number): Tensor {
  const h = add(x, attention(p, norm(x, p.norm1), heads));
  const u = matmul(norm(h, p.norm2), p.up);
  return add(h, matmul(where(greater(u, 0), mul(u, u), 0), p.down));
}
/** Mean cross-entropy of predicting each next token: tokens i32 [B, T+1]. */
export function loss(p: Gpt, tokens: Tensor): Tensor {
  const heads = 2;
  let x = add(take(p.embed, index(tokens, slice(), slice(0, -1))), p.position);
  for (const b of p.blocks) x = block(b, x, heads);
  return softmaxCrossEntropy(matmul(norm(x, p.norm), p.readout), index(tokens, slice(), slice(1)));
}
/** One step of gradient descent; the gradient's length is at most 1. */
export function step(p: Gpt, tokens: Tensor): { readonly params: Gpt; readonly loss: Tensor } {
  const g = grad(loss)(p, tokens) as Gpt; // the parameters' own structure
  const length = sqrt((tree.leaves(g) as readonly Tensor[]).reduce<Tensor | number>((s, d) => add(s, sum(mul(d, d))), 0)); // a tree of tensors
  const rate = cond<[], Tensor | number>(
    greater(length, 1),
    () => div(0.1, length),
    () => 0.1,
  );
  return { params: tree.map((x: Tensor, d: Tensor) => sub(x, mul(rate, d)), p, g), loss: loss(p, tokens) };
}
