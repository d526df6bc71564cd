// What every walk over a Func shares: emission that keeps the user's line, regions, and the two errors of a missing rule. No transform lives here.
import { InternalError, PullbackError } from "../../runtime/errors/error.ts";
import type { Aval } from "../ir/aval.ts";
import type { Atom, Eqn, Func, Params, Source } from "../ir/func.ts";
import type { MaybeZero, Primitive } from "../ir/primitive.ts";
import { withSource } from "../trace/source.ts";
import type { Tensor } from "../trace/tensor.ts";
import { traceClosed } from "../trace/trace.ts";

/** Run `emit`; the equations that it records keep `source`, the user's line, instead of the line that called the transform. */
export const at = <T>(source: Source | undefined, emit: () => T): T => withSource(source, emit);

/** Emit one equation again on other operands, at its own line. */
export const rebind = (e: Eqn, ins: readonly Tensor[], bind: (p: Primitive, xs: readonly Tensor[], q: Params) => Tensor[]): Tensor[] =>
  at(e.source, () => bind(e.prim, ins, e.params));

/** The symbol under which a primitive that is not of kind "control" lists the Funcs among its parameters. */
export const regionsRule: unique symbol = Symbol("pullback.regions");
type RegionsRule = (p: Params) => readonly Func[];

/** The Funcs that an equation holds: bodies, branches, custom rules. */
export function regionsOf(prim: Primitive, params: Params): readonly Func[] {
  const own = prim.rules?.[regionsRule] as RegionsRule | undefined; // the symbol is ours: only this type is stored under it
  if (own) return own(params);
  if (prim.lower.kind !== "control") return [];
  const form = prim.lower.form(params);
  switch (form.form) {
    case "call":
      return [form.func];
    case "cond":
      return form.branches;
    case "scan":
      return [form.body];
    case "while":
      return [form.cond, form.body];
    default:
      return form satisfies never;
  }
}

const isFunc = (x: unknown): x is Func => typeof x === "object" && x !== null && "eqns" in x && "params" in x;
/** Parameters with `f` applied to every Func among them. */
export const mapRegions = (p: Params, f: (region: Func) => Func): Params =>
  Object.fromEntries(
    Object.entries(p).map(([k, v]) => [k, isFunc(v) ? f(v) : Array.isArray(v) && v.length > 0 && v.every(isFunc) ? v.map(f) : v]),
  );

/** Does `f`, or a region inside it, hold an equation that satisfies `test`? */
export const someEqn = (f: Func, test: (e: Eqn) => boolean): boolean =>
  f.eqns.some(e => test(e) || regionsOf(e.prim, e.params).some(r => someEqn(r, test)));

/** A composite's body as a Func over its operands. */
export function bodyOf(prim: Primitive, ins: readonly Aval[], p: Params): Func {
  const lower = prim.lower;
  if (lower.kind !== "composite") throw new InternalError(`${prim.name} has no body`);
  return traceClosed((...xs) => lower.body(xs, p), ins);
}

/** E0301: `prim` lacks `rule`; `how` says what to add to the record. */
export function missingRule(prim: Primitive, rule: string, source: Source | undefined, how: string): PullbackError {
  const where = source?.locate();
  return new PullbackError("E0301", `${prim.name} has no ${rule} rule`, { help: how, ...(where === undefined ? {} : { at: where }) });
}

/** The staged atom behind a tensor of a closed trace. */
export function atomOf(x: Tensor): Atom {
  if (x.storage.kind !== "staged") throw new InternalError("a concrete tensor inside a closed trace");
  return x.storage.atom;
}

/** `xs[i]`, which the caller knows to exist. */
export function item<T>(xs: readonly T[], i: number): T {
  if (i < 0 || i >= xs.length) throw new InternalError(`index ${i} of ${xs.length}`);
  return xs[i] as T; // just checked
}
/** The items whose flag is set. */
export const where = <T>(xs: readonly T[], flags: readonly boolean[]): T[] => xs.filter((_, i) => flags[i] === true);
/** The items whose flag is not set. */
export const whereNot = <T>(xs: readonly T[], flags: readonly boolean[]): T[] => xs.filter((_, i) => flags[i] !== true);
/** Put `yes` and `no` back in the order that `flags` took them from. */
export function merge<T>(flags: readonly boolean[], yes: readonly T[], no: readonly T[]): T[] {
  let y = 0,
    n = 0;
  return flags.map(f => (f ? item(yes, y++) : item(no, n++)));
}
/** Put the items back where the flags are set, null elsewhere. */
export function spread<T>(flags: readonly boolean[], xs: readonly T[]): (T | null)[] {
  let k = 0;
  return flags.map(f => (f ? item(xs, k++) : null));
}
/** The non-null ones. */
export const present = (xs: readonly MaybeZero[]): Tensor[] => xs.filter(x => x !== null);
/** Elementwise or. */
export const either = (a: readonly boolean[], b: readonly boolean[]): boolean[] => a.map((x, i) => x || b[i] === true);
/** Cut a list into consecutive pieces of the given sizes; the last piece is the rest. */
export function pieces<T>(xs: readonly T[], ...sizes: readonly number[]): T[][] {
  const out: T[][] = [];
  let from = 0;
  for (const n of sizes) {
    out.push(xs.slice(from, from + n));
    from += n;
  }
  out.push(xs.slice(from));
  return out;
}
