// What the pullback column computes with: the decoder of examples/09-gpt, whose parameters are named differently there, and a plain network.
import { add, matmul, relu, type Tensor } from "pullback";
import * as nn from "pullback/nn";

/** Inputs by name. */
export type Named = { readonly [name: string]: Tensor };
/** Input `name`; the names are work.ts's. */
export function named(inputs: Named, name: string): Tensor {
  const x = inputs[name];
  if (!x) throw new Error(`there is no input ${name}`);
  return x;
}

/** Loss of a ReLU network w0,b0,w1,b1,.. on x f32[B,I] and labels i32[B]. */
export function mlpLoss(params: Named, x: Tensor, labels: Tensor): Tensor {
  const depth = Object.keys(params).length / 2;
  let h = x;
  for (let i = 0; i < depth; i++) {
    h = add(matmul(h, named(params, `w${i}`)), named(params, `b${i}`));
    if (i < depth - 1) h = relu(h);
  }
  return nn.softmaxCrossEntropy(h, labels);
}

/** The decoder's parameters as the library has them, stacked layers in a tree of their own. */
export function decoderParams(inputs: Named): nn.Decoder {
  const p = (name: string): Tensor => named(inputs, name);
  const layers = { ln1: p("ln1"), wq: p("wq"), wk: p("wk"), wv: p("wv"), wo: p("wo"), ln2: p("ln2"), up: p("up"), down: p("down") };
  return { embed: p("embed"), pos: p("pos"), layers, lnf: p("lnf") };
}
