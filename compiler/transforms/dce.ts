// Dead equations removed, so that transforms hand on small programs. It looks at one Func; pruning the outputs of loops and branches belongs to optimize/.
import type { Eqn, Func, Var } from "../ir/func.ts";

/** `f` without equations that no result needs. `keep` names equations that stay with all that they need, used or not. */
export function dce(f: Func, keep: (e: Eqn) => boolean = () => false): Func {
  const live = new Set<Var>();
  const use = (atoms: Eqn["ins"]): void => {
    for (const a of atoms) if (a.kind === "var") live.add(a);
  };
  use(f.results);
  const kept: Eqn[] = [];
  for (const e of f.eqns.toReversed()) {
    if (!keep(e) && !e.outs.some(v => live.has(v))) continue;
    use(e.ins);
    kept.push(e);
  }
  return kept.length === f.eqns.length ? f : { ...f, eqns: kept.reverse() };
}
