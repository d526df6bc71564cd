// The cond primitive: one of several branches by an index, and how each transform goes through it. Only the chosen branch runs, except under a vmap
// whose index differs between examples: then all run and results are selected.
import { InternalError, PullbackError } from "../../runtime/errors/error.ts";
import { sameAval, showAval, type Aval } from "../ir/aval.ts";
import type { Func } from "../ir/func.ts";
import type { BatchAxis, LinearIn, MaybeZero, Primitive, Split } from "../ir/primitive.ts";
import { broadcastInDim, withLeading } from "../primitives/broadcast.ts";
import { lessEqual, select } from "../primitives/compare.ts";
import { zeros } from "../primitives/fill.ts";
import { known } from "../primitives/rules.ts";
import { bind } from "../trace/bind.ts";
import { lit } from "../trace/builder.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline, traceClosed } from "../trace/trace.ts";
import { harvestRule, plantInto, reapFunc, type HarvestRule } from "../transforms/harvest.ts";
import { jvpFunc, pushforwardRule, type Pushed, type PushforwardRule } from "../transforms/jvp.ts";
import type { Target } from "../transforms/marks.ts";
import { partialEval } from "../transforms/partial.ts";
import { transposeFunc } from "../transforms/transpose.ts";
import { batchFunc, batchInto } from "../transforms/vmap.ts";
import { either, item, merge, present, spread, where, whereNot } from "../transforms/walk.ts";

/** All branches take the operands after the index, and give the same types. */
export type CondParams = { readonly branches: readonly Func[] };
/** Emit a conditional. Operand 0 is the index, i32[], clamped. */
export const bindCond = (ins: readonly Tensor[], branches: readonly Func[]): Tensor[] => bind(condPrimitive, ins, { branches });

/** The cond primitive. */
export const condPrimitive: Primitive<number, CondParams> = {
  name: "cond",
  aval([index, ...ins], { branches }) {
    if (!index || !sameAval(index, { dtype: "i32", shape: [] }))
      throw new PullbackError("E0505", `the index of a conditional is ${index ? showAval(index) : "missing"}, not i32[]`, {
        help: "reduce it to a scalar, or use where for an elementwise choice",
      });
    const [first] = branches;
    if (!first) throw new InternalError("cond without branches");
    for (const b of branches) {
      if (b.params.length !== ins.length || b.params.some((v, i) => !sameAval(v.aval, item(ins, i))))
        throw new InternalError("operands of cond do not fit a branch");
      const bad =
        b.results.length !== first.results.length ? 0 : b.results.findIndex((r, i) => !sameAval(r.aval, item(first.results, i).aval));
      if (bad >= 0)
        throw new PullbackError(
          "E0502",
          `branches return (${first.results.map(r => showAval(r.aval)).join(", ")}) and (${b.results.map(r => showAval(r.aval)).join(", ")})`,
          { help: "convert or broadcast to one type" },
        );
    }
    return first.results.map(r => r.aval);
  },
  lower: { kind: "control", form: p => ({ form: "cond", branches: p.branches }) },
  partial: (ins, _avals, p) => splitCond(ins, p),
  transpose: (cts, ins, p) => transposeCond(cts, ins, p),
  batch: (ins, at, p, axis) => batchCond(ins, at, p, axis),
  rules: {
    [pushforwardRule]: ((ins, dins, p) => pushCond(ins, dins, p as CondParams)) satisfies PushforwardRule,
    [harvestRule]: harvest(),
  }, // the equation is a cond
};

const anyOf = (flags: readonly (readonly boolean[])[]): boolean[] =>
  flags.reduce<boolean[]>((a, b) => (a.length === 0 ? [...b] : either(a, b)), []);

