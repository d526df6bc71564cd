// Transposition of linear Funcs: from cotangents of the results to cotangents of the holes, walking the equations backwards. A cotangent known to
// be zero is null to the very end. It takes linearity as given and says E0301 where a primitive cannot be transposed.
import { InternalError } from "../../runtime/errors/error.ts";
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import type { LinearIn, MaybeZero } from "../ir/primitive.ts";
import { add } from "../primitives/arithmetic.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { readAtom, traceClosed } from "../trace/trace.ts";
import { dce } from "./dce.ts";
import type { Flagged } from "./jvp.ts";
import { at, bodyOf, item, missingRule, present, rebind, spread, where, whereNot } from "./walk.ts";

/** f: (known..., holes...) -> results, linear in the holes, becomes (known params in order, cts of the results with `ctNonzero`) -> cts of the holes.
 *  `nonzero` has a flag per hole: only cotangents that are not known to be zero are results. @throws E0301 */
export function transposeFunc(f: Func, hole: readonly boolean[], ctNonzero: readonly boolean[]): Flagged {
  const knownAvals = whereNot(f.params, hole).map(v => v.aval);
  let nonzero: readonly boolean[] = [];
  const func = traceClosed(
    (...xs) => {
      const known = spread(
        hole.map(h => !h),
        xs.slice(0, knownAvals.length),
      );
      const ins = f.params.map((v, i): LinearIn => {
        const value = known[i];
        return value ? { kind: "known", value } : { kind: "hole", aval: v.aval };
      });
      const cts = where(pullback(f, ins, spread(ctNonzero, xs.slice(knownAvals.length))), hole);
      nonzero = cts.map(c => c !== null);
      return present(cts);
    },
    [...knownAvals, ...where(f.results, ctNonzero).map(r => r.aval)],
  );
  return { func: dce(func), nonzero };
}

/** Emit the transposition of `f` into the current program: one cotangent per parameter, null where known or zero. */
export function pullback(f: Func, ins: readonly LinearIn[], cts: readonly MaybeZero[]): MaybeZero[] {
  const env = new Map<Var, Tensor>();
  const linear = new Set<Var>();
  f.params.forEach((v, i) => {
    const x = item(ins, i);
    if (x.kind === "known") env.set(v, x.value);
    else linear.add(v);
  });
  const isLinear = (a: Atom): a is Var => a.kind === "var" && linear.has(a);
  const tape: Eqn[] = [];
  for (const e of f.eqns) {
    if (e.ins.some(isLinear)) {
      tape.push(e);
      e.outs.forEach(v => linear.add(v));
    } else
      rebind(
        e,
        e.ins.map(a => readAtom(env, a)),
        bind,
      ).forEach((x, i) => env.set(item(e.outs, i), x));
  }
  const ct = new Map<Var, Tensor>();
  const accumulate = (a: Atom, c: MaybeZero | undefined): void => {
    if (!c || !isLinear(a)) return;
    const before = ct.get(a);
    ct.set(a, before ? add(before, c) : c);
  };
  f.results.forEach((r, i) => accumulate(r, cts[i]));
  for (const e of tape.reverse()) {
    const outCts = e.outs.map(v => ct.get(v) ?? null);
    if (outCts.every(c => c === null)) continue;
    const operands = e.ins.map((a): LinearIn =>
      isLinear(a) ? { kind: "hole", aval: a.aval } : { kind: "known", value: readAtom(env, a) },
    );
    at(e.source, () => pullEqn(e, operands, outCts).forEach((c, i) => accumulate(item(e.ins, i), c)));
  }
  return f.params.map(v => ct.get(v) ?? null);
}

function pullEqn(e: Eqn, ins: readonly LinearIn[], cts: readonly MaybeZero[]): readonly MaybeZero[] {
  const { prim, params } = e;
  if (prim.transpose) {
    const out = prim.transpose(cts, ins, params);
    if (out.length !== ins.length)
      throw new InternalError(`transpose of ${prim.name} gave ${out.length} cotangents for ${ins.length} operands`);
    return out;
  }
  if (prim.lower.kind === "composite")
    return pullback(
      bodyOf(
        prim,
        e.ins.map(a => a.aval),
        params,
      ),
      ins,
      cts,
    );
  throw missingRule(
    prim,
    "transpose",
    e.source,
    `add transpose to the record of ${prim.name}: (cts, ins, params) => one cotangent per operand, null for the known ones`,
  );
}
