// Transforms of one's own: an interpreter that walks a Func with values of any kind (counts, intervals, text), by rules that primitives carry under the
// transform's symbol and a default by kind of lowering. It is how a library adds an analysis without touching a primitive of ours.
import type { Eqn, Func, Params, Var } from "../ir/func.ts";
import type { Arity, Lowering, Primitive } from "../ir/primitive.ts";
import type { Aval } from "../ir/aval.ts";
import { bodyOf, item, missingRule } from "./walk.ts";

/** What a rule sees of an equation: the values of its operands, and the equation itself. `run` interprets a region or body with the same transform. */
export interface RuleContext<V> {
  readonly ins: readonly V[];
  readonly eqn: Eqn;
  run(f: Func, args: readonly V[]): readonly V[];
}
/** Values of the outputs, one each. */
export type TransformRule<V> = (c: RuleContext<V>) => readonly V[];
/** A transform: `literal` values, and rules for kinds of lowering that apply where a primitive carries none of its own. */
export interface TransformSpec<V> {
  readonly name: string;
  literal(value: number, a: Aval): V;
  readonly byKind: { readonly [K in Lowering["kind"]]?: TransformRule<V> };
}
/** A transform that can be run, and the means to give a primitive its own rule. */
export interface Transform<V> {
  /** The key under which a primitive carries its rule: `rules: { [t.symbol]: t.rule(...) }`. */
  readonly symbol: symbol;
  /** Interpret `f`: one value per parameter -> one per result. @throws E0301 where a primitive has no rule and no default */
  run(f: Func, args: readonly V[]): readonly V[];
  /** Rules for primitives that are not ours to edit; they win over rules on the record. */
  define<N extends Arity, P extends Params>(prim: Primitive<N, P>, rule: TransformRule<V>): void;
}

/** Make a transform. Without a rule, a composite is interpreted through its body. */
export function defineTransform<V>(spec: TransformSpec<V>): Transform<V> {
  const symbol = Symbol(spec.name);
  const own = new Map<Primitive, TransformRule<V>>(); // the transform's own table: written by its author once, at load
  const evaluate = (e: Eqn, ins: readonly V[]): readonly V[] => {
    const { prim } = e;
    const rule = own.get(prim) ?? (prim.rules?.[symbol] as TransformRule<V> | undefined) ?? spec.byKind[prim.lower.kind]; // the symbol is this transform's: only its rules are stored under it
    if (rule) return rule({ ins, eqn: e, run });
    if (prim.lower.kind === "composite")
      return run(
        bodyOf(
          prim,
          e.ins.map(a => a.aval),
          e.params,
        ),
        ins,
      );
    throw missingRule(
      prim,
      spec.name,
      e.source,
      `give it one: transform.define(${prim.name}.primitive, rule), or byKind.${prim.lower.kind} for all like it`,
    );
  };
  const run = (f: Func, args: readonly V[]): readonly V[] => {
    const env = new Map<Var, V>(f.params.map((v, i) => [v, item(args, i)]));
    const read = (a: Eqn["ins"][number]): V => (a.kind === "lit" ? spec.literal(a.value, a.aval) : (env.get(a) as V)); // defined before it is used: Funcs are closed
    for (const e of f.eqns) {
      const outs = evaluate(e, e.ins.map(read));
      e.outs.forEach((v, i) => env.set(v, item(outs, i)));
    }
    return f.results.map(read);
  };
  return {
    symbol,
    run,
    define: (prim, rule) => {
      own.set(prim as unknown as Primitive, rule);
    },
  }; // only its identity matters here
}
