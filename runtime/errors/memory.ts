// Out of memory, with the four numbers that explain it.
import { PullbackError } from "./error.ts";

/** Bytes asked for, in use, the most ever in use, and the largest free block. `waiting`: of those in use, what has been given back, but calls in the queue still need. */
export interface MemoryFacts {
  readonly requested: number;
  readonly live: number;
  readonly peak: number;
  readonly largest: number;
  readonly waiting?: number;
}

/** The device has no room. Nothing was changed: smaller operations still work. */
export class OutOfMemoryError extends PullbackError {
  readonly facts: MemoryFacts;
  constructor(facts: MemoryFacts) {
    const { waiting = 0 } = facts;
    const mib = (n: number): string => `${(n / 2 ** 20).toFixed(1)} MiB`;
    super(
      "E0702",
      `out of memory: ${mib(facts.requested)} requested, ${mib(facts.live)} live, ${mib(facts.peak)} at the peak, largest free block ${mib(facts.largest)}${
        waiting > 0 ? `; ${mib(waiting)} come free when the calls in the queue are done` : ""
      }`,
      {
        help:
          waiting > 0
            ? "await device.sync() and try again: this thread may not wait for the calls in the queue"
            : "donate arguments that a step replaces (jit(step, { donate: [0] })), dispose results you no longer need (using, or x.dispose()), or await inside long loops so that the collector can free garbage",
      },
    );
    this.name = "OutOfMemoryError";
    this.facts = facts;
  }
}
