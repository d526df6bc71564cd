// Two small problems in f64 for the laws: an MLP with softmax cross-entropy, and a decoder scanned over rematerialised blocks. They only state the problem.
import { array, matmul, tanh, type Tensor } from "../../stdlib/index.ts";
import { astype } from "../../stdlib/ops/arithmetic.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as random from "../../stdlib/random/index.ts";
import * as tree from "../../stdlib/tree.ts";

/** Parameters, logits as a function of them, and a loss of the logits that marks them. */
export interface Problem<P> {
  readonly name: string;
  readonly params: P;
  readonly model: (p: P) => Tensor;
  readonly loss: (logits: Tensor) => Tensor;
}

/** One of the two, always the same. */
export function sampleProblem(name: "mlp" | "transformer"): Problem<unknown> {
  const normal = (seed: number, shape: readonly number[]): Tensor => random.normal(random.key(seed), shape, { dtype: "f64" });
  if (name === "mlp") {
    const x = normal(1, [6, 4]),
      y = array([0, 1, 2, 2, 1, 0], { dtype: "i32" });
    type P = { readonly w1: Tensor; readonly w2: Tensor };
    return {
      name,
      params: { w1: normal(2, [4, 5]), w2: normal(3, [5, 3]) },
      model: p => matmul(tanh(matmul(x, (p as P).w1)), (p as P).w2),
      loss: z => nn.softmaxCrossEntropy(z, y),
    }; // this problem's own parameters
  }
  const ids = array(
      [
        [1, 2, 3, 4],
        [4, 0, 2, 1],
      ],
      { dtype: "i32" },
    ),
    targets = array(
      [
        [2, 3, 4, 0],
        [0, 2, 1, 3],
      ],
      { dtype: "i32" },
    );
  const params = tree.map((x: Tensor) => astype(x, "f64"), nn.initDecoder(random.key(7), { vocabulary: 5, dim: 8, layers: 2, context: 4 }));
  return {
    name,
    params,
    model: p => nn.decoder(p as nn.Decoder, ids, { heads: 2, remat: true }),
    loss: z => nn.softmaxCrossEntropy(z, targets),
  }; // this problem's own parameters
}
