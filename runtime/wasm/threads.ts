// The programs of other threads: a helper of the pool, and the driver that runs a queue of calls. Each is sent as text (spawn.ts), so that no bundler has to
// find a file: THESE FUNCTIONS REFER TO NOTHING OUTSIDE THEMSELVES but JavaScript's own globals. What they need is an argument, even the tables of words.

/** Indices of the 32-bit control words shared by the threads of a pool. */
export const Word = {
  epoch: 0,
  op: 1,
  id: 2,
  kernel: 3,
  args: 4,
  extent: 5,
  grain: 6,
  next: 7,
  done: 8,
  ready: 9,
  bytes: 10,
  length: 11,
  scratch: 12,
  stride: 13,
  failed: 14,
  count: 16,
} as const;
/** What the words of a queue are: counters of 32 bits that wrap round, a failure, then `slots` commands of `slot` words each. */
export const Queue = {
  /** Commands handed over, and commands finished. */
  posted: 0,
  done: 1,
  /** 1 while the host wants a message when `done` reaches `wanted`. */
  waiting: 2,
  wanted: 3,
  /** 0, or a Failure; the number of the command that failed, the bytes of the program it would have loaded, and of the message's text, which starts at `text`. */
  failed: 4,
  failedAt: 5,
  loading: 6,
  textLength: 7,
  text: 8,
  textWords: 120,
  ring: 128,
  slot: 8,
  slots: 64,
} as const;
/** Commands of helpers and of the driver. */
export const Op = { run: 1, load: 2, drop: 3 } as const;
/** Why a queue has failed: a program did, or there was no memory to load one. */
export const Failure = { program: 1, memory: 2 } as const;

/** The exports of a program, see WasmArtifact. */
export interface Program {
  run(table: number): void;
  work(kernel: number, args: number, begin: number, end: number): void;
}
/** A program as helpers get it: bytes in linear memory, and scratch, `stride` bytes a helper. */
export interface SharedProgram {
  readonly id: number;
  readonly bytes: number;
  readonly length: number;
  readonly scratch: number;
  readonly stride: number;
}
/** The caller's side of a pool. */
export interface Fork {
  /** All helpers are up. */
  ready(): boolean;
  load(p: SharedProgram): void;
  drop(id: number): void;
  /** Runs items [0, extent) of a kernel, `self` the caller's share. Returns when all are done. */
  run(id: number, self: (begin: number, end: number) => void, kernel: number, args: number, extent: number): void;
}
/** What a helper is started with. */
export interface HelperStart {
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  readonly index: number;
  readonly W: typeof Word;
  readonly ops: typeof Op;
}
/** What a driver is started with. `control` and `helpers` are its pool's. */
export interface DriverStart {
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  readonly queue: SharedArrayBuffer;
  readonly helpers: number;
  readonly W: typeof Word;
  readonly Q: typeof Queue;
  readonly ops: typeof Op;
  readonly failures: typeof Failure;
}

/** Fork and join: posts a command to the helpers and waits for all of them. `fail` is called when one of them failed. */
export function forkJoin(w: Int32Array, helpers: number, W: typeof Word, ops: typeof Op, fail: (what: string) => never): Fork {
  const post = (op: number): void => {
    w[W.op] = op;
    Atomics.store(w, W.done, 0);
    Atomics.add(w, W.epoch, 1);
    Atomics.notify(w, W.epoch);
  };
  const join = (): void => {
    for (let spins = 0; ; spins++) {
      const done = Atomics.load(w, W.done);
      if (done === helpers) break;
      if (spins > 20000) Atomics.wait(w, W.done, done, 10);
    }
    if (Atomics.exchange(w, W.failed, 0) !== 0) fail("a helper thread failed in a kernel");
  };
  return {
    ready: () => helpers > 0 && Atomics.load(w, W.ready) === helpers,
    load: p => {
      w[W.id] = p.id;
      w[W.bytes] = p.bytes;
      w[W.length] = p.length;
      w[W.scratch] = p.scratch;
      w[W.stride] = p.stride;
      post(ops.load);
      join();
    },
    drop: id => {
      w[W.id] = id;
      post(ops.drop);
      join();
    },
    run: (id, self, kernel, args, extent) => {
      const grain = Math.max(1, Math.ceil(extent / ((helpers + 1) * 4)));
      w[W.id] = id;
      w[W.kernel] = kernel;
      w[W.args] = args;
      w[W.extent] = extent;
      w[W.grain] = grain;
      Atomics.store(w, W.next, 0);
      post(ops.run);
      try {
        for (;;) {
          const b = Atomics.add(w, W.next, grain);
          if (b >= extent) break;
          self(b, Math.min(extent, b + grain));
        }
      } finally {
        join();
      }
    },
  };
}

