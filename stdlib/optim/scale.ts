// The parts that optimizers are made of: each turns gradients into better directions, and knows nothing of the learning rate but its own part.
// Moments of f16 and bf16 parameters are kept in f32. Letters: g gradient, m first and v second moment, t step from 1.
import type { Tensor } from "../../compiler/extend.ts";
import { computeDType, type DType } from "../../runtime/dtype.ts";
import { add, astype, div, mul, neg, sign } from "../ops/arithmetic.ts";
import { greater, less, where } from "../ops/compare.ts";
import { expm1, rsqrt, sqrt } from "../ops/math.ts";
import { full, zeros } from "../ops/creation.ts";
import * as tree from "../tree.ts";
import { maskLeaves, type Mask } from "./mask.ts";
import type { Schedule } from "./schedules.ts";
import { stateless, type Optimizer } from "./transform.ts";

/** A constant, or a function of the step. */
export type Rate = number | Schedule;
/** State of a part that counts its steps: i32[]. */
export interface Counter {
  readonly count: Tensor;
}
/** State of momentum: a tree like the parameters. */
export interface Momentum {
  readonly momentum: unknown;
}
/** State of Adam: the step, first and second moments (trees like the parameters, not bias-corrected). */
export interface AdamState extends Counter {
  readonly mu: unknown;
  readonly nu: unknown;
}
/** State of RMSProp and Adagrad. */
export interface SecondMoment {
  readonly nu: unknown;
}

const zero = (): Tensor => zeros([], { dtype: "i32" });
const momentsLike = (params: unknown, value = 0): unknown =>
  tree.map((p: Tensor) => full(p.shape, value, { dtype: computeDType(p.dtype) }), params);
const wide = (g: Tensor): Tensor => astype(g, computeDType(g.dtype));
/** decay * m + weight * x, leaf by leaf, in the moment's dtype. */
const blend = (m: unknown, x: unknown, decay: number, weight: number, f: (g: Tensor) => Tensor = g => g): unknown =>
  tree.map((m: Tensor, g: Tensor) => add(mul(m, decay), mul(f(wide(g)), weight)), m, x);
/** 1 - b^t without cancellation, in `dtype`. */
const correction = (b: number, t: Tensor, dtype: DType): Tensor => neg(expm1(mul(astype(t, dtype), Math.log(b))));

/** factor * g. */
export const scale = (factor: number): Optimizer<null> => stateless(g => mul(g, factor));

/** factor(t) * g, t from 0 at the first step. */
export function scaleBySchedule(factor: Schedule): Optimizer<Counter> {
  return {
    init: () => ({ count: zero() }),
    update: (grads, { count }, _params) => {
      const f = factor(count);
      return [tree.map((g: Tensor) => mul(g, astype(f, g.dtype)), grads), { count: add(count, 1) }];
    },
  };
}
/** -rate * g: the last part of an optimizer, a step downhill. A schedule sees 0 at the first step. */
export const scaleByLearningRate = (rate: Rate): Optimizer<Counter | null> =>
  (typeof rate === "number" ? scale(-rate) : scaleBySchedule(step => neg(rate(step)))) as Optimizer<Counter | null>; // each takes the state that its own init gave

/** m = decay * m + g; gives m, or with `nesterov` g + decay * m. @see Sutskever et al. 2013 */
export function momentum(decay: number, { nesterov = false }: { readonly nesterov?: boolean } = {}): Optimizer<Momentum> {
  return {
    init: params => ({ momentum: momentsLike(params) }),
    update: (grads, state, _params) => {
      const m = blend(state.momentum, grads, decay, 1);
      const out = nesterov ? blend(m, grads, decay, 1) : m;
      return [tree.map((g: Tensor, x: Tensor) => astype(x, g.dtype), grads, out), { momentum: m }];
    },
  };
}

/** Options of Adam's moments. `eps` is added outside the root, `epsRoot` inside (needed to differentiate through Adam at zero gradients). */
export interface AdamOptions {
  readonly b1?: number;
  readonly b2?: number;
  readonly eps?: number;
  readonly epsRoot?: number;
}
/** m̂ / (√(v̂ + epsRoot) + eps), m̂ and v̂ bias-corrected. @see Kingma & Ba 2015, algorithm 1 */
export function scaleByAdam({ b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0 }: AdamOptions = {}): Optimizer<AdamState> {
  return {
    init: params => ({ count: zero(), mu: momentsLike(params), nu: momentsLike(params) }),
    update: (grads, state, _params) => {
      const count = add(state.count, 1);
      const mu = blend(state.mu, grads, b1, 1 - b1),
        nu = blend(state.nu, grads, b2, 1 - b2, g => mul(g, g));
      const updates = tree.map(
        (g: Tensor, m: Tensor, v: Tensor) => {
          const first = div(m, correction(b1, count, m.dtype)),
            second = div(v, correction(b2, count, v.dtype));
          return astype(div(first, add(sqrt(epsRoot === 0 ? second : add(second, epsRoot)), eps)), g.dtype);
        },
        grads,
        mu,
        nu,
      );
      return [updates, { count, mu, nu }];
    },
  };
}

