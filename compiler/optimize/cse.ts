// Equal equations are computed once. Barrier calls are opaque: what is inside one is never merged with what is outside.
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import { identity, paramKey } from "../ir/key.ts";
import { deep, rewriteFunc } from "./rewrite.ts";

/** Common subexpressions merged, in every program by itself. */
export const cse: (f: Func) => Func = deep(f => {
  const ids = new Map<Var, number>();
  const atomKey = (a: Atom): string => {
    if (a.kind === "lit") return `${Object.is(a.value, -0) ? "-0" : a.value}:${a.aval.dtype}`;
    let id = ids.get(a);
    if (id === undefined) ids.set(a, (id = ids.size));
    return `v${id}`;
  };
  const seen = new Map<string, Eqn>();
  return rewriteFunc(f, e => {
    const key = `${identity(e.prim)} ${e.ins.map(atomKey).join(" ")} ${paramKey(e.params)}`;
    const first = seen.get(key);
    if (first) return { eqns: [], outs: first.outs };
    seen.set(key, e);
    return undefined;
  });
});
