// Vectorisation: a Func of one example becomes a Func of `size` of them, the new axis first. Values that do not depend on the axis stay unbatched.
// It rewrites, never loops, and knows no primitive by name.
import { InternalError } from "../../runtime/errors/error.ts";
import type { Eqn, Func, Var } from "../ir/func.ts";
import type { BatchAxis } from "../ir/primitive.ts";
import { withLeading } from "../primitives/broadcast.ts";
import { permute } from "../primitives/shape.ts";
import { bind } from "../trace/bind.ts";
import type { Tensor } from "../trace/tensor.ts";
import { readAtom, traceClosed } from "../trace/trace.ts";
import { at, bodyOf, item, missingRule, someEqn } from "./walk.ts";

/** A batched Func: `batched[i]` says that result i carries the axis, first. */
export interface Batched {
  readonly func: Func;
  readonly batched: readonly boolean[];
}
/** Values with their flags. */
export interface BatchedValues {
  readonly outs: readonly Tensor[];
  readonly batched: readonly boolean[];
}

/** Vectorise `f`: parameters with `batched` get a leading axis of `axis.size`. `instantiate[i]` asks for result i with the axis even where it does not depend on it. @throws E0301 */
export function batchFunc(f: Func, batched: readonly boolean[], axis: BatchAxis, instantiate: readonly boolean[] = []): Batched {
  let flags: readonly boolean[] = [];
  const func = traceClosed(
    (...xs) => {
      const r = batchInto(f, xs, batched, axis);
      flags = r.batched.map((b, i) => b || instantiate[i] === true);
      return r.outs.map((x, i) => (flags[i] ? withLeading(x, item(r.batched, i), axis.size) : x));
    },
    f.params.map((v, i) => (batched[i] ? { dtype: v.aval.dtype, shape: [axis.size, ...v.aval.shape] } : v.aval)),
  );
  return { func, batched: flags };
}

/** Emit the vectorised `f` into the current program. */
export function batchInto(f: Func, ins: readonly Tensor[], batched: readonly boolean[], axis: BatchAxis): BatchedValues {
  const env = new Map<Var, Tensor>(f.params.map((v, i) => [v, item(ins, i)]));
  const mapped = new Set<Var>(f.params.filter((_, i) => batched[i]));
  for (const e of f.eqns) {
    const xs = e.ins.map(a => readAtom(env, a));
    const has = e.ins.map(a => a.kind === "var" && mapped.has(a));
    const r = at(e.source, () => batchEqn(e, xs, has, axis));
    e.outs.forEach((v, i) => {
      env.set(v, item(r.outs, i));
      if (r.batched[i]) mapped.add(v);
    });
  }
  return { outs: f.results.map(a => readAtom(env, a)), batched: f.results.map(a => a.kind === "var" && mapped.has(a)) };
}

function batchEqn(e: Eqn, ins: readonly Tensor[], has: readonly boolean[], axis: BatchAxis): BatchedValues {
  const { prim, params } = e;
  const all = (outs: readonly Tensor[], flag: boolean): BatchedValues => ({ outs, batched: outs.map(() => flag) });
  if (!has.includes(true) && !bindsAxis(e, axis)) return all(bind(prim, ins, params), false);
  if (prim.batch) {
    const r = prim.batch(ins, has, params, axis);
    return "outs" in r ? r : all(r, true);
  }
  const { lower } = prim;
  switch (lower.kind) {
    case "map":
    case "erase": {
      const wide = ins.map((x, i) => withLeading(x, item(has, i), axis.size));
      return all(bind(prim, wide, params), true);
    }
    case "composite":
      return batchInto(
        bodyOf(
          prim,
          e.ins.map(a => a.aval),
          params,
        ),
        ins,
        has,
        axis,
      );
    case "view":
    case "index":
    case "reduce":
    case "contract":
    case "control":
    case "collective":
    case "kernel":
      throw missingRule(
        prim,
        "batch",
        e.source,
        `add batch to the record of ${prim.name}: (ins, batched, params, axis) => outs, every batched tensor with its new axis first`,
      );
    default:
      return lower satisfies never;
  }
}

/** Does the equation, or a region in it, speak of this vmap's named axis? Then it changes even when none of its operands is batched. */
function bindsAxis(e: Eqn, { name }: BatchAxis): boolean {
  if (name === undefined) return false;
  const speaks = ({ prim, params }: Eqn): boolean => prim.lower.kind === "collective" && prim.lower.axis(params) === name;
  return speaks(e) || someEqn({ params: [], eqns: [e], results: [] }, speaks);
}

/** Grow the flags of a loop's carry until a step keeps them: `step(flags)` gives the flags after one step. */
export function fixpoint(start: readonly boolean[], step: (flags: readonly boolean[]) => readonly boolean[]): readonly boolean[] {
  let flags = start;
  for (let round = 0; round <= start.length; round++) {
    const current = flags;
    const after = step(current);
    const joined = current.map((f, i) => f || after[i] === true);
    if (joined.every((f, i) => f === current[i])) return current;
    flags = joined;
  }
  throw new InternalError("flags of a carry did not settle");
}

/** `x` with dimension `from` moved to `to`. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  if (from === to) return x;
  const rest = x.shape.map((_, d) => d).filter(d => d !== from);
  return permute(x, [...rest.slice(0, to), from, ...rest.slice(to)]);
}
