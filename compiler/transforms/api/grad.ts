// grad and valueAndGrad: gradients of scalar functions of trees. Arguments that are not differentiated are passed to the function as they are.
import { isFloat } from "../../../runtime/dtype.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { showAval } from "../../ir/aval.ts";
import { leafPaths, unflatten } from "../../support/tree.ts";
import { isTensor, type Tensor } from "../../trace/tensor.ts";
import { gradFunc } from "../linearize.ts";
import { applyFunc } from "../run.ts";
import { describe, join, stage, tensorLeaves, toTensor, type Leaves, type Tensors } from "../stage.ts";

/** Which arguments to differentiate: a position, several, or names of the fields of the first argument. */
export type Argnums = number | readonly number[] | string | readonly string[];
/** Options of grad and valueAndGrad. `hasAux`: the function returns [scalar, anything]; the rest is handed out beside the gradient. */
export interface GradOptions {
  readonly argnums?: Argnums;
  readonly hasAux?: boolean;
}
/** The gradient's tree, by the options' types: like argument 0, one argument, several, or the named fields. */
export type GradOf<A extends readonly unknown[], O extends GradOptions> = O extends { readonly argnums: infer N }
  ? N extends number
    ? Tensors<A[N]>
    : N extends readonly number[]
      ? { [K in keyof N]: N[K] extends number ? Tensors<A[N[K]]> : never }
      : N extends keyof A[0]
        ? Tensors<A[0][N]>
        : N extends readonly (infer K)[]
          ? { readonly [F in Extract<K, keyof A[0]>]: Tensors<A[0][F]> }
          : never
  : Tensors<A[0]>;
/** What valueAndGrad gives. `value` is the scalar; `aux` is what the function returned beside it. */
export interface ValueAndGrad<G> {
  readonly value: Tensor;
  readonly grad: G;
}
type Aux<R> = R extends readonly [unknown, infer X] ? Tensors<X> : never;
type WithAux<R, O extends GradOptions, T> = O extends { readonly hasAux: true } ? T & { readonly aux: Aux<R> } : T;

/** The function of the value and gradient of `f`: (...args) -> { value, grad, aux? }. @throws E0302 when the output is no scalar, E0303 when a differentiated leaf is no float */
export function valueAndGrad<A extends readonly unknown[], R, const O extends GradOptions = Record<never, never>>(
  f: (...args: A) => R,
  options?: O,
): (...args: A) => WithAux<R, O, ValueAndGrad<GradOf<A, O>>> {
  return (...args) => differentiate(f, args, options ?? {}, "valueAndGrad") as WithAux<R, O, ValueAndGrad<GradOf<A, O>>>; // the tree is built from the arguments and the options
}
/** The gradient function of `f`: same arguments; with `hasAux`, { grad, aux }. @throws E0302, E0303 */
export function grad<A extends readonly unknown[], R, const O extends GradOptions = Record<never, never>>(
  f: (...args: A) => R,
  options?: O,
): (...args: A) => O extends { readonly hasAux: true } ? { readonly grad: GradOf<A, O>; readonly aux: Aux<R> } : GradOf<A, O> {
  return (...args) => {
    const { grad: g, aux } = differentiate(f, args, options ?? {}, "grad");
    return (options?.hasAux === true ? { grad: g, aux } : g) as ReturnType<ReturnType<typeof grad<A, R, O>>>; // the tree is built from the arguments and the options
  };
}

