// Calls, composites and marks dissolve into their meaning. Barrier calls (remat) stay until the end, so that nothing merges their recomputation
// with the original.
import type { Eqn, Func } from "../ir/func.ts";
import { traceClosed } from "../trace/trace.ts";
import { deep, rewriteFunc, splice } from "./rewrite.ts";

/** Does the backend have something better than the body of this composite? */
export type Keep = (e: Eqn) => boolean;
/** Dissolve until nothing is left to dissolve. `barriers`: also the calls that are kept apart. */
export function inlineCalls(f: Func, { barriers, keep }: { readonly barriers: boolean; readonly keep: Keep }): Func {
  const once = deep(g =>
    rewriteFunc(g, e => {
      const { lower } = e.prim;
      if (lower.kind === "erase") return { eqns: [], outs: e.ins };
      if (lower.kind === "composite")
        return keep(e)
          ? undefined
          : splice(
              traceClosed(
                (...xs) => lower.body(xs, e.params),
                e.ins.map(a => a.aval),
              ),
              e.ins,
              e.source,
            );
      if (lower.kind !== "control") return undefined;
      const form = lower.form(e.params);
      return form.form === "call" && (barriers || !form.barrier) ? splice(form.func, e.ins, undefined) : undefined;
    }),
  );
  for (let g = f; ;) {
    const next = once(g);
    if (next === g) return g;
    g = next;
  }
}
