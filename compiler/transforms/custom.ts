// Primitives whose derivative the user wrote. They are composites: what runs is their function; a derivative takes the user's rule instead of the
// function's own. Tensors that the function closes over come first among the operands and must not be differentiated (E0306).
import { isFloat } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import type { Aval } from "../ir/aval.ts";
import type { Func, Params } from "../ir/func.ts";
import type { BatchAxis, LinearIn, MaybeZero, Primitive } from "../ir/primitive.ts";
import { reduceSum } from "../primitives/broadcast.ts";
import { zeros } from "../primitives/fill.ts";
import { known } from "../primitives/rules.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline, traceClosed } from "../trace/trace.ts";
import { harvestRule, plantFunc, reapFunc, type HarvestRule } from "./harvest.ts";
import { pushforwardRule, type Pushed, type PushforwardRule } from "./jvp.ts";
import { transposeFunc } from "./transpose.ts";
import { batchFunc } from "./vmap.ts";
import { item, regionsRule, spread, where } from "./walk.ts";

/** `func`: operands -> results. `jvp`: operands, tangents of the float operands after the captured ones -> results, tangents of the float results. */
export type CustomJvpParams = { readonly func: Func; readonly jvp: Func; readonly captured: number };
/** `fwd`: operands -> results, residuals. `bwd`: captured, residuals, cts of the float results -> cts of the float operands after the captured ones. */
export type CustomVjpParams = { readonly func: Func; readonly fwd: Func; readonly bwd: Func; readonly captured: number };
/** `bwd`: known operands, cts of the outputs -> cts of the linear operands, which follow the known ones. */
type CustomLinearParams = { readonly bwd: Func; readonly known: number };

const avals = (f: Func): Aval[] => f.params.map(v => v.aval);
const outAvals = (f: Func): Aval[] => f.results.map(r => r.aval);
const floats = (xs: readonly Aval[]): boolean[] => xs.map(a => isFloat(a.dtype));

/** Tangents of the float operands after the captured ones, zeros made real. @throws E0306 when a captured operand has one */
function ownTangents(ins: readonly Tensor[], dins: readonly MaybeZero[], captured: number, what: string): Tensor[] {
  if (dins.slice(0, captured).some(d => d !== null))
    throw new PullbackError("E0306", `a function with ${what} closes over a tensor that is being differentiated`, {
      help: "pass it as an argument, or stopGradient it",
    });
  return ins.flatMap((x, i) => (i >= captured && isFloat(x.dtype) ? [dins[i] ?? zeros(x.aval)] : []));
}

/** A function with a written forward derivative. */
export const customJvpPrimitive: Primitive<number, CustomJvpParams> = {
  name: "customJvp",
  aval: (_ins, p) => outAvals(p.func),
  lower: { kind: "composite", body: (ins, p) => inline(p.func, ins) },
  batch: (ins, at, p, axis) => {
    const tangents = where(at.slice(p.captured), floats(avals(p.func)).slice(p.captured));
    const isF = floats(outAvals(p.func));
    const plain = batchFunc(p.func, at, axis).batched;
    const ruled = batchFunc(p.jvp, [...at, ...tangents], axis).batched;
    const n = plain.length;
    const ds = spread(isF, ruled.slice(n));
    const flags = plain.map((b, i) => b || ruled[i] === true || ds[i] === true);
    const jvp = batchFunc(p.jvp, [...at, ...tangents], axis, [...flags, ...where(flags, isF)]).func;
    return { outs: bind(customJvpPrimitive, ins, { ...p, func: batchFunc(p.func, at, axis, flags).func, jvp }), batched: flags };
  },
  rules: {
    [regionsRule]: (p: Params) => [(p as CustomJvpParams).func], // the equation is a customJvp
    [pushforwardRule]: ((ins, dins, params): Pushed => {
      const p = params as CustomJvpParams; // as above
      const n = p.func.results.length;
      const all = inline(p.jvp, [...ins, ...ownTangents(ins, dins, p.captured, "customJvp")]);
      return { outs: all.slice(0, n), douts: spread(floats(outAvals(p.func)), all.slice(n)) };
    }) satisfies PushforwardRule,
    [harvestRule]: harvestJvp(),
  },
};

