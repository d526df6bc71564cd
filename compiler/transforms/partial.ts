// Partial evaluation: cut a Func into what can run now and what waits for the unknown parameters. What crosses the cut is a residual. Constants and
// expanding views (broadcasts) are made again instead of being saved. It runs nothing itself.
import { sizeOf } from "../ir/aval.ts";
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import type { Split } from "../ir/primitive.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { readAtom, traceClosed } from "../trace/trace.ts";
import { at, atomOf, item, merge, rebind, where, whereNot } from "./walk.ts";

/** Where a residual comes from: the `index`-th known parameter (forwarded, not copied), or the `index`-th result of the known Func. */
export interface ResidualSource {
  readonly from: "param" | "result";
  readonly index: number;
}
/** A Func cut in two. */
export interface PartialEval {
  /** known params -> known results, then the residuals that had to be saved. */
  readonly known: Func;
  /** residuals, then unknown params -> unknown results. */
  readonly unknown: Func;
  /** For each result of the Func: does it come from `unknown`? */
  readonly unknownResults: readonly boolean[];
  readonly residuals: readonly ResidualSource[];
}
/** `instantiate[i]`: result i comes from the unknown Func even if it is known. `pin`: equations that count as unknown whatever their operands, and stay even unused. */
export interface PartialOptions {
  readonly instantiate?: readonly boolean[];
  readonly pin?: (e: Eqn) => boolean;
}

/** Cut `f`: `unknown[i]` says that parameter i comes later. */
export function partialEval(
  f: Func,
  unknown: readonly boolean[],
  { instantiate = [], pin = () => false }: PartialOptions = {},
): PartialEval {
  const knownParams = whereNot(f.params, unknown);
  const unknownParams = where(f.params, unknown);
  const late = new Set<Var>(unknownParams);
  const early = new Map<Var, Tensor>();
  const pending = new Map<Eqn, Split | null>();
  const isLate = (a: Atom): boolean => a.kind === "var" && late.has(a);
  const unknownResults: boolean[] = [];
  const cut = new Map<Atom, { readonly source: ResidualSource; readonly position: number; readonly aval: Atom["aval"] }>();
  let remade: ReadonlySet<Eqn> = new Set();

  const known = traceClosed(
    (...xs) => {
      knownParams.forEach((v, i) => early.set(v, item(xs, i)));
      for (const e of f.eqns) runEarly(e, early, late, pending, pin(e));
      f.results.forEach((r, i) => unknownResults.push(instantiate[i] === true || isLate(r)));
      const results = whereNot(f.results, unknownResults).map(r => readAtom(early, r));
      const need = needed(f, early, late, pending, where(f.results, unknownResults), pin);
      remade = need.remade;
      const places = new Map<Atom, ResidualSource>();
      results.forEach((x, index) => places.set(atomOf(x), { from: "result", index }));
      xs.forEach((x, index) => places.set(atomOf(x), { from: "param", index }));
      for (const x of need.tensors) {
        const a = atomOf(x);
        if (a.kind === "lit" || cut.has(a)) continue;
        let source = places.get(a);
        if (!source) {
          source = { from: "result", index: results.length };
          results.push(x);
        }
        cut.set(a, { source, position: cut.size, aval: a.aval });
      }
      return results;
    },
    knownParams.map(v => v.aval),
  );

  const saved = [...cut.values()];
  const rest = traceClosed(
    (...xs) => {
      const residual = (x: Tensor): Tensor => {
        const a = atomOf(x);
        const c = cut.get(a);
        return a.kind === "lit" || !c ? x : item(xs, c.position);
      };
      const env = new Map<Var, Tensor>(unknownParams.map((v, i) => [v, item(xs, saved.length + i)]));
      const read = (a: Atom): Tensor => {
        if (a.kind === "var" && !env.has(a)) {
          const x = early.get(a);
          if (x) return residual(x);
        }
        return readAtom(env, a);
      };
      for (const e of f.eqns) {
        const split = pending.get(e);
        if (split === undefined && !remade.has(e)) continue;
        if (split) {
          const outs = at(e.source, () => split.unknown(split.residuals.map(residual), e.ins.filter(isLate).map(read)));
          e.outs.filter((_, i) => split.known[i] === null).forEach((v, i) => env.set(v, item(outs, i)));
        } else rebind(e, e.ins.map(read), bind).forEach((x, i) => env.set(item(e.outs, i), x));
      }
      return where(f.results, unknownResults).map(read);
    },
    [...saved.map(s => s.aval), ...unknownParams.map(v => v.aval)],
  );
  return { known, unknown: rest, unknownResults, residuals: saved.map(s => s.source) };
}

