// jvp and linearize on trees: derivatives along a direction. Integer and boolean leaves have no tangent (null in its place).
import { isFloat } from "../../../runtime/dtype.ts";
import { flatten, leafPaths, unflatten, type TreeDef } from "../../support/tree.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import type { MaybeZero } from "../../ir/primitive.ts";
import { zeros } from "../../primitives/fill.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { jvpFunc } from "../jvp.ts";
import { linearizeFunc } from "../linearize.ts";
import { applyFunc } from "../run.ts";
import { leavesLike, stage, tensorLeaves, type Leaves, type Tensors } from "../stage.ts";
import { spread, where } from "../walk.ts";

/** The tangents of `primals`, one per floating-point leaf, in order. Non-float leaves are null, missing, or anything: they have no tangent. @throws E0103 */
export function tangentLeaves(tangents: unknown, primals: Leaves, names: readonly [string, string]): Tensor[] {
  const floats = primals.leaves.map(x => isFloat(x.dtype));
  if (floats.every(f => f)) return [...leavesLike(tangents, primals, names)];
  const holed = flatten(
    unflatten(
      primals.def,
      primals.leaves.map((x, i) => (floats[i] ? x : null)),
    ),
  ).def;
  const like: Leaves = { leaves: where(primals.leaves, floats), def: holed };
  if (flatten(tangents).def.key === holed.key) return [...leavesLike(tangents, like, names)];
  const given = flatten(tangents);
  if (given.def.key !== primals.def.key)
    throw new PullbackError(
      "E0103",
      `${names[0]} and ${names[1]} have different structures: leaves [${leafPaths(given.def).join(", ")}] and [${leafPaths(primals.def).join(", ")}]`,
      { help: `give ${names[0]} the structure of ${names[1]}; null where a leaf is not floating-point` },
    );
  return [
    ...leavesLike(
      unflatten(
        primals.def,
        given.leaves.map((x, i) => (floats[i] ? x : null)),
      ),
      like,
      names,
    ),
  ];
}

/** Derivative trees have null where a leaf is not floating-point; a zero derivative of a float is zeros. */
export function derivativeTree(def: TreeDef, values: readonly Tensor[], ds: readonly MaybeZero[]): unknown {
  return unflatten(
    def,
    values.map((y, i) => ds[i] ?? (isFloat(y.dtype) ? zeros(y.aval) : null)),
  );
}

/** f(...primals) and its derivative along `tangents` (same structure as primals): [out, dout]. @throws E0103, E0105 */
export function jvp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: A,
  tangents: { readonly [K in keyof A]: Tensors<A[K]> | A[K] | null },
): [Tensors<R>, Tensors<R>] {
  const xs = tensorLeaves(primals, "primals");
  const dxs = tangentLeaves(tangents, xs, ["tangents", "primals"]);
  const { func, captured, outDef } = stage(f as (...args: readonly unknown[]) => unknown, xs, "jvp"); // it is called with the structure of its own arguments
  const nonzero = [...captured.map(() => false), ...xs.leaves.map(x => isFloat(x.dtype))];
  const d = jvpFunc(func, nonzero);
  const all = applyFunc(d.func, [...captured, ...xs.leaves, ...dxs]);
  const outs = all.slice(0, func.results.length);
  return [unflatten(outDef, outs), derivativeTree(outDef, outs, spread(d.nonzero, all.slice(outs.length)))] as [Tensors<R>, Tensors<R>]; // f's own structure
}

/** f(...primals), and the derivative at that point as a function of tangents: [out, dfn]. The point is evaluated once. @throws E0103, E0105 */
export function linearize<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  ...primals: A
): [Tensors<R>, (...tangents: { readonly [K in keyof A]: Tensors<A[K]> | A[K] | null }) => Tensors<R>] {
  const xs = tensorLeaves(primals, "primals");
  const { func, captured, outDef } = stage(f as (...args: readonly unknown[]) => unknown, xs, "linearize"); // as in jvp
  const l = linearizeFunc(func, [...captured.map(() => false), ...xs.leaves.map(x => isFloat(x.dtype))]);
  const all = applyFunc(l.primal, [...captured, ...xs.leaves]);
  const outs = all.slice(0, func.results.length);
  const residuals = all.slice(outs.length);
  const derivative = (...tangents: readonly unknown[]): unknown =>
    derivativeTree(
      outDef,
      outs,
      spread(l.nonzero, applyFunc(l.linear, [...residuals, ...tangentLeaves(tangents, xs, ["tangents", "primals"])])),
    );
  return [unflatten(outDef, outs), derivative] as [
    Tensors<R>,
    (...tangents: { readonly [K in keyof A]: Tensors<A[K]> | A[K] | null }) => Tensors<R>,
  ]; // f's own structures
}
