// remat: a function whose intermediate values are computed again in the backward pass instead of being kept.
import { unflatten } from "../support/tree.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { stage, tensorLeaves, type AnyFunction, type Tensors } from "../transforms/stage.ts";
import { bindCall, type SavePolicy } from "./call.ts";

/** What a remat region may keep: nothing (default), everything, the results of contractions, or the values marked with one of the names. */
export type RematPolicy = "nothing" | "everything" | "dots" | { readonly names: readonly string[] };
/** Options of remat. */
export interface RematOptions {
  readonly policy?: RematPolicy;
}

/** `f` (same values, same derivatives) that trades memory for recomputation when it is differentiated. @throws E0105 */
export function remat<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  { policy = "nothing" }: RematOptions = {},
): (...args: A) => Tensors<R> {
  const save = policyOf(policy);
  return (...args) => {
    const leaves = tensorLeaves(args, "args");
    const { func, captured, outDef } = stage(f as unknown as AnyFunction, leaves, "remat"); // called with the structure of its own arguments
    return unflatten(outDef, bindCall([...captured, ...leaves.leaves], { func, barrier: true, policy: save })) as Tensors<R>; // f's own structure
  };
}
/** The same: JAX has both names. */
export const checkpoint: typeof remat = remat;

function policyOf(p: RematPolicy): SavePolicy {
  if (typeof p === "object") return { kind: "names", names: p.names };
  switch (p) {
    case "nothing":
    case "everything":
    case "dots":
      return { kind: p };
    default: {
      const other: never = p;
      throw new PullbackError("E0801", `remat has no policy ${String(other)}`, {
        help: 'use "nothing", "everything", "dots" or { names: [...] }',
      });
    }
  }
}
