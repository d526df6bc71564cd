// Memory of a card that is an array, and pinned memory of a host whose native addresses are made up. Both know what is allocated, to the byte.

interface Range {
  readonly start: number;
  readonly bytes: number;
}
/** What fresh and freed memory holds, so that nobody gets away with reading it: as f32 it is -2.7e7. */
export const POISON = 0xcb;
const ALIGN = 512;

/** Device memory: `memory`'s first byte has the address `base`. */
export class DeviceMemory {
  readonly memory: Uint8Array;
  readonly base: number;
  private readonly ranges: Range[] = []; // by address

  constructor(memory: Uint8Array, base: number) {
    this.memory = memory;
    this.base = base;
  }
  get used(): number {
    return this.ranges.reduce((n, r) => n + r.bytes, 0);
  }
  get count(): number {
    return this.ranges.length;
  }
  /** First fit; undefined when there is no room. */
  allocate(bytes: number): number | undefined {
    let at = this.base,
      i = 0;
    for (; i < this.ranges.length; i++) {
      const r = this.ranges[i] as Range; // in range
      if (r.start - at >= bytes) break;
      at = Math.ceil((r.start + r.bytes) / ALIGN) * ALIGN;
    }
    if (at + bytes > this.base + this.memory.length) return undefined;
    this.ranges.splice(i, 0, { start: at, bytes });
    this.bytes(at, bytes).fill(POISON);
    return at;
  }
  /** False when nothing starts there. */
  free(start: number): boolean {
    const i = this.ranges.findIndex(r => r.start === start),
      found = this.ranges[i];
    if (!found) return false;
    this.bytes(start, found.bytes).fill(POISON);
    this.ranges.splice(i, 1);
    return true;
  }
  /** Do these bytes lie in one allocation? */
  holds(start: number, bytes: number): boolean {
    return this.ranges.some(r => r.start <= start && start + bytes <= r.start + r.bytes);
  }
  bytes(start: number, bytes: number): Uint8Array {
    return this.memory.subarray(start - this.base, start - this.base + bytes);
  }
}

/** Pinned memory. */
export class HostMemory {
  private next = 0x6000_0000_1000n;
  private readonly blocks = new Map<bigint, ArrayBuffer>();

  get count(): number {
    return this.blocks.size;
  }
  allocate(bytes: number): bigint {
    const at = this.next;
    this.next += BigInt(Math.ceil(bytes / 4096) * 4096 + 4096); // nothing is next to anything
    const buffer = new ArrayBuffer(bytes);
    new Uint8Array(buffer).fill(POISON);
    this.blocks.set(at, buffer);
    return at;
  }
  free(pointer: bigint): boolean {
    const block = this.blocks.get(pointer);
    if (block) new Uint8Array(block).fill(POISON);
    return this.blocks.delete(pointer);
  }
  /** `bytes` bytes at a native address, or undefined where they are not pinned memory. */
  bytes(pointer: bigint, bytes: number): Uint8Array<ArrayBuffer> | undefined {
    for (const [start, buffer] of this.blocks) {
      const at = Number(pointer - start);
      if (pointer >= start && at + bytes <= buffer.byteLength) return new Uint8Array(buffer, at, bytes);
    }
    return undefined;
  }
  /** The whole block that starts there. */
  block(pointer: bigint): ArrayBuffer | undefined {
    return this.blocks.get(pointer);
  }
}
