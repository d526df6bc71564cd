// The order of things on the device. Commands are done in the order they were issued: at once while nothing is in the way, else when pipelines, a predicate or
// room in the driver's queue have come. What fails late makes void all that was issued since: those results are never seen, everything older stays good.
import { Backlog } from "../backlog.ts";
import { DeviceLostError } from "../errors/lost.ts";
import { PullbackError } from "../errors/error.ts";
import type { GpuDevice, GpuError, GpuHandle } from "./api.ts";
import { Buffers } from "./buffers.ts";
import type { Faults } from "./faults.ts";

const MOST_WAITING = 1 << 16;

/** Something to be done on the device, in its turn. */
export interface Command {
  /** Encodes and submits. A promise when later commands must wait for it. */
  execute(seq: number): void | Promise<void>;
  /** Its turn will not come. It may be issued again: what it needs may be older than what failed. */
  voided?(error: Error): void;
}
/** What the driver says to a piece of work that it does not take. `memory`: there was no room. */
export interface Refusal {
  readonly error: Error;
  readonly memory: boolean;
}
/** Commands `from` to `to` failed, or came after one that did. */
interface Failure {
  readonly from: number;
  to: number;
  readonly error: Error;
  told: boolean;
}

/** See above. `runAhead`: how many submits may be unfinished before later commands wait on the host. */
export class Timeline {
  readonly gpu: GpuDevice;
  readonly buffers: Buffers;
  /** Why the device is gone, once it is. */
  lost: DeviceLostError | undefined;
  private readonly runAhead: number;
  private readonly faults: Faults;
  private readonly toTell = new Set<(error: Error) => void>(); // not promises raced with that of the loss: those would pile up on it
  private readonly waiting: Backlog<{ readonly seq: number; readonly command: Command }>;
  private readonly failures: Failure[] = [];
  private busy = false;
  private issued = 0;
  private flying = 0;
  private room: (() => void) | undefined;
  private confirmed: Promise<void> = Promise.resolve();

  constructor(gpu: GpuDevice, name: string, runAhead: number, faults: Faults) {
    this.gpu = gpu;
    this.buffers = new Buffers(gpu);
    this.waiting = new Backlog(name, MOST_WAITING);
    this.runAhead = runAhead;
    this.faults = faults;
    void gpu.lost.then(({ reason, message }) => {
      const lost = new DeviceLostError(name, message || reason);
      this.lost = lost;
      this.fail(0, lost);
      this.room?.();
      for (const tell of this.toTell) tell(lost);
      this.toTell.clear();
    });
  }

  /** Hear of errors outside of every scope. There should be none; if there is one, whatever was done until then may be wrong. Only on a device of our own: on another's
   *  they are anybody's. */
  listen(): void {
    this.gpu.addEventListener?.("uncapturederror", ({ error }) => {
      if (!this.lost) this.fail(0, refused(error, "outside of any program"));
    });
  }

  /** Put a call in the order; its number. @throws DeviceLostError, E0708 when the program never yields */
  issue(command: Command): number {
    if (this.lost) throw this.lost;
    this.waiting.requireRoom();
    return this.enqueue(command);
  }
  /** The same for what gives something back, or is waited for: it is never refused while there is a device. @throws DeviceLostError */
  enqueue(command: Command): number {
    if (this.lost) throw this.lost;
    const seq = ++this.issued;
    this.waiting.push({ seq, command });
    if (!this.busy) this.pump();
    return seq;
  }
  /** Why what command `written` wrote is void, if it is. Asking counts as being told. */
  faultOf(written: number): Error | undefined {
    if (this.lost) return this.lost;
    const f = this.failures.find(x => x.from <= written && written <= x.to);
    if (f) f.told = true;
    return f?.error;
  }
  /** Did command `seq`, or one before it, fail? */
  isVoid(seq: number): boolean {
    return this.lost !== undefined || this.failures.some(f => f.from <= seq && seq <= f.to);
  }
  /** Commands from `from` on did not happen. What still waits is dropped. */
  fail(from: number, error: Error): void {
    const last = this.failures.at(-1);
    if (last && from <= last.to && from >= last.from) last.to = this.issued;
    else this.failures.push({ from, to: this.issued, error, told: false });
    for (const { command } of this.waiting.clear()) command.voided?.(error);
  }

