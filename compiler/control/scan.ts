// The scan primitive: a loop of fixed length with a carry and stacked inputs and outputs, and how each transform goes through it.
// Operands: consts, carry, xs; body: (consts, carry, x slices) -> (carry, y slices). It never unrolls: that is the user-level scan's choice.
import { InternalError, PullbackError } from "../../runtime/errors/error.ts";
import { sameAval, showAval, type Aval } from "../ir/aval.ts";
import type { Atom, Func } from "../ir/func.ts";
import type { BatchAxis, LinearIn, MaybeZero, Primitive, Split } from "../ir/primitive.ts";
import { add } from "../primitives/arithmetic.ts";
import { withLeading } from "../primitives/broadcast.ts";
import { zeros } from "../primitives/fill.ts";
import { avalOf } from "../primitives/rules.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline, traceClosed } from "../trace/trace.ts";
import { harvestRule, plantFunc, reapFunc, type HarvestRule } from "../transforms/harvest.ts";
import { jvpFunc, pushforwardRule, type Pushed, type PushforwardRule } from "../transforms/jvp.ts";
import { isMarked } from "../transforms/marks.ts";
import { partialEval, residualValues } from "../transforms/partial.ts";
import { pullback, transposeFunc } from "../transforms/transpose.ts";
import { batchFunc, fixpoint, moveAxis } from "../transforms/vmap.ts";
import { item, merge, pieces, present, spread, where, whereNot } from "../transforms/walk.ts";

/** `consts` and `carry` are how many operands each; the rest are xs, with a leading axis of `length`. `reverse` runs the last index first. */
export type ScanParams = {
  readonly body: Func;
  readonly length: number;
  readonly reverse: boolean;
  readonly consts: number;
  readonly carry: number;
};

/** Emit a scan. Results: carry, then stacked ys. */
export const bindScan = (ins: readonly Tensor[], p: ScanParams): Tensor[] => bind(scanPrimitive, ins, p);
/** The type of a slice along the leading axis, and of a stack of them. */
export const sliceAval = (a: Aval): Aval => ({ dtype: a.dtype, shape: a.shape.slice(1) });
const stackAval = (a: Aval, length: number): Aval => ({ dtype: a.dtype, shape: [length, ...a.shape] });

/** The scan primitive. */
export const scanPrimitive: Primitive<number, ScanParams> = {
  name: "scan",
  aval(ins, { body, length, consts, carry }) {
    const want = body.params.map((v, i) => (i < consts + carry ? v.aval : stackAval(v.aval, length)));
    if (want.length !== ins.length) throw new InternalError(`scan: ${ins.length} operands for a body of ${want.length} parameters`);
    want.forEach((a, i) => {
      if (!sameAval(a, item(ins, i)))
        throw new PullbackError("E0504", `operand ${i} of scan is ${showAval(item(ins, i))}, its body takes ${showAval(a)}`, {
          help: "xs have a leading axis of the scan's length",
        });
    });
    return body.results.map((r, i) => (i < carry ? r.aval : stackAval(r.aval, length)));
  },
  lower: { kind: "control", form: p => ({ form: "scan", ...p }) },
  partial: (ins, _avals, p) => splitScan(ins, p),
  transpose: (cts, ins, p) => transposeScan(cts, ins, p),
  batch: (ins, at, p, axis) => batchScan(ins, at, p, axis),
  rules: {
    [pushforwardRule]: ((ins, dins, p) => pushScan(ins, dins, p as ScanParams)) satisfies PushforwardRule,
    [harvestRule]: harvest(),
  }, // the equation is a scan
};

