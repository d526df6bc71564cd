// Arithmetic and structure of trees: a model is a tree of tensors, and so are its gradients, its optimizer's state, a perturbation.
import {
  flatten,
  isTensor,
  leafPaths,
  registerTreeClass,
  requireSameTree,
  unflatten,
  type Tensor,
  type TreeDef,
} from "../compiler/extend.ts";
import { add as addOp, astype, mul, sub as subOp } from "./ops/arithmetic.ts";
import { logicalAnd } from "./ops/compare.ts";
import { full, zeros } from "./ops/creation.ts";
import { stack as stackOp, unstack as unstackOp } from "./ops/join.ts";
import { sqrt } from "./ops/math.ts";
import type { TensorLike } from "./ops/promotion.ts";
import { all as allOf, sum } from "./ops/reduce.ts";

export { flatten, unflatten, registerTreeClass as register, type TreeDef };

/** The leaves in order. */
export const leaves = (tree: unknown): unknown[] => flatten(tree).leaves;
/** The structure without leaves. */
export const structure = (tree: unknown): TreeDef => flatten(tree).def;
/** Path of each leaf: `layers[0].w`. */
export const paths = (tree: unknown): string[] => leafPaths(flatten(tree).def);
/** Number of elements of all tensors. */
export const size = (tree: unknown): number => leaves(tree).reduce<number>((n, x) => n + (isTensor(x) ? x.size : 1), 0);

/** `f` on corresponding leaves; the result has the structure of the first tree. @throws E0103 when the structures differ */
export function map<T>(f: (...leaves: Tensor[]) => unknown, first: T, ...rest: readonly unknown[]): T;
export function map<T>(f: (...leaves: never[]) => unknown, first: T, ...rest: readonly unknown[]): T;
export function map<T>(f: (...leaves: never[]) => unknown, first: T, ...rest: readonly unknown[]): T {
  const { leaves: xs, def } = flatten(first);
  const others = rest.map(t => {
    const o = flatten(t);
    requireSameTree(o.def, def, "the trees given to tree.map");
    return o.leaves;
  });
  const call = f as (...leaves: unknown[]) => unknown; // the caller knows what its leaves are
  return unflatten(
    def,
    xs.map((x, i) => call(x, ...others.map(o => o[i]))),
  ) as T; // the structure of `first`
}
/** `f(path, leaf)` on each leaf. */
export function mapWithPath<T>(f: (path: string, leaf: Tensor) => unknown, tree: T): T;
export function mapWithPath<T>(f: (path: string, leaf: never) => unknown, tree: T): T;
export function mapWithPath<T>(f: (path: string, leaf: never) => unknown, tree: T): T {
  const { leaves: xs, def } = flatten(tree),
    at = leafPaths(def);
  const call = f as (path: string, leaf: unknown) => unknown; // the caller knows what its leaves are
  return unflatten(
    def,
    xs.map((x, i) => call(at[i] ?? "", x)),
  ) as T; // the structure of `tree`
}

/** Leaf by leaf a + b. @throws E0103 */
export const add = <T>(a: T, b: unknown): T => map((x: Tensor, y: Tensor) => addOp(x, y), a, b);
/** Leaf by leaf a - b. @throws E0103 */
export const sub = <T>(a: T, b: unknown): T => map((x: Tensor, y: Tensor) => subOp(x, y), a, b);
/** Every leaf times a scalar, in the leaf's dtype. */
export const scale = <T>(factor: TensorLike, tree: T): T =>
  map((x: Tensor) => mul(x, typeof factor === "object" ? astype(factor, x.dtype) : factor), tree);
/** Zeros like the leaves. */
export const zerosLike = <T>(tree: T): T => map((x: Tensor) => zeros(x.shape, { dtype: x.dtype }), tree);

/** Sums over leaves happen in f32, or in f64 when a leaf is. */
const wide = (x: Tensor): Tensor => (x.dtype === "f64" ? x : astype(x, "f32"));
/** Σ a·b over all leaves: a scalar, f32 or wider. @throws E0103 */
export function dot(a: unknown, b: unknown): Tensor {
  const products = leaves(map((x: Tensor, y: Tensor) => sum(mul(wide(x), wide(y))), a, b)) as Tensor[]; // map has just made tensors
  return products.length === 0 ? zeros([]) : products.reduce((p, q) => addOp(p, q));
}
/** Global L2 norm: a scalar, f32 or wider whatever the leaves' dtype. */
export const norm = (tree: unknown): Tensor => sqrt(dot(tree, tree));

/** Is every element of every leaf true (nonzero)? A bool scalar: `tree.all(tree.map(isFinite, grads))`. */
export const all = (tree: unknown): Tensor =>
  (leaves(tree) as TensorLike[]).map(x => allOf(x)).reduce<Tensor>((a, b) => logicalAnd(a, b), full([], true)); // trees of tensors

/** Trees of one structure as one tree with a new leading axis. @throws E0103 */
export function stack<T>(trees: readonly T[]): T {
  const [first, ...rest] = trees;
  return map((...xs: Tensor[]) => stackOp(xs), first as T, ...rest); // an empty list has no first, and map refuses it
}
/** The inverse of `stack`. */
export function unstack<T>(tree: T): T[] {
  const { leaves: xs, def } = flatten(tree),
    parts = (xs as Tensor[]).map(x => unstackOp(x)); // trees of tensors
  return Array.from(
    { length: parts[0]?.length ?? 0 },
    (_, i) =>
      unflatten(
        def,
        parts.map(p => p[i]),
      ) as T,
  ); // the structure of `tree`
}
