// Mixed precision: parameters stay in a wide dtype, the loss computes in a narrow one, and f16 gets its losses scaled so that small gradients survive. Both are
// wrappers: `mixed` of a loss, `scaled` of a gradient function, so they compose with grad, sam, fsam, remat and accumulation. They decide nothing about
// which operations are safe: losses and norms of the library already sum in f32.
import { isTensor, type Tensor } from "../compiler/extend.ts";
import { isFloat, type DType } from "../runtime/dtype.ts";
import { PullbackError } from "../runtime/errors/error.ts";
import { add, astype, div, minimum, maximum, mul } from "./ops/arithmetic.ts";
import { greaterEqual, isFinite, logicalAnd, where } from "./ops/compare.ts";
import { full, zeros } from "./ops/creation.ts";
import { besideGrad, gradOf, withGrad, type GradientFunction } from "./sharpness/result.ts";
import * as tree from "./tree.ts";

/** The dtypes of a computation. */
export interface Policy {
  /** What parameters and inputs are converted to inside the loss. */
  readonly compute: Extract<DType, "f16" | "bf16" | "f32" | "f64">;
  /** What the loss gives. Default f32. */
  readonly output?: Extract<DType, "f16" | "bf16" | "f32" | "f64">;
}

/** Every floating-point leaf in `dtype`; integers, truth values and what is no tensor stay. */
export const cast = <T>(x: T, dtype: DType): T =>
  tree.map((leaf: unknown) => (isTensor(leaf) && isFloat(leaf.dtype) ? astype(leaf, dtype) : leaf), x);

/** The function computed in another precision: floats among the arguments are converted on the way in, those of the result on the way out. Gradients come back in the
 *  arguments' own dtype, so parameters, optimizer states, SAM's perturbation and its norm stay wide: `fsam(valueAndGrad(mixed(loss, { compute: "bf16" })), { rho })`. */
export function mixed<A extends readonly unknown[], R>(f: (...args: A) => R, { compute, output = "f32" }: Policy): (...args: A) => R {
  return (...args) => cast(f(...(args.map(x => cast(x, compute)) as unknown as A)), output); // trees keep their structure
}

/** How a loss scale moves. It grows by `growth` after `interval` finite steps in a row and shrinks by `backoff` at once when a gradient is not finite. */
export interface LossScaleOptions {
  /** At the start. Default 2¹⁵. */
  readonly init?: number;
  /** Default 2. */
  readonly growth?: number;
  /** Default 1/2. */
  readonly backoff?: number;
  /** Default 2000. */
  readonly interval?: number;
  /** Never above. Default 2²⁴. */
  readonly max?: number;
}
/** The scale f32[], and the finite steps since it last changed, i32[]. */
export interface LossScale {
  readonly scale: Tensor;
  readonly steps: Tensor;
}
/** What a scaled gradient function gives beside its own result. */
export interface ScaledResult<R> {
  /** The result of the gradient function, its value and gradient unscaled. Where it is not finite, the gradient is not usable. */
  readonly result: R;
  /** Is every element of the gradient finite? bool[]. */
  readonly finite: Tensor;
  /** The scale of the next step. */
  readonly next: LossScale;
}
/** Dynamic loss scaling. */
export interface LossScaling {
  init(): LossScale;
  /** `build(scale)` makes a gradient function whose loss went through `scale`: (scale) => fsam(valueAndGrad(p => scale(loss(p))), { rho }). Powers of two change no bit
   *  of a gradient that neither overflows nor underflows; directions, and so SAM's perturbation, do not depend on the scale. */
  gradient<A extends readonly [unknown, ...unknown[]], R>(
    build: (scale: (loss: Tensor) => Tensor) => GradientFunction<A, R>,
    state: LossScale,
  ): (...args: A) => ScaledResult<R>;
}

/** Dynamic loss scaling, for f16 (bf16 has f32's range and needs none). @throws E0801 @see Micikevicius et al. 2018, "Mixed Precision Training" */
export function dynamicLossScale(options: LossScaleOptions = {}): LossScaling {
  const { init = 2 ** 15, growth = 2, backoff = 0.5, interval = 2000, max = 2 ** 24 } = options;
  need("init", init, init > 0 && init <= max, `above 0 and at most max, ${max}`);
  need("growth", growth, growth > 1, "greater than 1");
  need("backoff", backoff, backoff > 0 && backoff < 1, "between 0 and 1");
  need("interval", interval, Number.isInteger(interval) && interval > 0, "a whole number above 0");
  return {
    init: () => ({ scale: full([], init), steps: zeros([], { dtype: "i32" }) }),
    gradient:
      (build, { scale, steps }) =>
      (...args) => {
        const result = build(loss => mul(loss, astype(scale, loss.dtype)))(...args),
          [params] = args;
        const unscale = (x: Tensor): Tensor => div(x, astype(scale, x.dtype));
        const grad = tree.map(unscale, gradOf(result, params)),
          finite = tree.all(tree.map((g: Tensor) => isFinite(g), grad));
        const due = logicalAnd(finite, greaterEqual(add(steps, 1), interval)),
          grown = where(due, minimum(mul(scale, growth), max), scale);
        const next: LossScale = {
          scale: where(finite, grown, maximum(mul(scale, backoff), 2 ** -24)),
          steps: where(logicalAnd(finite, greaterEqual(interval - 1, add(steps, 1))), add(steps, 1), zeros([], { dtype: "i32" })),
        };
        return { result: unscaledValue(withGrad(result, params, grad), params, unscale), finite, next };
      },
  };
}
/** The same result with its loss unscaled too. */
function unscaledValue<R>(result: R, params: unknown, unscale: (x: Tensor) => Tensor): R {
  const value = besideGrad(result, params)?.["value"];
  return isTensor(value) ? { ...result, value: unscale(value) } : result;
}
function need(option: string, value: number, ok: boolean, allowed: string): void {
  if (!ok)
    throw new PullbackError("E0801", `dynamicLossScale: ${option} is ${value}, it must be ${allowed}`, {
      help: "leave it out for the usual value",
    });
}

/** `next` where `finite`, else `old`, leaf by leaf: a step with an overflow is not taken. */
export const keepFinite = <T>(finite: Tensor, next: T, old: unknown): T =>
  tree.map((a: Tensor, b: Tensor) => where(finite, a, b), next, old);