/** Tangents of the carry are carried, tangents of xs are sliced. Which carries have one is found by a fixpoint. */
function pushScan(ins: readonly Tensor[], dins: readonly MaybeZero[], p: ScanParams): Pushed {
  const [nc = [], ni = [], nx = []] = pieces(
    dins.map(d => d !== null),
    p.consts,
    p.carry,
  );
  const carried = fixpoint(ni, c => jvpFunc(p.body, [...nc, ...c, ...nx]).nonzero.slice(0, p.carry));
  const d = jvpFunc(p.body, [...nc, ...carried, ...nx], [...carried]);
  const ny = d.nonzero.slice(p.carry);
  const countC = nc.filter(Boolean).length,
    countI = carried.filter(Boolean).length;
  const [c = [], i = [], x = [], dc = [], di = [], dx = []] = pieces(d.func.params, p.consts, p.carry, nx.length, countC, countI);
  const [i2 = [], y = [], di2 = [], dy = []] = pieces(d.func.results, p.carry, ny.length, countI);
  const body: Func = { params: [...c, ...dc, ...i, ...di, ...x, ...dx], eqns: d.func.eqns, results: [...i2, ...di2, ...y, ...dy] };
  const [vc = [], vi = [], vx = []] = pieces(ins, p.consts, p.carry);
  const [tc = [], ti = [], tx = []] = pieces(dins, p.consts, p.carry);
  const starts = where(
    ti.map((t, k) => t ?? zeros(item(vi, k).aval)),
    carried,
  );
  const outs = bindScan([...vc, ...present(tc), ...vi, ...starts, ...vx, ...present(tx)], {
    ...p,
    body,
    consts: p.consts + countC,
    carry: p.carry + countI,
  });
  const [oi = [], odi = [], oy = [], ody = []] = pieces(outs, p.carry, countI, y.length);
  return { outs: [...oi, ...oy], douts: [...spread(carried, odi), ...spread(ny, ody)] };
}

/** What a residual of a step is outside the loop: one tensor for all steps, or a stack. */
interface Crossing {
  readonly value: Tensor;
  readonly stacked: boolean;
}
/** Run the known part of every step now, stack what the unknown part needs of it; what depends on consts alone is computed once, before the loop. */
function splitScan(ins: readonly (Tensor | null)[], p: ScanParams): Split {
  const [uc = [], ui = [], ux = []] = pieces(
    ins.map(x => x === null),
    p.consts,
    p.carry,
  );
  const late = fixpoint(ui, c => partialEval(p.body, [...uc, ...c, ...ux], { instantiate: c }).unknownResults.slice(0, p.carry));
  const unknown = [...uc, ...late, ...ux];
  const cut = partialEval(p.body, unknown, { instantiate: late });
  const lateY = cut.unknownResults.slice(p.carry);
  const [vc = [], vi = [], vx = []] = pieces(ins, p.consts, p.carry);
  const known = { consts: present(vc), carry: present(whereNot(vi, late)), xs: present(vx) };
  const kc = known.consts.length,
    ki = known.carry.length;

  const extras: Atom[] = []; // values of a step that must be stacked beside the known ys
  const kyCount = lateY.filter(l => !l).length;
  const places = cut.residuals.map(r => {
    if (r.from === "param" && r.index < kc) return { place: "const", index: r.index } as const;
    if (r.from === "param" && r.index >= kc + ki) return { place: "x", index: r.index - kc - ki } as const;
    if (r.from === "result" && r.index >= ki && r.index < ki + kyCount) return { place: "y", index: r.index - ki } as const;
    extras.push(r.from === "param" ? item(cut.known.params, r.index) : item(cut.known.results, r.index));
    return { place: "extra", index: extras.length - 1 } as const;
  });
  const step: Func = { ...cut.known, results: [...cut.known.results.slice(0, ki + kyCount), ...extras] };
  const hoist = partialEval(
    step,
    step.params.map((_, i) => i >= kc),
    { instantiate: step.results.map((_, i) => i < ki + kyCount), pin: isMarked },
  );
  const invariant = inline(hoist.known, known.consts);
  const loop = hoist.unknown;
  const idle = loop.results.length === 0 && loop.eqns.length === 0;
  const outs = idle
    ? []
    : bindScan([...residualValues(hoist, known.consts, invariant), ...known.carry, ...known.xs], {
        ...p,
        body: loop,
        consts: hoist.residuals.length,
        carry: ki,
      });
  const [finals = [], ys = [], stacks = []] = pieces(outs, ki, kyCount);
  const lateExtra = hoist.unknownResults.slice(ki + kyCount);
  const extraValues = merge(lateExtra, stacks, invariant.slice(0, lateExtra.filter(l => !l).length));
  const crossings = places.map((r): Crossing => {
    switch (r.place) {
      case "const":
        return { value: item(known.consts, r.index), stacked: false };
      case "x":
        return { value: item(known.xs, r.index), stacked: true };
      case "y":
        return { value: item(ys, r.index), stacked: true };
      case "extra":
        return { value: item(extraValues, r.index), stacked: item(lateExtra, r.index) };
      default:
        return r satisfies never;
    }
  });

  const stacked = crossings.map(c => c.stacked);
  const knownStarts = present(where(vi, late)); // carries that begin known and become unknown
  const [pr = [], pc = [], pi = [], px = []] = pieces(
    cut.unknown.params,
    crossings.length,
    uc.filter(Boolean).length,
    late.filter(Boolean).length,
  );
  const body: Func = { ...cut.unknown, params: [...whereNot(pr, stacked), ...pc, ...pi, ...where(pr, stacked), ...px] };
  const startUnknown = where(vi, late).map(x => x === null);
  return {
    known: [
      ...merge(
        late,
        late.filter(Boolean).map(() => null),
        finals,
      ),
      ...merge(
        lateY,
        lateY.filter(Boolean).map(() => null),
        ys,
      ),
    ],
    residuals: [...crossings.map(c => c.value), ...knownStarts],
    unknown(residuals, rest) {
      const [res = [], starts = []] = pieces(residuals, crossings.length);
      const [rc = [], ri = [], rx = []] = pieces(rest, uc.filter(Boolean).length, ui.filter(Boolean).length);
      const operands = [...whereNot(res, stacked), ...rc, ...merge(startUnknown, ri, starts), ...where(res, stacked), ...rx];
      return bindScan(operands, { ...p, body, consts: stacked.filter(s => !s).length + pc.length, carry: pi.length });
    },
  };
}

