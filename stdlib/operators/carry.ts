// The state of a loop that runs in the program: which parts of it change, and in which types. A step is recorded until its state keeps its types; parts that no
// step changes stay outside the loop.
import { flatten, showAval, unflatten, type Aval, type Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { resultType, withWeak, type TensorLike } from "../ops/promotion.ts";
import { fill, isLeaf, show, typeOf, type LeafType } from "./merge.ts";
import { $return, type Jump } from "./jump.ts";
import { emit, record } from "./region.ts";
import type { Vars } from "./vars.ts";

/** A named list of trees: the variables, then what the loop itself keeps. */
export interface LoopState {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
}
/** A loop's state in types that a step keeps. */
export interface Carry {
  /** The parts that change, as they begin. */
  readonly init: readonly Tensor[];
  /** One step on those parts. */
  step(carry: readonly Tensor[], inputs: readonly Tensor[]): Tensor[];
  /** The whole state from the parts that change. */
  state(carry: readonly Tensor[]): readonly unknown[];
}
/** Find the carry of `step`, which takes the state and the inputs of a step (of types `inputs`) and gives the next state. @throws E1125 */
export function carryOf(
  { names, values }: LoopState,
  step: (values: readonly unknown[], inputs: readonly Tensor[]) => readonly unknown[],
  vars: Vars,
  inputs: readonly Aval[] = [],
): Carry {
  const { leaves, def } = flatten(values);
  const places = leaves.flatMap((x, i) => (isLeaf(x) ? [i] : []));
  const owner = values.flatMap((v, i) => flatten(v).leaves.map(() => i)); // of each leaf, its place among the names
  let types = places.map(i => typeOf(leaves[i] as TensorLike)); // places are where operands are
  const rebuild = (operands: readonly unknown[]): readonly unknown[] => {
    const all = [...leaves];
    places.forEach((i, k) => (all[i] = operands[k]));
    return unflatten(def, all) as readonly unknown[]; // the structure is a list's
  };
  for (;;) {
    const given: Tensor[] = [];
    const r = record(
      (...params) => {
        given.push(...params.slice(0, places.length));
        return $return(step(rebuild(given), params.slice(places.length)));
      },
      vars,
      [...types, ...inputs],
      [...types.map(t => t.weak), ...inputs.map(() => false)],
    );
    const next = r.jump.value as readonly unknown[]; // what step returned
    values.forEach((v, i) => {
      const after = next[i];
      if (flatten(v).def.key !== flatten(after).def.key) throw changes(names[i], show(v), show(after));
    });
    const out = flatten(next).leaves;
    const changed = places.flatMap((i, k) => (out[i] === given[k] ? [] : [k]));
    leaves.forEach((x, i) => {
      if (!isLeaf(x) && !Object.is(x, out[i])) throw changes(names[owner[i] ?? 0], show(x), show(out[i]));
    });
    const grown = types.map((t, k) =>
      changed.includes(k) ? settled(t, leaves[places[k] ?? 0], out[places[k] ?? 0], names[owner[places[k] ?? 0] ?? 0]) : t,
    );
    if (grown.some((t, k) => t.dtype !== types[k]?.dtype || t.weak !== types[k]?.weak)) {
      types = grown;
      continue;
    }
    const start = places.map((i, k) => withWeak(fill(leaves[i], types[k] ?? typeOf(0)), types[k]?.weak ?? false));
    const full = (carry: readonly Tensor[]): Tensor[] =>
      start.map((x, k) => (changed.includes(k) ? withWeak(carry[changed.indexOf(k)] ?? x, types[k]?.weak ?? false) : x));
    const state = (carry: readonly Tensor[]): readonly unknown[] => {
      const now = full(carry);
      return rebuild(now.map((x, k) => (changed.includes(k) ? x : leaves[places[k] ?? 0])));
    };
    return {
      init: changed.flatMap(k => start[k] ?? []),
      step(carry, slices) {
        const here = emit(r, [...full(carry), ...slices]);
        return changed.map(k => fill(here(out[places[k] ?? 0]), types[k] ?? typeOf(0)));
      },
      state,
    };
  }
}

/** How `body` ends, and whether it assigns, whatever the values of the variables are: numbers and booleans are tensors here, as in the loop. */
export function trial(
  body: (inputs: readonly Tensor[]) => Jump,
  vars: Vars,
  inputs: readonly Aval[] = [],
): { readonly jump: Jump; readonly assigns: boolean } {
  const { leaves, def } = flatten(vars.get());
  const types = leaves.flatMap(x => (isLeaf(x) ? [typeOf(x)] : []));
  let given: readonly unknown[] = [];
  const r = record(
    (...params) => {
      let next = 0;
      given = unflatten(
        def,
        leaves.map(x => (isLeaf(x) ? params[next++] : x)),
      ) as readonly unknown[]; // the structure is a list's
      vars.set(given);
      return body(params.slice(types.length));
    },
    vars,
    [...types, ...inputs],
    [...types.map(t => t.weak), ...inputs.map(() => false)],
  );
  const was = flatten(given).leaves;
  const now = flatten(r.after).leaves;
  return { jump: r.jump, assigns: now.length !== was.length || now.some((x, i) => !Object.is(x, was[i])) };
}

/** The type of a part of type `t` that begins as `first` and is `x` after a step. Weak parts take the type that the step gives them: an integer one when they begin as an
 *  integer, else both become f32. */
function settled(t: LeafType, first: unknown, x: unknown, name: string | undefined): LeafType {
  if (!isLeaf(x)) throw changes(name, showAval(t), show(x));
  const u = typeOf(x);
  const fits = t.shape.length === u.shape.length && t.shape.every((d, i) => d === u.shape[i]);
  if (fits && t.dtype === u.dtype) return { ...t, weak: t.weak && u.weak };
  if (fits && t.dtype !== "bool" && u.dtype !== "bool") {
    const { dtype, weak } = resultType(t.weak ? (first as TensorLike) : stand(t), u.weak && typeof x !== "number" ? 0.5 : x); // numbers and weak tensors give way alike
    if (t.weak) return { ...t, dtype, weak };
    if (u.weak && dtype === t.dtype) return t;
  }
  throw changes(name, showAval(t), showAval(u));
}
/** A number's place holder in a strong type: only its dtype is asked for. */
const stand = (t: Aval): TensorLike => fill(0, t);
const changes = (name: string | undefined, from: string, to: string): PullbackError =>
  new PullbackError("E1125", `${name ?? "a variable"} is ${from} before the loop and ${to} after a step`, {
    help: "a loop that runs in the program keeps the types of its variables: begin with the type that a step gives, or declare the variable inside the loop",
  });