/** Run `e` now if it can be; note it as pending otherwise. */
function runEarly(e: Eqn, early: Map<Var, Tensor>, late: Set<Var>, pending: Map<Eqn, Split | null>, pinned: boolean): void {
  const isLate = (a: Atom): boolean => a.kind === "var" && late.has(a);
  if (!pinned && !e.ins.some(isLate)) {
    rebind(
      e,
      e.ins.map(a => readAtom(early, a)),
      bind,
    ).forEach((x, i) => early.set(item(e.outs, i), x));
    return;
  }
  const rule = pinned ? undefined : e.prim.partial?.bind(e.prim);
  if (!rule) {
    pending.set(e, null);
    e.outs.forEach(v => late.add(v));
    return;
  }
  const split = at(e.source, () =>
    rule(
      e.ins.map(a => (isLate(a) ? null : readAtom(early, a))),
      e.ins.map(a => a.aval),
      e.params,
    ),
  );
  pending.set(e, split);
  e.outs.forEach((v, i) => {
    const x = item(split.known, i);
    if (x) early.set(v, x);
    else late.add(v);
  });
}

/** Walk back from the unknown results: drop pending equations that nobody needs, and collect the early tensors that the rest need. */
function needed(
  f: Func,
  early: ReadonlyMap<Var, Tensor>,
  late: ReadonlySet<Var>,
  pending: Map<Eqn, Split | null>,
  results: readonly Atom[],
  pin: (e: Eqn) => boolean,
): { readonly tensors: readonly Tensor[]; readonly remade: ReadonlySet<Eqn> } {
  const live = new Set<Var>();
  const want = new Set<Var>();
  const tensors: Tensor[] = [];
  const use = (a: Atom): void => {
    if (a.kind === "var") (late.has(a) ? live : want).add(a);
  };
  results.forEach(use);
  for (const e of f.eqns.toReversed()) {
    const split = pending.get(e);
    if (split === undefined) continue;
    if (!pin(e) && !e.outs.some(v => live.has(v))) {
      pending.delete(e);
      continue;
    }
    if (split) {
      tensors.push(...split.residuals);
      e.ins.filter(a => a.kind === "var" && late.has(a)).forEach(use);
    } else e.ins.forEach(use);
  }
  const cheap = cheapEqns(f, early);
  const maker = new Map<Var, Eqn>(f.eqns.flatMap(e => e.outs.map(v => [v, e] as const)));
  const remade = new Set<Eqn>();
  const fetch = (v: Var): void => {
    const e = maker.get(v);
    if (!e || !cheap.has(e)) {
      tensors.push(readAtom(early, v));
      return;
    }
    if (remade.has(e)) return;
    remade.add(e);
    for (const a of e.ins) if (a.kind === "var") fetch(a);
  };
  want.forEach(fetch);
  return { tensors, remade };
}

/** Early equations that are better made again than saved: constants, and views larger than what they view. */
function cheapEqns(f: Func, early: ReadonlyMap<Var, Tensor>): ReadonlySet<Eqn> {
  const cheap = new Set<Eqn>();
  const constant = new Set<Var>();
  for (const e of f.eqns) {
    const [out] = e.outs;
    if (!out || e.outs.length !== 1 || !early.has(out)) continue;
    const { kind } = e.prim.lower;
    if ((kind === "view" || kind === "map" || kind === "index") && e.ins.every(a => a.kind === "lit" || constant.has(a))) {
      constant.add(out);
      cheap.add(e);
    } else if (kind === "view" && e.ins.every(a => sizeOf(a.aval.shape) < sizeOf(out.aval.shape))) cheap.add(e);
  }
  return cheap;
}

/** The residuals' values, once the known part has run. */
export const residualValues = (p: PartialEval, knownArgs: readonly Tensor[], knownResults: readonly Tensor[]): Tensor[] =>
  p.residuals.map(r => item(r.from === "param" ? knownArgs : knownResults, r.index));
/** The Func's results in their own order, from the results of both parts. */
export const joinResults = (p: PartialEval, knownResults: readonly Tensor[], unknownResults: readonly Tensor[]): Tensor[] =>
  merge(p.unknownResults, unknownResults, knownResults.slice(0, p.unknownResults.filter(u => !u).length));
