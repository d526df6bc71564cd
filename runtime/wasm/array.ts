// A tensor's memory on the Wasm device: a view of linear memory, read when the command that fills it is finished.
import { hostView, type DType, type HostArray } from "../dtype.ts";
import { PullbackError } from "../errors/error.ts";
import { BlockArray, type Block, type Ledger } from "../memory/blocks.ts";
import type { WasmDevice } from "./device.ts";
import { mayBlock } from "./engine.ts";

/** See DeviceArray. */
export class WasmArray extends BlockArray {
  readonly device: WasmDevice;
  /** The engine's command that fills it; 0 for what the host has written. */
  command = 0;

  constructor(device: WasmDevice, ledger: Ledger, dtype: DType, elements: number, block: Block) {
    super(ledger, dtype, elements, block);
    this.device = device;
  }
  readSync(): HostArray {
    this.requireLive("read");
    const { engine, name } = this.device;
    if (this.check !== undefined || !engine.finished(this.command)) {
      if (this.check !== undefined || !engine.mayWait)
        throw new PullbackError(
          "E0706",
          mayBlock()
            ? `the thread that runs programs for ${name} is still starting, and cannot start while this one waits`
            : `a page's main thread may not wait for ${name}, which runs programs on another thread`,
          {
            help: mayBlock()
              ? "await device.sync() once before the first x.dataSync(), or read with await x.data()"
              : "read with await x.data()",
          },
        );
      engine.wait(this.command);
    }
    return this.copy();
  }
  /** Whatever is queued or disposed of after the call does not change what is read: the block is held, so nobody else gets it. */
  protected override async contents(): Promise<HostArray> {
    const { engine } = this.device;
    if (engine.finished(this.command)) return this.copy();
    this.ledger.hold(this.block);
    try {
      await engine.settled(this.command);
      return this.copy();
    } finally {
      this.ledger.unhold(this.block);
    }
  }
  private copy(): HostArray {
    return hostView(this.dtype, this.device.buffer, this.block.address, this.elements).slice();
  }
}
