// The while primitive: a loop whose length is decided as it runs, and how transforms go through it. Forward mode only: reverse mode would need the
// values of an unknown number of steps (E0503).
import { InternalError, PullbackError } from "../../runtime/errors/error.ts";
import { sameAval, showAval } from "../ir/aval.ts";
import type { Func } from "../ir/func.ts";
import type { BatchAxis, MaybeZero, Primitive, Split } from "../ir/primitive.ts";
import { broadcastInDim, withLeading } from "../primitives/broadcast.ts";
import { select } from "../primitives/compare.ts";
import { zeros } from "../primitives/fill.ts";
import { reduceOr } from "../primitives/reduce.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline, traceClosed } from "../trace/trace.ts";
import { dce } from "../transforms/dce.ts";
import { harvestRule, type HarvestRule } from "../transforms/harvest.ts";
import { jvpFunc, pushforwardRule, type Pushed, type PushforwardRule } from "../transforms/jvp.ts";
import { isMarked, type Target } from "../transforms/marks.ts";
import { partialEval } from "../transforms/partial.ts";
import { batchFunc, fixpoint } from "../transforms/vmap.ts";
import { item, merge, pieces, present, spread, where, whereNot } from "../transforms/walk.ts";

/** Operands: cond consts, body consts, carry. cond: (cond consts, carry) -> bool[]; body: (body consts, carry) -> carry. */
export type WhileParams = { readonly cond: Func; readonly body: Func; readonly condConsts: number; readonly bodyConsts: number };
/** Emit a while loop. Results: the carry. */
export const bindWhile = (ins: readonly Tensor[], p: WhileParams): Tensor[] => bind(whilePrimitive, ins, p);

const insideWhile = (t: Target): PullbackError =>
  new PullbackError("E0403", `"${t.name}" is marked inside a while loop`, {
    help: "use scan or fori with fixed bounds, which stack marked values, or mark what the loop returns",
  });
/** Marks inside are refused: a value of an unknown number of steps has no shape. */
const refuse: HarvestRule = {
  reap: (_ins, _p, t) => {
    throw insideWhile(t);
  },
  plant: (_ins, _p, t) => {
    throw insideWhile(t);
  },
};

/** The while primitive. */
export const whilePrimitive: Primitive<number, WhileParams> = {
  name: "while",
  aval(ins, { cond, body, condConsts, bodyConsts }) {
    const [cc = [], bc = [], carry = []] = pieces(ins, condConsts, bodyConsts);
    const fits = (f: Func, xs: typeof ins): boolean =>
      f.params.length === xs.length && f.params.every((v, i) => sameAval(v.aval, item(xs, i)));
    if (!fits(cond, [...cc, ...carry]) || !fits(body, [...bc, ...carry]))
      throw new InternalError("operands of while do not fit its condition or body");
    const [test] = cond.results;
    if (cond.results.length !== 1 || !test || !sameAval(test.aval, { dtype: "bool", shape: [] }))
      throw new PullbackError(
        "E0505",
        `the condition of a while loop is ${cond.results.map(r => showAval(r.aval)).join(", ")}, not bool[]`,
        { help: "compare, and reduce to one boolean" },
      );
    if (body.results.length !== carry.length || body.results.some((r, i) => !sameAval(r.aval, item(carry, i))))
      throw new InternalError("the body of while changes the type of its carry");
    return carry;
  },
  lower: { kind: "control", form: p => ({ form: "while", ...p }) },
  partial: (ins, _avals, p) => splitWhile(ins, p),
  transpose: () => {
    throw new PullbackError("E0503", "a while loop was differentiated backwards", {
      help: "use fori with bounds that are JavaScript numbers, or scan with a fixed length; jvp and jacfwd work",
    });
  },
  batch: (ins, at, p, axis) => batchWhile(ins, at, p, axis),
  rules: { [pushforwardRule]: ((ins, dins, p) => pushWhile(ins, dins, p as WhileParams)) satisfies PushforwardRule, [harvestRule]: refuse }, // the equation is a while
};

