// Initial values. Fan-in is the product of all dimensions but the last, fan-out is the last: a kernel is [in, out].
import type { Shape, Tensor } from "../../compiler/extend.ts";
import { mul } from "../ops/arithmetic.ts";
import * as random from "../random/index.ts";

/** Makes a tensor of a shape from a key. */
export type Initializer = (key: Tensor, shape: Shape) => Tensor;
const fans = (shape: Shape): readonly [number, number] => {
  const out = shape.at(-1) ?? 1;
  return [shape.slice(0, -1).reduce((n, d) => n * d, 1), out];
};

/** N(0, std²). */
export const normal =
  (std = 1): Initializer =>
  (key, shape) =>
    mul(random.normal(key, shape), std);
/** N(0, std²) cut at two standard deviations. */
export const truncatedNormal =
  (std = 1): Initializer =>
  (key, shape) =>
    mul(random.truncatedNormal(key, -2, 2, shape), std);
/** Uniform in ±sqrt(6 / (in + out)). @see Glorot and Bengio 2010 */
export const xavierUniform: Initializer = (key, shape) => {
  const [i, o] = fans(shape),
    a = Math.sqrt(6 / (i + o));
  return random.uniform(key, shape, { minval: -a, maxval: a });
};
/** N(0, 2 / in), for ReLU. @see He et al. 2015 */
export const heNormal: Initializer = (key, shape) => normal(Math.sqrt(2 / fans(shape)[0]))(key, shape);
/** N(0, 1 / in). */
export const lecunNormal: Initializer = (key, shape) => normal(Math.sqrt(1 / fans(shape)[0]))(key, shape);