/** A helper: waits for the pool's commands for ever. It owns nothing but instances of the programs it was told to load. */
export function helper({ memory, control, index, W, ops }: HelperStart): void {
  const w = new Int32Array(control),
    programs = new Map<number, Program>();
  const word = (i: number): number => w[i] ?? 0;
  const load = (): void => {
    const bytes = new Uint8Array(memory.buffer, word(W.bytes), word(W.length)).slice();
    const parallel = (): void => {
      throw new Error("nested parallel");
    };
    const env = { memory, parallel, scratch: word(W.scratch) + index * word(W.stride) };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
    programs.set(word(W.id), exports as unknown as Program); // the artifact contract
  };
  const work = (): void => {
    const p = programs.get(word(W.id)),
      kernel = word(W.kernel),
      args = word(W.args),
      extent = word(W.extent),
      grain = word(W.grain);
    if (!p) throw new Error("not loaded");
    for (;;) {
      const b = Atomics.add(w, W.next, grain);
      if (b >= extent) break;
      p.work(kernel, args, b, Math.min(extent, b + grain));
    }
  };
  let seen = Atomics.load(w, W.epoch);
  Atomics.add(w, W.ready, 1);
  for (;;) {
    for (let i = 0; i < 4000 && Atomics.load(w, W.epoch) === seen; i++);
    while (Atomics.load(w, W.epoch) === seen) Atomics.wait(w, W.epoch, seen);
    seen = Atomics.load(w, W.epoch);
    try {
      const op = word(W.op);
      if (op === ops.run) work();
      else if (op === ops.load) load();
      else if (op === ops.drop) programs.delete(word(W.id));
    } catch {
      Atomics.store(w, W.failed, 1);
    }
    Atomics.add(w, W.done, 1);
    Atomics.notify(w, W.done);
  }
}

/** The driver: runs the commands of a queue in order, for ever. After a failure it runs no further program, but goes on counting and forgetting. */
export function driver(
  { memory, control, queue, helpers, W, Q, ops, failures }: DriverStart,
  post: (done: number) => void,
  forking: typeof forkJoin,
): void {
  const q = new Int32Array(queue),
    fork = forking(new Int32Array(control), helpers, W, ops, what => {
      throw new Error(what);
    }),
    programs = new Map<number, Program>(),
    shared = new Set<number>(); // programs that the helpers have
  const load = (id: number, address: number, length: number, scratch: number, helperScratch: number, stride: number): void => {
    const bytes = new Uint8Array(memory.buffer, address, length).slice();
    const parallel = (kernel: number, args: number, extent: number): void => {
      if (!fork.ready()) {
        program.work(kernel, args, 0, extent);
        return;
      }
      if (!shared.has(id)) {
        fork.load({ id, bytes: address, length, scratch: helperScratch, stride });
        shared.add(id);
      }
      fork.run(id, (b, e) => program.work(kernel, args, b, e), kernel, args, extent);
    };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, parallel, scratch } });
    const program = exports as unknown as Program; // the artifact contract
    programs.set(id, program);
  };
  const execute = (at: number): void => {
    const [op, id = 0, ...rest] = q.slice(at, at + Q.slot);
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = rest;
    if (op === ops.drop) {
      programs.delete(id);
      if (shared.delete(id)) fork.drop(id);
    } else if (Atomics.load(q, Q.failed) === 0) {
      if (op === ops.load) {
        load(id, a, b, c, d, e);
        return;
      }
      const program = programs.get(id);
      if (!program) throw new Error(`program ${id} is not loaded`);
      program.run(a);
    }
  };
  const record = (error: unknown, command: number, at: number): void => {
    const text = new TextEncoder()
      .encode(error instanceof Error ? `${error.name}: ${error.message}` : String(error))
      .slice(0, 4 * Q.textWords);
    new Uint8Array(queue, 4 * Q.text).set(text);
    q[Q.textLength] = text.length;
    q[Q.failedAt] = command;
    q[Q.loading] = q[at + 3] ?? 0;
    Atomics.store(q, Q.failed, q[at] === ops.load && error instanceof RangeError ? failures.memory : failures.program);
  };
  post(0); // the thread is up
  for (let done = 0; ;) {
    for (let i = 0; i < 4000 && Atomics.load(q, Q.posted) === done; i++);
    while (Atomics.load(q, Q.posted) === done) Atomics.wait(q, Q.posted, done);
    const at = Q.ring + (done & (Q.slots - 1)) * Q.slot;
    try {
      execute(at);
    } catch (error) {
      if (Atomics.load(q, Q.failed) === 0) record(error, (done + 1) | 0, at);
    }
    done = (done + 1) | 0;
    Atomics.store(q, Q.done, done);
    Atomics.notify(q, Q.done);
    if (Atomics.load(q, Q.waiting) === 1 && ((done - Atomics.load(q, Q.wanted)) | 0) >= 0 && Atomics.exchange(q, Q.waiting, 0) === 1)
      post(done);
  }
}
