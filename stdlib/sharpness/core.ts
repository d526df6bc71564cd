// The common core of sharpness-aware gradients: a direction, a radius, a path through the logits, and a combination. Each named method is a choice of these.
// It wraps a gradient function (grad, valueAndGrad, with or without aux) and changes which gradient is taken; it is no optimizer.
//
// Letters: θ parameters, g plain gradient, ε perturbation, F logits, c(θ) = ∇ℓ at F(θ), J = ∂F/∂θ.
import { plant, reap } from "../../compiler/index.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { add, astype, div, mul } from "../ops/arithmetic.ts";
import { greater, where } from "../ops/compare.ts";
import { rsqrt, sqrt } from "../ops/math.ts";
import type { TensorLike } from "../ops/promotion.ts";
import * as tree from "../tree.ts";

/** Where curvature is felt. `full`: J(θ+ε)ᵀc(θ+ε), as SAM. `functional`: J(θ+ε)ᵀc(θ). `logit`: J(θ)ᵀc(θ+ε). A mix: g + a(g_func − g) + b(g_logit − g). */
export type Path = "full" | "functional" | "logit" | { readonly functional: number; readonly logit: number };
/** A direction before it is given its length: (g, θ) -> a tree like θ. The default is g itself. */
export type Direction = (g: unknown, params: unknown) => unknown;

/** Options of every sharpness-aware gradient. */
export interface SharpnessOptions {
  /** Length of ε: a number, or a scalar tensor (a schedule evaluated at the step). 0 gives the plain gradient. */
  readonly rho: TensorLike;
  /** Name of the marked logits (needed by every path but "full"). Losses of pullback/nn mark "logits". */
  readonly at?: string;
  /** Adam's second moment v, a tree like θ: the direction becomes M⁻¹g with M = √v + e. Without it M is the identity. */
  readonly precondition?: unknown;
  /** e of the preconditioner. Default 1e-6. */
  readonly e?: number;
  /** Length of ε: "l2" gives ‖ε‖ = rho; "dual" gives ρ M⁻¹g / √(gᵀM⁻¹g), the steepest ascent in the norm of M; "none" leaves rho times the direction. Default "l2". */
  readonly normalize?: "l2" | "dual" | "none";
  readonly direction?: Direction;
  /** Which leaves are perturbed, a tree of booleans like θ; the norm is over these. Default: all. */
  readonly mask?: unknown;
  /** The gradient handed out, from g and the gradient g̃ on the path. Default: g̃. */
  readonly combine?: (g: unknown, perturbed: unknown) => unknown;
}
/** A gradient function: parameters first. */
export type GradientFunction<A extends readonly unknown[], R> = (...args: A) => R;

/** Does a gradient function give { value?, grad, aux? } rather than the gradient itself? */
function gradOf(result: unknown, params: unknown): unknown {
  if (tree.structure(result).key === tree.structure(params).key) return result;
  return (result as { readonly grad: unknown }).grad; // the only other form that grad and valueAndGrad give
}
const withGrad = <R>(result: R, params: unknown, g: unknown): R => (tree.structure(result).key === tree.structure(params).key ? g : { ...result, grad: g }) as R; // the same form with another gradient

/** The gradient function `f` made sharpness-aware along `path`. Value and aux are those of the unperturbed parameters; a zero gradient gives ε = 0. @throws E0401 when no logits are marked */
export function sharpnessAware<A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, path: Path, options: SharpnessOptions): GradientFunction<A, R> {
  const at = options.at ?? "logits";
  return (...args) => {
    const [params, ...rest] = args, again = (p: unknown): A => [p, ...rest] as unknown as A; // other parameters of the same structure
    if (path === "full") {
      const first = f(...args), g = gradOf(first, params);
      const moved = gradOf(f(...again(tree.add(params, perturbation(g, params, options)))), params);
      return withGrad(first, params, options.combine ? options.combine(g, moved) : moved);
    }
    const { out, values } = reap(f, at, "cotangent")(...args), first = out as unknown as R, g = gradOf(first, params); // tensors for numbers
    const shifted = again(tree.add(params, perturbation(g, params, options)));
    const functional = (): unknown => gradOf(plant(f, at, "cotangent")(values, ...shifted), params);
    const logit = (): unknown => gradOf(plant(f, at, "cotangent")(reap(f, at, "cotangent")(...shifted).values, ...args), params);
    const moved = path === "functional" ? functional() : path === "logit" ? logit()
      : tree.map((x: Tensor, y: Tensor, z: Tensor) => add(x, add(mul(add(y, mul(x, -1)), path.functional), mul(add(z, mul(x, -1)), path.logit))), g, functional(), logit());
    return withGrad(first, params, options.combine ? options.combine(g, moved) : moved);
  };
}

/** ε for a gradient g at θ. Norms are f32 or wider whatever the parameters' dtype. */
export function perturbation(g: unknown, params: unknown, { rho, precondition, e = 1e-6, normalize = "l2", direction, mask }: SharpnessOptions): unknown {
  const masked = (t: unknown): unknown => (mask === undefined ? t : tree.map((x: Tensor, on: boolean) => (on ? x : mul(x, 0)), t, mask));
  const raw = masked(direction ? direction(g, params) : g);
  const d = precondition === undefined ? raw : tree.map((x: Tensor, v: Tensor) => div(x, add(sqrt(astype(v, x.dtype)), e)), raw, precondition);
  if (normalize === "none") return tree.scale(rho, d);
  const square = normalize === "dual" ? tree.dot(masked(g), d) : tree.dot(d, d), nonzero = greater(square, 0);
  const length = where(nonzero, mul(rsqrt(where(nonzero, square, 1)), rho), 0); // the inner where keeps the derivative finite at a zero gradient
  return tree.scale(length, d);
}
