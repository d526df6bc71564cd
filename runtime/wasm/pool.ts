// Helper threads for work inside one call. Items of a kernel are independent, so who runs which item never changes a bit of the result.
// Helpers start at the first kernel worth splitting; until they are up, and without them, the caller does all the work.
import { InternalError } from "../errors/error.ts";
import type { Room } from "./engine.ts";
import { startHelper, type Thread } from "./spawn.ts";
import { forkJoin, Op, Word, type Fork } from "./threads.ts";

interface Registered {
  readonly bytes: Uint8Array;
  readonly scratchBytes: number;
  scratch: number;
  loaded: boolean;
}

/** Scratch of one helper, so that the next one's is aligned. */
export const strideOf = (scratchBytes: number): number => Math.ceil(Math.max(1, scratchBytes) / 64) * 64;

/** Start `count` helpers over `control`, the pool's words. Without them the work is done all the same: who dies is not missed until it is up. */
export function startHelpers(memory: WebAssembly.Memory, control: SharedArrayBuffer, count: number): Thread[] {
  const listener = { message: () => {}, died: () => {} };
  return Array.from({ length: count }, (_, index) => startHelper({ memory, control, index, W: Word, ops: Op }, listener));
}

/** `threads` includes the caller. */
export class Pool {
  private readonly control = new SharedArrayBuffer(4 * Word.count);
  private readonly programs = new Map<number, Registered>();
  private readonly room: Room;
  private readonly helpers: number;
  private readonly fork: Fork;
  private threads: Thread[] | undefined;
  private ended = false;
  private nextId = 1;

  constructor(room: Room, threads: number) {
    this.room = room;
    this.helpers = threads - 1;
    this.fork = forkJoin(new Int32Array(this.control), this.helpers, Word, Op, what => {
      throw new InternalError(what);
    });
  }

  /** Tell the pool of a program; helpers load it when it first runs in parallel. */
  register(bytes: Uint8Array, scratchBytes: number): number {
    const id = this.nextId++;
    this.programs.set(id, { bytes, scratchBytes, scratch: 0, loaded: false });
    return id;
  }
  unregister(id: number): void {
    const p = this.programs.get(id);
    if (!p) return;
    this.programs.delete(id);
    if (!p.loaded) return;
    if (!this.ended) this.fork.drop(id);
    this.room.release(p.scratch);
  }

  /** Run items [0, extent) of a kernel; `self` does the caller's share. Returns when all are done. */
  run(id: number, self: (begin: number, end: number) => void, kernel: number, args: number, extent: number): void {
    this.threads ??= startHelpers(this.room.memory, this.control, this.helpers);
    if (!this.fork.ready()) {
      self(0, extent);
      return;
    }
    this.ensureLoaded(id);
    this.fork.run(id, self, kernel, args, extent);
  }

  /** End the helpers; call `run` no more. */
  destroy(): void {
    this.ended = true;
    for (const thread of this.threads ?? []) thread.end();
  }

  private ensureLoaded(id: number): void {
    const p = this.programs.get(id);
    if (!p) throw new InternalError(`program ${id} is not registered with the pool`);
    if (p.loaded) return;
    const stride = strideOf(p.scratchBytes),
      { length } = p.bytes;
    p.scratch = this.room.allocate(stride * this.helpers);
    const bytes = this.room.allocate(length);
    new Uint8Array(this.room.memory.buffer, bytes, length).set(p.bytes);
    this.fork.load({ id, bytes, length, scratch: p.scratch, stride });
    this.room.release(bytes);
    p.loaded = true;
  }
}
