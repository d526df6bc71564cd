// The optimizers people name, each a chain of parts. Defaults are optax's.
import {
  addDecayedWeights,
  momentum,
  scaleByAdagrad,
  scaleByAdam,
  scaleByLearningRate,
  scaleByLion,
  scaleByRms,
  type AdamOptions,
  type AdamState,
  type Counter,
  type Momentum,
  type Rate,
  type SecondMoment,
} from "./scale.ts";
import type { Mask } from "./mask.ts";
import { chain, type Optimizer } from "./transform.ts";

type Decay = { readonly weightDecay?: number; readonly mask?: Mask };

/** p - lr * g, with momentum (and Nesterov's form of it) if asked. */
export function sgd({
  lr,
  momentum: decay,
  nesterov = false,
}: {
  readonly lr: Rate;
  readonly momentum?: number;
  readonly nesterov?: boolean;
}): Optimizer<readonly [Momentum | null, Counter | null]> {
  const heavy: Optimizer<Momentum | null> =
    decay === undefined
      ? { init: () => null, update: (g, _state, _params) => [g, null] }
      : (momentum(decay, { nesterov }) as Optimizer<Momentum | null>); // its init never gives null
  return chain(heavy, scaleByLearningRate(lr));
}
/** Adam. @see Kingma & Ba 2015 */
export const adam = ({ lr, ...options }: { readonly lr: Rate } & AdamOptions): Optimizer<readonly [AdamState, Counter | null]> =>
  chain(scaleByAdam(options), scaleByLearningRate(lr));
/** Adam with decoupled weight decay (1e-4 by default) on the leaves of `mask`. @see Loshchilov & Hutter 2019 */
export const adamw = ({
  lr,
  weightDecay = 1e-4,
  mask,
  ...options
}: { readonly lr: Rate } & AdamOptions & Decay): Optimizer<readonly [AdamState, null, Counter | null]> =>
  chain(scaleByAdam(options), addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(lr));
/** Lion with decoupled weight decay (1e-3 by default). @see Chen et al. 2023 */
export const lion = ({
  lr,
  b1 = 0.9,
  b2 = 0.99,
  weightDecay = 1e-3,
  mask,
}: { readonly lr: Rate; readonly b1?: number; readonly b2?: number } & Decay): Optimizer<readonly [Momentum, null, Counter | null]> =>
  chain(scaleByLion({ b1, b2 }), addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(lr));
/** RMSProp. */
export const rmsprop = ({
  lr,
  decay = 0.9,
  eps = 1e-8,
}: {
  readonly lr: Rate;
  readonly decay?: number;
  readonly eps?: number;
}): Optimizer<readonly [SecondMoment, Counter | null]> => chain(scaleByRms({ decay, eps }), scaleByLearningRate(lr));
/** Adagrad. */
export const adagrad = ({
  lr,
  initial = 0.1,
  eps = 1e-7,
}: {
  readonly lr: Rate;
  readonly initial?: number;
  readonly eps?: number;
}): Optimizer<readonly [SecondMoment, Counter | null]> => chain(scaleByAdagrad({ initial, eps }), scaleByLearningRate(lr));
