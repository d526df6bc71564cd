// The CPU device: linear memory, compiled modules, threads. Calls run at once on the calling thread, or in order on another one: `dispatch`.
import type { Artifact, DeviceTarget, WasmFeatures } from "../artifact.ts";
import { byteSize, hostView, type DType, type HostArray } from "../dtype.ts";
import type { Device, Executable, MemoryStats } from "../device.ts";
import { PullbackError } from "../errors/error.ts";
import { Reclaimer } from "../memory/reclaim.ts";
import { Ledger, type Block } from "../memory/blocks.ts";
import { WasmArray } from "./array.ts";
import { mayBlock, type Engine, type Room } from "./engine.ts";
import { WasmExecutable } from "./executable.ts";
import { wasmFeatures, type FeatureOptions } from "./features.ts";
import { Heap } from "./heap.ts";
import { InlineEngine } from "./inline.ts";
import { warnOfOneThread } from "./isolation.ts";
import { QueuedEngine } from "./queued.ts";

/** How a CPU device is made. */
export interface WasmOptions extends Omit<FeatureOptions, "threads"> {
  /** How many threads a kernel may use, the one that runs the program included (default: the machine's, at most 8). */
  readonly threads?: number;
  /** `"sync"`: a call runs on the calling thread and is finished when it returns. `"async"`: it is queued for another thread and returns at once; results are read with
   *  `await x.data()`. The default is `"sync"`, but `"async"` on a page's main thread, which may not wait for helper threads. The bits are the same. */
  readonly dispatch?: "sync" | "async";
}

/** See Device. */
export class WasmDevice implements Device {
  readonly kind = "wasm";
  readonly name: string;
  readonly features: WasmFeatures;
  /** Who runs the programs. */
  readonly engine: Engine;
  private readonly heap: Heap;
  private readonly reclaimer = new Reclaimer();
  private readonly ledger: Ledger;

  /** @throws E0703 when `"async"` is asked for and there is no shared memory. */
  constructor(options: WasmOptions = {}) {
    const { threads, dispatch, ...rest } = options;
    const features = wasmFeatures(rest),
      shared = features.threads;
    if (dispatch === "async" && !shared)
      throw new PullbackError("E0703", 'dispatch "async" needs memory shared between threads, and there is none here', {
        help: "serve the page cross-origin isolated, or leave dispatch out",
      });
    const queued = shared && (dispatch ?? (mayBlock() ? "sync" : "async")) === "async";
    const wanted = Math.max(1, Math.min(threads ?? Math.min(hardwareThreads(), 8), 64)),
      count = shared && (queued || mayBlock()) ? wanted : 1;
    if (count < wanted) warnOfOneThread(wanted, shared);
    this.features = { ...features, threads: queued || count > 1 };
    this.name = `wasm (${count} thread${count === 1 ? "" : "s"}${features.fma ? ", fma" : ""}${features.wide ? ", wide" : ""}${queued ? ", async" : ""})`;
    this.heap = new Heap(this.features.threads, () => this.engine.waiting);
    const room: Room = {
      memory: this.heap.memory,
      allocate: bytes => this.allocate(bytes),
      release: address => this.heap.release(address),
    };
    this.engine = queued ? new QueuedEngine(room, count, this.name, n => this.heap.facts(n)) : new InlineEngine(room, count, this.name);
    this.ledger = new Ledger(this.reclaimer, block => this.engine.free(block.address, block.bytes));
  }
  get mayWait(): boolean {
    return this.engine.mayWait;
  }
  get target(): DeviceTarget {
    return { kind: "wasm", features: this.features };
  }
  /** The linear memory's current buffer; stale after the next allocation. */
  get buffer(): ArrayBufferLike {
    return this.heap.memory.buffer;
  }

  upload(dtype: DType, data: HostArray): WasmArray {
    const a = this.create(dtype, data.length);
    hostView(dtype, this.buffer, a.block.address, data.length).set(data as never); // both are the storage array of `dtype`
    return a;
  }
  load(artifact: Artifact): Executable {
    if (artifact.kind !== "wasm") throw new PullbackError("E0703", `the wasm device cannot load a ${String(artifact.kind)} artifact`);
    const program = this.engine.load(artifact),
      exe = new WasmExecutable(this, artifact, program);
    this.reclaimer.watch(exe, () => program.drop(), 0);
    return exe;
  }
  memory(): MemoryStats {
    this.engine.drain();
    return { live: this.heap.live, peak: this.heap.peak, reserved: this.heap.reserved, arrays: this.ledger.arrays };
  }
  sync(): Promise<void> {
    return this.engine.settled(this.engine.issued);
  }

  /** Ends the device's threads. What has been computed can still be read; every later call is refused (E0704). A device that nobody destroys keeps its threads. */
  destroy(): void {
    this.engine.destroy();
  }

  /** A fresh array of unspecified contents. */
  create(dtype: DType, elements: number): WasmArray {
    const bytes = elements * byteSize(dtype);
    return this.adopt(dtype, elements, { address: this.allocate(bytes), bytes, refs: 0 });
  }
  /** An array over an existing block: one more reference to it. */
  adopt(dtype: DType, elements: number, block: Block): WasmArray {
    return new WasmArray(this, this.ledger, dtype, elements, block);
  }
  /** The collector need not look after `owner` any more. */
  forget(owner: object): void {
    this.reclaimer.forget(owner);
  }
  /** Raw memory that nothing uses. @throws OutOfMemoryError */
  allocate(bytes: number): number {
    return this.heap.allocate(bytes, () => {
      this.reclaimer.collect();
      this.engine.relieve();
    });
  }
}

function hardwareThreads(): number {
  return typeof navigator !== "undefined" && navigator.hardwareConcurrency > 0
    ? navigator.hardwareConcurrency
    : typeof process !== "undefined" && typeof process.getBuiltinModule === "function"
      ? process.getBuiltinModule("node:os").availableParallelism()
      : 1;
}
