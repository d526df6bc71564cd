// What an optimizer is: a pair of pure functions on trees, composed by chain. State is a tree of tensors, so that a whole training step runs under jit,
// in scan, and is saved as it is. Nothing here owns or mutates parameters.
import type { Tensor } from "../../compiler/extend.ts";
import { add, astype } from "../ops/arithmetic.ts";
import * as tree from "../tree.ts";

/** A transformation of gradients. `S` is its state, a tree (null when it has none). */
export interface Optimizer<S = unknown> {
  /** The state before the first step. `params`: a tree of floating-point tensors. */
  init(params: unknown): S;
  /** From gradients (structure of the parameters) to updates to be added, and the next state. `params` are those the gradients were taken at. */
  update<G>(grads: G, state: S, params: unknown): [G, S];
}

/** One after the other: the updates of each are the gradients of the next. The state is the list of states. */
export function chain<S extends readonly unknown[]>(...parts: { readonly [K in keyof S]: Optimizer<S[K]> }): Optimizer<S> {
  const list = parts as readonly Optimizer[]; // a homogeneous view of the tuple
  return {
    init: params => list.map(p => p.init(params)) as unknown as S, // one state per part, in order
    update: (grads, state, params) => {
      let g = grads;
      const next = list.map((p, i) => {
        const [updates, s] = p.update(g, state[i], params);
        g = updates;
        return s;
      });
      return [g, next as unknown as S]; // as in init
    },
  };
}

/** A transformation without state, leaf by leaf; it sees the parameter beside the gradient. */
export function stateless(f: (g: Tensor, p: Tensor) => Tensor): Optimizer<null> {
  return { init: () => null, update: (grads, _state, params) => [tree.map(f, grads, params), null] };
}

/** params + updates, each leaf in its parameter's dtype. */
export function applyUpdates<P>(params: P, updates: unknown): P {
  return tree.map((p: Tensor, u: Tensor) => astype(add(p, u), p.dtype), params, updates);
}
