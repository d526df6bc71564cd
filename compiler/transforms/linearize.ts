// Reverse mode from its three parts: jvp, partial evaluation at the tangents, transposition. Each function here is Func -> Func.
import { InternalError } from "../../runtime/errors/error.ts";
import type { Func } from "../ir/func.ts";
import type { LinearIn } from "../ir/primitive.ts";
import { ones, zeros } from "../primitives/fill.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline, traceClosed } from "../trace/trace.ts";
import { dce } from "./dce.ts";
import { isMarked } from "./marks.ts";
import { jvpFunc } from "./jvp.ts";
import { partialEval, residualValues } from "./partial.ts";
import { pullback } from "./transpose.ts";
import { item, spread, where } from "./walk.ts";

/** A Func and its derivative at a point, apart. */
export interface Linearized {
  /** params -> results, then residuals. */
  readonly primal: Func;
  /** residuals, dx of the nonzero params -> dy of the nonzero results. Linear in dx. */
  readonly linear: Func;
  /** Which results have a derivative. */
  readonly nonzero: readonly boolean[];
  /** Number of residuals. */
  readonly residuals: number;
}

/** Linearize: the derivative with respect to the params with `nonzero`, as a Func of the tangents. Marks of `f` survive in `primal`, used or not. */
export function linearizeFunc(f: Func, nonzero: readonly boolean[]): Linearized {
  const n = f.params.length;
  const forward = jvpFunc(f, nonzero);
  const p = partialEval(
    forward.func,
    forward.func.params.map((_, i) => i >= n),
    { instantiate: forward.func.results.map((_, i) => i >= f.results.length) },
  );
  if (p.unknownResults.some((u, i) => u !== i >= f.results.length)) throw new InternalError("a primal result depends on a tangent");
  const primal = traceClosed(
    (...xs) => {
      const outs = inline(p.known, xs);
      return [...outs.slice(0, f.results.length), ...residualValues(p, xs, outs)];
    },
    f.params.map(v => v.aval),
  );
  return { primal: dce(primal, isMarked), linear: dce(p.unknown), nonzero: forward.nonzero, residuals: p.residuals.length };
}

/** `f` split for reverse mode. */
export interface Vjp {
  /** params -> results, then residuals. */
  readonly forward: Func;
  /** residuals, cts of the nonzero results -> cts of the nonzero params (zeros made real). */
  readonly backward: Func;
  /** Which results take a cotangent. */
  readonly nonzero: readonly boolean[];
  readonly residuals: number;
}

/** Reverse mode with respect to the params with `nonzero`. @throws E0301 */
export function vjpFunc(f: Func, nonzero: readonly boolean[]): Vjp {
  const { primal, linear, nonzero: out, residuals } = linearizeFunc(f, nonzero);
  const avals = [...linear.params.slice(0, residuals).map(v => v.aval), ...linear.results.map(r => r.aval)];
  const backward = traceClosed((...xs) => pullLinear(linear, residuals, xs.slice(0, residuals), xs.slice(residuals)), avals);
  return { forward: primal, backward: dce(backward), nonzero: out, residuals };
}

/** Transpose `linear` into the current program: residual values and cotangents of all its results -> cotangents of its tangents, zeros made real. */
export function pullLinear(linear: Func, residuals: number, values: readonly Tensor[], cts: readonly Tensor[]): Tensor[] {
  const ins = linear.params.map((v, i): LinearIn =>
    i < residuals ? { kind: "known", value: item(values, i) } : { kind: "hole", aval: v.aval },
  );
  return pullback(linear, ins, cts)
    .slice(residuals)
    .map((ct, i) => ct ?? zeros(item(linear.params, residuals + i).aval));
}

/** f: params -> (scalar, aux...) becomes params -> (scalar, aux..., gradient of each param with `wrt`). Result 0 must be a floating-point scalar. @throws E0301 */
export function gradFunc(f: Func, wrt: readonly boolean[]): Func {
  const { primal, linear, nonzero, residuals } = linearizeFunc(f, wrt);
  const grad = traceClosed(
    (...xs) => {
      const all = inline(primal, xs);
      const outs = all.slice(0, f.results.length);
      const dys = spread(nonzero, linear.results);
      const cts = dys.flatMap((r, i) => (r ? [i === 0 ? ones(r.aval) : null] : []));
      const ins = linear.params.map((v, i): LinearIn =>
        i < residuals ? { kind: "known", value: item(all, f.results.length + i) } : { kind: "hole", aval: v.aval },
      );
      const pulled = pullback(linear, ins, cts).slice(residuals);
      return [...outs, ...where(f.params, wrt).map((v, i) => pulled[i] ?? zeros(v.aval))];
    },
    f.params.map(v => v.aval),
  );
  return dce(grad, isMarked);
}
