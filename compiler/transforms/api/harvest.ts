// reap and plant on user functions: take the values that mark() named out of a function, or put values in their place.
import { sameAval, showAval } from "../../ir/aval.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { unflatten } from "../../support/tree.ts";
import { markOp } from "../../primitives/identity.ts";
import { isTensor, type Tensor } from "../../trace/tensor.ts";
import { noMark, plantFunc, reapFunc } from "../harvest.ts";
import { applyFunc } from "../run.ts";
import { stage, tensorLeaves, type Staged, type Tensors } from "../stage.ts";

/** "primal", "tangent", "cotangent", or a path of these for higher derivatives ("cotangent.tangent"). */
export type Role = string;
/** What marks hold: the tensor of a single mark, or one tensor for each mark of the name, in the order in which the program makes them (a gradient makes
 *  cotangents in the reverse of the model's order). Marks in a scan give stacks, one slice a step. */
export type Marked = Tensor | readonly Tensor[];

/** Name a value for reap, plant and fsam; the identity otherwise. `role` is for hand-written derivatives (customVjp): mark(name, ct, { role: "cotangent" }). */
export const mark = (name: string, x: Tensor, { role = "primal" }: { readonly role?: Role } = {}): Tensor => markOp(x, { name, role });

/** `f` that also gives the values marked with `name`: { out, values }. Consumes those marks. @throws E0401, E0402, E0403 */
export function reap<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  name: string,
  role: Role = "primal",
): (...args: A) => { readonly out: Tensors<R>; readonly values: Marked } {
  return (...args) => {
    const staged = close(f, args, "reap");
    const { func, count } = reapFunc(staged.func, { name, role });
    if (count === 0) throw noMark(staged.func, { name, role }, "reap");
    const outs = applyFunc(func, staged.captured);
    const values = outs.slice(outs.length - count);
    return { out: unflatten(staged.outDef, outs) as Tensors<R>, values: values.length === 1 && values[0] ? values[0] : values }; // f's own structure
  };
}

/** `f` with `values` (as reap gives them) in place of what was marked: (values, ...args) -> out. What only the marked values needed is not computed. @throws E0401, E0404 */
export function plant<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  name: string,
  role: Role = "primal",
): (values: Marked, ...args: A) => Tensors<R> {
  return (values, ...args) => {
    const staged = close(f, args, "plant");
    const { func, count } = plantFunc(staged.func, { name, role });
    if (count === 0) throw noMark(staged.func, { name, role }, "plant");
    const given: readonly Tensor[] = isTensor(values) ? [values] : tensorLeaves(values, "values").leaves;
    const want = func.params.slice(func.params.length - count).map(v => v.aval);
    if (given.length !== count)
      throw new PullbackError("E0404", `plant was given ${given.length} values for ${count} marks "${name}"`, {
        help: "give the values that reap gives",
      });
    given.forEach((x, i) => {
      const a = want[i];
      if (a && !sameAval(x.aval, a))
        throw new PullbackError("E0404", `value ${i} planted at "${name}" is ${showAval(x.aval)}, the marked value is ${showAval(a)}`, {
          help: "give a value of the mark's type",
        });
    });
    return unflatten(staged.outDef, applyFunc(func, [...staged.captured, ...given])) as Tensors<R>; // f's own structure
  };
}

/** f(...args) as a program without parameters: every tensor in the arguments is captured, everything else is passed as it is. */
const close = <A extends readonly unknown[]>(f: (...args: A) => unknown, args: A, what: string): Staged =>
  stage(() => f(...args), tensorLeaves([], "args"), what);
