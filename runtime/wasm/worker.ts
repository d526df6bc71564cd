// The helper thread's program, as text: it is made at run time so that no bundler ever has to find a file. It owns nothing but instances of the
// programs it was told to load; all coordination is through the control words.

/** Indices of the 32-bit control words shared by the pool's threads. */
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
/** Messages. */
export const Op = { run: 1, load: 2, drop: 3 } as const;
/** What a helper is started with. */
export interface HelperStart {
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  readonly index: number;
}

const body = `
function helper({ memory, control, index }) {
  const c = new Int32Array(control), programs = new Map();
  const load = () => {
    const bytes = new Uint8Array(memory.buffer, c[${Word.bytes}], c[${Word.length}]).slice();
    const env = { memory, parallel() { throw new Error("nested parallel"); }, scratch: c[${Word.scratch}] + index * c[${Word.stride}] };
    programs.set(c[${Word.id}], new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports);
  };
  const work = () => {
    const p = programs.get(c[${Word.id}]), kernel = c[${Word.kernel}], args = c[${Word.args}], extent = c[${Word.extent}], grain = c[${Word.grain}];
    for (;;) {
      const b = Atomics.add(c, ${Word.next}, grain);
      if (b >= extent) break;
      p.work(kernel, args, b, Math.min(extent, b + grain));
    }
  };
  let seen = Atomics.load(c, ${Word.epoch});
  Atomics.add(c, ${Word.ready}, 1);
  for (;;) {
    for (let i = 0; i < 4000 && Atomics.load(c, ${Word.epoch}) === seen; i++);
    while (Atomics.load(c, ${Word.epoch}) === seen) Atomics.wait(c, ${Word.epoch}, seen);
    seen = Atomics.load(c, ${Word.epoch});
    try {
      const op = c[${Word.op}];
      if (op === ${Op.run}) work(); else if (op === ${Op.load}) load(); else if (op === ${Op.drop}) programs.delete(c[${Word.id}]);
    } catch (e) { Atomics.store(c, ${Word.failed}, 1); }
    Atomics.add(c, ${Word.done}, 1);
    Atomics.notify(c, ${Word.done});
  }
}`;

/** Start a helper thread; it never keeps the process alive. */
export function startHelper(start: HelperStart): void {
  if (typeof process !== "undefined" && typeof process.getBuiltinModule === "function" && process.versions?.node !== undefined) {
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    new Worker(`${body}\nhelper(require("node:worker_threads").workerData);`, {
      eval: true,
      workerData: start,
      execArgv: [],
      env: {},
    }).unref();
    return;
  }
  const url = URL.createObjectURL(new Blob([`${body}\nonmessage = e => helper(e.data);`], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.postMessage(start);
}
