// Bytes between host and card, piece by piece through the staging ring.
import type { Calls } from "./calls.ts";
import type { Piece, Staging } from "./staging.ts";

/** Copies of one device. */
export class Transfers {
  private readonly calls: Calls;
  private readonly staging: Staging;
  private readonly stream: bigint;

  constructor(calls: Calls, staging: Staging, stream: bigint) {
    this.calls = calls;
    this.staging = staging;
    this.stream = stream;
  }
  /** Enqueue a copy to device memory. `from` may be changed afterwards. */
  write(to: number, from: Uint8Array): void {
    for (const [at, size] of this.pieces(from.length)) {
      const piece = this.staging.take(size);
      this.staging.bytes(piece).set(from.subarray(at, at + size));
      this.enqueue(piece, () =>
        this.calls.do("cuMemcpyHtoDAsync", `uploading ${from.length} bytes`, to + at, piece.pointer, size, this.stream),
      );
    }
  }
  /** Fill `to` from device memory, when all enqueued work is done. */
  readSync(from: number, to: Uint8Array): void {
    for (const [at, size] of this.pieces(to.length)) this.staging.finish(this.fetch(from, to, at, size));
  }
  /** The same without blocking. The caller keeps the memory until then. */
  async read(from: number, to: Uint8Array): Promise<void> {
    for (const [at, size] of this.pieces(to.length)) await this.staging.arrive(this.fetch(from, to, at, size));
  }

  private fetch(from: number, to: Uint8Array, at: number, size: number): Piece {
    const piece = this.staging.take(size);
    this.enqueue(piece, () =>
      this.calls.do("cuMemcpyDtoHAsync", `reading ${to.length} bytes`, piece.pointer, from + at, size, this.stream),
    );
    piece.arrived = () => to.set(this.staging.bytes(piece).subarray(0, size), at);
    return piece;
  }
  private enqueue(piece: Piece, copy: () => void): void {
    try {
      copy();
    } catch (e) {
      this.staging.abandon(piece);
      throw e;
    }
  }
  private *pieces(bytes: number): Generator<readonly [at: number, size: number]> {
    for (let at = 0; at < bytes; at += this.staging.most) yield [at, Math.min(this.staging.most, bytes - at)];
  }
}