/** Run the transposed steps in the opposite order: the cotangent of the carry is carried, those of consts are summed up in the carry, those of xs are stacked. */
function transposeScan(cts: readonly MaybeZero[], ins: readonly LinearIn[], p: ScanParams): readonly MaybeZero[] {
  const [hc = [], hi = [], hx = []] = pieces(
    ins.map(x => x.kind === "hole"),
    p.consts,
    p.carry,
  );
  const linear = fixpoint(hi, c => partialEval(p.body, [...hc, ...c, ...hx], { instantiate: c }).unknownResults.slice(0, p.carry));
  if (linear.includes(false)) return transposeSplit(cts, ins, p);
  const holes = [...hc, ...linear, ...hx];
  const [ctI = [], ctY = []] = pieces(cts, p.carry);
  const ny = ctY.map(c => c !== null);
  const countC = hc.filter(Boolean).length;
  const carried = fixpoint(
    ctI.map(c => c !== null),
    c => transposeFunc(p.body, holes, [...c, ...ny]).nonzero.slice(countC, countC + p.carry),
  );
  const t = transposeFunc(p.body, holes, [...carried, ...ny]);
  const [nc = [], ni = [], nx = []] = pieces(t.nonzero, countC, p.carry);
  const [kc = [], , kx = []] = pieces(ins, p.consts, p.carry).map(list => list.flatMap(x => (x.kind === "known" ? [x.value] : [])));
  const carryAvals = p.body.params.slice(p.consts, p.consts + p.carry).map(v => v.aval);
  const sums = where(where(p.body.params.slice(0, p.consts), hc), nc).map(v => v.aval);
  const flowing = where(carryAvals, carried);
  const yAvals = where(p.body.results.slice(p.carry), ny).map(r => r.aval);
  const body = traceClosed(
    (...all) => {
      const [consts = [], acc = [], ct = [], xs = [], cy = []] = pieces(all, kc.length, sums.length, flowing.length, kx.length);
      const out = inline(t.func, [...consts, ...xs, ...ct, ...cy]);
      const [oc = [], oi = [], ox = []] = pieces(out, sums.length, ni.filter(Boolean).length);
      const next = spread(ni, oi);
      return [
        ...acc.map((a, k) => add(a, item(oc, k))),
        ...where(
          next.map((c, k) => c ?? zeros(item(carryAvals, k))),
          carried,
        ),
        ...ox,
      ];
    },
    [...kc.map(x => x.aval), ...sums, ...flowing, ...kx.map(x => sliceAval(x.aval)), ...yAvals],
  );
  const starts = where(
    ctI.map((c, k) => c ?? zeros(item(carryAvals, k))),
    carried,
  );
  const outs = bindScan([...kc, ...sums.map(zeros), ...starts, ...kx, ...present(ctY)], {
    body,
    length: p.length,
    reverse: !p.reverse,
    consts: kc.length,
    carry: sums.length + flowing.length,
  });
  const [oc = [], oi = [], ox = []] = pieces(outs, sums.length, flowing.length);
  const back = (flags: readonly boolean[], values: readonly MaybeZero[]): MaybeZero[] => {
    let k = 0;
    return flags.map(h => (h ? item(values, k++) : null));
  };
  return [...back(hc, spread(nc, oc)), ...spread(carried, oi).map((c, k) => (hi[k] ? c : null)), ...back(hx, spread(nx, ox))];
}

