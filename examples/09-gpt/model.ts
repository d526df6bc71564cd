// The model: Nanodo's decoder from pullback/nn, and its loss. A batch is [B, T+1] tokens; position t predicts token t+1.
import type { Tensor } from "pullback";
import { slice } from "pullback/extend";
import * as nn from "pullback/nn";
import type { Config } from "./config.ts";

export type Params = nn.Decoder;

/** Mean cross-entropy of a batch in nats a character. The loss marks its logits, so Functional-SAM needs nothing more. */
export function lossOf({ heads }: Pick<Config, "heads">): (params: Params, tokens: Tensor) => Tensor {
  return (params, tokens) => {
    const [b, t] = tokens.shape as readonly [number, number]; // a batch has two dimensions
    const inputs = slice(tokens, { start: [0, 0], limit: [b, t - 1] }),
      targets = slice(tokens, { start: [0, 1], limit: [b, t] });
    return nn.softmaxCrossEntropy(nn.decoder(params, inputs, { heads }), targets);
  };
}
/** Initial parameters: the same for every method. */
export const init = (key: Tensor, vocabulary: number, { dim, layers, context }: Config): Params =>
  nn.initDecoder(key, { vocabulary, dim, layers, context });
