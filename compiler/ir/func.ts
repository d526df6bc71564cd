// The typed program: administrative normal form, closed, pure. Data only.
//
//   func   = params, equations, results
//   eqn    = outs = primitive[params] ins
//   atom   = var | literal scalar
import type { SourceLocation } from "../../runtime/errors/error.ts";
import { fromPattern, isNarrowFloat, toPattern } from "../../runtime/narrow.ts";
import type { Aval } from "./aval.ts";
import type { Primitive } from "./primitive.ts";

/** A variable; identity is the object, `id` is for printing and ordering. */
export interface Var {
  readonly kind: "var";
  readonly id: number;
  readonly aval: Aval;
}
/** A scalar constant (`aval.shape` is `[]`; bool is 0 or 1). Larger constants are broadcasts of these, or captured inputs. */
export interface Lit {
  readonly kind: "lit";
  readonly value: number;
  readonly aval: Aval;
}
/** An operand. */
export type Atom = Var | Lit;
/** Static parameters of an equation: numbers, strings, arrays, nested Funcs, and for custom rules opaque functions. */
export type Params = Readonly<Record<string, unknown>>;
/** Finds the user's line lazily: stack traces are cheap to take and dear to read. */
export interface Source {
  locate(): SourceLocation | undefined;
}
/** One line of a Func. Holds the primitive itself: there is no registry. */
export interface Eqn {
  readonly prim: Primitive;
  readonly ins: readonly Atom[];
  readonly params: Params;
  readonly outs: readonly Var[];
  readonly source?: Source | undefined;
}
/** A closed program (our jaxpr). Every variable is a parameter or the output of an earlier equation. */
export interface Func {
  readonly params: readonly Var[];
  readonly eqns: readonly Eqn[];
  readonly results: readonly Atom[];
}

let nextId = 0;
/** A variable that no program holds yet. Ids only order the output of printers that renumber anyway. */
export const freshVar = (a: Aval): Var => ({ kind: "var", id: nextId++, aval: a });
/** A literal scalar of `dtype`; a narrow float holds the number nearest to `value`, in a program as in memory. */
export const literal = (value: number, dtype: Aval["dtype"]): Lit => ({
  kind: "lit",
  value: isNarrowFloat(dtype) ? fromPattern(dtype, toPattern(dtype, value)) : value,
  aval: { dtype, shape: [] },
});
