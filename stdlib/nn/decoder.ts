// A decoder-only transformer in the style of Nanodo: pre-LN with scale only, learned positions, tanh-GELU, tied embeddings, no biases. Layers are stacked on
// a leading axis and scanned, so compile time does not grow with depth.
//
// Shape letters: B batch, T tokens, D width, F = 4D, H heads, N layers, V vocabulary.
import { remat as rematerialize, scan, type RematPolicy } from "../../compiler/index.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { add } from "../ops/arithmetic.ts";
import { gelu } from "../ops/activations.ts";
import { ones } from "../ops/creation.ts";
import { einsum } from "../ops/einsum.ts";
import { matmul } from "../ops/linalg.ts";
import { sliceAxis } from "../ops/shape.ts";
import * as random from "../random/index.ts";
import { stack } from "../tree.ts";
import { multiHeadAttention } from "./attention.ts";
import { normal, xavierUniform } from "./init.ts";
import { embedding, layerNorm } from "./layers.ts";

/** One block's parameters; in a model each has the leading axis N. */
export interface Block {
  readonly ln1: Tensor;
  readonly wq: Tensor;
  readonly wk: Tensor;
  readonly wv: Tensor;
  readonly wo: Tensor;
  readonly ln2: Tensor;
  readonly up: Tensor;
  readonly down: Tensor;
}
/** A model: embed [V, D], pos [T, D], layers stacked, lnf [D]. */
export interface Decoder {
  readonly embed: Tensor;
  readonly pos: Tensor;
  readonly layers: Block;
  readonly lnf: Tensor;
}
/** Sizes of a decoder. */
export interface DecoderSizes {
  readonly vocabulary: number;
  readonly dim: number;
  readonly layers: number;
  readonly context: number;
}

/** Fresh parameters: kernels Xavier uniform, embeddings N(0, 1/D), scales 1. */
export function initDecoder(key: Tensor, { vocabulary, dim, layers, context }: DecoderSizes): Decoder {
  const [ke, kp, kl] = random.keys(key, 3);
  const embed = normal(1 / Math.sqrt(dim));
  const block = (k: Tensor): Block => {
    const [q, kk, v, o, u, d] = random.keys(k, 6);
    return {
      ln1: ones([dim]),
      wq: xavierUniform(q, [dim, dim]),
      wk: xavierUniform(kk, [dim, dim]),
      wv: xavierUniform(v, [dim, dim]),
      wo: xavierUniform(o, [dim, dim]),
      ln2: ones([dim]),
      up: xavierUniform(u, [dim, 4 * dim]),
      down: xavierUniform(d, [4 * dim, dim]),
    };
  };
  return {
    embed: embed(ke, [vocabulary, dim]),
    pos: embed(kp, [context, dim]),
    layers: stack(random.keys(kl, layers).map(block)),
    lnf: ones([dim]),
  };
}
/** How to run a decoder. `remat`: recompute blocks in the backward pass. */
export interface DecoderOptions {
  readonly heads: number;
  readonly remat?: boolean | RematPolicy;
}
/** Logits of the next token at each position: ids i32 [B, T] -> [B, T, V]. */
export function decoder(p: Decoder, ids: Tensor, { heads, remat = false }: DecoderOptions): Tensor {
  const t = ids.shape.at(-1) ?? 0;
  const x0 = add(embedding(p.embed, ids), sliceAxis(p.pos, 0, 0, t));
  const block = (x: Tensor, b: Block): Tensor => {
    const h = add(x, multiHeadAttention(b, layerNorm(x, { scale: b.ln1 }), heads, { causal: true }));
    return add(h, matmul(gelu(matmul(layerNorm(h, { scale: b.ln2 }), b.up)), b.down));
  };
  const run = remat === false ? block : rematerialize(block, remat === true ? {} : { policy: remat });
  const [x] = scan((h: Tensor, b: Block) => [run(h, b), null] as const, x0, p.layers);
  return einsum("...d,vd->...v", layerNorm(x, { scale: p.lnf }), p.embed);
}
