// The device's linear memory: one WebAssembly.Memory that grows, and an allocator over it.
import { OutOfMemoryError, type MemoryFacts } from "../errors/memory.ts";
import { Allocator } from "../memory/allocator.ts";

const PAGE = 65536;
const MAX_PAGES = 65536; // 4 GiB, the end of 32-bit addresses
const RESERVED = 1024; // address 0 stays unused, so that a stray null pointer reads zeros

/** Linear memory with an allocator. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  private readonly allocator: Allocator;
  private readonly waiting: () => number;
  private pages = 256;

  /** `waiting`: bytes given back that cannot be had yet, for errors. */
  constructor(shared: boolean, waiting: () => number) {
    this.waiting = waiting;
    this.memory = new WebAssembly.Memory({ initial: this.pages, maximum: MAX_PAGES, shared });
    this.allocator = new Allocator(RESERVED, this.pages * PAGE);
  }
  get live(): number {
    return this.allocator.live;
  }
  get peak(): number {
    return this.allocator.peak;
  }
  get reserved(): number {
    return this.pages * PAGE;
  }

  /** Address of `bytes` bytes of unspecified contents. `reclaim` is asked once to free garbage before giving up. @throws OutOfMemoryError */
  allocate(bytes: number, reclaim: () => void): number {
    return this.allocator.allocate(bytes) ?? this.growAndAllocate(bytes) ?? this.afterReclaim(bytes, reclaim);
  }
  release(address: number): void {
    this.allocator.release(address);
  }

  /** What an error about `requested` bytes tells. */
  facts(requested: number): MemoryFacts {
    return { requested, live: this.live, peak: this.peak, largest: this.allocator.largest(), waiting: this.waiting() };
  }

  private growAndAllocate(bytes: number): number | undefined {
    const need = Math.ceil(bytes / PAGE) + 1;
    const more = Math.min(MAX_PAGES - this.pages, Math.max(need, Math.min(this.pages >> 1, 4096)));
    if (more < need) return undefined;
    try {
      this.memory.grow(more);
    } catch {
      return undefined;
    } // RangeError: the engine has no more to give
    this.pages += more;
    this.allocator.extend(this.pages * PAGE);
    return this.allocator.allocate(bytes);
  }
  private afterReclaim(bytes: number, reclaim: () => void): number {
    reclaim();
    const address = this.allocator.allocate(bytes);
    if (address === undefined) throw new OutOfMemoryError(this.facts(bytes));
    return address;
  }
}
