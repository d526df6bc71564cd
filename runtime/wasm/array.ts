// A tensor's memory on the Wasm device: a view of linear memory, read at once.
import { hostView, type DType, type HostArray } from "../dtype.ts";
import { BlockArray, type Block, type Ledger } from "../memory/blocks.ts";
import type { WasmDevice } from "./device.ts";

/** See DeviceArray. */
export class WasmArray extends BlockArray {
  readonly device: WasmDevice;

  constructor(device: WasmDevice, ledger: Ledger, dtype: DType, elements: number, block: Block) {
    super(ledger, dtype, elements, block);
    this.device = device;
  }
  readSync(): HostArray {
    this.requireLive("read");
    return hostView(this.dtype, this.device.buffer, this.block.address, this.elements).slice();
  }
  read(): Promise<HostArray> {
    return Promise.resolve().then(() => this.readSync());
  }
}
