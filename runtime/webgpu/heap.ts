// All tensors of a device in one buffer, which kernels see whole. It grows by a copy into a larger one, in its turn on the timeline. The driver says only later
// whether there was room: if not, the old buffer is still there, and only what was issued since the growth is void.
import { OutOfMemoryError } from "../errors/memory.ts";
import { Allocator } from "../memory/allocator.ts";
import { Usage, type GpuBuffer } from "./api.ts";
import type { Faults } from "./faults.ts";
import type { Refusal, Timeline } from "./timeline.ts";

const STEP = 1 << 20; // sizes are whole MiB
const GENTLE = 1 << 30; // from here on growth is by a quarter
const USAGE = Usage.storage | Usage.copySrc | Usage.copyDst;

/** What a heap is made of. `limit`: bytes the device can bind at once. */
export interface HeapParts {
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly initial: number;
  readonly limit: number;
}

/** See above. */
export class Heap {
  /** The buffer of commands that are executed now. */
  buffer: GpuBuffer;
  private readonly timeline: Timeline;
  private readonly faults: Faults;
  private readonly allocator: Allocator;
  private limit: number;
  private capacity: number;

  private constructor(buffer: GpuBuffer, { timeline, faults, limit }: HeapParts) {
    this.buffer = buffer;
    this.timeline = timeline;
    this.faults = faults;
    this.limit = limit;
    this.capacity = buffer.size;
    this.allocator = new Allocator(0, this.capacity);
  }
  /** A heap of `initial` bytes. @throws OutOfMemoryError */
  static async make(parts: HeapParts): Promise<Heap> {
    const size = Math.min(Math.ceil(parts.initial / STEP) * STEP, parts.limit);
    const { buffer, refused } = create(parts.timeline, size);
    const refusal = await refused;
    if (refusal && !refusal.memory) throw refusal.error;
    if (refusal) throw new OutOfMemoryError({ requested: size, live: 0, peak: 0, largest: 0 });
    return new Heap(buffer, parts);
  }
  get live(): number {
    return this.allocator.live;
  }
  get peak(): number {
    return this.allocator.peak;
  }
  get reserved(): number {
    return this.capacity;
  }

  /** Address of `bytes` bytes of unspecified contents. `reclaim` is asked once to free garbage before giving up. @throws OutOfMemoryError */
  allocate(bytes: number, reclaim: () => void): number {
    const address = this.faults.allocation() ? undefined : this.find(bytes, reclaim);
    if (address === undefined) throw this.full(bytes);
    return address;
  }
  release(address: number): void {
    this.allocator.release(address);
  }

  private find(bytes: number, reclaim: () => void): number | undefined {
    const found = this.allocator.allocate(bytes) ?? this.growAndAllocate(bytes);
    if (found !== undefined) return found;
    reclaim();
    return this.allocator.allocate(bytes);
  }
  private full(requested: number): OutOfMemoryError {
    return new OutOfMemoryError({ requested, live: this.live, peak: this.peak, largest: this.allocator.largest() });
  }
  private growAndAllocate(bytes: number): number | undefined {
    const { capacity, limit, allocator } = this;
    const wanted = Math.max(capacity + bytes + 64, capacity < GENTLE ? 2 * capacity : 1.25 * capacity);
    const size = Math.min(Math.ceil(wanted / STEP) * STEP, Math.floor(limit / 64) * 64);
    if (size < capacity + bytes || allocator.overhangs) return undefined;
    this.capacity = size;
    allocator.extend(size);
    this.grow(bytes);
    return allocator.allocate(bytes);
  }
  /** The real buffer becomes as large as the allocator believes it to be; everything later waits until the driver has said yes. */
  private grow(bytes: number): void {
    this.timeline.issue({
      execute: () => this.replace(bytes),
      voided: () => {
        if (!this.timeline.lost) this.grow(bytes); // what failed has nothing to do with it
      },
    });
  }
  private replace(bytes: number): void | Promise<void> {
    const old = this.buffer,
      size = this.capacity;
    if (old.size >= size) return;
    const { buffer, refused } = create(this.timeline, size, old);
    return refused.then(refusal => {
      if (!refusal) {
        this.buffer = buffer;
        this.timeline.buffers.destroy(old);
        return;
      }
      this.timeline.buffers.destroy(buffer);
      const failure = refusal.memory ? this.full(bytes) : refusal.error;
      if (refusal.memory) this.limit = size - STEP;
      this.capacity = old.size;
      this.allocator.retract(old.size);
      throw failure;
    });
  }
}

/** A buffer with `old`'s contents, and what the driver says to that. */
function create(timeline: Timeline, size: number, old?: GpuBuffer): { buffer: GpuBuffer; refused: Promise<Refusal | undefined> } {
  const { gpu } = timeline;
  let buffer: GpuBuffer | undefined;
  const refused = timeline.guard(() => {
    buffer = timeline.buffers.make("heap", size, USAGE);
    if (!old) return;
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(old, 0, buffer, 0, old.size);
    timeline.submit([encoder.finish()]);
  });
  if (!buffer) throw new OutOfMemoryError({ requested: size, live: 0, peak: 0, largest: 0 });
  return { buffer, refused };
}
