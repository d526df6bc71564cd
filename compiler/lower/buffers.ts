// The memory plan: slots that are never alive at the same time share addresses of one arena. Lifetimes are intervals over the steps in order; what a
// loop touches from outside lives through the whole loop.
import { byteSize } from "../../runtime/dtype.ts";
import { unreachable } from "../../runtime/errors/error.ts";
import type { Slot, SlotRef, Step } from "../ir/schedule.ts";

interface Life { first: number; last: number; region: number }

/** Slots with arena offsets, and the arena's size. */
export function planArena(slots: readonly Slot[], steps: readonly Step[]): { readonly slots: readonly Slot[]; readonly arenaBytes: number } {
  const lives = lifetimes(steps);
  const bytes = (s: Slot): number => Math.ceil(Math.max(1, s.elements * byteSize(s.dtype)) / 64) * 64;
  const wanted = slots.filter(s => s.home.kind === "arena" && lives.has(s.id)).sort((a, b) => bytes(b) - bytes(a) || a.id - b.id);
  const placed: { readonly from: number; readonly to: number; readonly life: Life }[] = [];
  const offsets = new Map<number, number>();
  let arenaBytes = 0;
  for (const s of wanted) {
    const life = lives.get(s.id) as Life; // filtered above
    const size = bytes(s);
    let offset = 0;
    for (const p of placed) if (p.life.first <= life.last && life.first <= p.life.last && p.from < offset + size && offset < p.to) offset = p.to; // placed is sorted by address
    const at = placed.findIndex(p => p.from > offset);
    placed.splice(at < 0 ? placed.length : at, 0, { from: offset, to: offset + size, life });
    offsets.set(s.id, offset);
    arenaBytes = Math.max(arenaBytes, offset + size);
  }
  return { slots: slots.map(s => (s.home.kind === "arena" ? { ...s, home: { kind: "arena", offset: offsets.get(s.id) ?? 0 } } : s)), arenaBytes };
}

/** First and last step of each slot. A slot used both inside and outside of a loop, or across iterations, covers the loop. */
function lifetimes(steps: readonly Step[]): Map<number, Life> {
  const lives = new Map<number, Life>(), loops: { region: number; first: number; last: number; touched: Set<number> }[] = [];
  let clock = 0, regions = 0;
  const visit = (list: readonly Step[], region: number, touched: readonly Set<number>[]): void => {
    const touch = (r: SlotRef): void => {
      for (const t of touched) t.add(r.slot);
      const l = lives.get(r.slot);
      if (l) { l.last = clock; if (l.region !== region) l.region = -1; } else lives.set(r.slot, { first: clock, last: clock, region });
    };
    for (const s of list) {
      clock++;
      switch (s.kind) {
        case "launch": s.args.forEach(touch); break;
        case "copy": touch(s.from); touch(s.to); break;
        case "loop": case "while": {
          const mine = { region: ++regions, first: clock, last: 0, touched: new Set<number>() };
          const inner = [...touched, mine.touched];
          if (s.kind === "loop") visit(s.body, mine.region, inner);
          else { visit(s.test, mine.region, inner); clock++; mine.touched.add(s.pred.slot); touch(s.pred); visit(s.body, mine.region, inner); }
          mine.last = ++clock;
          loops.push(mine);
          break;
        }
        case "branch": touch(s.index); for (const c of s.cases) visit(c, ++regions, touched); clock++; break;
        default: unreachable(s);
      }
    }
  };
  visit(steps, 0, []);
  // inner loops first (they were pushed first): what is not wholly one loop's own lives through it
  for (const loop of loops) for (const id of loop.touched) {
    const l = lives.get(id);
    if (l && (l.region !== loop.region || l.first < loop.first || l.last > loop.last)) { l.first = Math.min(l.first, loop.first); l.last = Math.max(l.last, loop.last); }
  }
  return lives;
}