  /** Do `work` now, with every error it causes caught: the promise gives the first. */
  guard(work: () => void): Promise<Refusal | undefined> {
    const { gpu } = this;
    gpu.pushErrorScope("out-of-memory");
    gpu.pushErrorScope("validation");
    let thrown: Refusal | undefined;
    try {
      work();
    } catch (e) {
      thrown = { error: asError(e), memory: false };
    }
    const errors = [gpu.popErrorScope(), gpu.popErrorScope()] as const;
    return Promise.all(errors).then(
      ([invalid, memory]) =>
        memory ? { error: refused(memory), memory: true } : (thrown ?? (invalid ? { error: refused(invalid), memory: false } : undefined)),
      () => thrown ?? (this.lost && { error: this.lost, memory: false }), // scopes of a lost device
    );
  }
  /** The same for a part of command `seq`: an error makes it void, with all that came after it, and is told to `refused`. @throws what `work` throws */
  attempt<T>(seq: number, work: () => T, refused?: () => void): T {
    let result: { readonly value: T } | { readonly error: Error } | undefined;
    const outcome = this.guard(() => {
      try {
        result = { value: work() };
      } catch (e) {
        result = { error: asError(e) };
      }
    }).then(refusal => {
      if (!refusal) return;
      refused?.();
      this.fail(seq, refusal.error);
    });
    const before = this.confirmed;
    this.confirmed = outcome.then(() => before); // not Promise.all: what that resolves to would hold the results of all commands ever
    if (result && "value" in result) return result.value;
    throw result?.error ?? new Error("unreachable: guard runs its work");
  }
  /** Hand recorded work to the driver. @throws E0707 where a test has asked for it */
  submit(commands: readonly GpuHandle[]): void {
    this.faults.submit();
    this.gpu.queue.submit(commands);
    this.flying++;
    const landed = (): void => {
      this.flying--;
      this.room?.();
    };
    this.gpu.queue.onSubmittedWorkDone().then(landed, landed);
  }
  /** Are there as many unfinished submits as there may be? */
  get crowded(): boolean {
    return this.flying >= this.runAhead;
  }
  /** Until a submit has finished. */
  hasRoom(): Promise<void> {
    return new Promise(resolve => {
      this.room = (): void => {
        if (this.crowded && !this.lost) return;
        this.room = undefined;
        resolve();
      };
    });
  }
  /** `wait`, or the loss of the device if that comes first. */
  orLost<T>(wait: Promise<T>): Promise<T> {
    if (this.lost) return Promise.reject(this.lost);
    return new Promise((resolve, reject) => {
      this.toTell.add(reject);
      const forget = (): void => {
        this.toTell.delete(reject);
      };
      wait.then(resolve, reject);
      wait.then(forget, forget);
    });
  }
  /** A driver may break a promise just before it says that the device is lost: a moment for that. @throws DeviceLostError */
  async lossIfNear(): Promise<void> {
    await this.orLost(new Promise(resolve => setTimeout(resolve, 100)));
  }
  /** Until it is known whether all that was done so far was accepted. */
  async settled(): Promise<void> {
    await this.orLost(this.confirmed);
  }
  /** Until all that was issued is done, or known not to be. @throws DeviceLostError */
  async done(): Promise<void> {
    await this.orLost(
      new Promise<void>((resolve, reject) => {
        const last = (): number => this.enqueue({ execute: () => resolve(), voided: () => (this.lost ? reject(this.lost) : last()) });
        last();
      }),
    );
    await this.orLost(this.gpu.queue.onSubmittedWorkDone());
    await this.settled();
    if (this.lost) throw this.lost;
  }
  /** The same. @throws the first failure nobody has been told of */
  async drain(): Promise<void> {
    await this.done();
    const untold = this.failures.find(f => !f.told);
    if (untold) {
      untold.told = true;
      throw untold.error;
    }
  }

  private pump(): void {
    while (!this.busy) {
      if (this.waiting.length > 0 && this.crowded) {
        this.hold(this.hasRoom());
        return;
      }
      const next = this.waiting.shift();
      if (!next) return;
      try {
        const pending = next.command.execute(next.seq);
        if (pending) this.hold(pending, next.seq);
      } catch (e) {
        this.fail(next.seq, asError(e));
      }
    }
  }
  /** Nothing is done until `pending` is. */
  private hold(pending: Promise<void>, seq?: number): void {
    this.busy = true;
    void this.orLost(pending)
      .catch((e: unknown) => {
        if (seq !== undefined && !this.lost) this.fail(seq, asError(e));
      })
      .then(() => {
        this.busy = false;
        this.pump();
      });
  }
}

/** The error a user gets for what the driver says. */
export function refused(error: GpuError, doing = "running a program"): PullbackError {
  return new PullbackError("E0707", `the driver refused: ${error.message.trim()} (${doing})`);
}
const asError = (e: unknown): Error => (e instanceof Error ? e : new Error(String(e)));
