// The asynchronous matrix products that a warp has started, and the registers that belong to them until they are waited for.
import { PtxFault } from "./errors.ts";
import type { Warp } from "./warp.ts";

/** Registers, here, are slots / 32. */
export class ProductQueue {
  open: (() => void)[] = [];
  groups: (() => void)[][] = [];
  /** wgmma.fence instructions so far. */
  fences = 0;
  /** Accumulators and registers of A of products in flight, and of how many. */
  private readonly busy = new Map<number, number>();
  private readonly held = new Map<number, number>();
  /** For each register the number of fences before its last ordinary write. */
  private readonly wroteAt = new Map<number, number>();

  commit(): void {
    this.groups.push(this.open);
    this.open = [];
  }
  /** Ends all but the newest `keep` groups. */
  wait(keep: number): void {
    while (this.groups.length > keep) for (const run of this.groups.shift() ?? []) run();
  }

  /** An ordinary instruction uses these registers. @throws PtxFault */
  ordinary(reads: Int32Array, writes: Int32Array): void {
    for (const r of reads) if (this.busy.has(r)) throw new PtxFault("race", "an accumulator is read before wgmma.wait_group");
    for (const r of writes) {
      if (this.busy.has(r) || this.held.has(r)) throw new PtxFault("race", "a register of a wgmma is written before wgmma.wait_group");
      this.wroteAt.set(r, this.fences);
    }
  }
  /** A product starts with these accumulators and registers of A. @throws PtxFault */
  start(w: Warp, accumulators: readonly number[], a: readonly number[], adds: boolean): void {
    for (const r of accumulators) {
      if (this.busy.has(r)) continue; // of the product before this one: in order
      if (adds && w.written[r] !== -1) throw new PtxFault("uninitialized", "an accumulator is added to before it is written");
      this.fenced(r);
    }
    a.forEach(r => this.fenced(r));
    for (const r of accumulators) {
      this.busy.set(r, (this.busy.get(r) ?? 0) + 1);
      w.written[r] = -1;
    }
    for (const r of a) this.held.set(r, (this.held.get(r) ?? 0) + 1);
  }
  private fenced(r: number): void {
    if ((this.wroteAt.get(r) ?? 0) >= this.fences)
      throw new PtxFault("race", "a register is written and then used by wgmma without wgmma.fence between");
  }
  /** That product has ended. */
  end(accumulators: readonly number[], a: readonly number[]): void {
    const less = (m: Map<number, number>, r: number): void => {
      const n = (m.get(r) ?? 1) - 1;
      if (n > 0) m.set(r, n);
      else m.delete(r);
    };
    for (const r of accumulators) {
      less(this.busy, r);
      if (!this.busy.has(r)) this.wroteAt.set(r, -1); // the next product with the same accumulators needs no fence
    }
    for (const r of a) less(this.held, r);
  }
}
