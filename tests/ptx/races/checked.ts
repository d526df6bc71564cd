// Under checks, an instruction first looks whether every register that it reads has been written in every lane that reads it.
import type { Decoding } from "../decode.ts";
import { PtxFault } from "../errors.ts";
import type { Action } from "../program.ts";
import type { Warp } from "../warp.ts";

/** The action with the check before it and the note of its results after it. */
export function checked(action: Action, d: Decoding): Action {
  const reads = Int32Array.from(d.reads, s => s >> 5),
    writes = Int32Array.from(d.writes, s => s >> 5),
    predicateReads = Int32Array.from(d.predicateReads, p => (p < 0 ? ~p : p)),
    predicateWrites = Int32Array.from(d.predicateWrites);
  const before = (w: Warp, mask: number): void => {
    w.products.ordinary(reads, writes);
    for (const s of reads) if ((mask & ~(w.written[s] ?? 0)) !== 0) unwritten(mask & ~(w.written[s] ?? 0));
    for (const p of predicateReads) if (p !== 0 && (mask & ~(w.predsWritten[p] ?? 0)) !== 0) unwritten(mask & ~(w.predsWritten[p] ?? 0));
  };
  const after = (w: Warp, mask: number): void => {
    for (const s of writes) w.written[s] = (w.written[s] ?? 0) | mask;
    for (const p of predicateWrites) w.predsWritten[p] = (w.predsWritten[p] ?? 0) | mask;
  };
  switch (action.kind) {
    case "plain": {
      const { run } = action;
      return {
        kind: "plain",
        run: (w, mask) => {
          before(w, mask);
          run(w, mask);
          after(w, mask);
        },
      };
    }
    case "sync": {
      const { run } = action;
      return {
        kind: "sync",
        run: (w, mask, f) => {
          before(w, mask);
          const outcome = run(w, mask, f);
          if (outcome !== "retry") after(w, mask);
          return outcome;
        },
      };
    }
    default:
      return action;
  }
}
function unwritten(lanes: number): never {
  throw new PtxFault("uninitialized", `a register is read before it is written, in lane ${31 - Math.clz32(lanes & -lanes)}`);
}
