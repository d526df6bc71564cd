// Curvature where training stands: the largest eigenvalue of the Hessian, its trace, and how SAM's correction divides between the two paths. Everything is
// made of Hessian-vector products; no matrix is formed.
import { fori, hvp, scan } from "../../compiler/index.ts";
import { flatten, unflatten, type Tensor } from "../../compiler/extend.ts";
import { astype, div } from "../ops/arithmetic.ts";
import { greater, where } from "../ops/compare.ts";
import { arange } from "../ops/creation.ts";
import { rsqrt } from "../ops/math.ts";
import { mean } from "../ops/reduce.ts";
import * as random from "../random/index.ts";
import * as tree from "../tree.ts";
import { sharpnessAware, type SharpnessOptions } from "./core.ts";
import { gradOf, type GradientFunction } from "./result.ts";

/** A scalar loss of parameters and further arguments. */
export type Loss<P, A extends readonly unknown[]> = (params: P, ...args: A) => Tensor | number;
/** `iterations` of the power method (default 30), and the key of its start. */
export interface LambdaOptions {
  readonly iterations?: number;
  readonly key: Tensor;
}

/** A tree like `params` of independent draws, one key a leaf. */
function draw<P>(key: Tensor, params: P, one: (k: Tensor, x: Tensor) => Tensor): P {
  const { leaves, def } = flatten(params);
  return unflatten(
    def,
    (leaves as Tensor[]).map((x, i) => one(random.foldIn(key, i), x)),
  ) as P; // parameters are tensors; the structure of params
}
const floatOf = (x: Tensor): { readonly dtype: "f32" | "f64" | "f16" | "bf16" } => ({
  dtype: x.dtype === "f64" || x.dtype === "f16" || x.dtype === "bf16" ? x.dtype : "f32",
});

/** The eigenvalue of the Hessian of f(θ, ...args) that is largest in magnitude, by power iteration on Hessian-vector products; a Rayleigh quotient, scalar.
 *  0 where the Hessian is zero. */
export function lambdaMax<P, A extends readonly unknown[]>(
  f: Loss<P, A>,
  { iterations = 30, key }: LambdaOptions,
): (params: P, ...args: A) => Tensor {
  return (params, ...args) => {
    const product = (v: P): P => hvp(f)(params, v as never, ...args) as P; // a tree like the parameters
    const unit = (v: P): P => {
      const n = tree.dot(v, v),
        some = greater(n, 0);
      return tree.scale(where(some, rsqrt(where(some, n, 1)), 0), v);
    };
    const start = unit(draw(key, params, (k, x) => random.normal(k, x.shape, floatOf(x))));
    const v = fori(0, iterations, (_i, u) => unit(product(u as P)) as unknown, start as unknown) as P; // the carry keeps its structure
    return tree.dot(v, product(v));
  };
}

/** Hutchinson's estimate of the Hessian's trace: the mean of zᵀHz over `samples` vectors z of random signs (default 16). Exact for a diagonal Hessian.
 *  @see Hutchinson 1990 */
export function hessianTrace<P, A extends readonly unknown[]>(
  f: Loss<P, A>,
  { samples = 16, key }: { readonly samples?: number; readonly key: Tensor },
): (params: P, ...args: A) => Tensor {
  return (params, ...args) => {
    const one = (i: Tensor): Tensor => {
      const z = draw(random.foldIn(key, i), params, (k, x) => astype(where(random.bernoulli(k, 0.5, x.shape), 1, -1), x.dtype));
      return tree.dot(z, hvp(f)(params, z as never, ...args)); // a tree like the parameters
    };
    const [, each] = scan((none: null, i: Tensor) => [none, one(i)] as const, null, arange(samples));
    return mean(each);
  };
}

/** Shares of d = (g_logit − g) + (g_func − g) along each path: ⟨d_path, d⟩ / ⟨d, d⟩. They add up to 1; one may be negative. Both are 0 where d is zero.
 *  `f` is a plain gradient function. @throws E0401 */
export function pathShares<P, A extends readonly unknown[]>(
  f: (params: P, ...args: A) => unknown,
  options: SharpnessOptions,
): (params: P, ...args: A) => { readonly logit: Tensor; readonly functional: Tensor } {
  return (params, ...args) => {
    const g = f as GradientFunction<[P, ...A], unknown>; // the same function
    const plain = gradOf(g(params, ...args), params),
      part = (path: "functional" | "logit"): unknown => tree.sub(gradOf(sharpnessAware(g, path, options)(params, ...args), params), plain);
    const functional = part("functional"),
      logit = part("logit"),
      d = tree.add(functional, logit),
      n = tree.dot(d, d),
      some = greater(n, 0);
    const share = (x: unknown): Tensor => where(some, div(tree.dot(x, d), where(some, n, 1)), 0);
    return { logit: share(logit), functional: share(functional) };
  };
}
