// One of two recordings, by a boolean of the program: a cond whose results are what the paths do differently.
import { cond } from "../../compiler/index.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { withWeak } from "../ops/promotion.ts";
import { fill, hole, merge, type Merged, type Slots } from "./merge.ts";
import type { Jump } from "./jump.ts";
import { emit, type Recording } from "./region.ts";
import type { Truth } from "./truth.ts";
import type { Vars } from "./vars.ts";

/** Run the first recording where `test` holds, else the second; sets the variables, and gives how it ended. Variables that nothing reads afterwards keep their
 *  values from before, or, with `dead: "second"`, what the second path gives them (the first one has left the loop). @throws E1123, E1124 */
export function choose(test: Tensor, first: Recording, second: Recording, vars: Vars, dead: "before" | "second" = "before"): Jump {
  const slots: Slots = [];
  const before = vars.get();
  const values = before.map((x, i): Merged => {
    const [a, b] = [first.after[i], second.after[i]];
    if (i < vars.live) return merge(a, b, vars.names[i] ?? "a variable", slots);
    return dead === "before" ? () => x : merge(hole, b, vars.names[i] ?? "a variable", slots);
  });
  const truth = (f: (j: Jump) => Truth): Merged => merge(f(first.jump), f(second.jump), "a way out", slots);
  const returned = truth(j => j.returned),
    broke = truth(j => j.broke),
    continued = truth(j => j.continued);
  const valueOf = (j: Jump): unknown => (j.returned === false ? hole : j.value);
  const value = merge(valueOf(first.jump), valueOf(second.jump), "the returned value", slots);
  const path = (r: Recording, side: 0 | 1) => (): Tensor[] => {
    const here = emit(r);
    return slots.map(slot => fill(here(slot.sides[side]), slot));
  };
  const outs = slots.length === 0 ? [] : (cond(test, path(first, 0), path(second, 1)) as readonly Tensor[]); // a list of tensors maps to itself
  const results = outs.map((y, i) => withWeak(y, slots[i]?.weak ?? false));
  vars.set(values.map(v => v(results, test)));
  const chosen = value(results, test);
  return {
    returned: returned(results, test) as Truth, // merged truth values are truth values
    broke: broke(results, test) as Truth, // as above
    continued: continued(results, test) as Truth, // as above
    value: chosen === hole ? undefined : chosen,
  };
}
