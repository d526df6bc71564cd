// A general allocator over a range of addresses: best fit in size bins, neighbours merged on free. Small blocks that are given back are parked, as they are, for the next
// request of their size, and merged only when a request cannot be met otherwise. It knows numbers, not memory.
import { InternalError } from "../errors/error.ts";

interface Block {
  start: number;
  size: number;
  free: boolean;
  parked: boolean;
  prev: Block | null;
  next: Block | null;
}

const BINS = 160;
/** Blocks below this many times the alignment are parked. */
const SMALL = 64;

/** Addresses handed out in multiples of `align` bytes (64 unless said otherwise). */
export class Allocator {
  /** Bytes handed out now, and the most there ever were. */
  live = 0;
  peak = 0;
  private end: number;
  private last: Block | null = null;
  private readonly used = new Map<number, Block>();
  private readonly bins: Set<Block>[] = Array.from({ length: BINS }, () => new Set());
  private readonly parked: Block[][] = Array.from({ length: SMALL }, () => []);
  private readonly align: number;

  constructor(start: number, end: number, align = 64) {
    this.align = align;
    this.end = Math.ceil(start / align) * align;
    this.extend(end);
  }

  /** Address of `bytes` fresh bytes, or undefined when no free block is large enough. */
  allocate(bytes: number): number | undefined {
    const { align } = this,
      size = Math.max(align, Math.ceil(bytes / align) * align),
      again = this.parked[size / align]?.pop();
    if (again) {
      again.parked = false;
      return this.count(again);
    }
    return this.find(size) ?? (this.unpark() ? this.find(size) : undefined);
  }
  private find(size: number): number | undefined {
    for (let bin = this.binOf(size); bin < BINS; bin++) {
      let best: Block | undefined;
      for (const b of this.bins[bin] ?? [])
        if (b.size >= size && (!best || b.size < best.size)) {
          best = b;
          if (b.size === size) break;
        }
      if (best) return this.take(best, size);
    }
    return undefined;
  }
  /** Give a block back. */
  release(address: number): void {
    const b = this.used.get(address);
    if (!b || b.parked) throw new InternalError(`release of address ${address}, which is not allocated`);
    this.live -= b.size;
    const shelf = this.overhangs ? undefined : this.parked[b.size / this.align];
    if (shelf) {
      b.parked = true;
      shelf.push(b);
    } else this.free(b);
  }
  private free(b: Block): void {
    this.used.delete(b.start);
    this.addFree(b);
  }
  /** Merges what was parked. Was there any? */
  private unpark(): boolean {
    let any = false;
    for (const shelf of this.parked)
      for (const b of shelf.splice(0)) {
        any = true;
        b.parked = false;
        this.free(b);
      }
    return any;
  }
  /** Are blocks beyond a retracted end still in use? Then there is no extending yet. */
  get overhangs(): boolean {
    return this.last !== null && this.last.start + this.last.size > this.end;
  }
  /** Less address space: nothing from `end` on is handed out any more. Blocks there stay until they are released. */
  retract(end: number): void {
    this.unpark();
    this.end = Math.floor(end / this.align) * this.align;
    for (let b = this.last; b && b.start + b.size > this.end;) {
      const { prev } = b;
      if (b.free) {
        this.bins[this.binOf(b.size)]?.delete(b);
        this.shelve(b);
      }
      b = prev;
    }
  }
  /** More address space: up to `end`. */
  extend(end: number): void {
    if (this.overhangs) throw new InternalError("an allocator with blocks beyond its end cannot be extended");
    const size = Math.floor((end - this.end) / this.align) * this.align;
    if (size <= 0) return;
    const b: Block = { start: this.end, size, free: false, parked: false, prev: this.last, next: null };
    if (this.last) this.last.next = b;
    this.last = b;
    this.end += size;
    this.addFree(b);
  }
  /** Size of the largest free block. */
  largest(): number {
    this.unpark();
    let most = 0;
    for (const bin of this.bins) for (const b of bin) most = Math.max(most, b.size);
    return most;
  }

  /** Bin of a size: four bins an octave. */
  private binOf(size: number): number {
    return Math.min(BINS - 1, Math.max(0, Math.floor(Math.log2(size / this.align) * 4)));
  }
  private take(b: Block, size: number): number {
    this.bins[this.binOf(b.size)]?.delete(b);
    if (b.size > size) {
      const rest: Block = { start: b.start + size, size: b.size - size, free: true, parked: false, prev: b, next: b.next };
      if (b.next) b.next.prev = rest;
      else this.last = rest;
      b.next = rest;
      b.size = size;
      this.bins[this.binOf(rest.size)]?.add(rest);
    }
    b.free = false;
    this.used.set(b.start, b);
    return this.count(b);
  }
  /** The address of a block that is handed out now. */
  private count(b: Block): number {
    this.live += b.size;
    this.peak = Math.max(this.peak, this.live);
    return b.start;
  }
  private addFree(b: Block): void {
    const { prev, next } = b;
    if (next?.free) {
      this.bins[this.binOf(next.size)]?.delete(next);
      b.size += next.size;
      b.next = next.next;
      if (next.next) next.next.prev = b;
      else this.last = b;
    }
    if (prev?.free) {
      this.bins[this.binOf(prev.size)]?.delete(prev);
      prev.size += b.size;
      prev.next = b.next;
      if (b.next) b.next.prev = prev;
      else this.last = prev;
      this.shelve(prev);
      return;
    }
    b.free = true;
    this.shelve(b);
  }
  /** Where a free block is found again: in its bin if it ends before the end, cut off there if it is the last, nowhere while others follow it. */
  private shelve(b: Block): void {
    if (b.start + b.size > this.end) {
      if (b !== this.last) return;
      if (b.start >= this.end) {
        this.last = b.prev;
        if (b.prev) b.prev.next = null;
        return;
      }
      b.size = this.end - b.start;
    }
    this.bins[this.binOf(b.size)]?.add(b);
  }
}
