// Rebuilding a Func equation by equation. A rewriter sees each equation with its operands already replaced, and says what takes its place.
import { InternalError } from "../../runtime/errors/error.ts";
import { freshVar, type Atom, type Eqn, type Func, type Params, type Var } from "../ir/func.ts";
import { isFunc } from "../ir/walk.ts";

/** What takes the place of an equation: equations to append, and the atoms that stand for its outputs. */
export interface Replacement {
  readonly eqns: readonly Eqn[];
  readonly outs: readonly Atom[];
}
/** Undefined keeps the equation. */
export type Rewriter = (e: Eqn) => Replacement | undefined;

/** `f` with every equation of its own (not nested ones) passed through `rewrite`. */
export function rewriteFunc(f: Func, rewrite: Rewriter): Func {
  const env = new Map<Var, Atom>();
  const read = (a: Atom): Atom => (a.kind === "lit" ? a : (env.get(a) ?? a));
  const eqns: Eqn[] = [];
  let changed = false;
  for (const e of f.eqns) {
    const ins = e.ins.map(read);
    const moved = ins.every((a, i) => a === e.ins[i]) ? e : { ...e, ins };
    const r = rewrite(moved);
    if (!r) {
      eqns.push(moved);
      continue;
    }
    changed = true;
    eqns.push(...r.eqns);
    e.outs.forEach((v, i) => env.set(v, r.outs[i] ?? v));
  }
  return changed ? { params: f.params, eqns, results: f.results.map(read) } : f;
}

/** The body of `f` on `args`, with variables of its own. Equations without a source get `source`. */
export function splice(f: Func, args: readonly Atom[], source: Eqn["source"]): Replacement {
  if (args.length !== f.params.length) throw new InternalError(`splice: ${f.params.length} parameters, ${args.length} arguments`);
  const env = new Map<Var, Atom>();
  f.params.forEach((v, i) => env.set(v, args[i] as Atom)); // lengths agree
  const read = (a: Atom): Atom => (a.kind === "lit" ? a : (env.get(a) ?? a));
  const eqns = f.eqns.map(e => {
    const ins = e.ins.map(read);
    const outs = e.outs.map(v => {
      const fresh = freshVar(v.aval);
      env.set(v, fresh);
      return fresh;
    });
    return { ...e, ins, outs, source: source ?? e.source };
  });
  return { eqns, outs: f.results.map(read) };
}

/** Parameters with every Func in them replaced. */
export function mapFuncs(params: Params, g: (f: Func) => Func): Params {
  const visit = (x: unknown): unknown => {
    if (isFunc(x)) return g(x);
    if (!Array.isArray(x)) return x;
    const items = x.map(visit);
    return items.every((y, i) => y === x[i]) ? x : items;
  };
  const entries = Object.entries(params).map(([k, v]) => [k, visit(v)] as const);
  return entries.every(([k, v]) => v === params[k]) ? params : Object.fromEntries(entries);
}
/** `pass` over `f` and over the programs of its control equations, innermost first. */
export function deep(pass: (f: Func) => Func): (f: Func) => Func {
  const go = (f: Func): Func => {
    const eqns = f.eqns.map(e => {
      const params = mapFuncs(e.params, go);
      return params === e.params ? e : { ...e, params };
    });
    return pass(eqns.every((e, i) => e === f.eqns[i]) ? f : { ...f, eqns });
  };
  return go;
}
