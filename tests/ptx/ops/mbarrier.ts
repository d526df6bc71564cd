// mbarrier: a barrier in shared memory that counts arrivals and bytes of copies. A phase ends when both counts are met; waiters name the phase by a token or its parity.
import { plain, sync, type Decoder, type Decoding } from "../decode.ts";
import { PtxFault } from "../errors.ts";
import type { Block } from "../block.ts";
import type { Action } from "../program.ts";
import { merge, type Knowledge } from "../races/clocks.ts";
import type { Stamp } from "../races/races.ts";
import type { Operand } from "../text/syntax.ts";
import type { Warp } from "../warp.ts";
import { accessing, AT } from "./address.ts";

/** The state of one. `phase` counts completed phases. */
export class Mbarrier {
  phase = 0;
  readonly initialized: Stamp | undefined;
  /** What those who arrived knew, in this phase and in the last one that completed. */
  learned: Knowledge | undefined;
  private readonly count: number;
  private pending: number;
  private bytes = 0;
  private arriving: Knowledge | undefined;
  constructor(count: number, initialized: Stamp | undefined) {
    if (count < 1 || count > 1048575) throw new PtxFault("barrier", `an mbarrier for ${count} arrivals`);
    this.count = count;
    this.pending = count;
    this.initialized = initialized;
  }
  arrive(n: number, knowing: Knowledge | undefined): void {
    if (n > this.pending) throw new PtxFault("barrier", `${n} arrivals at an mbarrier that expects ${this.pending} more in this phase`);
    this.pending -= n;
    this.know(knowing);
    this.advance();
  }
  expectArrivals(n: number): void {
    this.pending += n;
  }
  expectBytes(n: number): void {
    this.bytes += n;
  }
  /** Bytes have landed. */
  complete(n: number, knowing: Knowledge | undefined): void {
    this.bytes -= n;
    if (this.pending === 0 && this.bytes < 0)
      throw new PtxFault("barrier", `${n} bytes landed at an mbarrier that expects ${this.bytes + n}`);
    this.know(knowing);
    this.advance();
  }
  get waitsFor(): string {
    return `${this.pending} arrivals and ${this.bytes} bytes`;
  }
  private know(k: Knowledge | undefined): void {
    if (k) this.arriving = merge(this.arriving, k);
  }
  private advance(): void {
    if (this.pending > 0 || this.bytes !== 0) return;
    this.phase++;
    this.pending = this.count;
    this.learned = this.arriving;
  }
}

/** Where an mbarrier is. */
export interface Found {
  readonly barrier: Mbarrier;
  readonly home: Block;
  readonly at: number;
}
/** Finds the mbarrier of the lanes of a mask; they must name one together. `far`: it may be another block's. */
export function barrierAt(d: Decoding, o: Operand, far: boolean): (w: Warp, mask: number) => Found {
  const places = barriersAt(d, o, far);
  return (w, mask) => {
    const all = places(w, mask),
      one = all[0]?.found;
    if (!one || all.some(p => p.found.barrier !== one.barrier))
      throw new PtxFault("unspecified", "lanes name different mbarriers here: not supported by the interpreter");
    return one;
  };
}
/** The mbarrier of each lane. */
function barriersAt(d: Decoding, o: Operand, far: boolean): (w: Warp, mask: number) => { readonly lane: number; readonly found: Found }[] {
  let out: { readonly lane: number; readonly found: Found }[] = [];
  const run = accessing(d, o, far ? "cluster" : d.operandIsGeneric(o) ? "generic" : "shared", 8, (w, mask, m, home) => {
    for (let l = 0; l < 32; l++) {
      if (((mask >>> l) & 1) === 0) continue;
      const at = AT[l] as number, // AT has 32
        barrier = home?.mbarriers.get(at);
      if (!home || !barrier)
        throw new PtxFault("barrier", `thread ${w.index * 32 + l}: there is no initialised mbarrier at 0x${at.toString(16)}`);
      if (d.machine.races) w.block.launch.races?.touch(w, l, m, at, 8, "atomic");
      out.push({ lane: l, found: { barrier, home, at } });
    }
  });
  return (w, mask) => {
    out = [];
    run(w, mask);
    return out;
  };
}