/** Some carries are not linear (a counter): run their part forwards first, then transpose what is left, where all are. */
function transposeSplit(cts: readonly MaybeZero[], ins: readonly LinearIn[], p: ScanParams): readonly MaybeZero[] {
  const split = splitScan(
    ins.map(x => (x.kind === "known" ? x.value : null)),
    p,
  );
  const holes = ins.map(x => x.kind === "hole");
  const rest = traceClosed(
    (...xs) => split.unknown(xs.slice(0, split.residuals.length), xs.slice(split.residuals.length)),
    [...split.residuals.map(r => r.aval), ...where(ins, holes).map(avalOf)],
  );
  const operands = rest.params.map((v, i): LinearIn =>
    i < split.residuals.length ? { kind: "known", value: item(split.residuals, i) } : { kind: "hole", aval: v.aval },
  );
  const pulled = pullback(
    rest,
    operands,
    cts.filter((_, i) => split.known[i] === null),
  ).slice(split.residuals.length);
  let k = 0;
  return holes.map(h => (h ? item(pulled, k++) : null));
}

/** The batch axis goes inside: first in the carry, after the length in xs and ys. */
function batchScan(
  ins: readonly Tensor[],
  at: readonly boolean[],
  p: ScanParams,
  axis: BatchAxis,
): { readonly outs: readonly Tensor[]; readonly batched: readonly boolean[] } {
  const [bc = [], bi = [], bx = []] = pieces(at, p.consts, p.carry);
  const carried = fixpoint(bi, c => batchFunc(p.body, [...bc, ...c, ...bx], axis).batched.slice(0, p.carry));
  const b = batchFunc(p.body, [...bc, ...carried, ...bx], axis, carried);
  const [vc = [], vi = [], vx = []] = pieces(ins, p.consts, p.carry);
  const starts = vi.map((x, k) => (carried[k] ? withLeading(x, bi[k] === true, axis.size) : x));
  const outs = bindScan([...vc, ...starts, ...vx.map((x, k) => (bx[k] ? moveAxis(x, 0, 1) : x))], { ...p, body: b.func });
  return { outs: outs.map((y, k) => (k >= p.carry && b.batched[k] ? moveAxis(y, 0, 1) : y)), batched: b.batched };
}

/** Marked values of the steps are stacked; planted ones are slices of a stack. */
function harvest(): HarvestRule {
  return {
    reap(ins, params, t) {
      const p = params as ScanParams; // the rule is a scan's
      const r = reapFunc(p.body, t);
      const outs = bindScan(ins, { ...p, body: r.func });
      return { outs: outs.slice(0, outs.length - r.count), values: outs.slice(outs.length - r.count) };
    },
    plant(ins, params, t, values) {
      const p = params as ScanParams; // as above
      return bindScan([...ins, ...values], { ...p, body: plantFunc(p.body, t).func });
    },
  };
}
