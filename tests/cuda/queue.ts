// Streams and events: what is enqueued is done when somebody waits for it, never before, so that a missing wait shows as old data.

/** One stream's work that has not been done. */
export class Queue {
  private readonly work: (() => void)[] = [];

  push(run: () => void): void {
    this.work.push(run);
  }
  /** Do the oldest piece of work; false when there is none. */
  step(): boolean {
    const run = this.work.shift();
    run?.();
    return run !== undefined;
  }
  drain(): void {
    while (this.step());
  }
}
/** A mark in a stream. */
export interface FakeEvent {
  readonly timing: boolean;
  queue: Queue | undefined;
  reached: boolean;
  time: number;
}
