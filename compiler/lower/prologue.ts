// Operands of a product that have no memory of their own: whether they are computed inside of it, as it fetches them, is for the backend to say; this is what it is told.
import { InternalError } from "../../runtime/errors/error.ts";
import type { Precision } from "../../runtime/precision.ts";
import { sizeOf } from "../ir/aval.ts";
import type { Eqn, Var } from "../ir/func.ts";
import type { GemmKernel } from "../ir/kernel.ts";
import type { Expr } from "../ir/scalar.ts";
import { flatten } from "./contract.ts";
import { KernelScope, type Places } from "./scope.ts";

/** An operand, as an expression of its product's indices over `params`, and its product. `held`: how many elements would be stored instead (fewer, where it shows some of them again and again); `readers`: how many equations read them; `joins`: what it reads is written by a kernel that it can still join. */
export interface ComputedOperand extends Pick<GemmKernel, "params" | "batch" | "m" | "n" | "k" | "dtype" | "operands"> {
  readonly side: "lhs" | "rhs";
  readonly value: Expr;
  readonly vars: Pick<GemmKernel["vars"], "b" | "i" | "j" | "l">;
  readonly precision: Precision | undefined;
  readonly held: number;
  readonly readers: number;
  readonly joins: boolean;
}
/** Is the operand to be computed inside of its product? */
export type Prologue = (operand: ComputedOperand) => boolean;

/** Operand `side` of the contraction `e`. */
export function computedOperand(
  e: Eqn,
  side: 0 | 1,
  places: Places,
  given: Pick<ComputedOperand, "held" | "readers" | "joins">,
): ComputedOperand {
  const { lower } = e.prim,
    { batch, m, n, k, dtype, operands } = flatten(e),
    s = new KernelScope(places);
  if (lower.kind !== "contract") throw new InternalError(`${e.prim.name} is not a contraction`);
  const vars = { b: s.loop("b", batch), i: s.loop("i", m), j: s.loop("j", n), l: s.loop("l", k) },
    value = operands(s, vars.b, vars.i, vars.j, vars.l)[side];
  return {
    side: side === 0 ? "lhs" : "rhs",
    value,
    params: s.params,
    vars,
    batch,
    m,
    n,
    k,
    dtype,
    operands: e.ins[side]?.aval.dtype ?? dtype,
    precision: lower.dims(e.params).precision,
    ...given,
  };
}
/** What storing a value would store, however it is seen: how many elements (none where only a view has no memory), and how many equations read them. */
export function heldBy(
  v: Var,
  places: Places,
  uses: ReadonlyMap<Var, { readonly count: number }>,
): Pick<ComputedOperand, "readers" | "held"> {
  const count = uses.get(v)?.count ?? 1,
    at = places.get(v);
  if (at?.kind !== "inline") return { readers: count, held: 0 };
  const source = at.eqn.prim.lower.kind === "view" ? at.eqn.ins[0] : undefined;
  if (source?.kind !== "var") return { readers: count, held: sizeOf(v.aval.shape) };
  const below = heldBy(source, places, uses);
  return { ...below, readers: Math.max(count, below.readers) };
}
