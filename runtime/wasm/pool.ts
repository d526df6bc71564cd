// Fork and join over helper threads inside one call. Items of a kernel are independent, so who runs which item never changes a bit of the result.
// Helpers start at the first kernel worth splitting; until they are up, and without them, the caller does all the work.
import { InternalError } from "../errors/error.ts";
import { Op, startHelper, Word } from "./worker.ts";

interface Registered {
  readonly bytes: Uint8Array;
  readonly scratchBytes: number;
  scratch: number;
  loaded: boolean;
}

/** `threads` includes the caller. */
export class Pool {
  private readonly control = new SharedArrayBuffer(4 * Word.count);
  private readonly words = new Int32Array(this.control);
  private readonly programs = new Map<number, Registered>();
  private readonly memory: WebAssembly.Memory;
  private readonly helpers: number;
  private readonly allocate: (bytes: number) => number;
  private readonly free: (address: number) => void;
  private started = false;
  private nextId = 1;

  constructor(memory: WebAssembly.Memory, threads: number, allocate: (bytes: number) => number, free: (address: number) => void) {
    this.memory = memory;
    this.helpers = threads - 1;
    this.allocate = allocate;
    this.free = free;
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
    this.words[Word.id] = id;
    this.post(Op.drop);
    this.join();
    this.free(p.scratch);
  }

  /** Run items [0, extent) of a kernel; `self` does the caller's share. Returns when all are done. */
  run(id: number, self: (begin: number, end: number) => void, kernel: number, args: number, extent: number): void {
    if (!this.ready()) {
      self(0, extent);
      return;
    }
    this.ensureLoaded(id);
    const w = this.words,
      grain = Math.max(1, Math.ceil(extent / ((this.helpers + 1) * 4)));
    w[Word.id] = id;
    w[Word.kernel] = kernel;
    w[Word.args] = args;
    w[Word.extent] = extent;
    w[Word.grain] = grain;
    Atomics.store(w, Word.next, 0);
    this.post(Op.run);
    try {
      for (;;) {
        const b = Atomics.add(w, Word.next, grain);
        if (b >= extent) break;
        self(b, Math.min(extent, b + grain));
      }
    } finally {
      this.join();
    }
  }

  private ready(): boolean {
    if (!this.started) {
      this.started = true;
      for (let index = 0; index < this.helpers; index++) startHelper({ memory: this.memory, control: this.control, index });
    }
    return Atomics.load(this.words, Word.ready) === this.helpers;
  }
  private ensureLoaded(id: number): void {
    const p = this.programs.get(id);
    if (!p) throw new InternalError(`program ${id} is not registered with the pool`);
    if (p.loaded) return;
    const stride = Math.ceil(Math.max(1, p.scratchBytes) / 64) * 64;
    p.scratch = this.allocate(stride * this.helpers);
    const address = this.allocate(p.bytes.length);
    new Uint8Array(this.memory.buffer, address, p.bytes.length).set(p.bytes);
    const w = this.words;
    w[Word.id] = id;
    w[Word.bytes] = address;
    w[Word.length] = p.bytes.length;
    w[Word.scratch] = p.scratch;
    w[Word.stride] = stride;
    this.post(Op.load);
    this.join();
    this.free(address);
    p.loaded = true;
  }
  private post(op: number): void {
    this.words[Word.op] = op;
    Atomics.store(this.words, Word.done, 0);
    Atomics.add(this.words, Word.epoch, 1);
    Atomics.notify(this.words, Word.epoch);
  }
  private join(): void {
    for (let spins = 0; ; spins++) {
      const done = Atomics.load(this.words, Word.done);
      if (done === this.helpers) break;
      if (spins > 20000) Atomics.wait(this.words, Word.done, done, 10);
    }
    if (Atomics.exchange(this.words, Word.failed, 0) !== 0) throw new InternalError("a helper thread failed in a kernel");
  }
}
