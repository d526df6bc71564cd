// Layers. Shape letters: B any leading dimensions, I inputs, O outputs, D width, V vocabulary.
import type { Demand, Shaped, ShapeOf, Tensor } from "../../compiler/extend.ts";
import type { Like, Looked, MatMul } from "../ops/typed.ts";
import { computeDType } from "../../runtime/dtype.ts";
import { add, astype, div, mul, sub } from "../ops/arithmetic.ts";
import { zeros } from "../ops/creation.ts";
import { gelu } from "../ops/activations.ts";
import { matmul } from "../ops/linalg.ts";
import { rsqrt, tanh } from "../ops/math.ts";
import { mean } from "../ops/reduce.ts";
import { take } from "../ops/take.ts";
import { dropoutMask, keys } from "../random/index.ts";
import { xavierUniform, type Initializer } from "./init.ts";

/** Parameters of an affine map: w [I, O], b [O]. */
export interface Linear {
  readonly w: Tensor;
  readonly b?: Tensor | undefined;
}
/** x·w + b: [B, I] -> [B, O]. @throws E0202 */
export function linear<P extends Linear, X extends Tensor>(
  p: P,
  x: X & Demand<MatMul<ShapeOf<X>, ShapeOf<P["w"]>>>,
): Shaped<MatMul<ShapeOf<X>, ShapeOf<P["w"]>>>;
export function linear({ w, b }: Linear, x: Tensor): Tensor {
  return b ? add(matmul(x, w), b) : matmul(x, w);
}
/** How to start a layer: its kernel (Xavier uniform by default), and whether it has a bias (zeros; default true). */
export interface InitOptions {
  readonly kernel?: Initializer;
  readonly bias?: boolean;
}
/** Fresh parameters of an affine map. */
export const initLinear = (
  key: Tensor,
  inputs: number,
  outputs: number,
  { kernel = xavierUniform, bias = true }: InitOptions = {},
): Linear => ({ w: kernel(key, [inputs, outputs]), ...(bias ? { b: zeros([outputs]) } : {}) });
/** Rows of a table [V, D] at integer positions: [B] -> [B, D]. */
export function embedding<T extends Tensor, I extends Tensor>(table: T, ids: I): Shaped<Looked<ShapeOf<T>, ShapeOf<I>>>;
export function embedding(table: Tensor, ids: Tensor): Tensor {
  return take(table, ids, { mode: "clip" });
}

/** What normalisation multiplies and adds; `eps` is added to the variance. */
export interface NormOptions {
  readonly scale?: Tensor;
  readonly bias?: Tensor;
  readonly eps?: number;
}
const affine = (y: Tensor, { scale, bias }: NormOptions): Tensor => {
  const z = scale ? mul(y, scale) : y;
  return bias ? add(z, bias) : z;
};
/** Layer norm over the last axis: (x - mean) / sqrt(var + eps), in f32 or wider. @see Ba et al. 2016 */
export function layerNorm<X extends Tensor>(x: X, options?: NormOptions): Like<X>;
export function layerNorm(x: Tensor, options: NormOptions = {}): Tensor {
  const t = astype(x, computeDType(x.dtype)),
    c = sub(t, mean(t, { axis: -1, keepdims: true }));
  return astype(affine(mul(c, rsqrt(add(mean(mul(c, c), { axis: -1, keepdims: true }), options.eps ?? 1e-6))), options), x.dtype);
}
/** x / sqrt(mean x² + eps) over the last axis, in f32 or wider. @see Zhang and Sennrich 2019 */
export function rmsNorm<X extends Tensor>(x: X, options?: NormOptions): Like<X>;
export function rmsNorm(x: Tensor, options: NormOptions = {}): Tensor {
  const t = astype(x, computeDType(x.dtype));
  return astype(affine(mul(t, rsqrt(add(mean(mul(t, t), { axis: -1, keepdims: true }), options.eps ?? 1e-6))), options), x.dtype);
}
/** Zeroes elements with probability `rate` and scales the rest, so that the mean stays. Identity without a key. @throws E0801 */
export function dropout<X extends Tensor>(key: Tensor | null, rate: number, x: X): Like<X>;
export function dropout(key: Tensor | null, rate: number, x: Tensor): Tensor {
  return key === null || rate === 0 ? x : mul(x, astype(dropoutMask(key, rate, x.shape), x.dtype));
}
/** Two affine maps. */
export interface Mlp {
  readonly up: Linear;
  readonly down: Linear;
}
/** Fresh parameters of an MLP. */
export function initMlp(key: Tensor, inputs: number, hidden: number, outputs: number, options: InitOptions = {}): Mlp {
  const [a, b] = keys(key);
  return { up: initLinear(a, inputs, hidden, options), down: initLinear(b, hidden, outputs, options) };
}
/** Two linear maps with an activation between: [B, I] -> [B, O]. */
export const mlp = (p: Mlp, x: Tensor, activation: (x: Tensor) => Tensor = gelu): Tensor => linear(p.down, activation(linear(p.up, x)));
/** cap · tanh(x / cap): logits that stay within ±cap. Applied before the loss it belongs to the model's function; the mark is on what the loss receives. */
export const softCap = (x: Tensor, cap: number): Tensor => mul(tanh(div(x, cap)), cap);
