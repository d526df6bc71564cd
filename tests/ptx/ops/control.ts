// Branches, exits, barriers of the block and the warp, fences, and instructions that only advise.
import { bits } from "../block.ts";
import { plain, sync, type Decoder, type Decoding } from "../decode.ts";
import { PtxFault } from "../errors.ts";
import type { Action } from "../program.ts";
import type { Fragment, Warp } from "../warp.ts";

const nothing: Action = plain(() => undefined);

/** Not all lanes of `members` that still run are here: wait for them. */
export function gathers(w: Warp, mask: number, members: number, f: Fragment): boolean {
  if ((members & w.live & ~mask) === 0) return false;
  f.state = "gathering";
  f.waits = `lanes 0x${((members & w.live & ~mask) >>> 0).toString(16)} of its warp`;
  return true;
}
/** An `.aligned` instruction must be executed by all lanes of the warp together; with `full`, by 32. */
export function aligned(w: Warp, mask: number, full: boolean = true): void {
  if (mask !== w.live || (full && mask !== -1))
    throw new PtxFault(
      "divergence",
      `all lanes of the warp must execute this together; lanes 0x${(mask >>> 0).toString(16)} do${full && w.live !== -1 ? `, 0x${(w.live >>> 0).toString(16)} live` : ""}`,
    );
}

/** bar.sync, bar.arrive, bar.red; barrier likewise. */
function bar(d: Decoding): Action {
  if (d.take("warp")) return barWarp(d);
  if (d.take("cluster")) return barCluster(d);
  d.ignore("cta");
  const op = d.must(["sync", "arrive", "red"]),
    all = d.take("aligned") || d.instruction.op === "bar";
  if (op === "red") return barRed(d);
  d.count(op === "arrive" ? 2 : 1, 2);
  const id = d.source(d.operand(0), "u32"),
    n = d.operands.length > 1 ? d.source(d.operand(1), "u32") : undefined;
  return sync((w, mask, f) => {
    if (all) aligned(w, mask, false);
    const lane = 31 - Math.clz32(mask & -mask),
      number = w.u32[id + lane] as number; // a lane of a source
    f.waits = `barrier ${number}`;
    if (op === "sync") f.state = "blocked";
    w.block.arrive(number, n === undefined ? undefined : (w.u32[n + lane] as number), w, bits(mask), op === "sync" ? f : undefined);
    return op === "sync" ? "stop" : "go";
  });
}
/** The barrier with a reduction of a predicate over all threads of the block. */
function barRed(d: Decoding): Action {
  const how = d.must(["popc", "and", "or"]),
    type = d.type(["u32", "pred"]);
  d.count(3);
  const id = d.source(d.operand(1), "u32"),
    p = d.predicate(d.operand(2)),
    to = type === "u32" ? d.target(d.operand(0), "u32") : undefined,
    toP = type === "pred" ? d.predicateTarget(d.operand(0)) : undefined;
  return sync((w, mask, f) => {
    aligned(w, mask, false);
    const b = w.block,
      number = w.u32[id + 31 - Math.clz32(mask & -mask)] as number, // a lane of a source
      x = (p < 0 ? ~(w.preds[~p] as number) : (w.preds[p] as number)) & mask;
    f.waits = `barrier ${number}`;
    f.state = "blocked";
    b.contribute(number, { yes: bits(x), all: bits(mask) }, total => {
      if (to !== undefined) for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) w.u32[to + l] = total.yes;
      const truth = how === "and" ? total.yes === total.all : total.yes > 0;
      if (toP !== undefined) w.preds[toP] = ((w.preds[toP] as number) & ~mask) | (truth ? mask : 0);
    });
    b.arrive(number, undefined, w, bits(mask), f);
    return "stop";
  });
}
function barWarp(d: Decoding): Action {
  d.must(["sync"]);
  d.count(1);
  const members = d.source(d.operand(0), "b32");
  return sync((w, mask, f) => {
    const m = w.i32[members + 31 - Math.clz32(mask & -mask)] as number; // a lane of a source
    if ((m & mask) !== mask) throw new PtxFault("barrier", `lanes 0x${((mask & ~m) >>> 0).toString(16)} are not in the member mask`);
    if (gathers(w, mask, m, f)) return "retry";
    w.block.launch.races?.meetLanes(w);
    return "go";
  });
}
/** barrier.cluster.arrive and .wait: all threads of all blocks of the cluster. */
function barCluster(d: Decoding): Action {
  const op = d.must(["arrive", "wait"]);
  d.needs(90, 7.8);
  d.ignore("aligned");
  d.ignore("relaxed", "release", "acquire");
  d.count(0);
  return sync((w, mask, f) => {
    aligned(w, mask, false);
    const lead = w.block.cluster[0] ?? w.block,
      meeting = lead.clusterMeeting;
    if (op === "arrive") {
      meeting.arrive(w);
      return "go";
    }
    if (!meeting.passed(w)) {
      f.waits = "the cluster's barrier";
      f.state = "blocked";
      meeting.wait(f);
      return "retry";
    }
    return "go";
  });
}

/** The control family. */
export const CONTROL: Readonly<Record<string, Decoder>> = {
  bra: d => {
    d.take("uni");
    d.count(1);
    const o = d.operand(0);
    return o.kind === "name" ? { kind: "branch", label: o.name } : d.fail("a label is needed");
  },
  ret: d => {
    d.take("uni");
    return { kind: "exit" };
  },
  exit: () => ({ kind: "exit" }),
  trap: () =>
    plain(() => {
      throw new PtxFault("launch", "trap");
    }),
  bar,
  barrier: bar,
  membar: d => {
    d.must(["cta", "gl", "sys"]);
    return plain(w => w.block.launch.races?.fence(w));
  },
  fence: d => {
    if (d.take("proxy")) {
      const kind = d.must(["async", "alias", "tensormap::generic", "async::generic"]);
      d.needs(90, kind === "async" ? 8.0 : 8.3);
      d.ignore(
        "global",
        "shared::cta",
        "shared::cluster",
        "acquire",
        "release",
        "gpu",
        "cta",
        "cluster",
        "sys",
        "sync_restrict::shared::cta",
        "sync_restrict::shared::cluster",
      );
      return plain(w => w.block.launch.races?.proxyFence(w));
    }
    if (d.take("mbarrier_init")) {
      d.must(["release"]);
      d.must(["cluster"]);
      d.needs(90, 8.0);
      return plain(w => w.block.launch.races?.proxyFence(w));
    }
    d.must(["sc", "acq_rel", "acquire", "release"]);
    d.must(["cta", "cluster", "gpu", "sys"]);
    d.ignore("sync_restrict::shared::cta", "sync_restrict::shared::cluster");
    return plain(w => w.block.launch.races?.fence(w));
  },
  nanosleep: d => {
    d.type(["u32"]);
    d.count(1);
    d.source(d.operand(0), "u32");
    return nothing;
  },
  setmaxnreg: d => {
    d.needsSpecific(90, 8.0);
    d.must(["inc", "dec"]);
    d.must(["sync"]);
    d.must(["aligned"]);
    d.type(["u32"]);
    const n = d.constant(d.operand(0));
    if (n < 24 || n > 256 || n % 8 !== 0) d.fail(`${n} registers: a multiple of 8 from 24 to 256 is needed`);
    return plain((w, mask) => aligned(w, mask));
  },
  griddepcontrol: d => {
    d.needs(90, 7.8);
    d.must(["launch_dependents", "wait"]);
    return nothing; // launches run one after another
  },
};
