// The asynchronous copies that the threads of a warp have started and not yet waited for, in the groups that each thread committed.

/** One instruction's copies, a lane each. */
export interface Copy {
  lanes: number;
  readonly land: (lanes: number) => void;
}
/** Copies between two commits, and the lanes that committed. */
interface Group {
  lanes: number;
  readonly copies: Copy[];
}
/** The copies of a warp's threads that have not landed: of groups, oldest first, and of none yet. */
export class CopyQueue {
  open: Copy[] = [];
  groups: Group[] = [];
  commit(lanes: number): void {
    this.groups.push({ lanes, copies: this.open });
    this.open = [];
  }
  /** Lands all but the newest `keep` groups of each lane. */
  wait(lanes: number, keep: number): void {
    const kept = new Int32Array(32);
    for (let i = this.groups.length - 1; i >= 0; i--) {
      const g = this.groups[i] as Group; // in range
      let land = 0;
      for (let l = 0; l < 32; l++) {
        if (((g.lanes & lanes) >>> l) & 1 && (kept[l] as number) < keep) kept[l] = (kept[l] as number) + 1; // kept has 32
        else if (((g.lanes & lanes) >>> l) & 1) land |= 1 << l;
      }
      g.lanes &= ~land;
      this.land(g.copies, land);
    }
    this.groups = this.groups.filter(g => g.lanes !== 0);
  }
  all(lanes: number): void {
    for (const g of this.groups) this.land(g.copies, lanes);
    this.land(this.open, lanes);
  }
  private land(copies: readonly Copy[], lanes: number): void {
    for (const c of copies) {
      const now = c.lanes & lanes;
      if (now === 0) continue;
      c.lanes &= ~now;
      c.land(now);
    }
  }
}
