// Pinned host memory that transfers pass through: one ring, taken piece by piece in the order of the stream. A piece is free again when the device has passed
// it and what it brought has been copied out; so neither uploads nor reads allocate, and both may run ahead of the device only as far as the ring is long.
import { InternalError } from "../errors/error.ts";
import type { Calls } from "./calls.ts";
import type { Timeline } from "./timeline.ts";

/** A piece of the ring. `mark`: the device no longer touches it then. `arrived` takes what was read out of it. */
export interface Piece {
  readonly offset: number;
  readonly bytes: number;
  readonly pointer: bigint;
  mark: number;
  arrived: (() => void) | undefined;
}
const ALIGN = 64;

/** The ring of one device, made at first use. */
export class Staging {
  /** The most bytes of one piece. */
  readonly most: number;
  private readonly calls: Calls;
  private readonly timeline: Timeline;
  private readonly capacity: number;
  private base: { readonly pointer: bigint; readonly view: Uint8Array } | undefined;
  private readonly pieces: Piece[] = [];

  constructor(calls: Calls, timeline: Timeline, capacity: number) {
    this.calls = calls;
    this.timeline = timeline;
    this.capacity = Math.ceil(capacity / (4 * ALIGN)) * 4 * ALIGN;
    this.most = this.capacity / 4;
  }
  /** A piece for the work that is enqueued next. Waits for the device when the ring is full. */
  take(bytes: number): Piece {
    if (bytes > this.most) throw new InternalError(`${bytes} bytes of staging at once, ${this.most} is the most`);
    const { pointer } = this.memory(),
      size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
    for (;;) {
      const offset = this.place(size);
      if (offset !== undefined) {
        const piece: Piece = { offset, bytes: size, pointer: pointer + BigInt(offset), mark: this.timeline.upcoming, arrived: undefined };
        this.pieces.push(piece);
        return piece;
      }
      this.retire();
    }
  }
  /** The bytes of a piece. */
  bytes(piece: Piece): Uint8Array {
    return this.memory().view.subarray(piece.offset, piece.offset + piece.bytes);
  }
  /** The piece was not used after all. */
  abandon(piece: Piece): void {
    piece.mark = 0;
    piece.arrived = undefined;
  }
  /** Block until the piece has arrived. */
  finish(piece: Piece): void {
    while (this.pieces.includes(piece)) this.retire();
  }
  /** The same without blocking. */
  async arrive(piece: Piece): Promise<void> {
    await this.timeline.arrive(piece.mark);
    this.finish(piece);
  }
  /** Give the memory back. */
  dispose(): void {
    this.pieces.length = 0;
    if (this.base) this.calls.free("cuMemFreeHost", "closing the device", this.base.pointer);
    this.base = undefined;
  }

  private memory(): { readonly pointer: bigint; readonly view: Uint8Array } {
    if (this.base) return this.base;
    const out = new BigUint64Array(1);
    this.calls.do("cuMemAllocHost", "pinning memory for transfers", out, this.capacity);
    const pointer = out[0] ?? 0n;
    return (this.base = { pointer, view: new Uint8Array(this.calls.driver.hostView(pointer, this.capacity)) });
  }
  /** Where `size` bytes are free, behind the newest piece; the ring is never filled to the last byte, so that full and empty differ. */
  private place(size: number): number | undefined {
    const first = this.pieces[0],
      last = this.pieces.at(-1);
    if (!first || !last) return 0;
    const head = last.offset + last.bytes,
      tail = first.offset;
    if (head > tail) return this.capacity - head >= size ? head : tail > size ? 0 : undefined;
    return tail - head > size ? head : undefined;
  }
  /** Wait for the oldest piece, and take out what it brought. */
  private retire(): void {
    const first = this.pieces[0];
    if (!first) throw new InternalError("the staging ring is full and empty");
    this.timeline.wait(first.mark);
    this.pieces.shift();
    first.arrived?.();
  }
}
