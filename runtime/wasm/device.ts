// The CPU device: linear memory, compiled modules, a lazy pool of helper threads. Work is finished when a call returns.
import type { Artifact, DeviceTarget, WasmFeatures } from "../artifact.ts";
import { byteSize, hostView, type DType, type HostArray } from "../dtype.ts";
import type { Device, Executable, MemoryStats } from "../device.ts";
import { PullbackError } from "../errors/error.ts";
import { Reclaimer } from "../memory/reclaim.ts";
import { Ledger, type Block } from "../memory/blocks.ts";
import { WasmArray } from "./array.ts";
import { WasmExecutable } from "./executable.ts";
import { wasmFeatures, type FeatureOptions } from "./features.ts";
import { Heap } from "./heap.ts";
import { Pool } from "./pool.ts";

/** `threads`: number of threads a kernel may use, the caller's included (default: the machine's, at most 8). */
export interface WasmOptions extends Omit<FeatureOptions, "threads"> {
  readonly threads?: number;
}

/** See Device. */
export class WasmDevice implements Device {
  readonly kind = "wasm";
  readonly name: string;
  readonly features: WasmFeatures;
  readonly pool: Pool | undefined;
  private readonly heap: Heap;
  private readonly reclaimer = new Reclaimer();
  private readonly ledger: Ledger;

  constructor(options: WasmOptions = {}) {
    const { threads, ...rest } = options;
    const features = wasmFeatures(rest);
    const count = features.threads ? Math.max(1, Math.min(threads ?? Math.min(hardwareThreads(), 8), 64)) : 1;
    this.features = { ...features, threads: count > 1 };
    this.heap = new Heap(this.features.threads);
    this.ledger = new Ledger(this.reclaimer, block => this.heap.release(block.address));
    this.pool = this.features.threads
      ? new Pool(
          this.heap.memory,
          count,
          bytes => this.allocate(bytes),
          address => this.heap.release(address),
        )
      : undefined;
    this.name = `wasm (${count} thread${count === 1 ? "" : "s"}${features.fma ? ", fma" : ""}${features.wide ? ", wide" : ""})`;
  }
  get target(): DeviceTarget {
    return { kind: "wasm", features: this.features };
  }
  /** The linear memory's current buffer; stale after the next allocation. */
  get buffer(): ArrayBufferLike {
    return this.heap.memory.buffer;
  }
  get memoryObject(): WebAssembly.Memory {
    return this.heap.memory;
  }

  upload(dtype: DType, data: HostArray): WasmArray {
    const a = this.create(dtype, data.length);
    hostView(dtype, this.buffer, a.block.address, data.length).set(data as never); // both are the storage array of `dtype`
    return a;
  }
  load(artifact: Artifact): Executable {
    if (artifact.kind !== "wasm") throw new PullbackError("E0703", `the wasm device cannot load a ${String(artifact.kind)} artifact`);
    const exe = new WasmExecutable(this, artifact);
    this.reclaimer.watch(exe, exe.cleanup, 0);
    return exe;
  }
  memory(): MemoryStats {
    return { live: this.heap.live, peak: this.heap.peak, reserved: this.heap.reserved, arrays: this.ledger.arrays };
  }
  sync(): Promise<void> {
    return Promise.resolve();
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
  /** Raw memory for arenas, tables and scratch. */
  allocate(bytes: number): number {
    return this.heap.allocate(bytes, () => this.reclaimer.collect());
  }
  free(address: number): void {
    this.heap.release(address);
  }
}

function hardwareThreads(): number {
  return typeof navigator !== "undefined" && navigator.hardwareConcurrency > 0
    ? navigator.hardwareConcurrency
    : typeof process !== "undefined" && typeof process.getBuiltinModule === "function"
      ? process.getBuiltinModule("node:os").availableParallelism()
      : 1;
}
