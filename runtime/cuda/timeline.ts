// The one stream of a device, as a line of numbered marks: work is enqueued in order, so a mark that is reached says that all before it is done. Marks are
// events, made when somebody needs one.
import { CUDA_ERROR_NOT_READY } from "./codes.ts";
import type { Calls } from "./calls.ts";
import { EVENT_DISABLE_TIMING, STREAM_NON_BLOCKING } from "./driver.ts";

/** Marks are numbered from 1; 0 is always reached. */
export class Timeline {
  readonly stream: bigint;
  private readonly calls: Calls;
  private issued = 0;
  private done = 0;
  private readonly pending: { readonly mark: number; readonly event: bigint }[] = [];
  private readonly spare: bigint[] = [];

  constructor(calls: Calls) {
    this.calls = calls;
    const out = new BigUint64Array(1);
    calls.do("cuStreamCreate", "making the stream", out, STREAM_NON_BLOCKING);
    this.stream = out[0] ?? 0n;
  }
  /** The mark that will stand behind all work enqueued so far. */
  get upcoming(): number {
    return this.issued + 1;
  }
  /** Set a mark behind all work enqueued so far. */
  mark(): number {
    const event = this.spare.pop() ?? this.event();
    try {
      this.calls.do("cuEventRecord", "marking the stream", event, this.stream);
    } catch (e) {
      this.spare.push(event);
      throw e;
    }
    this.pending.push({ mark: ++this.issued, event });
    return this.issued;
  }
  /** Is all work before `mark` done? Sets the mark if it is still to come. */
  reached(mark: number): boolean {
    if (mark <= this.done) return true;
    while (this.issued < mark) this.mark();
    for (let first = this.pending[0]; first && first.mark <= mark; first = this.pending[0]) {
      if (this.calls.ask("cuEventQuery", [CUDA_ERROR_NOT_READY], "looking for finished work", first.event) !== 0) return false;
      this.pass(first.mark);
    }
    return true;
  }
  /** Block until all work before `mark` is done. */
  wait(mark: number): void {
    if (mark <= this.done) return;
    while (this.issued < mark) this.mark();
    const at = this.pending.find(p => p.mark >= mark);
    if (at) this.calls.do("cuEventSynchronize", "waiting for the device", at.event);
    this.pass(mark);
  }
  /** The same without blocking: looks now and then, soon at first. */
  async arrive(mark: number): Promise<void> {
    for (let looks = 0; !this.reached(mark); looks++)
      await new Promise<void>(resolve => {
        if (looks < 20) setImmediate(resolve);
        else setTimeout(resolve, looks < 200 ? 1 : 5);
      });
  }
  /** Block while more than `most` marks are ahead of the device. */
  bound(most: number): void {
    const last = this.pending[this.pending.length - most - 1];
    if (last) this.wait(last.mark);
  }
  /** Milliseconds that the device works on what `work` enqueues. Blocks. */
  time(work: () => void): number {
    const events = [this.event(0), this.event(0)] as const,
      out = new Float32Array(1);
    try {
      this.calls.do("cuEventRecord", "starting a clock", events[0], this.stream);
      work();
      this.calls.do("cuEventRecord", "stopping a clock", events[1], this.stream);
      this.calls.do("cuEventSynchronize", "waiting for the device", events[1]);
      this.calls.do("cuEventElapsedTime", "reading a clock", out, ...events);
    } finally {
      for (const e of events) this.calls.free("cuEventDestroy", "giving a clock back", e);
    }
    return out[0] ?? 0;
  }
  /** Block until nothing is left to do. */
  sync(): void {
    this.calls.do("cuStreamSynchronize", "waiting for the device", this.stream);
    this.pass(this.issued);
  }
  /** Give the stream and the events back. */
  dispose(): void {
    for (const event of [...this.spare, ...this.pending.map(p => p.event)]) this.calls.free("cuEventDestroy", "closing the device", event);
    this.spare.length = this.pending.length = 0;
    this.calls.free("cuStreamDestroy", "closing the device", this.stream);
  }

  private event(flags = EVENT_DISABLE_TIMING): bigint {
    const out = new BigUint64Array(1);
    this.calls.do("cuEventCreate", "making an event", out, flags);
    return out[0] ?? 0n;
  }
  private pass(mark: number): void {
    this.done = Math.max(this.done, mark);
    for (let first = this.pending[0]; first && first.mark <= mark; first = this.pending[0]) {
      this.spare.push(first.event);
      this.pending.shift();
    }
  }
}
