// Lanes of a warp reading each other's registers: shfl, vote, match, redux, elect, activemask.
import { plain, sync, type Decoder, type Decoding } from "../decode.ts";
import { PtxFault } from "../errors.ts";
import type { Action, Sync } from "../program.ts";
import type { Fragment, Warp } from "../warp.ts";
import { gathers } from "./control.ts";

const first = (mask: number): number => 31 - Math.clz32(mask & -mask);
const values = new Int32Array(32);

/** The lanes named by a member mask, once they are all here; undefined: wait. */
function members(w: Warp, mask: number, slot: number, f: Fragment): number | undefined {
  const m = w.i32[slot + first(mask)] as number; // a lane of a source
  if ((m & mask) !== mask)
    throw new PtxFault("divergence", `lanes 0x${((mask & ~m) >>> 0).toString(16)} execute this and are not in its member mask`);
  return gathers(w, mask, m, f) ? undefined : m;
}
/** An instruction of the members of the mask in operand `at`. */
const together = (d: Decoding, at: number, run: (w: Warp, mask: number) => void): Action => {
  const slot = d.source(d.operand(at), "b32");
  const go: Sync = (w, mask, f) => {
    if (members(w, mask, slot, f) === undefined) return "retry";
    run(w, mask);
    return "go";
  };
  return sync(go);
};

function shuffle(d: Decoding): Action {
  d.must(["sync"]);
  const mode = d.must(["up", "down", "bfly", "idx"]);
  d.type(["b32"]);
  d.count(5);
  const to = d.operand(0),
    out = d.target(to.kind === "pair" ? to.first : to, "b32"),
    ok = to.kind === "pair" ? d.predicateTarget(to.second) : undefined,
    a = d.source(d.operand(1), "b32"),
    b = d.source(d.operand(2), "b32"),
    c = d.source(d.operand(3), "b32");
  return together(d, 4, (w, mask) => {
    const R = w.i32;
    for (let l = 0; l < 32; l++) values[l] = R[a + l] as number; // a lane of a source
    let valid = 0;
    for (let l = 0; l < 32; l++) {
      if (((mask >>> l) & 1) === 0) continue;
      const lane = (R[b + l] as number) & 31,
        control = R[c + l] as number,
        clamp = control & 31,
        segment = (control >>> 8) & 31,
        most = (l & segment) | (clamp & ~segment),
        least = l & segment;
      let from = mode === "up" ? l - lane : mode === "down" ? l + lane : mode === "bfly" ? l ^ lane : least | (lane & ~segment);
      const inside = mode === "up" ? from >= most : from <= most;
      if (!inside) from = l;
      else valid |= 1 << l;
      if (((mask >>> from) & 1) === 0) throw new PtxFault("divergence", `lane ${l} reads lane ${from}, which is not active`);
      R[out + l] = values[from] as number;
    }
    if (ok !== undefined) w.preds[ok] = ((w.preds[ok] as number) & ~mask) | (valid & mask);
  });
}

function vote(d: Decoding): Action {
  d.must(["sync"]);
  const type = d.type(["pred", "b32"]),
    how = d.must(type === "b32" ? ["ballot"] : ["all", "any", "uni"]);
  d.count(3);
  const p = d.predicate(d.operand(1)),
    out = type === "b32" ? d.target(d.operand(0), "b32") : undefined,
    truth = type === "pred" ? d.predicateTarget(d.operand(0)) : undefined;
  return together(d, 2, (w, mask) => {
    const x = (p < 0 ? ~(w.preds[~p] as number) : (w.preds[p] as number)) & mask;
    if (out !== undefined) for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) w.i32[out + l] = x;
    const yes = how === "all" ? x === mask : how === "any" ? x !== 0 : x === mask || x === 0;
    if (truth !== undefined) w.preds[truth] = ((w.preds[truth] as number) & ~mask) | (yes ? mask : 0);
  });
}

function match(d: Decoding): Action {
  const how = d.must(["any", "all"]);
  d.must(["sync"]);
  const wide = d.type(["b32", "b64"]) === "b64";
  d.count(3);
  const to = d.operand(0),
    out = d.target(to.kind === "pair" ? to.first : to, "b32"),
    ok = to.kind === "pair" ? d.predicateTarget(to.second) : undefined,
    a = d.source(d.operand(1), wide ? "b64" : "b32");
  return together(d, 2, (w, mask) => {
    const R = w.i32,
      same = (x: number, y: number): boolean =>
        wide ? R[a + 2 * x] === R[a + 2 * y] && R[a + 2 * x + 1] === R[a + 2 * y + 1] : R[a + x] === R[a + y];
    let all = true;
    const found = new Int32Array(32);
    for (let l = 0; l < 32; l++) {
      if (((mask >>> l) & 1) === 0) continue;
      for (let k = 0; k < 32; k++) if (((mask >>> k) & 1) === 1 && same(l, k)) found[l] = (found[l] as number) | (1 << k);
      if (found[l] !== mask) all = false;
    }
    for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) R[out + l] = how === "any" ? (found[l] as number) : all ? mask : 0;
    if (ok !== undefined) w.preds[ok] = ((w.preds[ok] as number) & ~mask) | (all ? mask : 0);
  });
}

const REDUCE: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => (a + b) | 0,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  "min s32": (a, b) => Math.min(a, b),
  "max s32": (a, b) => Math.max(a, b),
  "min u32": (a, b) => (a >>> 0 < b >>> 0 ? a : b),
  "max u32": (a, b) => (a >>> 0 > b >>> 0 ? a : b),
};
function reduce(d: Decoding): Action {
  d.needs(80, 7.0);
  d.must(["sync"]);
  const type = d.type(["s32", "u32", "b32"]),
    op = d.must(type === "b32" ? ["and", "or", "xor"] : ["add", "min", "max"]),
    fn = REDUCE[op] ?? REDUCE[`${op} ${type}`];
  d.count(3);
  const out = d.target(d.operand(0), type),
    a = d.source(d.operand(1), type);
  return together(d, 2, (w, mask) => {
    let x: number | undefined;
    for (let l = 0; l < 32; l++)
      if (((mask >>> l) & 1) === 1) x = x === undefined ? (w.i32[a + l] as number) : fn?.(x, w.i32[a + l] as number);
    for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) w.i32[out + l] = x ?? 0;
  });
}

/** shfl and its like. */
export const EXCHANGE: Readonly<Record<string, Decoder>> = {
  shfl: shuffle,
  vote,
  match,
  redux: reduce,
  activemask: d => {
    d.type(["b32"]);
    d.count(1);
    const out = d.target(d.operand(0), "b32");
    return plain((w, mask) => {
      for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) w.i32[out + l] = mask;
    });
  },
  elect: d => {
    d.needs(90, 8.0);
    d.must(["sync"]);
    d.count(2);
    const to = d.operand(0);
    if (to.kind !== "pair") return d.fail("elect.sync has a result and a predicate");
    const out = to.first.kind === "sink" ? undefined : d.target(to.first, "b32"),
      leader = d.predicateTarget(to.second);
    return together(d, 1, (w, mask) => {
      const l = first(mask);
      if (out !== undefined) for (let k = 0; k < 32; k++) if (((mask >>> k) & 1) === 1) w.i32[out + k] = l;
      if (leader !== undefined) w.preds[leader] = ((w.preds[leader] as number) & ~mask) | (1 << l);
    });
  },
};
