// Each primitive's own algebra (its `simplify` rule), applied where it changes something. Rules never fold NaN·0 or change a signed zero.
import type { Eqn, Func } from "../ir/func.ts";
import { Builder, withBuilder } from "../trace/builder.ts";
import { freshVar } from "../ir/func.ts";
import { Tensor } from "../trace/tensor.ts";
import { deep, rewriteFunc, splice, type Replacement } from "./rewrite.ts";

/** One sweep over every equation, nested ones too. */
export const simplify: (f: Func) => Func = deep(f => rewriteFunc(f, simplified));

function simplified(e: Eqn): Replacement | undefined {
  const rule = e.prim.simplify;
  if (!rule) return undefined;
  const b = new Builder(null);
  const params = e.ins.map(a => freshVar(a.aval));
  const ins = e.ins.map(
    (a, i) =>
      new Tensor(
        a.aval,
        a.kind === "lit" ? { kind: "staged", builder: null, atom: a } : { kind: "staged", builder: b, atom: params[i] ?? a },
      ),
  );
  const results = withBuilder(b, () => rule(ins, e.params)?.map(x => b.read(x)));
  return results && splice(b.finish(params, results), e.ins, e.source);
}
