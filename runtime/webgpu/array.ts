// A tensor's memory on the WebGPU device. Its contents arrive later, and may turn out never to have come to be: the block knows which command wrote it.
import type { DType, HostArray } from "../dtype.ts";
import { PullbackError } from "../errors/error.ts";
import { BlockArray, type Block, type Ledger } from "../memory/blocks.ts";
import type { WebGpuDevice } from "./device.ts";

/** A counted piece of the heap. `written`: the command on the timeline that wrote it last. */
export interface GpuBlock extends Block {
  written: number;
}

/** See DeviceArray. */
export class WebGpuArray extends BlockArray {
  override readonly device: WebGpuDevice;
  /** The block, as this device made it. */
  readonly place: GpuBlock;

  constructor(device: WebGpuDevice, ledger: Ledger, dtype: DType, elements: number, block: GpuBlock) {
    super(ledger, dtype, elements, block);
    this.device = device;
    this.place = block;
  }
  override readSync(): HostArray {
    throw new PullbackError("E0706", `a tensor on ${this.device.name} cannot be read without waiting`, {
      help: "read with await: x.data(), x.itemAsync(), x.tolistAsync(), or all of a tree at once with toDevice(tree, wasm())",
    });
  }
  protected override contents(): Promise<HostArray> {
    return this.device.contents(this);
  }
  /** @throws the reason when the contents never came to be */
  requireSound(): void {
    const fault = this.device.timeline.faultOf(this.place.written);
    if (fault) throw fault;
  }
}
