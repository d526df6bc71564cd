// The host's side of a driver's queue: a ring of commands in shared memory. It bounds run-ahead: a host that may block waits for room; a page's main
// thread, which may not, keeps a backlog that moves on when the page yields, and is refused when that grows without end.
import { Backlog } from "../backlog.ts";
import { DeviceLostError } from "../errors/lost.ts";
import { forbidden } from "./policy.ts";
import { Failure, Queue as Q } from "./threads.ts";
import type { Listener, Thread } from "./spawn.ts";

/** A command: its words, at most Q.slot. */
export type Command = readonly number[];
/** What went wrong in the driver. */
export interface Trouble {
  /** The number of the command from which on nothing ran. */
  readonly from: number;
  /** A new error each time: it takes the user's place. */
  readonly error: () => Error;
}
interface Waiter {
  readonly command: number;
  readonly resolve: () => void;
  readonly reject: (e: Error) => void;
}

/** Commands that a page may have waiting beside the ring before it must yield. */
export const BACKLOG = 16384;

/** Commands in order, numbered from 1. */
export class CommandQueue {
  /** The queue's memory, for the driver. */
  readonly shared: SharedArrayBuffer = new SharedArrayBuffer(4 * (Q.ring + Q.slots * Q.slot));
  private readonly words = new Int32Array(this.shared);
  private readonly mayBlock: boolean;
  private readonly device: string;
  private readonly outOfMemory: (bytes: number) => Error;
  private readonly thread: Thread;
  private posted = 0;
  private readonly backlog: Backlog<Command>;
  private waiters: Waiter[] = [];
  private trouble: Trouble | undefined;
  private dead = false;
  private up: boolean;

  /** `start` makes the driver over `shared`. `startsAlone`: it gets up even while this thread blocks (in Node; a browser needs the thread that asked for it).
   *  `outOfMemory` is the error for a driver that had none to load a program of so many bytes. */
  constructor(options: {
    readonly device: string;
    readonly mayBlock: boolean;
    readonly startsAlone: boolean;
    readonly start: (shared: SharedArrayBuffer, listener: Listener) => Thread;
    readonly outOfMemory: (bytes: number) => Error;
  }) {
    this.device = options.device;
    this.backlog = new Backlog(options.device, BACKLOG);
    this.mayBlock = options.mayBlock;
    this.up = options.startsAlone;
    this.outOfMemory = options.outOfMemory;
    this.thread = options.start(this.shared, { message: () => this.hear(), died: reason => this.lose(reason) });
  }

  /** The last command given, in the ring or not yet. */
  get issued(): number {
    return this.posted + this.backlog.length;
  }
  /** The last command finished: the 32-bit counter, made whole by the fact that it is at most a ring behind `posted`. */
  get done(): number {
    return this.posted - ((this.posted - Atomics.load(this.words, Q.done)) >>> 0);
  }
  /** What has gone wrong so far. */
  get failure(): Trouble | undefined {
    if (this.trouble === undefined && Atomics.load(this.words, Q.failed) !== 0) this.trouble = this.readTrouble();
    return this.trouble;
  }

  /** May the calling thread block until commands are finished? */
  get mayWait(): boolean {
    return this.mayBlock && this.up;
  }

  /** Give a command; its number. @throws E0708 when this thread may not wait and never yields */
  post(command: Command): number {
    if (this.dead) return this.issued;
    if (!this.mayWait) this.backlog.requireRoom(this.posted - this.done);
    return this.enqueue(command);
  }
  /** The same for what gives something back: it is never refused. */
  enqueue(command: Command): number {
    if (this.dead) return this.issued;
    this.backlog.push(command);
    if (this.mayWait) this.push();
    else this.advance();
    return this.issued;
  }
  /** End the driver; every later command goes nowhere. */
  destroy(reason: string): void {
    this.lose(reason);
    this.thread.end();
  }
  /** Blocks until `command` is finished, or never will be. Only where the thread may. */
  block(command: number): void {
    this.push();
    this.until(command);
  }
  private until(command: number): void {
    for (let spins = 0; !this.dead && this.done < command; spins++) {
      const now = Atomics.load(this.words, Q.done);
      if (spins > 4000 && this.done < command) Atomics.wait(this.words, Q.done, now);
    }
  }
  /** Resolves when `command` is finished, whatever came of it. Rejects when the driver has died. */
  settled(command: number): Promise<void> {
    if (this.done >= command && this.up) return Promise.resolve();
    if (this.dead && this.trouble) return Promise.reject(this.trouble.error());
    return new Promise((resolve, reject) => {
      this.waiters.push({ command, resolve, reject });
      this.thread.hold(true);
      this.want(Math.min(command, this.posted));
    });
  }

  /** All of the backlog into the ring, waiting for room. */
  private push(): void {
    while (this.backlog.length > 0) {
      if (this.posted - this.done >= Q.slots) this.until(this.posted - Q.slots / 2); // let half of it pass: one wait for many commands
      this.write(this.backlog.shift() ?? []);
    }
  }
  /** As much of the backlog as there is room for; the rest when half of the ring has passed. */
  private advance(): void {
    while (this.backlog.length > 0 && this.posted - this.done < Q.slots) this.write(this.backlog.shift() ?? []);
    if (this.backlog.length > 0) this.want(this.posted - Q.slots / 2);
  }
  private write(command: Command): void {
    this.words.set(command, Q.ring + (this.posted % Q.slots) * Q.slot);
    this.posted++;
    Atomics.store(this.words, Q.posted, this.posted | 0);
    Atomics.notify(this.words, Q.posted);
  }
  /** Ask for a message when `command` is finished, unless an earlier one is asked for. */
  private want(command: number): void {
    const w = this.words;
    if (Atomics.load(w, Q.waiting) === 0 || ((Atomics.load(w, Q.wanted) - command) | 0) > 0) Atomics.store(w, Q.wanted, command | 0);
    Atomics.store(w, Q.waiting, 1);
    if (this.done >= command) queueMicrotask(() => this.flush()); // it was finished before the driver could see the wish
  }
  /** A message: the driver is up, and has perhaps finished something. */
  private hear(): void {
    this.up = true;
    this.flush();
  }
  /** The backlog moves on, and who waited is told. */
  private flush(): void {
    if (this.dead || !this.up) return;
    this.advance();
    const { done } = this,
      ready = this.waiters.filter(w => w.command <= done);
    this.waiters = this.waiters.filter(w => w.command > done);
    for (const { resolve } of ready) resolve();
    if (this.waiters.length === 0) this.thread.hold(false);
    else this.want(Math.min(this.posted, ...this.waiters.map(w => w.command)));
  }
  /** The driver has died: nothing that is not finished will ever be. */
  private lose(reason: string): void {
    if (this.dead) return;
    this.dead = true;
    const error = (): Error => new DeviceLostError(this.device, reason);
    this.trouble ??= { from: this.done + 1, error };
    this.backlog.clear();
    for (const { reject } of this.waiters.splice(0)) reject(error());
  }
  private readTrouble(): Trouble {
    const w = this.words,
      from = this.posted - ((this.posted - (w[Q.failedAt] ?? 0)) >>> 0);
    const text = new TextDecoder().decode(new Uint8Array(this.shared, 4 * Q.text, w[Q.textLength]).slice());
    const kind = Atomics.load(w, Q.failed),
      loading = w[Q.loading] ?? 0;
    const error = (): Error =>
      forbidden(this.device, text) ??
      (kind === Failure.memory ? this.outOfMemory(loading) : new DeviceLostError(this.device, `a program failed: ${text}`));
    return { from, error };
  }
}
