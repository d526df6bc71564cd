// A little native memory for what the driver reads through pointers: the parameters of the launch that is being made, and the assembler's logs.
import { InternalError } from "../errors/error.ts";
import type { Calls } from "./calls.ts";

/** Native memory seen from here. */
export interface NativeBytes {
  readonly pointer: bigint;
  readonly bytes: Uint8Array;
}
/** A kernel has at most 4096 bytes of parameters. */
const MOST = 512;
const VALUES = 8 * MOST,
  POINTERS = 8 * MOST,
  TENSOR = 128,
  TENSORS = 8 * TENSOR,
  ATTRIBUTE = 128,
  LOG = 16384;

/** One page a device. The driver copies what it reads before a call returns, so one page serves every call. */
export class NativePage {
  /** Native address of the array of pointers to the parameters. */
  readonly params: bigint;
  /** Native address of a launch attribute. */
  readonly attribute: NativeBytes;
  private readonly calls: Calls;
  private readonly whole: NativeBytes;
  private readonly values: BigUint64Array;
  private readonly pointers: BigUint64Array;

  constructor(calls: Calls) {
    this.calls = calls;
    const size = VALUES + POINTERS + TENSORS + ATTRIBUTE + 2 * LOG,
      out = new BigUint64Array(1);
    calls.do("cuMemAllocHost", "making a page for parameters", out, size);
    const pointer = out[0] ?? 0n,
      buffer = calls.driver.hostView(pointer, size);
    this.whole = { pointer, bytes: new Uint8Array(buffer) };
    this.values = new BigUint64Array(buffer, 0, MOST);
    this.pointers = new BigUint64Array(buffer, VALUES, MOST);
    this.params = pointer + BigInt(VALUES);
    this.attribute = this.part(VALUES + POINTERS + TENSORS, ATTRIBUTE);
  }
  /** Parameter `i` of the next launch. */
  set(i: number, address: number): void {
    if (i >= MOST) throw new InternalError(`a kernel of more than ${MOST} parameters`);
    this.values[i] = BigInt(address);
    this.pointers[i] = this.whole.pointer + BigInt(8 * i);
  }
  /** Where the descriptor of the launch's tensor `n`, its parameter `i`, is to be written. */
  tensor(i: number, n: number): bigint {
    if (n * TENSOR >= TENSORS) throw new InternalError(`a kernel of more than ${TENSORS / TENSOR} tensors`);
    return (this.pointers[i] = this.whole.pointer + BigInt(VALUES + POINTERS + TENSOR * n));
  }
  /** Where the assembler writes, emptied. */
  logs(): { readonly info: NativeBytes; readonly error: NativeBytes } {
    const at = VALUES + POINTERS + TENSORS + ATTRIBUTE;
    const info = this.part(at, LOG),
      error = this.part(at + LOG, LOG);
    info.bytes[0] = error.bytes[0] = 0;
    return { info, error };
  }
  /** Give the page back. */
  dispose(): void {
    this.calls.free("cuMemFreeHost", "closing the device", this.whole.pointer);
  }
  private part(offset: number, bytes: number): NativeBytes {
    return { pointer: this.whole.pointer + BigInt(offset), bytes: this.whole.bytes.subarray(offset, offset + bytes) };
  }
}
