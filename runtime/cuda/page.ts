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

  constructor(calls: Calls) {
    this.calls = calls;
    const size = VALUES + POINTERS + ATTRIBUTE + 2 * LOG,
      out = new BigUint64Array(1);
    calls.do("cuMemAllocHost", "making a page for parameters", out, size);
    const pointer = out[0] ?? 0n,
      buffer = calls.driver.hostView(pointer, size);
    this.whole = { pointer, bytes: new Uint8Array(buffer) };
    this.values = new BigUint64Array(buffer, 0, MOST);
    const pointers = new BigUint64Array(buffer, VALUES, MOST);
    for (let i = 0; i < MOST; i++) pointers[i] = pointer + BigInt(8 * i);
    this.params = pointer + BigInt(VALUES);
    this.attribute = this.part(VALUES + POINTERS, ATTRIBUTE);
  }
  /** Parameter `i` of the next launch. */
  set(i: number, address: number): void {
    if (i >= MOST) throw new InternalError(`a kernel of more than ${MOST} parameters`);
    this.values[i] = BigInt(address);
  }
  /** Where the assembler writes, emptied. */
  logs(): { readonly info: NativeBytes; readonly error: NativeBytes } {
    const at = VALUES + POINTERS + ATTRIBUTE;
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
