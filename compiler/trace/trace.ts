// Function -> Func, and Func -> equations in the current program.
import { InternalError } from "../../runtime/errors/error.ts";
import type { Aval } from "../ir/aval.ts";
import { freshVar, type Atom, type Func, type Var } from "../ir/func.ts";
import { Builder, currentBuilder, lit, withBuilder } from "./builder.ts";
import { bind } from "./bind.ts";
import { withSource } from "./source.ts";
import { Tensor } from "./tensor.ts";

/** A traced function: the closed program, and the outside tensors that became its leading parameters, in order. */
export interface Traced {
  readonly func: Func;
  readonly captured: readonly Tensor[];
}

/** Trace `f` at `avals`. `weak[i]` marks arguments that came from JavaScript numbers. */
export function trace(f: (...xs: Tensor[]) => readonly Tensor[], avals: readonly Aval[], weak: readonly boolean[] = []): Traced {
  const b = new Builder(currentBuilder());
  const params = avals.map(freshVar);
  const results = withBuilder(b, () =>
    f(...params.map((v, i) => new Tensor(v.aval, { kind: "staged", builder: b, atom: v }, weak[i] ?? false))).map(o => b.read(o)),
  );
  return { func: b.finish(params, results), captured: [...b.captured.keys()] };
}

/** Trace a function that closes over nothing: every transform's own. */
export function traceClosed(f: (...xs: Tensor[]) => readonly Tensor[], avals: readonly Aval[]): Func {
  const t = withBuilder(null, () => trace(f, avals));
  if (t.captured.length > 0) throw new InternalError("a closed trace captured a tensor");
  return t.func;
}

/** The tensor that stands for an atom given the environment of a walk. */
export const readAtom = (env: ReadonlyMap<Var, Tensor>, a: Atom): Tensor => {
  if (a.kind === "lit") return lit(a.value, a.aval.dtype);
  const x = env.get(a);
  if (!x) throw new InternalError(`variable v${a.id} is read before it is defined`);
  return x;
};

/** Re-emit a Func's equations into the current program (or run them, when none is recording). */
export function inline(f: Func, args: readonly Tensor[]): Tensor[] {
  if (args.length !== f.params.length) throw new InternalError(`inline: ${f.params.length} parameters, ${args.length} arguments`);
  const env = new Map<Var, Tensor>();
  f.params.forEach((v, i) => env.set(v, args[i] as Tensor)); // lengths agree
  for (const e of f.eqns) {
    const ins = e.ins.map(a => readAtom(env, a));
    const outs = withSource(e.source, () => bind(e.prim, ins, e.params));
    e.outs.forEach((v, i) => env.set(v, outs[i] as Tensor)); // aval gives as many outputs as the equation has
  }
  return f.results.map(a => readAtom(env, a));
}
