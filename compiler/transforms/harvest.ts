// Take marked values out of a Func (reap) or put values in their place (plant). Marks that match are consumed. Regions say by a rule on their record
// how values get out of them; a region without the rule is an error, never a silent miss.
import { InternalError, PullbackError } from "../../runtime/errors/error.ts";
import type { Eqn, Func, Params, Var } from "../ir/func.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { readAtom, traceClosed } from "../trace/trace.ts";
import { dce } from "./dce.ts";
import { markOf, matches, recomputedRole, type Target } from "./marks.ts";
import { at, bodyOf, item, missingRule, rebind, regionsOf, someEqn } from "./walk.ts";

/** Outputs, and the marked values in program order. */
export interface Reaped {
  readonly outs: readonly Tensor[];
  readonly values: readonly Tensor[];
}
/** The symbol of the rule that primitives with regions carry. */
export const harvestRule: unique symbol = Symbol("pullback.harvest");
/** Emits the equation with the marks of its regions taken out, or with `values` in their place. Called only when a region holds such a mark. */
export interface HarvestRule {
  reap(ins: readonly Tensor[], p: Params, t: Target): Reaped;
  plant(ins: readonly Tensor[], p: Params, t: Target, values: readonly Tensor[]): readonly Tensor[];
}
/** A Func whose last `count` results are marked values. */
export interface ReapedFunc {
  readonly func: Func;
  readonly count: number;
}

/** params -> results, then the marked values in program order. */
export function reapFunc(f: Func, t: Target): ReapedFunc {
  let count = 0;
  const func = traceClosed(
    (...xs) => {
      const { outs, values } = reapInto(f, xs, t);
      count = values.length;
      return [...outs, ...values];
    },
    f.params.map(v => v.aval),
  );
  return { func, count };
}

/** params, then one value per mark -> results. What only the marked values needed is gone. @throws E0404 for a primal value that the program computes twice */
export function plantFunc(f: Func, t: Target): ReapedFunc {
  if (t.role === "primal" && someEqn(f, e => matches(e, { name: t.name, role: recomputedRole }))) {
    throw new PullbackError("E0404", `"${t.name}" is marked inside a remat region that a backward pass computes again`, {
      help: "plant first, then differentiate: grad(plant(f, name))",
    });
  }
  const { func: reaped, count } = reapFunc(f, t);
  const n = f.params.length;
  const avals = reaped.results.slice(reaped.results.length - count).map(r => r.aval);
  const func = traceClosed((...xs) => plantInto(f, xs.slice(0, n), t, xs.slice(n)), [...f.params.map(v => v.aval), ...avals]);
  return { func: dce(func), count };
}

/** Emit `f` into the current program with the marked values taken out. */
export function reapInto(f: Func, ins: readonly Tensor[], t: Target): Reaped {
  const values: Tensor[] = [];
  const outs = walk(f, ins, t, {
    mark: x => {
      values.push(x);
      return x;
    },
    region: (rule, xs, e) => {
      const r = rule.reap(xs, e.params, t);
      values.push(...r.values);
      return r.outs;
    },
    body: (body, xs) => {
      const r = reapInto(body, xs, t);
      values.push(...r.values);
      return r.outs;
    },
  });
  return { outs, values };
}

/** Emit `f` into the current program with `values` in place of its marks, in program order. */
export function plantInto(f: Func, ins: readonly Tensor[], t: Target, values: readonly Tensor[]): Tensor[] {
  let next = 0;
  const take = (n: number): readonly Tensor[] => values.slice(next, (next += n));
  const outs = walk(f, ins, t, {
    mark: () => item(take(1), 0),
    region: (rule, xs, e) => rule.plant(xs, e.params, t, take(countIn(e, t))),
    body: (body, xs, e) => plantInto(body, xs, t, take(countIn(e, t))),
  });
  if (next !== values.length) throw new InternalError(`plant: ${values.length} values for ${next} marks`);
  return outs;
}

/** How many values the marks of one equation's regions give. */
const countIn = (e: Eqn, t: Target): number =>
  reapFunc(
    { params: e.ins.filter((a): a is Var => a.kind === "var").filter((v, i, all) => all.indexOf(v) === i), eqns: [e], results: [] },
    t,
  ).count;

interface Visitor {
  mark(x: Tensor): Tensor;
  region(rule: HarvestRule, xs: readonly Tensor[], e: Eqn): readonly Tensor[];
  body(body: Func, xs: readonly Tensor[], e: Eqn): readonly Tensor[];
}
function walk(f: Func, ins: readonly Tensor[], t: Target, visit: Visitor): Tensor[] {
  const env = new Map<Var, Tensor>(f.params.map((v, i) => [v, item(ins, i)]));
  for (const e of f.eqns) {
    const xs = e.ins.map(a => readAtom(env, a));
    const outs = at(e.source, () => visitEqn(e, xs, t, visit));
    e.outs.forEach((v, i) => env.set(v, item(outs, i)));
  }
  return f.results.map(a => readAtom(env, a));
}

function visitEqn(e: Eqn, xs: readonly Tensor[], t: Target, visit: Visitor): readonly Tensor[] {
  if (matches(e, t)) return [visit.mark(item(xs, 0))];
  if (regionsOf(e.prim, e.params).some(f => holds(f, t))) {
    const rule = e.prim.rules?.[harvestRule] as HarvestRule | undefined; // the symbol is ours: only this type is stored under it
    if (!rule)
      throw missingRule(
        e.prim,
        "harvest",
        e.source,
        `add rules: { [harvestRule]: { reap, plant } } to the record of ${e.prim.name}, or move the mark out of it`,
      );
    return visit.region(rule, xs, e);
  }
  if (e.prim.lower.kind === "composite" && regionsOf(e.prim, e.params).length === 0) {
    const body = bodyOf(
      e.prim,
      e.ins.map(a => a.aval),
      e.params,
    );
    if (holds(body, t)) return visit.body(body, xs, e);
  }
  return rebind(e, xs, bind);
}

/** Does `f` hold such a mark, in its equations, their regions or the bodies of composites? */
const holds = (f: Func, t: Target): boolean =>
  f.eqns.some(e => {
    if (matches(e, t)) return true;
    const regions = regionsOf(e.prim, e.params);
    const inner =
      regions.length === 0 && e.prim.lower.kind === "composite"
        ? [
            bodyOf(
              e.prim,
              e.ins.map(a => a.aval),
              e.params,
            ),
          ]
        : regions;
    return inner.some(g => holds(g, t));
  });

/** Names and roles of all marks in `f`, for messages. */
export function marksIn(f: Func): string[] {
  const names = new Set<string>();
  someEqn(f, e => {
    const m = markOf(e);
    if (m && m.role !== recomputedRole) names.add(`"${m.name}" (${m.role})`);
    return false;
  });
  return [...names];
}
/** E0401, with the marks that there are. */
export function noMark(f: Func, t: Target, what: string): PullbackError {
  const others = marksIn(f);
  return new PullbackError(
    "E0401",
    `${what} found no value marked "${t.name}" with the role ${t.role}; ${others.length === 0 ? "there are no marks" : `there are ${others.join(", ")}`}`,
    {
      help: `mark it in the model, mark("${t.name}", z); or use a loss of pullback/nn, which marks its logits; or fsam.split({ model, loss }), which needs no marks`,
    },
  );
}
