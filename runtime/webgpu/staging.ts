// Reading: a copy into a buffer the host may map, in its turn, without holding up what comes after. The buffers are used again.
import { OutOfMemoryError } from "../errors/memory.ts";
import { MAP_READ, Usage, type GpuBuffer } from "./api.ts";
import { InternalError } from "../errors/error.ts";
import { refused, type Refusal, type Timeline } from "./timeline.ts";

const SMALLEST = 256;
const KEPT = 64 << 20; // bytes of idle buffers
const WASTE = 4; // a buffer serves requests down to this part of it

/** Buffers for reading. */
export class Staging {
  private readonly timeline: Timeline;
  private readonly idle: GpuBuffer[] = [];
  private idleBytes = 0;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
  }

  /** Copies `bytes` (a multiple of 4) out of `from` at once and gives them when they are there. The copy sees all that was done before. @throws E0707, DeviceLostError, OutOfMemoryError */
  async fetch(from: GpuBuffer, at: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const { timeline } = this,
      { gpu } = timeline;
    let work: { readonly buffer: GpuBuffer; readonly mapped: Promise<Error | undefined> } | undefined;
    const refusal = timeline.guard(() => {
      const buffer = this.take(bytes);
      const encoder = gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(from, at, buffer, 0, bytes);
      timeline.submit([encoder.finish()]);
      const mapped = buffer.mapAsync(MAP_READ, 0, bytes).then(
        () => undefined,
        (e: unknown) => refused({ message: e instanceof Error ? e.message : String(e) }, "reading a result"),
      );
      work = { buffer, mapped };
    });
    const [said, failed] = await timeline.orLost(Promise.all([refusal, refusal.then(() => work?.mapped)]));
    if (said || failed || !work) {
      if (work) timeline.buffers.destroy(work.buffer);
      if (failed && !said) await timeline.lossIfNear();
      throw reason(said, bytes) ?? timeline.lost ?? failed ?? new InternalError("a read without work");
    }
    const { buffer } = work;
    const copy = new Uint8Array(buffer.getMappedRange(0, bytes)).slice();
    buffer.unmap();
    this.give(buffer);
    return copy;
  }
  /** Idle buffers are given back to the driver. */
  trim(): void {
    for (const b of this.idle.splice(0)) this.timeline.buffers.destroy(b);
    this.idleBytes = 0;
  }

  private take(bytes: number): GpuBuffer {
    const at = this.idle.findIndex(b => b.size >= bytes && b.size <= Math.max(SMALLEST, WASTE * bytes));
    const found = at < 0 ? undefined : this.idle.splice(at, 1)[0];
    if (found) {
      this.idleBytes -= found.size;
      return found;
    }
    const size = Math.max(SMALLEST, bytes <= 1 << 20 ? 2 ** Math.ceil(Math.log2(bytes)) : bytes);
    return this.timeline.buffers.make("staging", size, Usage.mapRead | Usage.copyDst);
  }
  private give(buffer: GpuBuffer): void {
    if (this.idleBytes + buffer.size > KEPT) {
      this.timeline.buffers.destroy(buffer);
      return;
    }
    this.idle.push(buffer);
    this.idleBytes += buffer.size;
  }
}

/** A staging buffer for which there is no room is out of memory on the host's side: nothing of the heap's. */
const reason = (refusal: Refusal | undefined, bytes: number): Error | undefined =>
  refusal?.memory === true ? new OutOfMemoryError({ requested: bytes, live: 0, peak: 0, largest: 0 }) : refusal?.error;
