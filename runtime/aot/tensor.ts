// A result of a compiled function: memory on a device. It can be read, given to a function again, and given back; nothing else.
import type { DType } from "../dtype.ts";
import type { Block, LaunchDevice } from "./device.ts";
import { LaunchError } from "./error.ts";
import { arrayOf, showLeaf, sizeOf, widthOf, type ArrayOf } from "./storage.ts";

/** What a compiled function takes for a tensor: one of its own, a typed array, row by row, or, for a scalar, a number or boolean. */
export type Given<S extends readonly number[], D extends DType> =
  | DeviceTensor<S, D>
  | ArrayOf<D>
  | (S extends readonly [] ? (D extends "f16" | "bf16" | "f8e4m3" | "f8e5m2" ? never : number | boolean) : never);

/** A tensor on a device. Forgotten ones are given back by the collector; a loop that makes many should `dispose()`, or donate what it replaces. */
export class DeviceTensor<S extends readonly number[] = readonly number[], D extends DType = DType> {
  readonly dtype: D;
  readonly shape: S;
  readonly device: LaunchDevice;
  private held: Block | undefined;

  /** Internal: takes over one of the block's holds. */
  constructor(dtype: D, shape: S, device: LaunchDevice, block: Block) {
    this.dtype = dtype;
    this.shape = shape;
    this.device = device;
    this.held = block;
    device.forgotten.register(this, block, this);
  }
  /** The numbers, row by row. */
  async data(): Promise<ArrayOf<D>> {
    const { dtype, shape, device } = this,
      elements = sizeOf(shape),
      raw = await device.read(this.block("read").at, elements * widthOf(dtype));
    return new arrayOf[dtype](raw, 0, elements) as ArrayOf<D>; // the array of its dtype
  }
  /** The number of a scalar. */
  async item(): Promise<number> {
    return (await this.data())[0] ?? NaN;
  }
  /** Give the memory back now. Idempotent. */
  dispose(): void {
    if (this.held) this.device.release(this.surrender());
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  /** Is it disposed of, or donated? */
  get released(): boolean {
    return !this.held;
  }
  /** Internal. @throws E0701 after dispose or donation */
  block(verb: string): Block {
    if (this.held) return this.held;
    throw new LaunchError(
      "E0701",
      `a tensor ${showLeaf(this)} is ${verb} after it was disposed or donated`,
      "keep it alive longer, or do not donate it",
    );
  }
  /** Internal: the block, which is somebody else's from now on. */
  surrender(): Block {
    const block = this.block("donated");
    this.held = undefined;
    this.device.forgotten.unregister(this);
    return block;
  }
}
