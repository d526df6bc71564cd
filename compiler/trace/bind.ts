// Apply a primitive: record it when a function is being traced, run it at once otherwise.
import { InternalError } from "../../runtime/errors/error.ts";
import type { Params } from "../ir/func.ts";
import type { Arity, Primitive } from "../ir/primitive.ts";
import { currentBuilder } from "./builder.ts";
import type { Tensor } from "./tensor.ts";

/** Runs one primitive on concrete tensors. */
export type EagerEvaluator = (prim: Primitive, ins: readonly Tensor[], params: Params) => Tensor[];
let eager: EagerEvaluator | null = null;
/** jit.ts installs itself here once, at load: it is the floor that can run things, and imports point down. */
export const installEager = (f: EagerEvaluator): void => {
  eager = f;
};

/** Apply `prim` to `ins`. @throws PullbackError with the user's line when the operands do not fit. */
export function bind<N extends Arity, P extends Params>(prim: Primitive<N, P>, ins: readonly Tensor[], params: P): Tensor[] {
  const b = currentBuilder();
  const p = prim as unknown as Primitive; // rules are methods: a narrower record is used as the general one
  if (b)
    return b.emit(
      p,
      ins.map(x => b.read(x)),
      params,
    );
  if (!eager) throw new InternalError("no evaluator is installed: import pullback, not its parts");
  return eager(p, ins, params);
}
/** Apply a primitive with one output. */
export function bind1<N extends Arity, P extends Params>(prim: Primitive<N, P>, ins: readonly Tensor[], params: P): Tensor {
  const [out] = bind(prim, ins, params);
  if (!out) throw new InternalError(`${prim.name} gave no output`);
  return out;
}
