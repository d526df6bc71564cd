// cond and switch on trees. A JavaScript boolean or number as the condition chooses at once; a tensor becomes a conditional in the program.
import { PullbackError } from "../../runtime/errors/error.ts";
import { dtypeInfo } from "../../runtime/dtype.ts";
import { sameAval, sameShape, showAval, type Aval } from "../ir/aval.ts";
import { convert } from "../primitives/convert.ts";
import { requireSameTree, unflatten } from "../support/tree.ts";
import { Tensor } from "../trace/tensor.ts";
import { item } from "../transforms/walk.ts";
import { shareCaptured, stage, tensorLeaves, type AnyFunction, type Staged, type Tensors } from "../transforms/stage.ts";
import { bindCond } from "./cond.ts";
import { castResults, givesWayTo } from "./regions.ts";

/** onTrue(...operands) where `pred` (bool[]) holds, else onFalse(...operands). Both return the same types; only one runs. @throws E0502, E0505, E0103 */
export function cond<A extends readonly unknown[], R>(
  pred: Tensor | boolean,
  onTrue: (...operands: A) => R,
  onFalse: (...operands: A) => R,
  ...operands: A
): Tensors<R> {
  if (typeof pred === "boolean") return (pred ? onTrue : onFalse)(...operands) as Tensors<R>; // chosen now: the function's own result
  requireScalar(pred, ["bool"], "cond");
  return conditional(convert(pred, { dtype: "i32" }), [onFalse, onTrue], operands, "cond");
}

/** branches[index](...operands); the index (an integer scalar) is clamped. @throws E0502, E0505, E0103 */
export function switch_<A extends readonly unknown[], R>(
  index: Tensor | number,
  branches: readonly ((...operands: A) => R)[],
  ...operands: A
): Tensors<R> {
  if (branches.length === 0) throw new PullbackError("E0505", "switch has no branches", { help: "give at least one function" });
  if (typeof index === "number")
    return item(branches, Math.min(Math.max(Math.trunc(index), 0), branches.length - 1))(...operands) as Tensors<R>; // as above
  requireScalar(index, ["int", "uint"], "switch");
  return conditional(index.dtype === "i32" ? index : convert(index, { dtype: "i32" }), branches, operands, "switch");
}

function requireScalar(x: Tensor, classes: readonly string[], what: string): void {
  if (x.ndim > 0 || !classes.includes(dtypeInfo(x.dtype).class))
    throw new PullbackError("E0505", `${what} chooses by ${showAval(x.aval)}`, {
      help: what === "cond" ? "compare to get bool[]; for a choice per element use where" : "give an i32 scalar",
    });
}

function conditional<A extends readonly unknown[], R>(
  index: Tensor,
  branches: readonly ((...operands: A) => R)[],
  operands: A,
  what: string,
): Tensors<R> {
  const args = tensorLeaves(operands, "operands");
  const staged = branches.map(b => stage(b as unknown as AnyFunction, args, what)); // called with the structure of its own operands
  const first = item(staged, 0);
  for (const s of staged) requireSameTree(first.outDef, s.outDef, `the results of the branches of ${what}`);
  const want = first.func.results.map((_, i) => agreed(staged, i, what));
  const { captured, funcs } = shareCaptured(staged);
  const outs = bindCond(
    [index, ...captured, ...args.leaves],
    funcs.map(f => castResults(f, want)),
  );
  return unflatten(
    first.outDef,
    outs.map((x, i) => (want[i]?.weak ? new Tensor(x.aval, x.storage, true) : x)),
  ) as Tensors<R>; // the branches' own structure
}

/** A result's type; weak when every branch returns a JavaScript number there, so that it gives way in turn. */
interface Agreed extends Aval {
  readonly weak: boolean;
}
/** The type of result i: that of the branches that do not return a JavaScript number there; the others give way to it, where nothing is cut off. @throws E0502 */
function agreed(staged: readonly Staged[], i: number, what: string): Agreed {
  const types = staged.map(s => ({ atom: item(s.func.results, i), weak: s.outWeak[i] === true }));
  const lead = types.find(t => !t.weak) ?? item(types, 0),
    { aval } = lead.atom;
  for (const { atom, weak } of types) {
    if (sameAval(atom.aval, aval) || (weak && sameShape(atom.aval.shape, aval.shape) && givesWayTo(aval.dtype, atom))) continue;
    throw new PullbackError("E0502", `the branches of ${what} return ${showAval(aval)} and ${showAval(atom.aval)}`, {
      help: "convert or broadcast to one type",
    });
  }
  return { ...aval, weak: lead.weak };
}