function pushCond(ins: readonly Tensor[], dins: readonly MaybeZero[], { branches }: CondParams): Pushed {
  const nonzero = dins.slice(1).map(d => d !== null);
  const flags = anyOf(branches.map(b => jvpFunc(b, nonzero).nonzero));
  const outs = bindCond(
    [...ins, ...present(dins)],
    branches.map(b => jvpFunc(b, nonzero, flags).func),
  );
  return { outs: outs.slice(0, flags.length), douts: spread(flags, outs.slice(flags.length)) };
}

/** With a known index the known part of the chosen branch runs now. Branches share slots for their residuals, by type; slots that a branch does not use are zeros. */
function splitCond(ins: readonly (Tensor | null)[], { branches }: CondParams): Split {
  const [index] = ins;
  if (!index)
    return {
      known: branches[0]?.results.map(() => null) ?? [],
      residuals: present(ins),
      unknown: (res, rest) =>
        bindCond(
          merge(
            ins.map(x => x === null),
            rest,
            res,
          ),
          branches,
        ),
    };
  const operands = ins.slice(1);
  const unknown = operands.map(x => x === null);
  const late = anyOf(branches.map(b => partialEval(b, unknown).unknownResults));
  const cuts = branches.map(b => partialEval(b, unknown, { instantiate: late }));
  const knownOperands = present(operands);
  const knownCount = late.filter(l => !l).length;

  const slots: Aval[] = [];
  const slotOf = cuts.map(cut => {
    // for each saved residual of this branch, in order, its slot
    const taken = new Set<number>();
    return cut.known.results.slice(knownCount).map(({ aval }) => {
      let s = slots.findIndex((a, i) => !taken.has(i) && sameAval(a, aval));
      if (s < 0) s = slots.push(aval) - 1;
      taken.add(s);
      return s;
    });
  });
  const early = cuts.map((cut, b) =>
    traceClosed(
      (...xs) => {
        const out = inline(cut.known, xs);
        const mine = item(slotOf, b);
        return [
          ...out.slice(0, knownCount),
          ...slots.map((a, s) => {
            const k = mine.indexOf(s);
            return k < 0 ? zeros(a) : item(out, knownCount + k);
          }),
        ];
      },
      knownOperands.map(x => x.aval),
    ),
  );
  const outs = knownCount + slots.length === 0 && early.every(f => f.eqns.length === 0) ? [] : bindCond([index, ...knownOperands], early);
  // All of: known operands, known results, slots are at hand; hand on those that a branch uses.
  const pool = [...knownOperands, ...outs];
  const poolIndex = (b: number, r: { readonly from: "param" | "result"; readonly index: number }): number => {
    if (r.from === "param") return r.index;
    return knownOperands.length + (r.index < knownCount ? r.index : knownCount + item(item(slotOf, b), r.index - knownCount));
  };
  const used = [...new Set(cuts.flatMap((cut, b) => cut.residuals.map(r => poolIndex(b, r))))].sort((a, c) => a - c);
  const unknownAvals = where(item(branches, 0).params, unknown).map(v => v.aval);
  const rest = cuts.map((cut, b) =>
    traceClosed(
      (...xs) => inline(cut.unknown, [...cut.residuals.map(r => item(xs, used.indexOf(poolIndex(b, r)))), ...xs.slice(used.length)]),
      [...used.map(i => item(pool, i).aval), ...unknownAvals],
    ),
  );
  return {
    known: merge(
      late,
      late.filter(Boolean).map(() => null),
      outs.slice(0, knownCount),
    ),
    residuals: [index, ...used.map(i => item(pool, i))],
    unknown: (res, more) => bindCond([...res, ...more], rest),
  };
}

