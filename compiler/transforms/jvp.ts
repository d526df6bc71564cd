// Forward differentiation: (x) -> y becomes (x, dx) -> (y, dy). A tangent known to be zero is null and costs nothing. It never evaluates, and
// knows no primitive by name: rules come from the record, from linearity, or from a composite's body.
import { isFloat } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import type { Atom, Eqn, Func, Params, Var } from "../ir/func.ts";
import type { MaybeZero, Primitive } from "../ir/primitive.ts";
import { add } from "../primitives/arithmetic.ts";
import { zeros } from "../primitives/fill.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { readAtom, traceClosed } from "../trace/trace.ts";
import { at, bodyOf, item, missingRule, present, spread, where } from "./walk.ts";

/** Outputs and their tangents. */
export interface Pushed {
  readonly outs: readonly Tensor[];
  readonly douts: readonly MaybeZero[];
}
/** The symbol of the rule for primitives that compute outputs and tangents in one go (scan, cond, while, calls): `(ins, dins, params) => Pushed`. */
export const pushforwardRule: unique symbol = Symbol("pullback.pushforward");
/** See `pushforwardRule`. */
export type PushforwardRule = (ins: readonly Tensor[], dins: readonly MaybeZero[], p: Params) => Pushed;
/** A Func with flags: which results carry a derivative. */
export interface Flagged {
  readonly func: Func;
  readonly nonzero: readonly boolean[];
}

/** (x...) -> (y...) becomes (x..., dx of the nonzero ones...) -> (y..., dy of the nonzero ones...). `instantiate[i]` asks for dy_i even where it is zero.
 *  Only floating-point parameters may be nonzero. @throws E0301 where a primitive has no derivative */
export function jvpFunc(f: Func, nonzero: readonly boolean[], instantiate: readonly boolean[] = []): Flagged {
  f.params.forEach((v, i) => {
    if (nonzero[i] && !isFloat(v.aval.dtype)) throw new InternalError(`a tangent for a parameter of dtype ${v.aval.dtype}`);
  });
  const avals = f.params.map(v => v.aval);
  let flags: readonly boolean[] = [];
  const func = traceClosed(
    (...all) => {
      const xs = all.slice(0, avals.length);
      const { outs, douts } = pushforward(f, xs, spread(nonzero, all.slice(avals.length)));
      const dys = douts.map((d, i) => d ?? (instantiate[i] ? zeros(item(outs, i).aval) : null));
      flags = dys.map(d => d !== null);
      return [...outs, ...present(dys)];
    },
    [...avals, ...where(avals, nonzero)],
  );
  return { func, nonzero: flags };
}

/** Emit `f` and its derivative into the current program. */
export function pushforward(f: Func, ins: readonly Tensor[], dins: readonly MaybeZero[]): Pushed {
  const primal = new Map<Var, Tensor>(f.params.map((v, i) => [v, item(ins, i)]));
  const tangent = new Map<Var, Tensor>();
  const define = (v: Var, dx: MaybeZero | undefined): void => {
    if (dx) tangent.set(v, dx);
  };
  const dread = (a: Atom): MaybeZero => (a.kind === "lit" ? null : (tangent.get(a) ?? null));
  f.params.forEach((v, i) => define(v, dins[i]));
  for (const e of f.eqns) {
    const xs = e.ins.map(a => readAtom(primal, a));
    const dxs = e.ins.map(dread);
    const { outs, douts } = at(e.source, () => pushEqn(e, xs, dxs));
    e.outs.forEach((v, i) => {
      primal.set(v, item(outs, i));
      if (isFloat(v.aval.dtype)) define(v, douts[i]);
    });
  }
  return { outs: f.results.map(a => readAtom(primal, a)), douts: f.results.map(dread) };
}

function pushEqn(e: Eqn, ins: readonly Tensor[], dins: readonly MaybeZero[]): Pushed {
  const { prim, params } = e;
  const run = (): Tensor[] => bind(prim, ins, params);
  if (dins.every(d => d === null)) return { outs: run(), douts: [] };
  const together = prim.rules?.[pushforwardRule] as PushforwardRule | undefined; // the symbol is ours: only this type is stored under it
  if (together) return together(ins, dins, params);
  const { jvp } = prim;
  if (typeof jvp === "function") {
    const outs = run();
    return { outs, douts: jvp(dins, ins, params, outs) };
  }
  if (jvp !== undefined) {
    const outs = run();
    const terms = jvp.map((rule, i) => {
      const dx = dins[i];
      return rule && dx ? rule(dx, ins, params, item(outs, 0)) : null;
    });
    return { outs, douts: [sum(terms)] };
  }
  const derived = pushLinear(prim, ins, dins, params);
  if (derived) return { outs: run(), douts: derived };
  if (prim.lower.kind === "composite")
    return pushforward(
      bodyOf(
        prim,
        ins.map(x => x.aval),
        params,
      ),
      ins,
      dins,
    );
  if (e.outs.every(v => !isFloat(v.aval.dtype))) return { outs: run(), douts: [] };
  throw missingRule(
    prim,
    "jvp",
    e.source,
    `add jvp to the record of ${prim.name}: one (dx, ins, params, out) => dout per operand (null where it is not differentiable), or say linear`,
  );
}

/** The derivative of a linear primitive is itself; undefined when linearity does not say. */
function pushLinear(prim: Primitive, ins: readonly Tensor[], dins: readonly MaybeZero[], p: Params): readonly MaybeZero[] | undefined {
  const { linear } = prim;
  if (linear === undefined) return undefined;
  if (linear === "each") {
    const terms = dins.flatMap((dx, i) =>
      dx
        ? [
            bind(
              prim,
              ins.map((x, j) => (i === j ? dx : x)),
              p,
            ),
          ]
        : [],
    );
    return terms[0]?.map((_, k) => sum(terms.map(t => item(t, k))));
  }
  const isLinear = (i: number): boolean => linear === "jointly" || linear.includes(i);
  if (dins.some((dx, i) => dx !== null && !isLinear(i))) return undefined;
  return bind(
    prim,
    ins.map((x, i) => (isLinear(i) ? (dins[i] ?? zeros(x.aval)) : x)),
    p,
  );
}

/** The sum of the terms that are not zero; null when all are. */
export const sum = (terms: readonly MaybeZero[]): MaybeZero => present(terms).reduce<MaybeZero>((acc, t) => (acc ? add(acc, t) : t), null);
