// What an equation reads once everything without memory is computed where it is read: memory, and the items that write it. Places change while a program is lowered; answers are of now.
import { sizeOf } from "../ir/aval.ts";
import type { Eqn } from "../ir/func.ts";
import type { Places } from "./scope.ts";

/** Questions about what equations read. */
export class Reads {
  private readonly places: Places;
  constructor(places: Places) {
    this.places = places;
  }

  /** Memory of more than one element that `e` reads. */
  slotsOf(e: Eqn, found: Set<number> = new Set(), seen: Set<Eqn> = new Set()): Set<number> {
    if (seen.has(e)) return found;
    seen.add(e);
    for (const a of e.ins) {
      const q = a.kind === "var" ? this.places.get(a) : undefined;
      if (q?.kind === "inline") this.slotsOf(q.eqn, found, seen);
      else if (q && sizeOf(a.aval.shape) > 1) found.add(q.ref.slot);
    }
    return found;
  }
  /** The last item whose memory `e` reads; -1 when all is there from the start. */
  ready(e: Eqn, seen: Set<Eqn>): number {
    if (seen.has(e)) return -1;
    seen.add(e);
    return e.ins.reduce((at, a) => {
      const q = a.kind === "var" ? this.places.get(a) : undefined;
      if (q?.kind === "buffer") return Math.max(at, q.writer === Infinity && q.inline ? this.ready(q.inline.eqn, seen) : q.writer);
      return Math.max(at, q ? this.ready(q.eqn, seen) : -1);
    }, -1);
  }
  /** Does `e` read the memory of item `at` only at its own index? */
  pointwise(e: Eqn, at: number): boolean {
    if (e.prim.lower.kind !== "map") return e.prim.lower.kind === "reduce" || this.ready(e, new Set()) !== at;
    return e.ins.every(a => {
      const q = a.kind === "var" ? this.places.get(a) : undefined;
      return q?.kind !== "inline" || this.pointwise(q.eqn, at);
    });
  }
}
