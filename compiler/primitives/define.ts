// definePrimitive: a record becomes the function that users call. Nothing is registered: an equation holds the record itself.
import type { Params } from "../ir/func.ts";
import type { Arity, Of, Primitive } from "../ir/primitive.ts";
import { bind, bind1 } from "../trace/bind.ts";
import { Tensor } from "../trace/tensor.ts";

type Args<N extends Arity, P extends Params> = keyof P extends never ? [...Of<N, Tensor>] : [...Of<N, Tensor>, P];
/** A callable primitive: operands, then the parameters if it has any. Calling it gives the first output; `all` gives every output. */
export interface Operation<N extends Arity, P extends Params = Record<never, never>> {
  (...args: Args<N, P>): Tensor;
  all(...args: Args<N, P>): Tensor[];
  readonly primitive: Primitive<N, P>;
}

/** Make the callable of a primitive record. */
export function definePrimitive<N extends Arity, P extends Params = Record<never, never>>(primitive: Primitive<N, P>): Operation<N, P> {
  const split = (args: readonly unknown[]): [readonly Tensor[], P] => {
    const last = args.at(-1);
    const hasParams = args.length > 0 && !(last instanceof Tensor);
    return [(hasParams ? args.slice(0, -1) : args) as readonly Tensor[], (hasParams ? last : {}) as P]; // Args<N, P> puts tensors first and P last
  };
  const call = (...args: readonly unknown[]): Tensor => bind1(primitive, ...split(args));
  const all = (...args: readonly unknown[]): Tensor[] => bind(primitive, ...split(args));
  return Object.assign(call, { all, primitive }) as Operation<N, P>; // the signature only narrows what `split` accepts
}
