// A warp's turn: the fragment that is furthest behind runs until it must wait, meets another fragment, or has had its share. That joins the sides of a branch again where
// they meet, as the places of code are in the order of its text.
import { bits } from "./block.ts";
import { PtxFault } from "./errors.ts";
import type { Launch } from "./launch.ts";
import { finishStores } from "./ops/bulk.ts";
import { KINDS } from "./program.ts";
import type { Fragment, Warp } from "./warp.ts";

/** Runs warp `w` for about `budget` instructions. How many were executed that were not just looking again at what has not happened. @throws PtxFault */
export function turn(launch: Launch, w: Warp, budget: number): number {
  for (const f of w.fragments) if (f.state === "spinning") f.state = "ready";
  let spent = 0;
  try {
    for (let f = next(w); f && spent < budget; f = next(w)) spent += run(launch, w, f, budget - spent);
    const stranded = w.fragments.find(f => f.state === "gathering");
    if (stranded && w.fragments.every(f => f.state === "gathering")) {
      w.pc = stranded.pc;
      throw new PtxFault(
        "divergence",
        `lanes wait for each other at different places: ${w.fragments.map(f => `line ${launch.program.lines[f.pc] ?? 0}`).join(", ")}`,
      );
    }
  } catch (e) {
    if (e instanceof PtxFault) {
      const { lines, texts, name } = launch.program;
      throw e.at({ entry: name, line: lines[w.pc] ?? 0, text: texts[w.pc] ?? "", block: w.block.at, thread: w.index * 32 });
    }
    throw e;
  }
  return spent;
}

function next(w: Warp): Fragment | undefined {
  const { fragments } = w;
  if (fragments.length === 1) {
    const f = fragments[0];
    return f?.state === "ready" ? f : undefined;
  }
  let best: Fragment | undefined;
  for (const f of fragments) if (f.state === "ready" && (!best || f.pc < best.pc)) best = f;
  return best;
}

function run(launch: Launch, w: Warp, f: Fragment, budget: number): number {
  const { kinds, guards, runs, syncs, targets, ends } = launch.program,
    { preds } = w;
  let pc = f.pc,
    mask = f.mask,
    n = 0,
    lanes = 0;
  running: for (;;) {
    if (w.fragments.length > 1 && (mask = meet(w, f, pc)) === 0) break;
    const end = ends[pc] as number, // the arrays are as long as the code, and pc is in it
      width = bits(mask);
    n += end - pc;
    lanes += (end - pc) * width;
    for (; pc < end; pc++) {
      const g = guards[pc] as number,
        m = g === 0 ? mask : g > 0 ? mask & (preds[g - 1] as number) : mask & ~(preds[-1 - g] as number);
      if (m === 0) continue;
      w.pc = pc;
      (runs[pc] as (typeof runs)[number])(w, m);
    }
    const kind = kinds[pc];
    if (kind === KINDS.plain || (kind === KINDS.sync && w.fragments.length > 1 && (mask = meet(w, f, pc)) === 0)) {
      if (n >= budget || mask === 0) break;
      continue;
    }
    n++;
    lanes += width;
    w.pc = pc;
    const g = guards[pc] as number,
      m = g === 0 ? mask : g > 0 ? mask & (preds[g - 1] as number) : mask & ~(preds[-1 - g] as number);
    if (m === 0) {
      pc++;
      continue;
    }
    if (m !== mask && kind !== KINDS.exit) {
      // the lanes that do not execute it go on
      w.fragments.push({ pc: pc + 1, mask: mask & ~m, state: "ready", waits: "", spunAt: -1 });
      f.mask = mask = m;
    }
    switch (kind) {
      case KINDS.branch:
        pc = targets[pc] as number;
        if (n >= budget) break running;
        break;
      case KINDS.exit:
        pc++;
        f.mask = mask &= ~m;
        exit(w, m);
        if (mask !== 0) break;
        w.fragments = w.fragments.filter(x => x !== f);
        break running;
      default: {
        f.pc = pc;
        const outcome = (syncs[pc] as (typeof syncs)[number])(w, m, f);
        if (outcome === "retry") {
          n--;
          break running;
        }
        pc++;
        if (outcome === "go") {
          if (f.spunAt === pc) f.spunAt = -1;
          break;
        }
        if (outcome === "pause") {
          f.state = "spinning";
          if (f.spunAt === pc) n = 0;
          f.spunAt = pc;
        }
        break running;
      }
    }
  }
  f.pc = pc;
  launch.executed += n;
  launch.laneInstructions += lanes;
  return n;
}

function exit(w: Warp, lanes: number): void {
  finishStores(w, lanes, w.block.launch.machine.races);
  w.live &= ~lanes;
  for (const x of w.fragments) if (x.state === "gathering") x.state = "ready"; // it may be these lanes that they waited for
  w.block.exited();
}

/** Joins fragment `f`, now at `pc`, with those that wait or stand there. Its lanes; 0 when another is further behind and has its turn first. */
function meet(w: Warp, f: Fragment, pc: number): number {
  f.pc = pc;
  let joined = false,
    behind = false;
  for (const x of w.fragments) {
    if (x === f || (x.state !== "ready" && x.state !== "gathering")) continue;
    if (x.pc === pc) {
      f.mask |= x.mask;
      x.mask = 0;
      joined = true;
    } else if (x.pc < pc && x.state === "ready") behind = true;
  }
  if (joined) w.fragments = w.fragments.filter(x => x.mask !== 0);
  return behind ? 0 : f.mask;
}
