// Device memory in big regions from the driver, handed out in pieces without it. All work is on one stream, so a piece that the host has given back may be
// handed out at once: what still uses it comes first in the stream.
import { InternalError } from "../errors/error.ts";
import { OutOfMemoryError } from "../errors/memory.ts";
import { Allocator } from "../memory/allocator.ts";
import { CUDA_ERROR_OUT_OF_MEMORY } from "./codes.ts";
import type { Calls } from "./calls.ts";
import type { Timeline } from "./timeline.ts";

const ALIGN = 256; // what cuMemAlloc gives, and what 128-byte swizzles and 16-byte vectors need
const GRAIN = 2 ** 21;

/** What a piece of `bytes` bytes takes. */
export const pieceBytes = (bytes: number): number => Math.max(1, Math.ceil(bytes / ALIGN)) * ALIGN;

interface Region {
  readonly start: number;
  readonly end: number;
  readonly allocator: Allocator;
}

/** The memory of one device. */
export class Heap {
  /** Bytes handed out at the most so far. */
  peak = 0;
  private readonly calls: Calls;
  private readonly timeline: Timeline;
  private readonly regionBytes: number;
  private closed = false;
  private readonly regions: Region[] = []; // newest first: large and mostly free

  constructor(calls: Calls, timeline: Timeline, regionBytes: number) {
    this.calls = calls;
    this.timeline = timeline;
    this.regionBytes = Math.ceil(regionBytes / GRAIN) * GRAIN;
  }
  /** Bytes handed out now. */
  get live(): number {
    return this.regions.reduce((n, r) => n + r.allocator.live, 0);
  }
  /** Bytes that the driver has given. */
  get reserved(): number {
    return this.regions.reduce((n, r) => n + r.end - r.start, 0);
  }
  /** Address of `bytes` bytes of unspecified contents. `reclaim` is asked once to free what it can before giving up. @throws OutOfMemoryError */
  allocate(bytes: number, reclaim: () => void): number {
    const address = this.find(bytes) ?? this.grow(bytes) ?? this.afterReclaim(bytes, reclaim);
    this.peak = Math.max(this.peak, this.live);
    return address;
  }
  release(address: number): void {
    if (this.closed) return; // all of it has been given back
    const region = this.regions.find(r => r.start <= address && address < r.end);
    if (!region) throw new InternalError(`release of device address ${address}, which is in no region`);
    region.allocator.release(address);
  }
  /** Give regions that hold nothing back to the driver. */
  trim(): void {
    const empty = this.regions.filter(r => r.allocator.live === 0);
    if (empty.length === 0) return;
    this.timeline.sync(); // work that still uses them
    for (const r of empty) this.drop(r);
  }
  /** Give everything back. */
  dispose(): void {
    this.closed = true;
    for (const r of [...this.regions]) this.drop(r);
  }

  private find(bytes: number): number | undefined {
    for (const r of this.regions) {
      const address = r.allocator.allocate(bytes);
      if (address !== undefined) return address;
    }
    return undefined;
  }
  /** One more region: a large one (half of what there is, at least `regionBytes`), or just enough. */
  private grow(bytes: number): number | undefined {
    const least = Math.max(1, Math.ceil(bytes / GRAIN)) * GRAIN;
    for (const size of new Set([Math.max(least, this.regionBytes, Math.floor(this.reserved / 2 / GRAIN) * GRAIN), least])) {
      const out = new BigUint64Array(1);
      if (this.calls.ask("cuMemAlloc", [CUDA_ERROR_OUT_OF_MEMORY], `reserving ${size} bytes`, out, size) !== 0) continue;
      const start = Number(out[0]);
      if (!Number.isSafeInteger(start + size)) throw new InternalError(`a device address ${out[0]} above 2^53`);
      this.regions.unshift({ start, end: start + size, allocator: new Allocator(start, start + size, ALIGN) });
      return this.regions[0]?.allocator.allocate(bytes);
    }
    return undefined;
  }
  private afterReclaim(bytes: number, reclaim: () => void): number {
    reclaim();
    const found = this.find(bytes);
    if (found !== undefined) return found;
    this.trim();
    const address = this.grow(bytes);
    if (address === undefined)
      throw new OutOfMemoryError({
        requested: bytes,
        live: this.live,
        peak: this.peak,
        largest: Math.max(0, ...this.regions.map(r => r.allocator.largest())),
      });
    return address;
  }
  private drop(region: Region): void {
    this.regions.splice(this.regions.indexOf(region), 1);
    this.calls.free("cuMemFree", "giving memory back", region.start);
  }
}
