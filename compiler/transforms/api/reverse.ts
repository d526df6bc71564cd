// vjp on trees: the transposed derivative at a point, as a function of cotangents.
import { isFloat } from "../../../runtime/dtype.ts";
import { unflatten } from "../../support/tree.ts";
import { where } from "../walk.ts";
import { vjpFunc } from "../linearize.ts";
import { applyFunc } from "../run.ts";
import { stage, tensorLeaves, type Leaves, type Tensors } from "../stage.ts";
import { derivativeTree, tangentLeaves } from "./forward.ts";

/** f(...primals), and the pullback at that point: [out, vjpFn]. `vjpFn(ct)`, ct like out, gives one cotangent tree per argument: null at leaves that are not
 *  floating-point, zeros where the output does not depend on the leaf. @throws E0103, E0105, E0301 */
export function vjp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  ...primals: A
): [Tensors<R>, (ct: Tensors<R> | R) => { [K in keyof A]: Tensors<A[K]> }] {
  const xs = tensorLeaves(primals, "primals");
  const { func, captured, outDef } = stage(f as (...args: readonly unknown[]) => unknown, xs, "vjp"); // it is called with the structure of its own arguments
  const floats = xs.leaves.map(x => isFloat(x.dtype));
  const v = vjpFunc(func, [...captured.map(() => false), ...floats]);
  const all = applyFunc(v.forward, [...captured, ...xs.leaves]);
  const outs = all.slice(0, func.results.length);
  const residuals = all.slice(outs.length);
  const like: Leaves = { leaves: outs, def: outDef };
  const outFloats = outs.map(y => isFloat(y.dtype));
  const taken = where(v.nonzero, outFloats);
  const back = (ct: unknown): unknown => {
    const cts = tangentLeaves(ct, like, ["cotangents", "outputs"]);
    const pulled = applyFunc(v.backward, [...residuals, ...where(cts, taken)]);
    let k = 0;
    return derivativeTree(
      xs.def,
      xs.leaves,
      floats.map(is => (is ? (pulled[k++] ?? null) : null)),
    );
  };
  return [unflatten(outDef, outs), back] as [Tensors<R>, (ct: Tensors<R> | R) => { [K in keyof A]: Tensors<A[K]> }]; // f's own structures
}
