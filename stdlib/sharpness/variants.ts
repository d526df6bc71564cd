// Published variants as choices of the core: each is a few words about direction, length or combination.
import type { Tensor } from "../../compiler/extend.ts";
import { abs, add, div, mul, sub } from "../ops/arithmetic.ts";
import { greater, where } from "../ops/compare.ts";
import * as tree from "../tree.ts";
import { sharpnessAware, type GradientFunction, type SharpnessOptions } from "./core.ts";

type Wrap = <A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, options: SharpnessOptions) => GradientFunction<A, R>;

/** ASAM: ε = ρ T²g / ‖Tg‖ with T = |θ| + η. @see Kwon et al. 2021 */
export const asam = <A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, { eta = 0.01, ...options }: SharpnessOptions & { readonly eta?: number }): GradientFunction<A, R> =>
  sharpnessAware(f, "full", { ...options, normalize: "dual", direction: (g, params) => tree.map((x: Tensor, p: Tensor) => { const t = add(abs(p), eta); return mul(mul(t, t), x); }, g, params) }); // gᵀT²g = ‖Tg‖²
/** USAM: ε = ρ g, not normalised. @see Andriushchenko and Flammarion 2022 */
export const usam: Wrap = (f, options) => sharpnessAware(f, "full", { ...options, normalize: "none" });
/** GSAM: g̃ − α g_⊥, where g_⊥ is the part of g orthogonal to g̃. @see Zhuang et al. 2022 */
export const gsam = <A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, { alpha, ...options }: SharpnessOptions & { readonly alpha: number }): GradientFunction<A, R> =>
  sharpnessAware(f, "full", { ...options, combine: (g, moved) => {
    const n = tree.dot(moved, moved), some = greater(n, 0), along = where(some, div(tree.dot(g, moved), where(some, n, 1)), 0);
    return tree.sub(moved, tree.scale(alpha, tree.sub(g, tree.scale(along, moved))));
  } });
/** PGN: (1 − α) g + α g̃. @see Zhao et al. 2022 */
export const pgn = <A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, { alpha, ...options }: SharpnessOptions & { readonly alpha: number }): GradientFunction<A, R> =>
  sharpnessAware(f, "full", { ...options, combine: (g, moved) => tree.map((x: Tensor, y: Tensor) => add(mul(x, 1 - alpha), mul(y, alpha)), g, moved) });
/** WSAM: g + γ/(1−γ) (g̃ − g). @see Yue et al. 2023 */
export const wsam = <A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, { gamma, ...options }: SharpnessOptions & { readonly gamma: number }): GradientFunction<A, R> =>
  sharpnessAware(f, "full", { ...options, combine: (g, moved) => tree.map((x: Tensor, y: Tensor) => add(x, mul(sub(y, x), gamma / (1 - gamma))), g, moved) });
