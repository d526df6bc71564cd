// The memory plan: slots that are never alive at the same time share addresses, of one arena or of a result's memory before that is written; a kernel that
// works element for element writes over an operand that dies there. Lifetimes are intervals over the steps in order; what a loop touches from
// outside lives through the whole loop.
import { byteSize } from "../../runtime/dtype.ts";
import { unreachable } from "../../runtime/errors/error.ts";
import type { Home, Slot, SlotRef, Step } from "../ir/schedule.ts";
import { inPlace } from "./inplace.ts";

interface Life {
  first: number;
  last: number;
  region: number;
}
type Launch = Extract<Step, { kind: "launch" }>;

/** Slots with homes, and the arena's size. `lent`: ids of result slots whose memory is free until they are first written. */
export function planArena(
  slots: readonly Slot[],
  steps: readonly Step[],
  lent: readonly number[] = [],
): { readonly slots: readonly Slot[]; readonly arenaBytes: number } {
  const { lives, launches } = lifetimes(steps),
    exact = (s: Slot): number => s.elements * byteSize(s.dtype),
    bytes = (s: Slot): number => Math.ceil(Math.max(1, exact(s)) / 64) * 64;
  const leader = mergeInPlace(slots, lives, launches);
  const wanted = slots
    .filter(s => s.home.kind === "arena" && lives.has(s.id) && leader(s.id) === s.id)
    .sort((a, b) => bytes(b) - bytes(a) || a.id - b.id);
  const placed: { readonly from: number; readonly to: number; readonly life: Life }[] = [];
  const homes = guests(
    wanted,
    lives,
    lent.map(id => ({ home: slots[id]?.home as Home, free: lives.get(id)?.first ?? -1, bytes: exact(slots[id] as Slot) })),
    exact,
  ); // ids are slots
  let arenaBytes = 0;
  for (const s of wanted) {
    const life = lives.get(s.id) as Life,
      size = bytes(s); // filtered above
    if (homes.has(s.id)) continue;
    let offset = 0;
    for (const p of placed)
      if (p.life.first <= life.last && life.first <= p.life.last && p.from < offset + size && offset < p.to) offset = p.to; // placed is sorted by address
    const at = placed.findIndex(p => p.from > offset);
    placed.splice(at < 0 ? placed.length : at, 0, { from: offset, to: offset + size, life });
    homes.set(s.id, { kind: "arena", offset });
    arenaBytes = Math.max(arenaBytes, offset + size);
  }
  return {
    slots: slots.map(s => (s.home.kind === "arena" ? { ...s, home: homes.get(leader(s.id)) ?? { kind: "arena", offset: 0 } } : s)),
    arenaBytes,
  };
}

/** Slots that live in results' memory until that is written. Latest first, so that the value before a result leaves that memory free; what fills it before what does not. */
function guests(
  wanted: readonly Slot[],
  lives: ReadonlyMap<number, Life>,
  hosts: readonly { readonly home: Home; readonly free: number; readonly bytes: number }[],
  bytes: (s: Slot) => number,
): Map<number, Home> {
  const homes = new Map<number, Home>();
  for (const host of hosts.toSorted((a, b) => b.bytes - a.bytes)) {
    const taken: Life[] = [],
      fills = (s: Slot): number => (2 * bytes(s) >= host.bytes ? 0 : 1),
      life = (s: Slot): Life => lives.get(s.id) as Life; // wanted slots have lives
    for (const s of wanted
      .filter(x => !homes.has(x.id) && bytes(x) > 0 && bytes(x) <= host.bytes && life(x).last < host.free)
      .sort((a, b) => fills(a) - fills(b) || life(b).last - life(a).last)) {
      if (taken.some(l => l.first <= life(s).last && life(s).first <= l.last)) continue;
      taken.push(life(s));
      homes.set(s.id, host.home);
    }
  }
  return homes;
}

/** Joins the life of a result to that of an operand that dies where the result begins, where the kernel may write in place. Gives each slot's leader. */
function mergeInPlace(
  slots: readonly Slot[],
  lives: Map<number, Life>,
  launches: readonly { readonly clock: number; readonly region: number; readonly step: Launch }[],
): (id: number) => number {
  const into = new Map<number, number>();
  const leader = (id: number): number => {
    const up = into.get(id);
    return up === undefined ? id : leader(up);
  };
  const local = (id: number, region: number): Life | undefined => {
    const l = lives.get(id);
    return slots[id]?.home.kind === "arena" && l?.region === region ? l : undefined;
  };
  for (const { clock, region, step } of launches)
    for (const to of step.args) {
      const begins = local(to.slot, region);
      if (begins?.first !== clock || into.has(to.slot)) continue;
      const from = step.args.find(a => {
        const root = leader(a.slot),
          dies = local(root, region);
        return dies?.last === clock && dies.first < clock && local(a.slot, region) && inPlace(step, a, to);
      });
      if (!from) continue;
      const root = leader(from.slot),
        life = lives.get(root) as Life; // `local` found it
      into.set(to.slot, root);
      lives.set(root, { ...life, last: begins.last });
    }
  return leader;
}

/** First and last step of each slot. A slot used both inside and outside of a loop, or across iterations, covers the loop. */
function lifetimes(steps: readonly Step[]): {
  readonly lives: Map<number, Life>;
  readonly launches: readonly { readonly clock: number; readonly region: number; readonly step: Launch }[];
} {
  const lives = new Map<number, Life>(),
    loops: { region: number; first: number; last: number; touched: Set<number> }[] = [];
  const launches: { clock: number; region: number; step: Launch }[] = [];
  let clock = 0,
    regions = 0;
  const visit = (list: readonly Step[], region: number, touched: readonly Set<number>[]): void => {
    const touch = (r: SlotRef): void => {
      for (const t of touched) t.add(r.slot);
      const l = lives.get(r.slot);
      if (l) {
        l.last = clock;
        if (l.region !== region || r.terms.length > 0) l.region = -1;
      } else lives.set(r.slot, { first: clock, last: clock, region: r.terms.length > 0 ? -1 : region });
    };
    for (const s of list) {
      clock++;
      switch (s.kind) {
        case "launch":
          launches.push({ clock, region, step: s });
          s.args.forEach(touch);
          break;
        case "copy":
          touch(s.from);
          touch(s.to);
          break;
        case "loop":
        case "while": {
          const mine = { region: ++regions, first: clock, last: 0, touched: new Set<number>() };
          const inner = [...touched, mine.touched];
          if (s.kind === "loop") visit(s.body, mine.region, inner);
          else {
            visit(s.test, mine.region, inner);
            clock++;
            mine.touched.add(s.pred.slot);
            touch(s.pred);
            visit(s.body, mine.region, inner);
          }
          mine.last = ++clock;
          loops.push(mine);
          break;
        }
        case "branch":
          touch(s.index);
          for (const c of s.cases) visit(c, ++regions, touched);
          clock++;
          break;
        default:
          unreachable(s);
      }
    }
  };
  visit(steps, 0, []);
  // inner loops first (they were pushed first): what is not wholly one loop's own lives through it
  for (const loop of loops)
    for (const id of loop.touched) {
      const l = lives.get(id);
      if (l && (l.region !== loop.region || l.first < loop.first || l.last > loop.last)) {
        l.first = Math.min(l.first, loop.first);
        l.last = Math.max(l.last, loop.last);
      }
    }
  return { lives, launches };
}