/** sign(b1 * m + (1 - b1) * g), then m = b2 * m + (1 - b2) * g. @see Chen et al. 2023 */
export function scaleByLion({ b1 = 0.9, b2 = 0.99 }: { readonly b1?: number; readonly b2?: number } = {}): Optimizer<Momentum> {
  return {
    init: params => ({ momentum: momentsLike(params) }),
    update: (grads, state, _params) => {
      const direction = blend(state.momentum, grads, b1, 1 - b1);
      return [
        tree.map((g: Tensor, d: Tensor) => astype(sign(d), g.dtype), grads, direction),
        { momentum: blend(state.momentum, grads, b2, 1 - b2) },
      ];
    },
  };
}

/** g / √(v + eps), v = decay * v + (1 - decay) * g². @see Tieleman & Hinton 2012 */
export function scaleByRms({ decay = 0.9, eps = 1e-8 }: { readonly decay?: number; readonly eps?: number } = {}): Optimizer<SecondMoment> {
  return {
    init: params => ({ nu: momentsLike(params) }),
    update: (grads, state, _params) => {
      const nu = blend(state.nu, grads, decay, 1 - decay, g => mul(g, g));
      return [tree.map((g: Tensor, v: Tensor) => astype(mul(wide(g), rsqrt(add(v, eps))), g.dtype), grads, nu), { nu }];
    },
  };
}

/** g / √(v + eps) where v > 0, else 0; v = v + g², from `initial`. @see Duchi et al. 2011 */
export function scaleByAdagrad({
  initial = 0.1,
  eps = 1e-7,
}: { readonly initial?: number; readonly eps?: number } = {}): Optimizer<SecondMoment> {
  return {
    init: params => ({ nu: momentsLike(params, initial) }),
    update: (grads, state, _params) => {
      const nu = blend(state.nu, grads, 1, 1, g => mul(g, g));
      return [
        tree.map((g: Tensor, v: Tensor) => astype(where(greater(v, 0), mul(wide(g), rsqrt(add(v, eps))), 0), g.dtype), grads, nu),
        { nu },
      ];
    },
  };
}

/** g + decay * p on the leaves of `mask` (all by default): weight decay, decoupled when it follows the preconditioner. @see Loshchilov & Hutter 2019 */
export function addDecayedWeights(decay: number, { mask }: { readonly mask?: Mask | undefined } = {}): Optimizer<null> {
  return {
    init: () => null,
    update: (grads, _state, params) => {
      const decayed = tree.unflatten(tree.flatten(params).def, maskLeaves(mask, params));
      return [
        tree.map((g: Tensor, p: Tensor, yes: boolean) => (yes ? add(g, astype(mul(p, decay), g.dtype)) : g), grads, params, decayed),
        null,
      ];
    },
  };
}

/** Each element limited to [-limit, limit]. */
export const clip = (limit: number): Optimizer<null> => stateless(g => where(less(g, -limit), -limit, where(greater(g, limit), limit, g)));

/** The whole gradient scaled down to the L2 norm `limit` where it is longer. The norm is taken in f32 or wider. */
export function clipByGlobalNorm(limit: number): Optimizer<null> {
  return {
    init: () => null,
    update: (grads, _state, _params) => {
      const norm = tree.norm(grads),
        short = less(norm, limit);
      return [tree.map((g: Tensor) => where(short, g, astype(mul(div(wide(g), norm), limit), g.dtype)), grads), null];
    },
  };
}

/** The second-moment tree in the state of an optimizer that has one (Adam, AdamW, RMSProp, Adagrad, or a chain with one of them), for the
 *  preconditioned forms of pullback/sharpness. Undefined when there is none. */
export function secondMoment(state: unknown): unknown {
  if (Array.isArray(state)) return state.map(secondMoment).find(v => v !== undefined);
  return typeof state === "object" && state !== null && Object.hasOwn(state, "nu") ? (state as SecondMoment).nu : undefined; // it has the field
}
