// The race detector: two accesses of different threads to one byte, one of them a write, that no barrier, atomic or wait puts in an order. Also reads of shared memory
// that nobody wrote, uses of memory that a copy in flight is about, and asynchronous reads of what was written without a proxy fence.
import type { Block } from "../block.ts";
import { PtxFault } from "../errors.ts";
import type { Memory } from "../memory.ts";
import type { Warp } from "../warp.ts";
import { Clock, merge, type Knowledge } from "./clocks.ts";
import { ATOMIC, GENERIC, Shadow, type Page } from "./shadow.ts";

/** How memory is touched. The asynchronous kinds are by copies and by tensor cores that read shared memory themselves. */
export type Touch = "read" | "write" | "atomic" | "asyncRead" | "asyncWrite";

/** Something that a copy or a tensor core still reads or writes. */
export interface Flight {
  readonly warp: Warp;
  readonly lane: number;
  readonly memory: Memory;
  readonly at: number;
  readonly bytes: number;
  readonly writes: boolean;
  readonly epoch: number;
}
/** A moment of a warp. */
export interface Stamp {
  readonly warp: number;
  readonly epoch: number;
}
const IN_FLIGHT = 0x7fffffff,
  SEVERAL = 32,
  MOST_READERS = 64 * 3,
  EVERYONE = -0x80000000;

/** See above; one a launch. */
export class Races {
  private readonly clocks = new Map<Warp, Clock>();
  private readonly shadows = new Map<Memory, Shadow>();
  private readonly signals = new Map<string, Knowledge>();
  private readonly blocks: Block["at"][] = [];
  private warps = 0;
  private readonly global: Memory;
  private warpsOfBlock = 1;
  constructor(global: Memory) {
    this.global = global;
    this.shadows.set(global, new Shadow());
  }

  /** The blocks of a cluster begin. */
  start(blocks: readonly Block[]): void {
    const first = this.warps;
    this.warpsOfBlock = blocks[0]?.warps.length ?? 1;
    for (const b of blocks) {
      this.shadows.set(b.shared, new Shadow());
      this.blocks.push(b.at);
    }
    const all = blocks.flatMap(b => b.warps);
    for (const w of all) this.clocks.set(w, new Clock(this.warps++, first, all.length));
  }
  private clock(w: Warp): Clock {
    const c = this.clocks.get(w);
    if (!c) throw new RangeError("a warp that has not started");
    return c;
  }

  // ---- order

  /** All of them have waited for each other. */
  meet(warps: ReadonlySet<Warp>): void {
    let known: Knowledge | undefined;
    for (const w of warps) known = merge(known, this.clock(w).tell());
    for (const w of warps) {
      const c = this.clock(w);
      if (known) c.learn(known);
      c.meetLanes();
    }
  }
  meetLanes(w: Warp): void {
    this.clock(w).meetLanes();
  }
  fence(w: Warp): void {
    this.clock(w).fence();
  }
  proxyFence(w: Warp): void {
    this.clock(w).fenceProxy();
  }
  /** What happened before now in this warp, for an mbarrier or a signal to keep. */
  tell(w: Warp): Knowledge {
    return this.clock(w).tell();
  }
  learn(w: Warp, k: Knowledge): void {
    const c = this.clock(w);
    c.learn(k);
    c.meetLanes();
  }
  stamp(w: Warp): Stamp {
    const { number, epoch } = this.clock(w);
    return { warp: number, epoch };
  }
  /** Are generic writes of that moment visible to asynchronous copies that `w` starts? */
  fenced(w: Warp, s: Stamp): boolean {
    return this.clock(w).isFenced(s.warp, s.epoch);
  }
  /** Synchronisation by an atomic access at each lane's place: what was published at the last fence (now, under `release`) is left there; what is there is heard (known at once under `acquire`). */
  signal(w: Warp, mask: number, m: Memory, at: Float64Array, acquire: boolean, release: boolean): void {
    const c = this.clock(w);
    if (release) c.published = c.tell();
    for (let l = 0; l < 32; l++) {
      if (((mask >>> l) & 1) === 0) continue;
      const key = `${m === this.global ? "g" : c.first} ${at[l]}`,
        there = this.signals.get(key);
      if (there && acquire) c.learn(there);
      else if (there) c.heard.push(there);
      if (c.published) this.signals.set(key, merge(there, c.published));
    }
  }

