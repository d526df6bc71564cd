// Is a Func well-formed? Run after every pass in tests. It reports the first violation as an internal error: user input never gets here unchecked.
import { InternalError } from "../../runtime/errors/error.ts";
import { sameAval, showAval, type Aval } from "./aval.ts";
import type { Atom, Func, Var } from "./func.ts";
import { innerFuncs } from "./walk.ts";

/** @throws InternalError when a variable is unbound or bound twice, a literal is not scalar, or an output's type is not what its primitive says. Returns `f`. */
export function checkFunc(f: Func, where = "func"): Func {
  const bound = new Set<Var>();
  const bind = (v: Var, by: string): void => {
    if (bound.has(v)) throw new InternalError(`${where}: v${v.id} is bound twice (${by})`);
    bound.add(v);
  };
  const use = (a: Atom, by: string): void => {
    if (a.kind === "lit" ? a.aval.shape.length !== 0 : !bound.has(a))
      throw new InternalError(
        `${where}: ${by} uses ${a.kind === "lit" ? "a literal that is not scalar" : `unbound v${a.id}: ${showAval(a.aval)}`}`,
      );
  };
  f.params.forEach((v, i) => bind(v, `parameter ${i}`));
  for (const e of f.eqns) {
    e.ins.forEach(a => use(a, e.prim.name));
    const rule = e.prim.aval(
      e.ins.map(a => a.aval),
      e.params,
    );
    const want = Array.isArray(rule) ? (rule as readonly Aval[]) : [rule as Aval]; // Array.isArray does not narrow readonly arrays
    if (
      want.length !== e.outs.length ||
      !want.every((w, i) => {
        const o = e.outs[i];
        return o !== undefined && sameAval(w, o.aval);
      })
    ) {
      throw new InternalError(
        `${where}: ${e.prim.name} gives ${want.map(showAval).join(", ")}, its outputs say ${e.outs.map(o => showAval(o.aval)).join(", ")}`,
      );
    }
    for (const g of innerFuncs(e)) checkFunc(g, `${where}/${e.prim.name}`);
    e.outs.forEach(v => bind(v, e.prim.name));
  }
  f.results.forEach(a => use(a, "return"));
  return f;
}
