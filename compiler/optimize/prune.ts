// Loops and branches without what nobody reads: outputs, carries that only feed themselves, operands. One sweep backwards knows who is read.
import { unreachable } from "../../runtime/errors/error.ts";
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import { dce } from "../transforms/dce.ts";
import { rebuildScan, scanOf, withFields, type Scan } from "./loops.ts";
import { deep } from "./rewrite.ts";

/** One sweep, innermost programs first. */
export const pruneControl: (f: Func) => Func = deep(f => {
  const live = new Set<Var>(),
    use = (atoms: readonly Atom[]): void => {
      for (const a of atoms) if (a.kind === "var") live.add(a);
    };
  use(f.results);
  const eqns = f.eqns
    .toReversed()
    .map(e => {
      if (!e.outs.some(v => live.has(v))) return e;
      const kept = e.prim.lower.kind === "control" && e.outs.some(v => !live.has(v)) ? (pruned(e, live) ?? e) : e;
      use(kept.ins);
      return kept;
    })
    .reverse();
  return eqns.every((e, i) => e === f.eqns[i]) ? f : { ...f, eqns };
});

function pruned(e: Eqn, live: ReadonlySet<Var>): Eqn | undefined {
  const form = e.prim.lower.kind === "control" ? e.prim.lower.form(e.params) : undefined;
  switch (form?.form) {
    case undefined:
    case "call":
      return undefined; // a call is inlined, and then looked at
    case "scan": {
      const s = scanOf(e);
      return s && prunedScan(s, live);
    }
    case "while":
      return prunedWhile(e, form, live);
    case "cond":
      return prunedCond(e, form.branches, live);
    default:
      return unreachable(form);
  }
}
const item = <T>(xs: readonly T[], i: number): T => xs[i] as T; // callers index in range

function prunedScan(s: Scan, live: ReadonlySet<Var>): Eqn | undefined {
  const { body } = s.form,
    ys = s.ys.filter(y => live.has(y.out));
  const needed = closure(
    s.carries.map(c => live.has(c.out)),
    carried =>
      reached(
        body,
        [...s.carries.filter((_, i) => carried[i]), ...ys].map(r => r.result),
      ),
    s.carries.map(c => c.param),
  );
  const carries = s.carries.filter((_, i) => needed[i]),
    inner = dce({ ...body, results: [...carries, ...ys].map(r => r.result) });
  const used = reached(inner, inner.results),
    consts = s.consts.filter(c => used.has(c.param)),
    xs = s.xs.filter(x => used.has(x.param));
  if (carries.length === s.carries.length && ys.length === s.ys.length && consts.length === s.consts.length && xs.length === s.xs.length)
    return undefined;
  return rebuildScan({ ...s, carries, ys, consts, xs }, inner.eqns);
}
function prunedWhile(
  e: Eqn,
  form: { readonly cond: Func; readonly body: Func; readonly condConsts: number; readonly bodyConsts: number },
  live: ReadonlySet<Var>,
): Eqn | undefined {
  const { cond, body, condConsts, bodyConsts } = form,
    params = body.params.slice(bodyConsts),
    tested = reached(cond, cond.results),
    testParams = cond.params.slice(condConsts);
  const needed = closure(
    e.outs.map((v, i) => live.has(v) || tested.has(item(testParams, i))),
    carried =>
      reached(
        body,
        body.results.filter((_, i) => carried[i]),
      ),
    params,
  );
  if (needed.every(Boolean)) return undefined;
  const keep = <T>(xs: readonly T[]): T[] => xs.filter((_, i) => needed[i]);
  const carry = e.ins.slice(condConsts + bodyConsts);
  return withFields(
    { ...e, ins: [...e.ins.slice(0, condConsts + bodyConsts), ...keep(carry)], outs: keep(e.outs) },
    {
      cond: { ...cond, params: [...cond.params.slice(0, condConsts), ...keep(testParams)] },
      body: dce({ ...body, params: [...body.params.slice(0, bodyConsts), ...keep(params)], results: keep(body.results) }),
    },
  );
}
function prunedCond(e: Eqn, branches: readonly Func[], live: ReadonlySet<Var>): Eqn | undefined {
  const kept = branches.map(b => dce({ ...b, results: b.results.filter((_, i) => live.has(item(e.outs, i))) })),
    used = kept.map(b => reached(b, b.results));
  const read = e.ins.slice(1).map((_, i) => kept.some((b, k) => item(used, k).has(item(b.params, i))));
  return withFields(
    { ...e, ins: [item(e.ins, 0), ...e.ins.slice(1).filter((_, i) => read[i])], outs: e.outs.filter(v => live.has(v)) },
    { branches: kept.map(b => ({ ...b, params: b.params.filter((_, i) => read[i]) })) },
  );
}

/** Which carries are needed: those asked for, and those that a needed one is computed from. */
function closure(
  asked: readonly boolean[],
  from: (carried: readonly boolean[]) => ReadonlySet<Var>,
  params: readonly Var[],
): readonly boolean[] {
  for (let needed = asked; ;) {
    const used = from(needed),
      next = needed.map((n, i) => n || used.has(item(params, i)));
    if (next.every((n, i) => n === needed[i])) return next;
    needed = next;
  }
}
/** Variables of `f` that `results` need. */
function reached(f: Func, results: readonly Atom[]): ReadonlySet<Var> {
  const found = new Set<Var>(),
    use = (atoms: readonly Atom[]): void => {
      for (const a of atoms) if (a.kind === "var") found.add(a);
    };
  use(results);
  for (const e of f.eqns.toReversed()) if (e.outs.some(v => found.has(v))) use(e.ins);
  return found;
}
