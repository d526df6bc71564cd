// From user functions to the regions of a control form: one list of captured tensors for all of them, and types that agree. It emits no control form.
import { dtypeInfo, isFloat, type DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { sameAval, sameShape, showAval, type Aval } from "../ir/aval.ts";
import type { Atom, Func } from "../ir/func.ts";
import { convert } from "../primitives/convert.ts";
import { flatten, leafPaths, showTree, unflatten, type TreeDef } from "../support/tree.ts";
import { lit } from "../trace/builder.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline, traceClosed } from "../trace/trace.ts";
import { join, stageAt, type AnyFunction, type Leaves, type Staged } from "../transforms/stage.ts";

/** The literal that a tensor is, if it is one: a JavaScript number that was not computed with. */
const literalOf = (x: Tensor): Atom | undefined =>
  x.storage.kind === "staged" && x.storage.atom.kind === "lit" ? x.storage.atom : undefined;
/** May a weak value become a `dtype`? Any float; an integer when it is a number that the dtype holds, so that nothing is cut off unsaid. */
export function givesWayTo(dtype: DType, atom: Atom | undefined): boolean {
  if (isFloat(dtype)) return true;
  if (dtype === "bool" || atom?.kind !== "lit" || !Number.isInteger(atom.value)) return false;
  const span = 2 ** (8 * dtypeInfo(dtype).bytes),
    low = dtypeInfo(dtype).class === "uint" ? 0 : -span / 2;
  return atom.value >= low && atom.value < low + span;
}
/** `x` in `dtype`; a literal is written anew, from the number that the user wrote. */
function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  const atom = literalOf(x);
  return atom?.kind === "lit" ? lit(atom.value, dtype) : convert(x, { dtype });
}

/** `f` with results converted to these dtypes. */
export function castResults(f: Func, avals: readonly Aval[]): Func {
  if (f.results.every((r, i) => r.aval.dtype === avals[i]?.dtype)) return f;
  return traceClosed(
    (...xs) => inline(f, xs).map((y, i) => cast(y, avals[i]?.dtype ?? y.dtype)),
    f.params.map(v => v.aval),
  );
}

/** A carry and a step that keeps its type. */
export interface Loop {
  /** The carry, cast where it began as a JavaScript number of another type. */
  readonly init: readonly Tensor[];
  readonly def: TreeDef;
  readonly staged: Staged;
  /** Structure of what the step returns beside the carry; undefined when it returns the carry alone. */
  readonly restDef: TreeDef | undefined;
}
/** Trace a step: `step(carry, ...more)` returns [carry, rest] when `hasRest`, else the carry. `more` are abstract. Weak numbers in the carry take the dtype that the
 *  step gives them; weak numbers that the step returns take the carry's, where nothing is cut off. @throws E0501 */
export function stageLoop(
  step: AnyFunction,
  carry: Leaves,
  more: { readonly avals: readonly Aval[]; readonly tree: readonly unknown[] },
  hasRest: boolean,
  what: string,
): Loop {
  let init = carry.leaves;
  const tree = unflatten(carry.def, carry.leaves);
  const def = flatten([tree, ...more.tree]).def;
  for (;;) {
    const staged = stageAt(
      step,
      def,
      [...init.map(x => x.aval), ...more.avals],
      [...init.map(x => x.weak), ...more.avals.map(() => false)],
      what,
    );
    const shape = unflatten(
      staged.outDef,
      staged.func.results.map((_, i) => i),
    );
    const parts = hasRest ? shape : [shape];
    if (!Array.isArray(parts) || (hasRest && parts.length !== 2))
      throw new PullbackError("E0501", `the body of ${what} returned ${showTree(staged.outDef)}, not [carry, output]`, {
        help: "return an array of two; the output may be null",
      });
    const after = flatten(parts[0]).def;
    if (after.key !== carry.def.key)
      throw new PullbackError("E0501", `${what} begins with a carry ${showTree(carry.def)} and its body returns ${showTree(after)}`, {
        help: "return the carry in the same structure",
      });
    const { results } = staged.func;
    const paths = leafPaths(carry.def);
    let recast = false;
    const next = init.map((x, i) => {
      const to = results[i]?.aval;
      if (!to || sameAval(to, x.aval)) return x;
      const fits = sameShape(to.shape, x.shape);
      if (fits && staged.outWeak[i] === true && givesWayTo(x.dtype, results[i])) return x;
      if (!x.weak || !fits || !givesWayTo(to.dtype, literalOf(x)))
        throw new PullbackError(
          "E0501",
          `${join("carry", paths[i] ?? "")} of ${what} is ${showAval(x.aval)} and becomes ${showAval(to)} after a step`,
          { help: "convert or broadcast one of them" },
        );
      recast = true;
      return cast(x, to.dtype);
    });
    if (!recast) {
      const want = results.map((r, i) => ({ dtype: init[i]?.dtype ?? r.aval.dtype, shape: r.aval.shape }));
      return {
        init,
        def: carry.def,
        staged: { ...staged, func: castResults(staged.func, want) },
        restDef: hasRest ? flatten(parts[1]).def : undefined,
      };
    }
    init = next;
  }
}
