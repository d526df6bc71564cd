// Sharpness-aware gradients as wrappers of gradient functions: sam(grad(loss), { rho }), fsam(valueAndGrad(loss), { rho }). They run under jit, inside scan
// and vmap, with remat in the model, and can be differentiated themselves.
import { valueAndGrad, vjp } from "../../compiler/index.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { moveBy, perturbation, sharpnessAware, type Path, type SharpnessOptions } from "./core.ts";
import type { GradientFunction } from "./result.ts";

export { perturbation, sharpnessAware, type Direction, type Path, type PerturbationOptions, type SharpnessOptions } from "./core.ts";
export type { GradientFunction } from "./result.ts";
export type { Accumulate } from "./sweeps.ts";
export { ahead, remembering, type AheadOptions, type MemoryOptions, type Remembering, type Seen, type SharpnessState } from "./memory.ts";
export { asam, bsam, fisherSam, gsam, pgn, samOn, usam, wsam, type Wrap, type WrapWith } from "./variants.ts";
export { aeSam, asyncSam, factorSam, friendlySam, lookSam, msam, type NormStatistics } from "./variants_memory.ts";
export { hessianTrace, lambdaMax, pathShares, type LambdaOptions, type Loss } from "./hessian.ts";

/** SAM: the gradient at θ + ε. @see Foret et al. 2021 */
export const sam = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  options: SharpnessOptions,
): GradientFunction<A, R> => sharpnessAware(f, "full", options);
/** Functional-SAM: J(θ+ε)ᵀc(θ), sharpness through the function only. The loss must mark its logits. Terms of the loss that bypass the logits (weight decay inside the
 *  loss) are differentiated at θ+ε, as in SAM. @throws E0401 @see Singh et al. 2025, arXiv 2502.02407 */
export const fsam: FunctionalSam = Object.assign(
  <A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, options: SharpnessOptions): GradientFunction<A, R> =>
    sharpnessAware(f, "functional", options),
  { split: splitFsam },
);
/** The other half: J(θ)ᵀc(θ+ε). @throws E0401 */
export const logitSam = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  options: SharpnessOptions,
): GradientFunction<A, R> => sharpnessAware(f, "logit", options);
/** g + a(g_func − g) + b(g_logit − g); SAM is (1, 1) to second order in rho. @throws E0401 */
export const pathMix = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  mix: Exclude<Path, string>,
  options: SharpnessOptions,
): GradientFunction<A, R> => sharpnessAware(f, mix, options);

/** A model and a loss, split by hand: model(θ, ...inputs) -> logits, loss(logits, targets) -> scalar. */
export interface Split<P, X, Y> {
  readonly model: (params: P, inputs: X) => Tensor;
  readonly loss: (logits: Tensor, targets: Y) => Tensor;
}
/** The type of `fsam`: the wrapper, and the form without marks. */
export interface FunctionalSam {
  <A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, options: SharpnessOptions): GradientFunction<A, R>;
  /** Functional-SAM by the explicit formula, two vjps of the model: needs no marks. (θ, inputs, targets) -> { value, grad }. */
  readonly split: typeof splitFsam;
}
function splitFsam<P, X, Y>(
  { model, loss }: Split<P, X, Y>,
  options: SharpnessOptions,
): (params: P, inputs: X, targets: Y) => { readonly value: Tensor; readonly grad: P } {
  return (params, inputs, targets) => {
    const pullbackAt = (p: P): readonly [Tensor, (c: Tensor) => P] => {
      const [logits, back] = vjp((q: P) => model(q, inputs), p);
      return [logits as Tensor, c => (back(c as never) as readonly [P])[0]]; // one argument was differentiated
    };
    const [logits, back] = pullbackAt(params);
    const { value, grad: c } = valueAndGrad((z: Tensor) => loss(z, targets))(logits);
    const eps = perturbation(back(c as Tensor), params, options); // the gradient of one tensor
    const [, moved] = pullbackAt(moveBy(eps, params, options) as P); // a tree like the parameters
    return { value, grad: moved(c as Tensor) }; // the gradient of one tensor
  };
}
