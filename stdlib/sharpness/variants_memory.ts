// Published variants with memory, as choices of remembering() and ahead(). g plain, g̃ perturbed gradient, t the step from 0.
import type { Tensor } from "../../compiler/extend.ts";
import { add, astype, div, mul, rem, sub } from "../ops/arithmetic.ts";
import { equal, greater, greaterEqual, where } from "../ops/compare.ts";
import { zeros } from "../ops/creation.ts";
import { sqrt } from "../ops/math.ts";
import * as tree from "../tree.ts";
import { ahead, remembering, type AheadOptions, type MemoryOptions, type Remembering } from "./memory.ts";
import type { GradientFunction } from "./result.ts";
import { blend, orthogonal } from "./variants.ts";

type Common = Omit<MemoryOptions<unknown>, "init" | "gate" | "direction" | "combine" | "otherwise" | "remember">;
type OnePass = Pick<AheadOptions<unknown>, "rho" | "mask">;
const every = (step: Tensor, k: number): Tensor => equal(rem(step, k), 0);

/** LookSAM: SAM every k steps; between them g + α ‖g‖/‖v‖ v, v the part of the last g̃ orthogonal to its g. @see Liu et al. 2022 */
export const lookSam = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  { k, alpha, ...options }: Common & { readonly k: number; readonly alpha: number },
): Remembering<A, R, unknown> =>
  remembering<A, R, unknown>(f, {
    ...options,
    init: params => tree.zerosLike(params),
    gate: ({ step }) => every(step, k),
    remember: ({ grad, memory }, perturbed) => (perturbed === null ? memory : orthogonal(perturbed, grad)),
    otherwise: ({ grad, memory }) => {
      const n = tree.norm(memory),
        some = greater(n, 0);
      return tree.add(grad, tree.scale(where(some, mul(div(tree.norm(grad), where(some, n, 1)), alpha), 0), memory));
    },
  });
/** factor-SAM: g + αk (g̃ − g) every k steps, g between them. */
export const factorSam = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  { k, alpha, ...options }: Common & { readonly k: number; readonly alpha: number },
): Remembering<A, R, null> =>
  remembering<A, R, null>(f, {
    ...options,
    init: () => null,
    gate: ({ step }) => every(step, k),
    combine: ({ grad }, perturbed) => blend(grad, perturbed, alpha * k),
  });
/** Running mean and variance of ‖g‖², scalars. */
export interface NormStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}
/** AE-SAM: SAM where ‖g‖² ≥ mean + c · deviation of its running statistics (with this step in them), else g. @see Jiang et al. 2023 */
export const aeSam = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  { c, decay = 0.9, ...options }: Common & { readonly c: number; readonly decay?: number },
): Remembering<A, R, NormStatistics> => {
  const updated = ({ mean, variance }: NormStatistics, g: unknown): NormStatistics & { readonly square: Tensor } => {
    const square = astype(tree.dot(g, g), "f32"),
      m = add(mul(mean, decay), mul(square, 1 - decay)),
      d = sub(square, m);
    return { square, mean: m, variance: add(mul(variance, decay), mul(mul(d, d), 1 - decay)) };
  };
  return remembering<A, R, NormStatistics>(f, {
    ...options,
    init: () => ({ mean: zeros([]), variance: zeros([]) }),
    gate: ({ memory, grad }) => {
      const { square, mean, variance } = updated(memory, grad);
      return greaterEqual(square, add(mean, mul(sqrt(variance), c)));
    },
    remember: ({ memory, grad }) => {
      const { mean, variance } = updated(memory, grad);
      return { mean, variance };
    },
  });
};
/** F-SAM, the friendly one: direction d = g − s·m, m = λm + (1−λ)g the running mean of gradients (with this step in it). @see Li et al. 2024 */
export const friendlySam = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  { s = 1, lambda = 0.9, ...options }: Common & { readonly s?: number; readonly lambda?: number },
): Remembering<A, R, unknown> => {
  const updated = (m: unknown, g: unknown): unknown => tree.map((a: Tensor, b: Tensor) => add(mul(a, lambda), mul(b, 1 - lambda)), m, g);
  return remembering<A, R, unknown>(f, {
    ...options,
    init: params => tree.zerosLike(params),
    direction: ({ grad, memory }) => tree.sub(grad, tree.scale(s, updated(memory, grad))),
    remember: ({ grad, memory }) => updated(memory, grad),
  });
};
/** MSAM: one pass; ε along the running sum m = μm + g of gradients, which are those at θ + ε. @see Becker et al. 2024 */
export const msam = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  { momentum = 0.9, ...options }: OnePass & { readonly momentum?: number },
): Remembering<A, R, unknown> =>
  ahead<A, R, unknown>(f, {
    ...options,
    init: params => tree.zerosLike(params),
    direction: m => m,
    remember: (m, g) => tree.add(tree.scale(momentum, m), g),
  });
/** AsyncSAM: one pass; ε along the last step's gradient. */
export const asyncSam = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  options: OnePass,
): Remembering<A, R, unknown> =>
  ahead<A, R, unknown>(f, { ...options, init: params => tree.zerosLike(params), direction: g => g, remember: (_, g) => g });
