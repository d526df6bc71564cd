// The barrier of a cluster: every thread of every block arrives, then may pass; phases follow one another.
import type { Fragment, Warp } from "./warp.ts";

/** See above. Counted in warps, as its instructions are for whole warps. */
export class ClusterMeeting {
  private readonly arrived = new Set<Warp>();
  private readonly waiting: Fragment[] = [];
  /** Phases that each warp has arrived in, and that have completed. */
  private readonly phases = new Map<Warp, number>();
  private completed = 0;
  private readonly everyone: () => readonly Warp[];
  private readonly meet: (warps: ReadonlySet<Warp>) => void;
  constructor(everyone: () => readonly Warp[], meet: (warps: ReadonlySet<Warp>) => void) {
    this.everyone = everyone;
    this.meet = meet;
  }
  arrive(w: Warp): void {
    this.arrived.add(w);
    this.phases.set(w, this.completed + 1);
    this.check();
  }
  /** Exited threads count as arrived. */
  check(): void {
    if (this.arrived.size === 0 || !this.everyone().every(w => w.done || this.arrived.has(w))) return;
    this.completed++;
    this.meet(this.arrived);
    this.arrived.clear();
    for (const f of this.waiting.splice(0)) f.state = "ready";
  }
  /** Has the phase completed in which `w` arrived? */
  passed(w: Warp): boolean {
    return (this.phases.get(w) ?? Infinity) <= this.completed;
  }
  wait(f: Fragment): void {
    this.waiting.push(f);
  }
}
