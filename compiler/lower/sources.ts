// Kernels know the user's lines whose results they store. What is computed does not depend on them.
import type { Eqn, Source } from "../ir/func.ts";
import type { Kernel } from "../ir/kernel.ts";
import type { Step } from "../ir/schedule.ts";

/** The places of the items of a region. */
export class Sources {
  private readonly byItem = new Map<number, Set<Source>>();
  /** The equation that is being placed: what it needs in memory is written for it. */
  placing: Eqn | undefined;

  /** Item `item` stores results of `e`, or constants for the equation that is being placed. */
  add(e: Eqn | undefined, item: number): void {
    const source = (e ?? this.placing)?.source;
    if (source) this.byItem.set(item, (this.byItem.get(item) ?? new Set()).add(source));
  }
  /** The steps of an item, each kernel with its places; bodies of loops and branches have had theirs. A kernel that is launched twice stays one. */
  on(steps: readonly Step[], item: number): readonly Step[] {
    const places = this.byItem.get(item);
    if (!places) return steps;
    const sources = [...places],
      known = new Map<Kernel, Kernel>();
    return steps.map(s => {
      if (s.kind !== "launch" || s.kernel.sources) return s;
      const kernel = known.get(s.kernel) ?? { ...s.kernel, sources };
      known.set(s.kernel, kernel);
      return { ...s, kernel };
    });
  }
}
