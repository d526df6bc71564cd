// Finding the operation that made the first NaN: results are searched, and only when one holds NaN the program is run again by the reference evaluator.
import { isFloat } from "../runtime/dtype.ts";
import { PullbackError } from "../runtime/errors/error.ts";
import { fromStorage, readSync } from "./host.ts";
import { showAval } from "./ir/aval.ts";
import type { Func } from "./ir/func.ts";
import { evaluate, hostTensor, type HostTensor } from "./reference/evaluate.ts";
import type { Tensor } from "./trace/tensor.ts";

/** A host copy of a concrete tensor, for the reference evaluator. */
export const hostOf = (x: Tensor): HostTensor => hostTensor(x.dtype, x.shape, fromStorage(x.dtype, readSync(x)));

/** @throws E0603 naming primitive, types and the user's line, when one of `outs` holds NaN. */
export function requireNoNans(func: Func, inputs: readonly HostTensor[], outs: readonly Tensor[]): void {
  if (!outs.some(o => isFloat(o.dtype) && hostOf(o).data.some(Number.isNaN))) return;
  const given = inputs.findIndex(x => x.data.some(Number.isNaN));
  if (given >= 0) throw new PullbackError("E0603", `input ${given} already holds NaN`, { help: "look at what made that argument" });
  evaluate(func, inputs, {
    onEqn(e, results) {
      const k = results.findIndex(r => isFloat(r.dtype) && r.data.some(Number.isNaN));
      if (k < 0 || e.prim.lower.kind === "control") return; // the equations inside have been seen first
      const at = e.source?.locate();
      throw new PullbackError(
        "E0603",
        `${e.prim.name} made NaN from operands without any: ${e.ins.map(a => showAval(a.aval)).join(", ")} -> ${e.outs.map(o => showAval(o.aval)).join(", ")}`,
        { ...(at ? { at } : {}), help: "usual causes: log or sqrt of a negative number, 0/0, inf - inf" },
      );
    },
  });
  throw new PullbackError("E0603", "a result holds NaN that the reference evaluator does not see", {
    help: "the difference is rounding: look for overflow to infinity followed by a subtraction or 0·inf",
  });
}
