// A classifier of points in the plane, with operators: three layers, a logistic loss, gradient descent with momentum. Every parameter's type says its shape, so the
// exported functions can be compiled when the app is built.
//
// Shape letters: N points.
"use tensor";
import { grad, jit, matmul, mean, zeros, type Tensor } from "pullback";
import * as random from "pullback/random";
import * as tree from "pullback/tree";

type F32<S extends readonly number[]> = Tensor<S, "f32">;
/** Weights [in, out] and biases [out] of three layers. */
export interface Params {
  readonly w1: F32<[2, 32]>;
  readonly b1: F32<[32]>;
  readonly w2: F32<[32, 32]>;
  readonly b2: F32<[32]>;
  readonly w3: F32<[32, 1]>;
}
/** What training carries along: parameters, and their velocity. */
export interface State {
  readonly params: Params;
  readonly velocity: Params;
}

/** Scores [N]: positive for one arm of the spiral, negative for the other. */
function score({ w1, b1, w2, b2, w3 }: Params, x: Tensor): Tensor {
  let h = x * 2;
  for (const [w, b] of [
    [w1, b1],
    [w2, b2],
  ] as const)
    h = Math.tanh(matmul(h, w) + b);
  return matmul(h, w3).reshape([-1]);
}
/** The mean of log(1 + exp(-label * score)); labels are 1 and -1. */
function loss(params: Params, x: Tensor, labels: Tensor): Tensor {
  const margin = labels * score(params, x);
  return mean(Math.log1p(Math.exp(-Math.abs(margin))) + (margin < 0 ? -margin : 0));
}

/** Where training begins. */
export const init = jit((): State => {
  const [k1, k2, k3] = random.keys(random.key(12), 3);
  const params = {
    w1: random.normal(k1, [2, 32]) * 0.7,
    b1: zeros([32]),
    w2: random.normal(k2, [32, 32]) * 0.25,
    b2: zeros([32]),
    w3: random.normal(k3, [32, 1]) * 0.25,
  };
  return { params, velocity: tree.zerosLike(params) };
});
/** One step. The state is donated: the next one takes its memory. */
export const step = jit(
  (state: State, x: F32<[256, 2]>, labels: F32<[256]>, rate: number) => {
    const { params, velocity } = state;
    const g = grad(loss)(params, x, labels);
    const next = tree.map((v: Tensor, d: Tensor) => 0.9 * v - rate * d, velocity, g);
    return { state: { params: tree.map((p: Tensor, v: Tensor) => p + v, params, next), velocity: next }, loss: loss(params, x, labels) };
  },
  { donate: [0] },
);
/** Scores of a picture's points, 48 by 48. */
export const picture = (params: Params, x: F32<[2304, 2]>): Tensor => score(params, x);
