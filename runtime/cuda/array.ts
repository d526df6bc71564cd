// A tensor's memory on a card. Reads come through pinned memory, in the order of the stream; while one is under way the block is held, so that nothing may
// take it over.
import { byteSize, hostArray, type DType, type HostArray } from "../dtype.ts";
import { BlockArray, type Block } from "../memory/blocks.ts";
import type { CudaDevice } from "./device.ts";

/** See DeviceArray. */
export class CudaArray extends BlockArray {
  readonly device: CudaDevice;

  constructor(device: CudaDevice, dtype: DType, elements: number, block: Block) {
    super(device.ledger, dtype, elements, block);
    this.device = device;
  }
  readSync(): HostArray {
    this.requireLive("read");
    const to = hostArray(this.dtype, this.elements);
    this.device.transfers.readSync(this.block.address, bytesOf(to, this.dtype));
    return to;
  }
  protected override async contents(): Promise<HostArray> {
    const to = hostArray(this.dtype, this.elements);
    this.device.ledger.hold(this.block);
    try {
      await this.device.transfers.read(this.block.address, bytesOf(to, this.dtype));
    } finally {
      this.device.ledger.unhold(this.block);
    }
    return to;
  }
}
/** The bytes of a host array. */
export const bytesOf = (a: HostArray, dtype: DType): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.length * byteSize(dtype));
