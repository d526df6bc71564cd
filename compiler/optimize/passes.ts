// The passes, by name and in order. All are pure: Func in, Func out.
import type { Func } from "../ir/func.ts";
import { dce } from "../transforms/dce.ts";
import { cse } from "./cse.ts";
import { inlineCalls, type Keep } from "./inline.ts";
import { tidyLoops } from "./loops.ts";
import { pruneControl } from "./prune.ts";
import { shareResiduals } from "./residuals.ts";
import { deep } from "./rewrite.ts";
import { simplify } from "./simplify.ts";

/** A named pass. */
export interface Pass {
  readonly name: string;
  readonly run: (f: Func, keep: Keep, perByte: number | undefined) => Func;
}
const deadCode = deep(f => dce(f));
/** In order; `settle` repeats its passes until nothing changes. */
export const passes: readonly Pass[] = [
  { name: "inline", run: (f, keep) => inlineCalls(f, { barriers: false, keep }) },
  { name: "dce", run: deadCode },
  { name: "simplify", run: f => settle(f, g => deadCode(simplify(g))) },
  { name: "cse", run: f => deadCode(cse(f)) },
  { name: "loops", run: f => settle(f, g => deadCode(pruneControl(tidyLoops(g)))) },
  { name: "inline barriers", run: (f, keep) => inlineCalls(f, { barriers: true, keep }) },
  { name: "simplify again", run: f => settle(f, g => deadCode(simplify(g))) },
  { name: "residuals", run: (f, _, perByte) => settle(shareResiduals(f, perByte), g => deadCode(pruneControl(tidyLoops(g)))) },
];
/** A program that means the same and costs less. `keep`: composites that the backend has a template for (default: none). `perByte`: operations in the time in which a byte comes from memory (default:
 *  a CPU's, see `recompute.ts`). */
export const optimize = (f: Func, keep: Keep = () => false, perByte?: number): Func => passes.reduce((g, p) => p.run(g, keep, perByte), f);

const ROUNDS = 8; // each sweep reaches through one more layer; programs settle in two or three
function settle(f: Func, run: (f: Func) => Func): Func {
  let g = f;
  for (let i = 0; i < ROUNDS; i++) {
    const next = run(g);
    if (next === g) break;
    g = next;
  }
  return g;
}
