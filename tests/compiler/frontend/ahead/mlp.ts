// The model that the tests of ahead-of-time compilation compile: a small classifier, AdamW, and a training step that donates what it replaces; control flow and what is closed over.
import { cond, fori, jit, matmul, tanh, valueAndGrad, while_, type Tensor } from "pullback";
import { softmaxCrossEntropy } from "pullback/nn";
import { adamw, applyUpdates } from "pullback/optim";
import * as random from "pullback/random";

type F32<S extends readonly (number | string)[]> = Tensor<S, "f32">;
/** What is trained. */
export interface Params {
  readonly w1: F32<[2, 32]>;
  readonly w2: F32<[32, 3]>;
}
/** AdamW's moments. */
export type State = readonly [{ readonly count: Tensor<[], "i32">; readonly mu: Params; readonly nu: Params }, null, null];
/** Parameters and moments. */
export interface Run {
  readonly params: Params;
  readonly state: State;
}

const optimizer = adamw({ lr: 1e-2 });
const loss = (p: Params, x: F32<["batch", 2]>, labels: Tensor<["batch"], "i32">): Tensor =>
  softmaxCrossEntropy(matmul(tanh(matmul(x, p.w1)), p.w2), labels);

/** What to begin with. */
export const init: () => Run = jit((): Run => {
  const [k1, k2] = random.keys(random.key(3), 2);
  const params = { w1: random.normal(k1, [2, 32]), w2: random.normal(k2, [32, 3]) } as Params; // as drawn
  return { params, state: optimizer.init(params) as State }; // its own structure
});
/** One step on a batch. */
export const step: (
  params: Params,
  state: State,
  x: F32<[64, 2]>,
  labels: Tensor<[64], "i32">,
  scale: number,
) => Run & { readonly loss: Tensor } = jit(
  (params: Params, state: State, x: F32<[64, 2]>, labels: Tensor<[64], "i32">, scale: number) => {
    const { value, grad } = valueAndGrad((p: Params) => loss(p, x, labels))(params);
    const [updates, next] = optimizer.update(grad, state, params);
    return { loss: value.mul(scale), params: applyUpdates(params, updates), state: next as State }; // its own structure
  },
  { donate: [0, 1] },
) as never; // jit gives tensors for numbers, and there is none in the result
const weights = random.normal(random.key(9), [5, 5]);
/** A loop, a loop that a value ends, a branch, bools, and what is closed over. */
export function control(x: F32<[5]>, limit: F32<[]>): { readonly grown: Tensor; readonly chosen: Tensor; readonly positive: Tensor } {
  const turned = fori(0, 6, (i: Tensor, y: Tensor) => matmul(y, weights).mul(0.5).add(i), x as Tensor);
  const grown = while_(
    (y: Tensor) => y.abs().sum().less(limit),
    (y: Tensor) => y.mul(1.5),
    turned,
  );
  const chosen = cond(
    grown.sum().greater(0),
    () => grown.add(1),
    () => grown.sub(1),
  );
  return { grown, chosen, positive: x.greater(0) };
}
/** Not compiled: it says no shape. */
export const anything = (x: Tensor): Tensor => x;