/** A function with a written backward derivative. */
export const customVjpPrimitive: Primitive<number, CustomVjpParams> = {
  name: "customVjp",
  aval: (_ins, p) => outAvals(p.func),
  lower: { kind: "composite", body: (ins, p) => inline(p.func, ins) },
  batch: (ins, at, p, axis) => batchVjp(ins, at, p, axis),
  rules: {
    [regionsRule]: (p: Params) => [(p as CustomVjpParams).func], // the equation is a customVjp
    [pushforwardRule]: ((ins, dins, params): Pushed => {
      const p = params as CustomVjpParams; // as above
      const tangents = ownTangents(ins, dins, p.captured, "customVjp");
      const n = p.func.results.length;
      const all = inline(p.fwd, ins);
      const residuals = [...ins.slice(0, p.captured), ...all.slice(n)];
      const douts = bind(customLinearPrimitive, [...residuals, ...tangents], { bwd: p.bwd, known: residuals.length });
      return { outs: all.slice(0, n), douts: spread(floats(outAvals(p.func)), douts) };
    }) satisfies PushforwardRule,
    [harvestRule]: harvestVjp(),
  },
};

/** The derivative of a customVjp function: linear in its last operands, known by its transpose. Forwards it is the transpose of that. */
const customLinearPrimitive: Primitive<number, CustomLinearParams> = {
  name: "customLinear",
  aval: (_ins, p) => avals(p.bwd).slice(p.known),
  lower: {
    kind: "composite",
    body(ins, { bwd, known: n }) {
      const t = transposeFunc(
        bwd,
        bwd.params.map((_, i) => i >= n),
        bwd.results.map(() => true),
      );
      const outs = spread(t.nonzero, inline(t.func, ins));
      return outs.map((y, i) => y ?? zeros(item(bwd.params, n + i).aval));
    },
  },
  transpose: (cts, ins: readonly LinearIn[], { bwd, known: n }) => {
    const cotangents = cts.map((c, i) => c ?? zeros(item(bwd.params, n + i).aval));
    const out = inline(bwd, [...ins.slice(0, n).map(known), ...cotangents]);
    return ins.map((x, i) => (x.kind === "hole" ? item(out, i - n) : null));
  },
  batch: (ins, at, p, axis) => {
    const bwd = batchBack(p.bwd, [...at.slice(0, p.known), ...p.bwd.params.slice(p.known).map(() => true)], at.slice(p.known), axis);
    return bind(customLinearPrimitive, ins, { ...p, bwd });
  },
  rules: { [regionsRule]: (p: Params) => [(p as CustomLinearParams).bwd] }, // the equation is a customLinear
};

/** A batched backward rule whose cotangents fit operands with these flags: an operand without the axis gets the sum over it. */
function batchBack(bwd: Func, at: readonly boolean[], operands: readonly boolean[], axis: BatchAxis): Func {
  const b = batchFunc(bwd, at, axis, operands);
  return traceClosed(
    (...xs) => inline(b.func, xs).map((c, i) => (b.batched[i] && !operands[i] ? reduceSum(c, { axes: [0] }) : c)),
    avals(b.func),
  );
}

function batchVjp(
  ins: readonly Tensor[],
  at: readonly boolean[],
  p: CustomVjpParams,
  axis: BatchAxis,
): { readonly outs: readonly Tensor[]; readonly batched: readonly boolean[] } {
  const n = p.func.results.length;
  const ruled = batchFunc(p.fwd, at, axis).batched;
  const flags = batchFunc(p.func, at, axis).batched.map((b, i) => b || ruled[i] === true);
  const fwd = batchFunc(p.fwd, at, axis, flags);
  const operands = where(at.slice(p.captured), floats(avals(p.func)).slice(p.captured));
  const bwd = batchBack(
    p.bwd,
    [...at.slice(0, p.captured), ...fwd.batched.slice(n), ...where(flags, floats(outAvals(p.func)))],
    operands,
    axis,
  );
  return {
    outs: bind(customVjpPrimitive, ins, { ...p, func: batchFunc(p.func, at, axis, flags).func, fwd: fwd.func, bwd }),
    batched: flags,
  };
}

