// Published variants without memory, as choices of the core: each is a few words about direction, length, mask or combination. g plain, g̃ perturbed gradient.
import type { Tensor } from "../../compiler/extend.ts";
import { maskLeaves, type Mask } from "../optim/mask.ts";
import { abs, add, div, mul, sub } from "../ops/arithmetic.ts";
import { greater, where } from "../ops/compare.ts";
import * as tree from "../tree.ts";
import { sharpnessAware, type SharpnessOptions } from "./core.ts";
import type { GradientFunction } from "./result.ts";

/** A method without further options. */
export type Wrap = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  options: SharpnessOptions,
) => GradientFunction<A, R>;
/** A method with an option of its own. */
export type WrapWith<O> = <A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  options: SharpnessOptions & O,
) => GradientFunction<A, R>;

/** ASAM: ε = ρ T²g / ‖Tg‖ with T = |θ| + η on the leaves of `scaled` (weights; not biases and norms), 1 on others. @see Kwon et al. 2021 */
export const asam: WrapWith<{ readonly eta?: number; readonly scaled?: Mask }> = (f, { eta = 0.01, scaled, ...options }) =>
  sharpnessAware(f, "full", {
    ...options,
    normalize: "dual", // gᵀT²g = ‖Tg‖²
    direction: (g, params) =>
      onLeaves(scaled, g, params, (x, p) => {
        const t = add(abs(p), eta);
        return mul(mul(t, t), x);
      }),
  });
/** USAM: ε = ρ g, not normalised. @see Andriushchenko and Flammarion 2022 */
export const usam: Wrap = (f, options) => sharpnessAware(f, "full", { ...options, normalize: "none" });
/** Fisher-SAM: ε = ρ F⁻¹g / √(gᵀF⁻¹g) with the diagonal F = 1 + η g². @see Kim et al. 2022 */
export const fisherSam: WrapWith<{ readonly eta?: number }> = (f, { eta = 1, ...options }) =>
  sharpnessAware(f, "full", {
    ...options,
    normalize: "dual",
    direction: g => tree.map((x: Tensor) => div(x, add(mul(mul(x, x), eta), 1)), g),
  });
/** bSAM's perturbation: ε = ρ g / s for a tree of scales s (the optimizer's precisions), not normalised. @see Möllenhoff and Khan 2023 */
export const bsam: WrapWith<{ readonly scales: unknown }> = (f, { scales, ...options }) =>
  sharpnessAware(f, "full", { ...options, normalize: "none", direction: g => tree.map((x: Tensor, s: Tensor) => div(x, s), g, scales) });
/** SAM-ON: perturbs only the leaves that `norms` says are normalisation scales and biases. @see Müller et al. 2023 */
export const samOn: WrapWith<{ readonly norms: Mask }> = (f, { norms, ...options }) =>
  sharpnessAware(f, "full", { ...options, mask: norms });
/** GSAM: g̃ − α g_⊥, where g_⊥ is the part of g orthogonal to g̃. @see Zhuang et al. 2022 */
export const gsam: WrapWith<{ readonly alpha: number }> = (f, { alpha, ...options }) =>
  sharpnessAware(f, "full", { ...options, combine: (g, moved) => tree.sub(moved, tree.scale(alpha, orthogonal(g, moved))) });
/** PGN: (1 − α) g + α g̃. @see Zhao et al. 2022 */
export const pgn: WrapWith<{ readonly alpha: number }> = (f, { alpha, ...options }) =>
  sharpnessAware(f, "full", { ...options, combine: (g, moved) => blend(g, moved, alpha) });
/** WSAM: g + γ/(1−γ) (g̃ − g). @see Yue et al. 2023 */
export const wsam: WrapWith<{ readonly gamma: number }> = (f, { gamma, ...options }) =>
  sharpnessAware(f, "full", { ...options, combine: (g, moved) => blend(g, moved, gamma / (1 - gamma)) });

/** g + share (moved − g). */
export const blend = (g: unknown, moved: unknown, share: number): unknown =>
  tree.map((x: Tensor, y: Tensor) => add(x, mul(sub(y, x), share)), g, moved);
/** The part of `x` orthogonal to `to`; x itself where `to` is zero. */
export function orthogonal(x: unknown, to: unknown): unknown {
  const n = tree.dot(to, to),
    some = greater(n, 0),
    along = where(some, div(tree.dot(x, to), where(some, n, 1)), 0);
  return tree.sub(x, tree.scale(along, to));
}
function onLeaves(mask: Mask | undefined, g: unknown, params: unknown, f: (x: Tensor, p: Tensor) => Tensor): unknown {
  const on = maskLeaves(mask, params);
  let k = 0;
  return tree.map((x: Tensor, p: Tensor) => (on[k++] ? f(x, p) : x), g, params);
}
