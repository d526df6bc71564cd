// A GPT with operators and JavaScript's own control flow. functions.ts is the same model with functions: both become the same program.
//
// Shape letters: B batch, T tokens, D width, H heads, V vocabulary.
"use tensor";
import { arange, einsum, expandDims, grad, matmul, mean, reshape, slice, softmax, sum, take, type Tensor } from "pullback";
import { softmaxCrossEntropy } from "pullback/nn";
import * as tree from "pullback/tree";
import type { Block, Gpt } from "./parameters.ts";

/** Layer norm over the last axis, with a scale. */
function norm(x: Tensor, scale: Tensor): Tensor {
  const c = x - mean(x, { axis: -1, keepdims: true });
  return (c / Math.sqrt(mean(c * c, { axis: -1, keepdims: true }) + 1e-5)) * scale;
}
/** Causal self-attention: [B, T, D] -> [B, T, D]. */
function attention(p: Block, x: Tensor, heads: number): Tensor {
  const [b, t, d] = x.shape as readonly [number, number, number]; // B, T, D
  const split = (w: Tensor): Tensor => reshape(matmul(x, w), [b, t, heads, d / heads]);
  const q = split(p.query),
    k = split(p.key),
    v = split(p.value);
  const scores = einsum("bthd,bshd->bhts", q, k) / Math.sqrt(d / heads);
  const at = arange(t);
  const weights = softmax(at <= expandDims(at, 1) ? scores : -1e9);
  return matmul(reshape(einsum("bhts,bshd->bthd", weights, v), [b, t, d]), p.out);
}
/** One block, with the squared ReLU. */
function block(p: Block, x: Tensor, heads: number): Tensor {
  const h = x + attention(p, norm(x, p.norm1), heads);
  const u = matmul(norm(h, p.norm2), p.up);
  return h + matmul(u > 0 ? u * u : 0, p.down);
}
/** Mean cross-entropy of predicting each next token: tokens i32 [B, T+1]. */
export function loss(p: Gpt, tokens: Tensor): Tensor {
  const heads = 2;
  let x = take(p.embed, tokens[(slice(), slice(0, -1))]) + p.position;
  for (const b of p.blocks) x = block(b, x, heads);
  return softmaxCrossEntropy(matmul(norm(x, p.norm), p.readout), tokens[(slice(), slice(1))]);
}
/** One step of gradient descent; the gradient's length is at most 1. */
export function step(p: Gpt, tokens: Tensor): { readonly params: Gpt; readonly loss: Tensor } {
  const g = grad(loss)(p, tokens) as Gpt; // the parameters' own structure
  let squares: Tensor | number = 0;
  for (const d of tree.leaves(g)) squares += sum(d * d);
  const length = Math.sqrt(squares);
  const rate = length > 1 ? 0.1 / length : 0.1;
  return { params: tree.map((x, d) => x - rate * d, p, g), loss: loss(p, tokens) };
}