/** Values reaped from inside carry no derivative: the user's rule does not know them. */
function harvestJvp(): HarvestRule {
  return {
    reap(ins, params, t) {
      const p = params as CustomJvpParams; // the rule is a customJvp's
      const { func, count } = reapFunc(p.func, t);
      const n = p.func.results.length;
      const jvp = traceClosed((...xs) => {
        const all = inline(p.jvp, xs),
          values = inline(func, xs.slice(0, ins.length)).slice(n);
        return [...all.slice(0, n), ...values, ...all.slice(n), ...values.filter(v => isFloat(v.dtype)).map(v => zeros(v.aval))];
      }, avals(p.jvp));
      const outs = bind(customJvpPrimitive, ins, { ...p, func, jvp });
      return { outs: outs.slice(0, outs.length - count), values: outs.slice(outs.length - count) };
    },
    plant(ins, params, t, values) {
      const p = params as CustomJvpParams; // as above
      const inRule = plantFunc(p.jvp, t);
      requireMarks(inRule.count, values.length, t.name, "customJvp rule");
      const own = avals(p.jvp),
        given = values.map(v => v.aval);
      const jvp = traceClosed(
        (...xs) => {
          const rest = xs.slice(ins.length + values.length),
            dins = rest.slice(0, own.length - ins.length);
          return inline(inRule.func, [
            ...xs.slice(0, ins.length),
            ...dins,
            ...xs.slice(ins.length, ins.length + values.length).slice(0, inRule.count),
          ]);
        },
        [...own.slice(0, ins.length), ...given, ...own.slice(ins.length), ...given.filter(a => isFloat(a.dtype))],
      );
      return bind(customJvpPrimitive, [...ins, ...values], { ...p, func: plantFunc(p.func, t).func, jvp });
    },
  };
}

function harvestVjp(): HarvestRule {
  return {
    reap(ins, params, t) {
      const p = params as CustomVjpParams; // the rule is a customVjp's
      const { func, count } = reapFunc(p.func, t);
      const n = p.func.results.length;
      const values = func.results.slice(n).map(r => r.aval);
      const fwd = traceClosed((...xs) => {
        const all = inline(p.fwd, xs);
        return [...all.slice(0, n), ...inline(func, xs).slice(n), ...all.slice(n)];
      }, avals(p.fwd));
      const bwd = traceClosed(
        (...xs) => inline(p.bwd, xs.slice(0, p.bwd.params.length)),
        [...avals(p.bwd), ...values.filter(a => isFloat(a.dtype))],
      );
      const outs = bind(customVjpPrimitive, ins, { ...p, func, fwd, bwd });
      return { outs: outs.slice(0, outs.length - count), values: outs.slice(outs.length - count) };
    },
    plant(ins, params, t, values) {
      const p = params as CustomVjpParams; // as above
      const inRule = plantFunc(p.fwd, t);
      requireMarks(inRule.count, values.length, t.name, "forward rule of customVjp");
      const given = values.map(v => v.aval);
      const fwd = traceClosed((...xs) => inline(inRule.func, xs.slice(0, ins.length + inRule.count)), [...avals(p.fwd), ...given]);
      const bwd = traceClosed((...xs) => [...inline(p.bwd, xs), ...given.filter(a => isFloat(a.dtype)).map(zeros)], avals(p.bwd));
      return bind(customVjpPrimitive, [...ins, ...values], { ...p, func: plantFunc(p.func, t).func, fwd, bwd });
    },
  };
}
function requireMarks(found: number, given: number, name: string, where: string): void {
  if (found !== 0 && found !== given)
    throw new PullbackError("E0404", `"${name}" is marked ${given} times in a function and ${found} times in the ${where}`, {
      help: "mark the same values in both",
    });
}
