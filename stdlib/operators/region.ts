// Running a body without deciding whether it happens: it is recorded as a program of its own, beside what it did to the variables and how it ended. A
// recording is committed (its operations are emitted here) or becomes part of a cond or a loop.
import { flatten, inline, isTensor, trace, unflatten, type Aval, type Func, type Tensor } from "../../compiler/extend.ts";
import { withWeak } from "../ops/promotion.ts";
import { normal, type Jump } from "./jump.ts";
import type { Truth } from "./truth.ts";
import type { Vars } from "./vars.ts";

/** What a body did: the variables' values after it and how it ended, both in terms of `kept`. */
export interface Recording {
  readonly after: readonly unknown[];
  readonly jump: Jump;
  /** captured tensors, then parameters -> `kept`. */
  readonly func: Func;
  readonly captured: readonly Tensor[];
  /** The tensors that the body left behind. */
  readonly kept: readonly Tensor[];
}

const bodies: boolean[] = []; // innermost last
/** Run the body of a statement. `decided`: by a tensor, so that it is recorded whether or not it happens. */
export function inBody<T>(decided: boolean, body: () => T): T {
  bodies.push(decided);
  try {
    return body();
  } finally {
    bodies.pop();
  }
}
/** Does a tensor decide about one of the innermost `depth` bodies? */
export const isDecided = (depth: number): boolean => depth > 0 && bodies.slice(-depth).includes(true);

/** Record `body`, starting from the variables as they are; they are put back afterwards. Parameters are tensors of types `avals`, for a loop's carry. */
export function record(
  body: (...params: readonly Tensor[]) => Jump,
  vars: Vars,
  avals: readonly Aval[] = [],
  weak: readonly boolean[] = [],
): Recording {
  const before = vars.get();
  let after = before,
    jump: Jump = normal,
    kept: readonly Tensor[] = [];
  try {
    const { func, captured } = trace(
      (...params) => {
        jump = body(...params);
        after = vars.get();
        kept = [...new Set(flatten([after, jump.returned, jump.broke, jump.continued, jump.value]).leaves.filter(isTensor))];
        return kept;
      },
      avals,
      weak,
    );
    return { after, jump, func, captured, kept };
  } finally {
    vars.set(before);
  }
}
/** A path on which nothing happens: it ends with `jump`, and the variables stay. */
export const idle = (jump: Jump, vars: Vars): Recording => record(() => jump, vars);

/** Emit a recording's operations here. Gives what each leaf that it left behind is here. */
export function emit(r: Recording, args: readonly Tensor[] = []): (leaf: unknown) => unknown {
  const outs = inline(r.func, [...r.captured, ...args]);
  const here = new Map<unknown, Tensor>(r.kept.flatMap((x, i) => (outs[i] === undefined ? [] : [[x, withWeak(outs[i], x.weak)]])));
  return leaf => here.get(leaf) ?? leaf;
}
/** A tree with its leaves replaced; the tree itself when none is. */
export function mapLeaves(tree: unknown, f: (leaf: unknown) => unknown): unknown {
  const { leaves, def } = flatten(tree);
  const mapped = leaves.map(f);
  return mapped.every((x, i) => Object.is(x, leaves[i])) ? tree : unflatten(def, mapped);
}

/** Let the recording happen: emit its operations, set the variables. Gives how it ended. */
export function commit(r: Recording, vars: Vars): Jump {
  const here = emit(r);
  vars.set(r.after.map(x => mapLeaves(x, here)));
  const truth = (t: Truth): Truth => here(t) as Truth; // a truth value stays one
  const { returned, broke, continued, value } = r.jump;
  return { returned: truth(returned), broke: truth(broke), continued: truth(continued), value: mapLeaves(value, here) };
}
