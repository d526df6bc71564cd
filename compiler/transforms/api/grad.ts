// grad and valueAndGrad: gradients of scalar functions of trees. Arguments that are not differentiated are passed to the function as they are.
import { isFloat } from "../../../runtime/dtype.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { showAval } from "../../ir/aval.ts";
import { flatten, leafPaths, unflatten } from "../../support/tree.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { gradFunc } from "../linearize.ts";
import { applyFunc } from "../run.ts";
import { describe, join, stage, tensorLeaves, type Leaves, type Tensors } from "../stage.ts";

/** Which arguments to differentiate: a position, several, or names of the fields of the first argument. */
export type Argnums = number | readonly number[] | string | readonly string[];
/** Options of grad and valueAndGrad. `hasAux`: the function returns [scalar, anything]; the rest is handed out beside the gradient. */
export interface GradOptions { readonly argnums?: Argnums; readonly hasAux?: boolean }
/** The gradient's tree, by the options' types: like argument 0, one argument, several, or the named fields. */
export type GradOf<A extends readonly unknown[], O extends GradOptions> =
  O extends { readonly argnums: infer N }
    ? N extends number ? Tensors<A[N]>
      : N extends readonly number[] ? { [K in keyof N]: N[K] extends number ? Tensors<A[N[K]]> : never }
      : N extends keyof A[0] ? { readonly [K in N]: Tensors<A[0][K]> }
      : N extends readonly (infer K)[] ? { readonly [F in Extract<K, keyof A[0]>]: Tensors<A[0][F]> } : never
    : Tensors<A[0]>;
/** What valueAndGrad gives. `value` is the scalar; `aux` is what the function returned beside it. */
export interface ValueAndGrad<G> { readonly value: Tensor; readonly grad: G }
type Aux<R> = R extends readonly [unknown, infer X] ? Tensors<X> : never;
type WithAux<R, O extends GradOptions, T> = O extends { readonly hasAux: true } ? T & { readonly aux: Aux<R> } : T;

/** The function of the value and gradient of `f`: (...args) -> { value, grad, aux? }. @throws E0302 when the output is no scalar, E0303 when a differentiated leaf is no float */
export function valueAndGrad<A extends readonly unknown[], R, const O extends GradOptions = Record<never, never>>(f: (...args: A) => R, options?: O): (...args: A) => WithAux<R, O, ValueAndGrad<GradOf<A, O>>> {
  return (...args) => differentiate(f, args, options ?? {}, "valueAndGrad") as WithAux<R, O, ValueAndGrad<GradOf<A, O>>>; // the tree is built from the arguments and the options
}
/** The gradient function of `f`: same arguments; with `hasAux`, { grad, aux }. @throws E0302, E0303 */
export function grad<A extends readonly unknown[], R, const O extends GradOptions = Record<never, never>>(f: (...args: A) => R, options?: O): (...args: A) => O extends { readonly hasAux: true } ? { readonly grad: GradOf<A, O>; readonly aux: Aux<R> } : GradOf<A, O> {
  return (...args) => {
    const { grad: g, aux } = differentiate(f, args, options ?? {}, "grad");
    return (options?.hasAux === true ? { grad: g, aux } : g) as ReturnType<ReturnType<typeof grad<A, R, O>>>; // the tree is built from the arguments and the options
  };
}

interface Differentiated { readonly value: Tensor; readonly grad: unknown; readonly aux?: unknown }
function differentiate(f: (...args: never) => unknown, args: readonly unknown[], options: GradOptions, what: string): Differentiated {
  const { pick, put } = selector(args, options.argnums ?? 0, what);
  const wrt = tensorLeaves(pick, "argument");
  requireFloats(wrt, what);
  const aux = options.hasAux === true;
  const { func, captured, outDef } = stage((...picked) => {
    const out: unknown = f(...(put(picked) as never)); // put gives back the arguments, with tensors for numbers where differentiated
    if (aux && !(Array.isArray(out) && out.length === 2)) throw new PullbackError("E0302", `${what} with hasAux needs a function that returns [scalar, aux]; it returned ${describe(out)}`, { help: "return an array of two" });
    return aux ? out : [out];
  }, wrt, what);
  const results = unflatten(outDef, func.results.map(r => r.aval)) as readonly unknown[]; // the staged function returns an array
  const [y] = func.results;
  const isOneLeaf = flatten(results[0]).def.key === flatten({}).def.key ? false : flattenCount(outDef, results[0]);
  if (!isOneLeaf || !y || y.aval.shape.length > 0 || !isFloat(y.aval.dtype)) {
    const got = isOneLeaf && y ? showAval(y.aval) : "a tree";
    throw new PullbackError("E0302", `${what} needs a function that returns a floating-point scalar; it returned ${got}`, { help: "reduce it first (sum, mean), use hasAux for further outputs, or use vjp or jacrev" });
  }
  const g = gradFunc(func, func.params.map((_, i) => i >= captured.length));
  const outs = applyFunc(g, [...captured, ...wrt.leaves]);
  const [value, ...rest] = unflatten(outDef, outs) as readonly [Tensor, ...unknown[]]; // result 0 is one leaf, as checked
  const gradient = unflatten(wrt.def, outs.slice(func.results.length)) as readonly unknown[]; // the picked arguments are an array
  const grads = shape(options.argnums ?? 0, gradient);
  return aux ? { value, grad: grads, aux: rest[0] } : { value, grad: grads };
}
