// Curvature where training stands: the largest eigenvalue of the Hessian, and how SAM's correction divides between the two paths.
import { fori, hvp } from "../../compiler/index.ts";
import { flatten, unflatten, type Tensor } from "../../compiler/extend.ts";
import { add, div } from "../ops/arithmetic.ts";
import { rsqrt } from "../ops/math.ts";
import * as random from "../random/index.ts";
import * as tree from "../tree.ts";
import { sharpnessAware, type GradientFunction, type SharpnessOptions } from "./core.ts";

/** `iterations` of the power method (default 30), and the key of its start. */
export interface LambdaOptions { readonly iterations?: number; readonly key: Tensor }
/** The eigenvalue of the Hessian of f(θ, ...args) that is largest in magnitude, by power iteration on Hessian-vector products; a Rayleigh quotient, scalar. */
export function lambdaMax<P, A extends readonly unknown[]>(f: (params: P, ...args: A) => Tensor | number, { iterations = 30, key }: LambdaOptions): (params: P, ...args: A) => Tensor {
  return (params, ...args) => {
    const { leaves, def } = flatten(params), product = (v: P): P => hvp(f)(params, v as never, ...args) as P; // a tree like the parameters
    const start = unflatten(def, (leaves as Tensor[]).map((x, i) => random.normal(random.foldIn(key, i), x.shape, { dtype: x.dtype === "f64" ? "f64" : "f32" }))) as P; // the structure of params
    const unit = (v: P): P => tree.scale(rsqrt(add(tree.dot(v, v), 1e-30)), v);
    const step = (u: unknown): unknown => unit(product(u as P)); // the carry keeps its structure
    const v = fori(0, iterations, (_i, u) => step(u), unit(start) as unknown) as P; // as above
    return tree.dot(v, product(v));
  };
}
/** Shares of d = (g_logit − g) + (g_func − g) along each path: ⟨d_path, d⟩ / ⟨d, d⟩. They add up to 1; one may be negative. `f` is a plain gradient function. @throws E0401 */
export function pathShares<P, A extends readonly unknown[]>(f: (params: P, ...args: A) => unknown, options: SharpnessOptions): (params: P, ...args: A) => { readonly logit: Tensor; readonly functional: Tensor } {
  return (params, ...args) => {
    const g = f as GradientFunction<[P, ...A], unknown>; // the same function
    const plain = g(params, ...args), part = (path: "functional" | "logit"): unknown => tree.sub(sharpnessAware(g, path, options)(params, ...args), plain);
    const functional = part("functional"), logit = part("logit"), d = tree.add(functional, logit), n = tree.dot(d, d);
    const share = (x: unknown): Tensor => div(tree.dot(x, d), n);
    return { logit: share(logit), functional: share(functional) };
  };
}
