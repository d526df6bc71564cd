// Where threads of a group must wait for one another: who touched which memory since the last barrier, and how. An access that depends on a loop's turn alone, in a loop
// that is dealt out over the threads in the same way, is made by the same thread each time and needs no barrier.

/** An access. `memory`: what may be the same memory has one name. `owner`: equal owners are the same thread for the same element; "" is nobody in particular. */
export interface Access {
  readonly memory: string;
  readonly owner: string;
  readonly write: boolean;
}

/** Accesses since the last barrier. */
export class Hazards {
  private open: Access[];
  constructor(open: readonly Access[] = []) {
    this.open = [...open];
  }
  /** Do these need a barrier before them? Afterwards they are open themselves. */
  meet(accesses: readonly Access[]): boolean {
    const wait = accesses.some(x =>
      this.open.some(y => x.memory === y.memory && (x.write || y.write) && (x.owner === "" || x.owner !== y.owner)),
    );
    if (wait) this.open = [];
    this.open.push(...accesses);
    return wait;
  }
  /** A barrier was passed. */
  clear(): void {
    this.open = [];
  }
  /** What is open now. */
  get accesses(): readonly Access[] {
    return this.open;
  }
}
