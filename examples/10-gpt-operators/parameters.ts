// What both models of this example are made of, and how they begin.
import { ones, type Tensor } from "pullback";
import { normal } from "pullback/nn";
import * as random from "pullback/random";

/** Parameters of a block: scales [D], kernels [D, D], [D, 4D], [4D, D]. */
export interface Block {
  readonly norm1: Tensor;
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly out: Tensor;
  readonly norm2: Tensor;
  readonly up: Tensor;
  readonly down: Tensor;
}
/** Parameters of a model: embed [V, D], position [T, D], readout [D, V]. */
export interface Gpt {
  readonly embed: Tensor;
  readonly position: Tensor;
  readonly blocks: readonly Block[];
  readonly norm: Tensor;
  readonly readout: Tensor;
}
/** Fresh parameters. */
export function init(
  seed: number,
  { vocabulary, dim, tokens, blocks }: { vocabulary: number; dim: number; tokens: number; blocks: number },
): Gpt {
  const keys = random.keys(random.key(seed), 3 + 6 * blocks);
  let next = 0;
  const kernel = (...shape: number[]): Tensor => normal(0.5 / Math.sqrt(dim))(keys[next++] as Tensor, shape); // there are enough keys
  return {
    embed: kernel(vocabulary, dim),
    position: kernel(tokens, dim),
    blocks: Array.from({ length: blocks }, () => ({
      norm1: ones([dim]),
      query: kernel(dim, dim),
      key: kernel(dim, dim),
      value: kernel(dim, dim),
      out: kernel(dim, dim),
      norm2: ones([dim]),
      up: kernel(dim, 4 * dim),
      down: kernel(4 * dim, dim),
    })),
    norm: ones([dim]),
    readout: kernel(dim, vocabulary),
  };
}
