// The common core of sharpness-aware gradients: a direction, a radius, a path through the logits, and a combination. Each named method is a choice of these.
// It wraps a gradient function (grad, valueAndGrad, with or without aux) and changes which gradient is taken; it is no optimizer and keeps no state
// (memory.ts does).
//
// Letters: θ parameters, g plain gradient, g̃ gradient on the path, ε perturbation, F logits, c(θ) = ∇ℓ at F(θ), J = ∂F/∂θ.
import type { Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { maskLeaves, type Mask } from "../optim/mask.ts";
import { add, astype, div, mul, sub } from "../ops/arithmetic.ts";
import { greater, where } from "../ops/compare.ts";
import { zeros } from "../ops/creation.ts";
import { rsqrt, sqrt } from "../ops/math.ts";
import type { TensorLike } from "../ops/promotion.ts";
import { sum } from "../ops/reduce.ts";
import * as tree from "../tree.ts";
import { withGrad, type GradientFunction } from "./result.ts";
import { accumulated, whole, type Accumulate, type Sweeps, type Swept } from "./sweeps.ts";

/** Where curvature is felt. `full`: J(θ+ε)ᵀc(θ+ε), as SAM. `functional`: J(θ+ε)ᵀc(θ). `logit`: J(θ)ᵀc(θ+ε). A mix: g + a(g_func − g) + b(g_logit − g). */
export type Path = "full" | "functional" | "logit" | { readonly functional: number; readonly logit: number };
/** A direction before it is given its length: (g, θ) -> a tree like θ. The default is g itself. */
export type Direction = (g: unknown, params: unknown) => unknown;

/** What decides ε. */
export interface PerturbationOptions {
  /** Length of ε: a number, or a scalar tensor (a schedule evaluated at the step). 0 gives the plain gradient. */
  readonly rho: TensorLike;
  /** Second moments v of an optimizer (optim.secondMoment(state)), a tree like θ: the direction becomes M⁻¹g with M = √v + e. Without it, and while all of v
   *  is zero, M is the identity. */
  readonly precondition?: unknown;
  /** e of the preconditioner. Default 1e-6. */
  readonly e?: number;
  /** Length of ε: "l2" gives ‖ε‖ = rho; "dual" gives ρ M⁻¹g / √(gᵀM⁻¹g), the steepest ascent in the norm of M; "none" leaves rho times the direction. Default "l2". */
  readonly normalize?: "l2" | "dual" | "none";
  readonly direction?: Direction;
  /** Which leaves are perturbed; the norm is over these. A tree of booleans like θ, or a function of (path, leaf). Default: all. */
  readonly mask?: Mask;
}
/** Options of every sharpness-aware gradient. */
export interface SharpnessOptions extends PerturbationOptions {
  /** Name of the marked logits (needed by every path but "full"). Losses of pullback/nn mark "logits", the default. */
  readonly at?: string;
  /** The gradient handed out, from g and the gradient g̃ on the path. Default: g̃. Clip here or later, never the direction. */
  readonly combine?: (g: unknown, perturbed: unknown) => unknown;
  /** Sum over micro-batches. Default: the batch in one piece. */
  readonly accumulate?: Accumulate;
}

/** The gradient function `f` made sharpness-aware along `path`. Value and aux are those of the unperturbed parameters; a zero gradient gives ε = 0.
 *  @throws E0401 when no logits are marked, E0801 for a bad option, E0803 when `f` gives no gradient of its first argument */
export function sharpnessAware<A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  path: Path,
  options: SharpnessOptions,
): GradientFunction<A, R> {
  const { accumulate, ...rest } = options,
    { at = "logits", combine } = rest;
  if (accumulate?.epsilon === "each") return eachBatch(sharpnessAware(f, path, rest), accumulate, at);
  return (...args) => {
    const [params] = args,
      sweeps = accumulate ? accumulated(f, args, at, accumulate) : whole(f, args, at);
    const first = firstPass(sweeps, path, params);
    const moved = first.along(moveBy(perturbation(first.grad, params, options), params, options));
    return withGrad(first.result, params, combine ? combine(first.grad, moved) : moved);
  };
}
function eachBatch<A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  accumulate: Accumulate,
  at: string,
): GradientFunction<A, R> {
  return (...args) => accumulated(f, args, at, accumulate).plain(args[0]).result;
}

/** The pass at θ, and what remains to be done at the moved parameters: their gradient along the path. */
export interface FirstPass<R> extends Swept<R> {
  along(moved: unknown): unknown;
}
/** Evaluate at θ, keeping logit cotangents only when the path needs them. */
export function firstPass<R>(sweeps: Sweeps<R>, path: Path, params: unknown): FirstPass<R> {
  if (path === "full") return { ...sweeps.plain(params), along: moved => sweeps.plain(moved).grad };
  const { values, ...first } = sweeps.reaped(params);
  const functional = (moved: unknown): unknown => sweeps.planted(values, moved);
  const logit = (moved: unknown): unknown => sweeps.planted(sweeps.reaped(moved).values, params);
  if (path === "functional") return { ...first, along: functional };
  if (path === "logit") return { ...first, along: logit };
  const toward = (g: unknown, share: number, end: (moved: unknown) => unknown, moved: unknown): unknown =>
    share === 0 ? g : tree.map((x: Tensor, z: Tensor, y: Tensor) => add(x, mul(sub(y, z), share)), g, first.grad, end(moved));
  return { ...first, along: moved => toward(toward(first.grad, path.functional, functional, moved), path.logit, logit, moved) };
}

/** θ + ε; leaves outside of the mask are the parameters themselves. */
export function moveBy(eps: unknown, params: unknown, { mask }: Pick<PerturbationOptions, "mask">): unknown {
  const on = maskLeaves(mask, params);
  let k = 0;
  return tree.map((p: Tensor, d: Tensor) => (on[k++] ? astype(add(p, d), p.dtype) : p), params, eps);
}

/** ε for a gradient g at θ. Norms are f32 or wider whatever the parameters' dtype. @throws E0801 for a negative rho */
export function perturbation(
  g: unknown,
  params: unknown,
  { rho, precondition, e = 1e-6, normalize = "l2", direction, mask }: PerturbationOptions,
): unknown {
  if (typeof rho === "number" && !(rho >= 0))
    throw new PullbackError("E0801", `rho is ${rho}`, { help: "the radius of the perturbation is 0 or more" });
  const on = maskLeaves(mask, params);
  const masked = (t: unknown): unknown => {
    let k = 0;
    return tree.map((x: Tensor) => (on[k++] ? x : zeros(x.shape, { dtype: x.dtype })), t);
  };
  const ascent = masked(g),
    raw = direction ? masked(direction(ascent, params)) : ascent;
  const d = precondition === undefined ? raw : preconditioned(raw, precondition, e);
  if (normalize === "none") return tree.scale(rho, d);
  const square = normalize === "dual" ? tree.dot(ascent, d) : tree.dot(d, d),
    nonzero = greater(square, 0);
  const length = where(nonzero, mul(rsqrt(where(nonzero, square, 1)), rho), 0); // the inner where keeps the derivative finite at a zero gradient
  return tree.scale(length, d);
}
function preconditioned(d: unknown, v: unknown, e: number): unknown {
  const total = (tree.leaves(v) as Tensor[]).map(x => sum(astype(x, x.dtype === "f64" ? "f64" : "f32"))).reduce((a, b) => add(a, b)),
    started = greater(total, 0); // second moments are tensors, none negative
  return tree.map((x: Tensor, m: Tensor) => where(started, div(x, astype(add(sqrt(m), e), x.dtype)), x), d, v);
}
