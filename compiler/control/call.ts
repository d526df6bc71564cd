// The call primitive: a region that runs as a unit, and what makes remat: differentiation saves its inputs (and what its policy allows) and runs the
// rest again. Behind a barrier no pass merges that second run with the first.
import type { Eqn, Func, Var } from "../ir/func.ts";
import type { LinearIn, MaybeZero, Primitive, Split } from "../ir/primitive.ts";
import { known } from "../primitives/rules.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline, traceClosed } from "../trace/trace.ts";
import { dce } from "../transforms/dce.ts";
import { harvestRule, plantFunc, reapFunc, type HarvestRule } from "../transforms/harvest.ts";
import { jvpFunc, pushforwardRule, type Pushed, type PushforwardRule } from "../transforms/jvp.ts";
import { isMarked, markOf, recomputedRole } from "../transforms/marks.ts";
import { partialEval } from "../transforms/partial.ts";
import { transposeFunc } from "../transforms/transpose.ts";
import { batchFunc } from "../transforms/vmap.ts";
import { item, mapRegions, merge, present, regionsOf, spread, where, whereNot } from "../transforms/walk.ts";

/** What differentiation may save of a remat region beside its inputs. "dots": results of contractions. "names": values marked with one of the names. */
export type SavePolicy =
  | { readonly kind: "everything" }
  | { readonly kind: "nothing" }
  | { readonly kind: "dots" }
  | { readonly kind: "names"; readonly names: readonly string[] };
/** `barrier`: the region is not merged with what surrounds it. */
export type CallParams = { readonly func: Func; readonly barrier: boolean; readonly policy: SavePolicy };
/** Emit a call. */
export const bindCall = (ins: readonly Tensor[], p: CallParams): Tensor[] => bind(callPrimitive, ins, p);

/** The call primitive. */
export const callPrimitive: Primitive<number, CallParams> = {
  name: "call",
  aval: (_ins, { func }) => func.results.map(r => r.aval),
  lower: { kind: "control", form: p => ({ form: "call", func: p.func, barrier: p.barrier }) },
  partial: (ins, _avals, p) => splitCall(ins, p),
  transpose: (cts, ins, p) => transposeCall(cts, ins, p),
  batch: (ins, has, p, axis) => {
    const { func, batched } = batchFunc(p.func, has, axis);
    return { outs: bindCall(ins, { ...p, func }), batched };
  },
  rules: {
    [pushforwardRule]: ((ins, dins, p) => pushCall(ins, dins, p as CallParams)) satisfies PushforwardRule,
    [harvestRule]: harvest(),
  }, // the equation is a call
};

function pushCall(ins: readonly Tensor[], dins: readonly MaybeZero[], p: CallParams): Pushed {
  const { func, nonzero } = jvpFunc(
    p.func,
    dins.map(d => d !== null),
  );
  const outs = bindCall([...ins, ...present(dins)], { ...p, func });
  return { outs: outs.slice(0, nonzero.length), douts: spread(nonzero, outs.slice(nonzero.length)) };
}

const maySave = (e: Eqn, policy: SavePolicy): boolean => {
  switch (policy.kind) {
    case "everything":
      return true;
    case "nothing":
      return false;
    case "dots":
      return e.prim.lower.kind === "contract";
    case "names": {
      const m = markOf(e);
      return m !== undefined && policy.names.includes(m.name);
    }
    default:
      return policy satisfies never;
  }
};

/** The known part runs now and hands on its inputs and what the policy saves; the unknown part computes the rest of its residuals again. */
function splitCall(ins: readonly (Tensor | null)[], p: CallParams): Split {
  const unknown = ins.map(x => x === null);
  const cut = partialEval(p.func, unknown);
  const knownIns = present(ins);
  const results = cut.unknownResults.filter(u => !u).length;
  const { params, eqns } = cut.known;
  const saveable = eqns.filter(e => maySave(e, p.policy)).flatMap(e => e.outs);
  const needs = cut.residuals.map(r => item(r.from === "param" ? params : cut.known.results, r.index));
  // What the second run starts from: the known inputs and saved values that it needs.
  const saved = new Set<Var>(saveable);
  const again = dce({ params: [...params, ...saveable], eqns: eqns.filter(e => !e.outs.some(v => saved.has(v))), results: needs });
  const used = new Set<Var>();
  for (const a of [...again.results, ...again.eqns.flatMap(e => e.ins)]) if (a.kind === "var") used.add(a);
  const starts = again.params.filter(v => used.has(v));
  const savedHere = starts.filter(v => saved.has(v));

  const early = dce({ params, eqns, results: [...cut.known.results.slice(0, results), ...savedHere] }, isMarked);
  const outs = early.results.length === 0 && early.eqns.length === 0 ? [] : bindCall(knownIns, { ...p, func: early });
  const crossing = starts.map(v => {
    const i = params.indexOf(v);
    return i >= 0 ? item(knownIns, i) : item(outs, results + savedHere.indexOf(v));
  });
  const n = starts.length;
  const second = relabelled({ ...again, params: starts });
  const late = traceClosed(
    (...xs) => inline(cut.unknown, [...inline(second, xs.slice(0, n)), ...xs.slice(n)]),
    [...starts.map(v => v.aval), ...where(p.func.params, unknown).map(v => v.aval)],
  );
  return {
    known: merge(
      cut.unknownResults,
      cut.unknownResults.filter(Boolean).map(() => null),
      outs.slice(0, results),
    ),
    residuals: crossing,
    unknown: (res, rest) => bindCall([...res, ...rest], { ...p, func: late }),
  };
}

/** `f` as it is run a second time: its marks change their role, so that nothing is reaped twice. */
function relabelled(f: Func): Func {
  return {
    ...f,
    eqns: f.eqns.map(e => {
      const m = markOf(e);
      if (m) return { ...e, params: { name: m.name, role: recomputedRole } };
      return regionsOf(e.prim, e.params).length > 0 ? { ...e, params: mapRegions(e.params, relabelled) } : e;
    }),
  };
}

/** A region of a linear program: the transposed region, behind the same barrier. */
function transposeCall(cts: readonly MaybeZero[], ins: readonly LinearIn[], p: CallParams): readonly MaybeZero[] {
  const holes = ins.map(x => x.kind === "hole");
  const t = transposeFunc(
    p.func,
    holes,
    cts.map(c => c !== null),
  );
  const outs = bindCall([...whereNot(ins, holes).map(known), ...present(cts)], { ...p, func: t.func });
  const pulled = spread(t.nonzero, outs);
  let k = 0;
  return holes.map(h => (h ? item(pulled, k++) : null));
}

function harvest(): HarvestRule {
  return {
    reap(ins, params, t) {
      const p = params as CallParams; // the rule is a call's
      const { func, count } = reapFunc(p.func, t);
      const outs = bindCall(ins, { ...p, func });
      return { outs: outs.slice(0, outs.length - count), values: outs.slice(outs.length - count) };
    },
    plant(ins, params, t, values) {
      const p = params as CallParams; // as above
      return bindCall([...ins, ...values], { ...p, func: plantFunc(p.func, t).func });
    },
  };
}