function init(d: Decoding): Action {
  d.ignore("shared", "shared::cta");
  d.type(["b64"]);
  d.count(2);
  const count = d.source(d.operand(1), "u32");
  return plain(
    accessing(d, d.operand(0), "shared", 8, (w, mask, m, home) => {
      for (let l = 0; l < 32; l++) {
        if (((mask >>> l) & 1) === 0) continue;
        const at = AT[l] as number; // AT has 32
        w.block.launch.races?.touch(w, l, m, at, 8, "write");
        home?.mbarriers.set(at, new Mbarrier(w.u32[count + l] as number, w.block.launch.races?.stamp(w)));
      }
    }),
  );
}
function inval(d: Decoding): Action {
  d.ignore("shared", "shared::cta");
  d.type(["b64"]);
  d.count(1);
  return plain(
    accessing(d, d.operand(0), "shared", 8, (w, mask, m, home) => {
      for (let l = 0; l < 32; l++) {
        if (((mask >>> l) & 1) === 0) continue;
        w.block.launch.races?.touch(w, l, m, AT[l] as number, 8, "write");
        home?.mbarriers.delete(AT[l] as number);
      }
    }),
  );
}
/** arrive, arrive.expect_tx, expect_tx, complete_tx. */
function arrive(d: Decoding, kind: "arrive" | "expect_tx" | "complete_tx" | "arrive_drop"): Action {
  if (kind === "arrive_drop") return d.fail("mbarrier.arrive_drop is not supported");
  const arrives = kind === "arrive",
    expects = kind === "expect_tx" || (arrives && d.take("expect_tx"));
  d.take("noComplete");
  d.ignore("release", "relaxed", "cta", "cluster", "shared", "shared::cta");
  const far = d.take("shared::cluster");
  d.type(["b64"]);
  if (expects || kind === "complete_tx" || far) d.needs(90, 8.0);
  const state = arrives && d.operand(0).kind !== "address" ? d.operand(0) : undefined,
    place = state ? 1 : 0,
    given = d.operands[place + 1],
    n = given === undefined ? undefined : d.source(given, "u32"),
    token = state && state.kind !== "sink" ? d.target(state, "b64") : undefined,
    locate = barriersAt(d, d.operand(place), far);
  if ((expects || kind === "complete_tx") && n === undefined) d.fail("a number of bytes is needed");
  return plain((w, mask) => {
    const { races } = w.block.launch,
      found = locate(w, mask);
    const knowing = arrives ? races?.tell(w) : undefined;
    for (const { lane, found: f } of found) {
      const amount = n === undefined ? 1 : (w.u32[n + lane] as number), // a lane of a source
        phase = f.barrier.phase;
      if (expects) f.barrier.expectBytes(amount);
      if (kind === "complete_tx") f.barrier.complete(amount, undefined);
      if (arrives) f.barrier.arrive(expects ? 1 : amount, knowing);
      if (token !== undefined) {
        w.u32[token + 2 * lane] = phase;
        w.u32[token + 2 * lane + 1] = 0;
      }
    }
  });
}
function wait(d: Decoding, tries: boolean): Action {
  const byParity = d.take("parity");
  if (tries) d.needs(90, 7.8);
  d.ignore("acquire", "relaxed", "cta", "cluster", "shared", "shared::cta");
  d.type(["b64"]);
  d.count(3, tries ? 4 : 3);
  const out = d.predicateTarget(d.operand(0)) ?? d.fail("a predicate is needed"),
    which = d.source(d.operand(2), byParity ? "u32" : "b64"),
    locate = barriersAt(d, d.operand(1), false);
  if (d.operands[3]) d.source(d.operand(3), "u32");
  return sync((w, mask, f) => {
    let done = 0;
    for (const { lane, found } of locate(w, mask)) {
      const { phase } = found.barrier,
        x = w.u32[which + (byParity ? lane : 2 * lane)] as number, // a lane of a source
        passed = byParity ? (phase & 1) !== (x & 1) : phase > x;
      if (!passed) {
        f.waits = `the mbarrier at 0x${found.at.toString(16)}: ${found.barrier.waitsFor}`;
        continue;
      }
      done |= 1 << lane;
      if (found.barrier.learned) w.block.launch.races?.learn(w, found.barrier.learned);
    }
    w.preds[out] = ((w.preds[out] as number) & ~mask) | done;
    return done === mask ? "go" : "pause";
  });
}

/** mbarrier. */
export const MBARRIER: Readonly<Record<string, Decoder>> = {
  mbarrier: d => {
    d.needs(80, 7.0);
    const op = d.must(["init", "inval", "try_wait", "test_wait", "arrive", "arrive_drop", "complete_tx", "expect_tx"]);
    switch (op) {
      case "init":
        return init(d);
      case "inval":
        return inval(d);
      case "try_wait":
      case "test_wait":
        return wait(d, op === "try_wait");
      default:
        return arrive(d, op);
    }
  },
};
