// Scans carry and stack no more than they must: results that are the same value are stacked once, a stacked slice of an operand is that operand, a carry
// that never changes is a constant, operands given twice are given once. It needs no knowledge of who reads what; prune.ts has that.
import { InternalError } from "../../runtime/errors/error.ts";
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import type { ControlForm } from "../ir/primitive.ts";
import { deep, rewriteFunc, type Replacement } from "./rewrite.ts";

/** A scan taken apart. `carries` and `xs` pair operands with the body's parameters, `ys` results with the equation's outputs. */
export interface Scan {
  readonly e: Eqn;
  readonly form: Extract<ControlForm, { form: "scan" }>;
  readonly consts: readonly Operand[];
  readonly carries: readonly (Operand & Result)[];
  readonly xs: readonly Operand[];
  readonly ys: readonly Result[];
}
/** What goes in: the operand and the body's parameter. */
export interface Operand {
  readonly from: Atom;
  readonly param: Var;
}
/** What comes out: the body's result and the equation's output. */
export interface Result {
  readonly result: Atom;
  readonly out: Var;
}

/** The parts of a scan equation; undefined for every other equation. */
export function scanOf(e: Eqn): Scan | undefined {
  const form = e.prim.lower.kind === "control" ? e.prim.lower.form(e.params) : undefined;
  if (form?.form !== "scan") return undefined;
  const operand = (i: number): Operand => ({ from: e.ins[i] as Atom, param: form.body.params[i] as Var }); // one parameter an operand
  const result = (i: number): Result => ({ result: form.body.results[i] as Atom, out: e.outs[i] as Var }); // one result an output
  const all = e.ins.map((_, i) => operand(i)),
    carried = form.consts + form.carry;
  return {
    e,
    form,
    consts: all.slice(0, form.consts),
    carries: all.slice(form.consts, carried).map((o, i) => ({ ...o, ...result(i) })),
    xs: all.slice(carried),
    ys: e.outs.slice(form.carry).map((_, i) => result(form.carry + i)),
  };
}
/** The equation of the parts, with `eqns` as its body; undefined when its primitive does not keep the form's fields as its parameters. */
export function rebuildScan({ e, form, consts, carries, xs, ys }: Scan, eqns: readonly Eqn[] = form.body.eqns): Eqn | undefined {
  const operands = [...consts, ...carries, ...xs],
    results = [...carries, ...ys];
  const body: Func = { params: operands.map(o => o.param), eqns, results: results.map(r => r.result) };
  const fields = { body, consts: consts.length, carry: carries.length };
  return withFields({ ...e, ins: operands.map(o => o.from), outs: results.map(r => r.out) }, fields);
}
/** `e` with some of its form's fields replaced; undefined when its primitive does not keep them as its parameters. */
export function withFields(e: Eqn, fields: Readonly<Record<string, unknown>>): Eqn | undefined {
  if (Object.keys(fields).some(k => !(k in e.params))) return undefined;
  const params = { ...e.params, ...fields };
  if (e.prim.lower.kind !== "control") throw new InternalError(`${e.prim.name} is no control form`);
  const form: Readonly<Record<string, unknown>> = { ...e.prim.lower.form(params) };
  return Object.entries(fields).every(([k, v]) => form[k] === v) ? { ...e, params } : undefined;
}

/** One sweep over every scan, nested ones too. */
export const tidyLoops: (f: Func) => Func = deep(f => rewriteFunc(f, tidy));

function tidy(e: Eqn): Replacement | undefined {
  const s = scanOf(e);
  if (!s) return undefined;
  const env = new Map<Var, Atom>(),
    outs = new Map<Var, Atom>();
  const still = s.carries.filter(c => c.result === c.param);
  for (const c of still) outs.set(c.out, c.from);
  const consts = [...s.consts, ...still].filter(first(env)),
    xs = s.xs.filter(first(env));
  const stacked = new Map<Atom, Var>(),
    slices = new Map<Atom, Atom>(s.xs.map(x => [x.param, x.from]));
  const ys = s.ys.filter(({ result, out }) => {
    const known = slices.get(result) ?? stacked.get(result);
    if (known) outs.set(out, known);
    else stacked.set(result, out);
    return !known;
  });
  if (outs.size === 0 && env.size === 0) return undefined;
  const read = (a: Atom): Atom => (a.kind === "lit" ? a : (env.get(a) ?? a));
  const eqns = s.form.body.eqns.map(x => (x.ins.some(a => a.kind === "var" && env.has(a)) ? { ...x, ins: x.ins.map(read) } : x));
  const carries = s.carries.filter(c => c.result !== c.param);
  const next = rebuildScan(
    {
      ...s,
      consts: consts.map(({ from, param }) => ({ from, param })),
      carries: carries.map(c => ({ ...c, result: read(c.result) })),
      xs,
      ys: ys.map(y => ({ ...y, result: read(y.result) })),
    },
    eqns,
  );
  return next && { eqns: [next], outs: e.outs.map(v => outs.get(v) ?? v) };
}
/** Keeps the first of the operands that are one variable; the parameters of the others become that one's. */
function first(env: Map<Var, Atom>): (o: Operand) => boolean {
  const seen = new Map<Atom, Var>();
  return ({ from, param }) => {
    const before = from.kind === "var" ? seen.get(from) : undefined;
    if (before) env.set(param, before);
    else seen.set(from, param);
    return !before;
  };
}
