// What a transform may ask about marks: is this one, which one, does a region hold one. The mark itself is a primitive (primitives/identity.ts).
import type { Eqn } from "../ir/func.ts";
import { markOp, type MarkParams } from "../primitives/identity.ts";
import { regionsOf, someEqn } from "./walk.ts";

/** A mark to look for. */
export interface Target {
  readonly name: string;
  readonly role: string;
}
/** The role of marks in code that a backward pass runs a second time (remat): found by no reap, so that nothing is reaped twice. */
export const recomputedRole = "recomputed";

/** The name and role of a mark; undefined for any other equation. */
export const markOf = (e: Eqn): Target | undefined => (e.prim === (markOp.primitive as unknown) ? (e.params as MarkParams) : undefined); // the record is the mark's: so are its params
/** Is `e` a mark, or does a region in it hold one? */
export const isMarked = (e: Eqn): boolean =>
  markOf(e) !== undefined || regionsOf(e.prim, e.params).some(f => someEqn(f, x => markOf(x) !== undefined));
/** Is `e` the mark that is looked for? */
export const matches = (e: Eqn, t: Target): boolean => {
  const m = markOf(e);
  return m !== undefined && m.name === t.name && m.role === t.role;
};