function transposeCond(cts: readonly MaybeZero[], ins: readonly LinearIn[], { branches }: CondParams): readonly MaybeZero[] {
  const index = known(item(ins, 0));
  const holes = ins.slice(1).map(x => x.kind === "hole");
  const given = cts.map(c => c !== null);
  const flags = anyOf(branches.map(b => transposeFunc(b, holes, given).nonzero));
  const operands = [...whereNot(ins.slice(1), holes).map(known), ...present(cts)];
  const transposed = branches.map(b => {
    const t = transposeFunc(b, holes, given);
    return traceClosed(
      (...xs) => {
        const outs = spread(t.nonzero, inline(t.func, xs));
        return where(
          where(b.params, holes).map((v, i) => outs[i] ?? zeros(v.aval)),
          flags,
        );
      },
      operands.map(x => x.aval),
    );
  });
  const outs = spread(flags, flags.includes(true) ? bindCond([index, ...operands], transposed) : []);
  let k = 0;
  return [null, ...holes.map(h => (h ? item(outs, k++) : null))];
}

function batchCond(
  ins: readonly Tensor[],
  at: readonly boolean[],
  { branches }: CondParams,
  axis: BatchAxis,
): { readonly outs: readonly Tensor[]; readonly batched: readonly boolean[] } {
  const [index, ...operands] = ins;
  const flags = at.slice(1);
  if (!index) throw new InternalError("cond without index");
  if (!at[0]) {
    const out = anyOf(branches.map(b => batchFunc(b, flags, axis).batched));
    return {
      outs: bindCond(
        ins,
        branches.map(b => batchFunc(b, flags, axis, out).func),
      ),
      batched: out,
    };
  }
  const all = branches.map(b => {
    const r = batchInto(b, operands, flags, axis);
    return r.outs.map((x, i) => withLeading(x, item(r.batched, i), axis.size));
  });
  const last = item(all, all.length - 1);
  const outs = last.map((x, i) =>
    all.slice(0, -1).reduceRight((other, branch, k) => {
      const chosen = lessEqual(index, broadcastInDim(lit(k, "i32"), { shape: [axis.size], dims: [] }));
      return select(broadcastInDim(chosen, { shape: x.shape, dims: [0] }), item(branch, i), other);
    }, x),
  );
  return { outs, batched: outs.map(() => true) };
}

/** Every branch needs the same marks; for tangents and cotangents a branch without any counts as zero. */
function harvest(): HarvestRule {
  const agree = (branches: readonly Func[], t: Target): { readonly avals: readonly Aval[]; readonly reaped: readonly (Func | null)[] } => {
    const all = branches.map(b => {
      const { func, count } = reapFunc(b, t);
      return { func, values: func.results.slice(func.results.length - count).map(r => r.aval) };
    });
    const most = all.find(r => r.values.length > 0)?.values ?? [];
    const linear = t.role !== "primal";
    for (const { values } of all) {
      if (values.length === 0 && linear) continue;
      if (values.length !== most.length || values.some((a, i) => !sameAval(a, item(most, i)))) {
        throw new PullbackError(
          "E0402",
          `branches of a conditional mark "${t.name}" (${t.role}) with (${most.map(showAval).join(", ")}) and (${values.map(showAval).join(", ")})`,
          { help: `mark the same values in every branch, or mark the conditional's result` },
        );
      }
    }
    return { avals: most, reaped: all.map(r => (r.values.length > 0 ? r.func : null)) };
  };
  return {
    reap(ins, params, t) {
      const { branches } = params as CondParams; // the rule is a cond's
      const { avals, reaped } = agree(branches, t);
      const outs = bindCond(
        ins,
        branches.map(
          (b, k) =>
            reaped[k] ??
            traceClosed(
              (...xs) => [...inline(b, xs), ...avals.map(zeros)],
              b.params.map(v => v.aval),
            ),
        ),
      );
      return { outs: outs.slice(0, outs.length - avals.length), values: outs.slice(outs.length - avals.length) };
    },
    plant(ins, params, t, values) {
      const { branches } = params as CondParams; // as above
      const { avals, reaped } = agree(branches, t);
      return bindCond(
        [...ins, ...values],
        branches.map((b, k) =>
          traceClosed(
            (...xs) => plantInto(b, xs.slice(0, b.params.length), t, reaped[k] ? xs.slice(b.params.length) : []),
            [...b.params.map(v => v.aval), ...avals],
          ),
        ),
      );
    },
  };
}
