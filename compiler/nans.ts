// Finding the operation that made the first NaN: results are searched, and only when one holds NaN the program is run again by the reference evaluator. Where the
// thread may not wait for the device, the results are checked when they have come, and whoever reads one of them gets the error.
import type { Device } from "../runtime/device.ts";
import { isFloat } from "../runtime/dtype.ts";
import { callersFrame, PullbackError, type SourceLocation } from "../runtime/errors/error.ts";
import { fromStorage, read, readSync } from "./host.ts";
import { showAval } from "./ir/aval.ts";
import type { Func } from "./ir/func.ts";
import { evaluate, hostTensor, type HostTensor } from "./reference/evaluate.ts";
import type { Tensor } from "./trace/tensor.ts";

/** The results of `run`, a call of `func` on `inputs`, none of which holds NaN. @throws E0603 naming primitive, types and the user's line; a read of a result rejects with it where `device` cannot be waited for */
export function withoutNans(func: Func, inputs: readonly Tensor[], device: Device, run: () => Tensor[]): Tensor[] {
  if (device.mayWait) {
    const before = inputs.map(hostOf); // donation may overwrite them
    const outs = run();
    requireNoNans(func, before, outs.map(hostOf));
    return outs;
  }
  const call = callersFrame(),
    before = Promise.all(inputs.map(hostLater)); // in their turn: before the call
  before.catch(() => undefined); // the check has it
  const outs = run(),
    after = Promise.all(outs.map(hostLater));
  const check = Promise.all([before, after]).then(([ins, results]) => requireNoNans(func, ins, results, call));
  for (const { storage } of outs) {
    if (storage.kind !== "concrete") continue;
    const { array } = storage;
    array.check = check;
    check.then(
      () => (array.check = undefined),
      () => undefined, // whoever reads it has the error
    );
  }
  return outs;
}

/** A host copy of a concrete tensor, for the reference evaluator. */
const hostOf = (x: Tensor): HostTensor => hostTensor(x.dtype, x.shape, fromStorage(x.dtype, readSync(x)));
const hostLater = async (x: Tensor): Promise<HostTensor> => hostTensor(x.dtype, x.shape, fromStorage(x.dtype, await read(x)));

/** `call`: the user's line, when that is no longer on the stack. @throws E0603 when one of `outs` holds NaN. */
function requireNoNans(func: Func, inputs: readonly HostTensor[], outs: readonly HostTensor[], call?: SourceLocation): void {
  const hasNan = (x: HostTensor): boolean => isFloat(x.dtype) && x.data.some(Number.isNaN);
  if (!outs.some(hasNan)) return;
  const place = call ? { at: call } : {};
  const given = inputs.findIndex(hasNan);
  if (given >= 0)
    throw new PullbackError("E0603", `input ${given} already holds NaN`, { ...place, help: "look at what made that argument" });
  evaluate(func, inputs, {
    onEqn(e, results) {
      if (!results.some(hasNan) || e.prim.lower.kind === "control") return; // the equations inside have been seen first
      const at = e.source?.locate() ?? call;
      throw new PullbackError(
        "E0603",
        `${e.prim.name} made NaN from operands without any: ${e.ins.map(a => showAval(a.aval)).join(", ")} -> ${e.outs.map(o => showAval(o.aval)).join(", ")}`,
        { ...(at ? { at } : {}), help: "usual causes: log or sqrt of a negative number, 0/0, inf - inf" },
      );
    },
  });
  throw new PullbackError("E0603", "a result holds NaN that the reference evaluator does not see", {
    ...place,
    help: "the difference is rounding: look for overflow to infinity followed by a subtraction or 0·inf",
  });
}