interface Differentiated {
  readonly value: Tensor;
  readonly grad: unknown;
  readonly aux?: unknown;
}
function differentiate(
  f: (...args: never) => unknown,
  args: readonly unknown[],
  { argnums = 0, hasAux = false }: GradOptions,
  what: string,
): Differentiated {
  const wrt = tensorLeaves(pick(args, argnums, what), "argument");
  requireFloats(wrt, what);
  const { func, captured, outDef } = stage(
    (...picked) => {
      const out: unknown = f(...(put(args, argnums, picked) as never)); // the arguments again, with tensors for numbers where differentiated
      if (!hasAux) return [scalarOf(out, what)];
      if (!Array.isArray(out) || out.length !== 2)
        throw new PullbackError("E0302", `${what} with hasAux needs a function that returns [scalar, aux]; it returned ${describe(out)}`, {
          help: "return an array of two",
        });
      return [scalarOf(out[0], what), out[1]];
    },
    wrt,
    what,
  );
  const g = gradFunc(
    func,
    func.params.map((_, i) => i >= captured.length),
  );
  const outs = applyFunc(g, [...captured, ...wrt.leaves]);
  const [value, aux] = unflatten(outDef, outs) as readonly [Tensor, unknown]; // the staged function returns an array that begins with one leaf
  const grad = result(argnums, unflatten(wrt.def, outs.slice(func.results.length)) as readonly unknown[]); // the picked arguments are an array
  return hasAux ? { value, grad, aux } : { value, grad };
}

function scalarOf(out: unknown, what: string): Tensor {
  const y = isTensor(out) || typeof out === "number" ? toTensor(out, "output") : undefined;
  if (y && y.ndim === 0 && isFloat(y.dtype)) return y;
  throw new PullbackError(
    "E0302",
    `${what} needs a function that returns a floating-point scalar; it returned ${y ? showAval(y.aval) : describe(out)}`,
    { help: "reduce it first (sum, mean), use hasAux for further outputs, or use vjp or jacrev" },
  );
}
/** @throws E0303 naming the first leaf that is not a float. */
export function requireFloats(x: Leaves, what: string): void {
  const i = x.leaves.findIndex(t => !isFloat(t.dtype));
  const bad = x.leaves[i];
  if (bad)
    throw new PullbackError(
      "E0303",
      `${what} cannot differentiate ${join("argument", leafPaths(x.def)[i] ?? "")}: ${showAval(bad.aval)} is not floating-point`,
      { help: 'choose the differentiated arguments with { argnums }, or convert it with astype("f32")' },
    );
}

const isNames = (n: Argnums): n is string | readonly string[] =>
  typeof n === "string" || (Array.isArray(n) && n.length > 0 && typeof n[0] === "string");
const namesOf = (n: string | readonly string[]): readonly string[] => (typeof n === "string" ? [n] : n);
const positionsOf = (n: number | readonly number[]): readonly number[] => (typeof n === "number" ? [n] : n);

/** The differentiated arguments, as a list. @throws E0303 when there is no such argument or field */
function pick(args: readonly unknown[], argnums: Argnums, what: string): readonly unknown[] {
  const missing = (which: string): PullbackError =>
    new PullbackError("E0303", `${what} has no argument ${which} to differentiate`, {
      help: "argnums are positions from 0, or names of fields of the first argument",
    });
  if (!isNames(argnums)) {
    return positionsOf(argnums as number | readonly number[]).map(n => {
      if (!Number.isInteger(n) || n < 0 || n >= args.length) throw missing(`${n} (it was called with ${args.length})`);
      return args[n];
    }); // not names: Array.isArray does not narrow readonly arrays
  }
  const [first] = args;
  return namesOf(argnums).map(k => {
    if (typeof first !== "object" || first === null || !Object.hasOwn(first, k)) throw missing(`"${k}"`);
    return (first as Record<string, unknown>)[k];
  }); // an object that has k
}
/** The arguments with the differentiated ones replaced. */
function put(args: readonly unknown[], argnums: Argnums, picked: readonly unknown[]): readonly unknown[] {
  if (isNames(argnums))
    return [{ ...(args[0] as object), ...Object.fromEntries(namesOf(argnums).map((k, i) => [k, picked[i]])) }, ...args.slice(1)]; // pick has checked that it is an object
  const at = positionsOf(argnums as number | readonly number[]); // as above
  return args.map((a, n) => (at.includes(n) ? picked[at.indexOf(n)] : a));
}
/** The gradient in the form that argnums asks for. */
function result(argnums: Argnums, grads: readonly unknown[]): unknown {
  if (isNames(argnums)) return typeof argnums === "string" ? grads[0] : Object.fromEntries(argnums.map((k, i) => [k, grads[i]]));
  return typeof argnums === "number" ? grads[0] : grads;
}
