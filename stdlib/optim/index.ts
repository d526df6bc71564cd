// pullback/optim: optimizers as pure functions of (gradients, state, parameters), their parts, and schedules.
export { chain, applyUpdates, stateless, type Optimizer } from "./transform.ts";
export { sgd, adam, adamw, lion, rmsprop, adagrad } from "./optimizers.ts";
export {
  scale,
  scaleBySchedule,
  scaleByLearningRate,
  momentum,
  scaleByAdam,
  scaleByLion,
  scaleByRms,
  scaleByAdagrad,
  addDecayedWeights,
  clip,
  clipByGlobalNorm,
  secondMoment,
  type AdamOptions,
  type AdamState,
  type Counter,
  type Momentum,
  type Rate,
  type SecondMoment,
} from "./scale.ts";
export { constant, linear, cosine, warmupCosine, exponential, piecewise, join, type Schedule } from "./schedules.ts";
export type { Mask } from "./mask.ts";