  // ---- accesses

  /** Each lane of `mask` touches `bytes` bytes at its place in `at`. */
  access(w: Warp, mask: number, m: Memory, _home: Block | undefined, at: Float64Array, bytes: number, touch: Touch): void {
    for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) this.touch(w, l, m, at[l] as number, bytes, touch); // at has 32
  }
  /** Lane `lane` does. @throws PtxFault */
  touch(w: Warp, lane: number, m: Memory, at: number, bytes: number, touch: Touch): void {
    const shadow = this.shadows.get(m);
    if (!shadow) return; // local memory is of one thread
    const c = this.clock(w);
    shadow.forEach(at, bytes, (p, i, a) => {
      if (touch !== "write" && touch !== "asyncWrite" && p.writer[i] === 0 && m !== this.global)
        throw new PtxFault(
          "uninitialized",
          `thread ${w.index * 32 + lane} reads shared memory at 0x${a.toString(16)} that was never written`,
        );
      this.checkWriter(c, lane, p, i, a, touch, w);
      if (touch === "read" || touch === "asyncRead") this.noteRead(c, lane, shadow, p, i);
      else {
        this.checkReaders(c, lane, shadow, p, i, a, touch, w);
        p.writer[i] = c.number * 32 + lane + 1;
        p.wrote[i] = c.epoch;
        p.reader[i] = 0;
        p.flags[i] = (touch === "atomic" ? ATOMIC : 0) | (touch === "asyncWrite" ? 0 : GENERIC);
      }
    });
  }
  /** The same by something that goes on after this instruction; it ends with `landed`. */
  begin(warp: Warp, lane: number, memory: Memory, at: number, bytes: number, touch: Touch): Flight {
    this.touch(warp, lane, memory, at, bytes, touch);
    const writes = touch === "write" || touch === "asyncWrite";
    this.shadows.get(memory)?.forEach(at, bytes, (p, i) => {
      if (writes) p.wrote[i] = IN_FLIGHT;
      else this.stampReader(warp, p, i, memory, IN_FLIGHT);
    });
    return { warp, lane, memory, at, bytes, writes, epoch: this.clock(warp).epoch };
  }
  /** It has ended: at this moment of its warp, or, for those who know what the warp knew when it started it (`known`), before. */
  landed(f: Flight, known?: Knowledge): void {
    const c = this.clock(f.warp),
      me = c.number * 32 + f.lane + 1,
      epoch = known ? f.epoch : c.epoch;
    this.shadows.get(f.memory)?.forEach(f.at, f.bytes, (p, i) => {
      if (!f.writes) this.stampReader(f.warp, p, i, f.memory, epoch);
      else if (p.writer[i] === me && p.wrote[i] === IN_FLIGHT) p.wrote[i] = epoch;
    });
  }
  /** The epoch of a warp's read of a record, if it is remembered. */
  private stampReader(w: Warp, p: Page, i: number, m: Memory, epoch: number): void {
    const { number } = this.clock(w),
      reader = p.reader[i] as number; // a record of this page
    if (reader > 0 && (reader - 1) >> 5 === number) p.read[i] = epoch;
    const list = reader < 0 && reader !== EVERYONE ? this.shadows.get(m)?.lists[~reader] : undefined;
    if (list) for (let k = 0; k < list.length; k += 3) if (list[k] === number) list[k + 2] = epoch;
  }

  private checkWriter(c: Clock, lane: number, p: Page, i: number, at: number, touch: Touch, w: Warp): void {
    const writer = p.writer[i] as number, // a record of this page
      epoch = p.wrote[i] as number,
      flags = p.flags[i] as number;
    if (writer === 0) return;
    const warp = (writer - 1) >> 5,
      from = (writer - 1) & 31;
    if (epoch === IN_FLIGHT) this.race(w, lane, touch, at, "a copy that has not been waited for", warp, from);
    if (touch === "atomic" && (flags & ATOMIC) !== 0) return;
    if (!c.after(warp, from, epoch, lane)) this.race(w, lane, touch, at, "an unsynchronised write", warp, from);
    if (touch === "asyncRead" && (flags & GENERIC) !== 0 && !c.isFenced(warp, epoch))
      this.race(w, lane, touch, at, "a write without fence.proxy.async", warp, from);
  }
  private checkReaders(c: Clock, lane: number, shadow: Shadow, p: Page, i: number, at: number, touch: Touch, w: Warp): void {
    const reader = p.reader[i] as number; // a record of this page
    if (reader === 0) return;
    const check = (warp: number, from: number, epoch: number): void => {
      if (epoch === IN_FLIGHT) this.race(w, lane, touch, at, "a read in flight", warp, from);
      if (!c.after(warp, from, epoch, lane)) this.race(w, lane, touch, at, "an unsynchronised read", warp, from);
    };
    if (reader > 0) check((reader - 1) >> 5, (reader - 1) & 31, p.read[i] as number);
    else if (reader === EVERYONE) this.race(w, lane, touch, at, "reads of many blocks", -1, 0);
    else {
      const list = shadow.lists[~reader] ?? [];
      for (let k = 0; k < list.length; k += 3) check(list[k] as number, list[k + 1] as number, list[k + 2] as number); // in threes
    }
  }
  private noteRead(c: Clock, lane: number, shadow: Shadow, p: Page, i: number): void {
    const reader = p.reader[i] as number, // a record of this page
      me = c.number * 32 + lane + 1;
    if (reader === 0 || reader === me || (reader > 0 && c.after((reader - 1) >> 5, (reader - 1) & 31, p.read[i] as number, lane))) {
      p.reader[i] = me;
      p.read[i] = c.epoch;
      return;
    }
    if (reader === EVERYONE) return;
    let list = reader < 0 ? shadow.lists[~reader] : undefined;
    if (!list) {
      list = [(reader - 1) >> 5, (reader - 1) & 31, p.read[i] as number];
      p.reader[i] = ~(shadow.lists.push(list) - 1);
    }
    for (let k = 0; k < list.length; k += 3) {
      if (list[k] !== c.number) continue;
      if (list[k + 1] !== lane && (list[k + 2] as number) >= c.lanesMet) list[k + 1] = SEVERAL;
      else list[k + 1] = lane;
      list[k + 2] = Math.max(list[k + 2] as number, c.epoch);
      return;
    }
    if (list.length >= MOST_READERS) p.reader[i] = EVERYONE;
    else list.push(c.number, lane, c.epoch);
  }
  private race(w: Warp, lane: number, touch: Touch, at: number, what: string, warp: number, from: number): never {
    const verb = {
        read: "reads",
        write: "writes",
        atomic: "atomically changes",
        asyncRead: "asynchronously reads",
        asyncWrite: "asynchronously writes",
      }[touch],
      where = this.blocks[Math.floor(warp / this.warpsOfBlock)],
      who =
        warp < 0
          ? ""
          : ` by thread ${(warp % this.warpsOfBlock) * 32 + (from === SEVERAL ? 0 : from)}${from === SEVERAL ? " and others" : ""} of block (${where?.join(", ")})`;
    throw new PtxFault("race", `thread ${w.index * 32 + lane} ${verb} 0x${at.toString(16)} after ${what}${who}`);
  }
}
