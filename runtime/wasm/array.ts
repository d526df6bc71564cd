// A tensor's memory on the Wasm device. Blocks are counted, so that a program may return one of its inputs unchanged.
import { byteSize, hostView, type DType, type HostArray } from "../dtype.ts";
import { PullbackError } from "../errors/error.ts";
import type { DeviceArray } from "../device.ts";
import type { WasmDevice } from "./device.ts";

/** A counted piece of the heap. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
  refs: number;
}

/** See DeviceArray. */
export class WasmArray implements DeviceArray {
  readonly device: WasmDevice;
  readonly dtype: DType;
  readonly elements: number;
  readonly block: Block;
  private gone = false;

  constructor(device: WasmDevice, dtype: DType, elements: number, block: Block) {
    this.device = device;
    this.dtype = dtype;
    this.elements = elements;
    this.block = block;
  }
  get released(): boolean {
    return this.gone;
  }
  dispose(): void {
    if (this.gone) return;
    this.gone = true;
    this.device.drop(this);
  }
  /** Give the memory to someone else: this array is dead, its block is not released. */
  surrender(): Block {
    this.requireLive("donated");
    this.gone = true;
    this.device.surrendered(this);
    return this.block;
  }
  readSync(): HostArray {
    this.requireLive("read");
    const view = hostView(this.dtype, this.device.buffer, this.block.address, this.elements);
    return view.slice();
  }
  read(): Promise<HostArray> {
    return Promise.resolve().then(() => this.readSync());
  }
  /** @throws E0701 when released. */
  requireLive(verb: string): void {
    if (this.gone)
      throw new PullbackError(
        "E0701",
        `a tensor of ${this.elements} ${this.dtype} (${this.elements * byteSize(this.dtype)} bytes) is ${verb} after it was disposed or donated`,
        { help: "keep it alive longer, or do not donate it" },
      );
  }
}