/** The condition looks at the primal carry only. */
function pushWhile(ins: readonly Tensor[], dins: readonly MaybeZero[], p: WhileParams): Pushed {
  const [, nb = [], ni = []] = pieces(
    dins.map(d => d !== null),
    p.condConsts,
    p.bodyConsts,
  );
  const [vc = [], vb = [], vi = []] = pieces(ins, p.condConsts, p.bodyConsts);
  const [, tb = [], ti = []] = pieces(dins, p.condConsts, p.bodyConsts);
  const carried = fixpoint(ni, c => jvpFunc(p.body, [...nb, ...c]).nonzero);
  const d = jvpFunc(p.body, [...nb, ...carried], carried);
  const countB = nb.filter(Boolean).length;
  const [b = [], i = [], db = [], di = []] = pieces(d.func.params, p.bodyConsts, vi.length, countB);
  const body: Func = { ...d.func, params: [...b, ...db, ...i, ...di] };
  const cond = ignoring(
    p.cond,
    di.map(v => v.aval),
  );
  const starts = where(
    ti.map((t, k) => t ?? zeros(item(vi, k).aval)),
    carried,
  );
  const outs = bindWhile([...vc, ...vb, ...present(tb), ...vi, ...starts], {
    cond,
    body,
    condConsts: p.condConsts,
    bodyConsts: p.bodyConsts + countB,
  });
  return { outs: outs.slice(0, vi.length), douts: spread(carried, outs.slice(vi.length)) };
}
/** `f` with further parameters that it does not look at. */
const ignoring = (f: Func, more: readonly Tensor["aval"][]): Func =>
  traceClosed((...xs) => inline(f, xs.slice(0, f.params.length)), [...f.params.map(v => v.aval), ...more]);

/** The loop of the known carries runs now; if others are unknown, the whole loop runs again later from the same start: nothing of a step can be saved. */
function splitWhile(ins: readonly (Tensor | null)[], p: WhileParams): Split {
  const [vc = [], vb = [], vi = []] = pieces(ins, p.condConsts, p.bodyConsts);
  const ub = vb.map(x => x === null);
  const late = fixpoint(
    vi.map(x => x === null),
    c => partialEval(p.body, [...ub, ...c]).unknownResults,
  );
  const condCut = partialEval(p.cond, [...vc.map(x => x === null), ...late]);
  const missing = ins.map(x => x === null);
  const again = (res: readonly Tensor[], rest: readonly Tensor[]): Tensor[] => bindWhile(merge(missing, rest, res), p);
  if (condCut.unknownResults[0] === true || !late.includes(false))
    return { known: vi.map(() => null), residuals: present(ins), unknown: again };
  const body = partialEval(p.body, [...ub, ...late]);
  const kept = late.filter(l => !l).length;
  // condCut.known and body.known may need only the known operands; their saved residuals are of no use here.
  const early = bindWhile([...present(vc), ...present(vb), ...present(whereNot(vi, late))], {
    cond: dce({ ...condCut.known, results: condCut.known.results.slice(0, 1) }),
    body: dce({ ...body.known, results: body.known.results.slice(0, kept) }, isMarked),
    condConsts: present(vc).length,
    bodyConsts: present(vb).length,
  });
  return {
    known: merge(
      late,
      late.filter(Boolean).map(() => null),
      early,
    ),
    residuals: present(ins),
    unknown: (res, rest) => where(again(res, rest), late),
  };
}

/** With a batched condition the loop runs while any example wants to; the others keep their carry. */
function batchWhile(
  ins: readonly Tensor[],
  at: readonly boolean[],
  p: WhileParams,
  axis: BatchAxis,
): { readonly outs: readonly Tensor[]; readonly batched: readonly boolean[] } {
  const [bc = [], bb = [], bi = []] = pieces(at, p.condConsts, p.bodyConsts);
  const [vc = [], vb = [], vi = []] = pieces(ins, p.condConsts, p.bodyConsts);
  const apart = fixpoint(bi, c =>
    batchFunc(p.cond, [...bc, ...c], axis).batched[0] === true ? c.map(() => true) : batchFunc(p.body, [...bb, ...c], axis).batched,
  );
  const test = batchFunc(p.cond, [...bc, ...apart], axis);
  const step = batchFunc(p.body, [...bb, ...apart], axis, apart);
  const starts = vi.map((x, k) => (apart[k] ? withLeading(x, bi[k] === true, axis.size) : x));
  if (!test.batched[0]) return { outs: bindWhile([...vc, ...vb, ...starts], { ...p, cond: test.func, body: step.func }), batched: apart };
  const carry = starts.map(x => x.aval);
  const cond = traceClosed((...xs) => [reduceOr(item(inline(test.func, xs), 0), { axes: [0] })], [...vc.map(x => x.aval), ...carry]);
  const body = traceClosed(
    (...xs) => {
      const [cc = [], cb = [], now = []] = pieces(xs, vc.length, vb.length);
      const going = item(inline(test.func, [...cc, ...now]), 0);
      return inline(step.func, [...cb, ...now]).map((x, k) =>
        select(broadcastInDim(going, { shape: x.shape, dims: [0] }), x, item(now, k)),
      );
    },
    [...vc.map(x => x.aval), ...vb.map(x => x.aval), ...carry],
  );
  return {
    outs: bindWhile([...vc, ...vc, ...vb, ...starts], { cond, body, condConsts: vc.length, bodyConsts: vc.length + vb.length }),
    batched: apart,
  };
}
