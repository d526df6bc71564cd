// Broadcasting and summation, the transposes of each other. Nothing broadcasts implicitly: this is the only way to repeat elements.
import { aval, sameShape, sizeOf, showAval } from "../ir/aval.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import type { Shape } from "../ir/aval.ts";
import type { Tensor } from "../trace/tensor.ts";
import { needAxes, needDType, needParam, needSizes, nth, numbers, range, without } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { avalOf, perOperand } from "./rules.ts";

/** `shape` of the result; `dims[i]` is the output dimension that input dimension i becomes, ascending. */
export type BroadcastParams = { readonly shape: Shape; readonly dims: readonly number[] };
/** Repeat `x` along new dimensions: out[o] = x[o[dims]]. Sizes must agree exactly; a dimension of size 1 is stretched by reshaping it away first.
 *  @throws E0201 when a size differs, E0203 for bad `dims`.  @see XLA broadcast_in_dim */
export const broadcastInDim: Operation<1, BroadcastParams> = definePrimitive<1, BroadcastParams>({
  name: "broadcastInDim",
  aval([x], { shape, dims }) {
    needSizes("broadcastInDim", shape);
    needAxes("broadcastInDim", dims, aval(x.dtype, shape));
    if (dims.length !== x.shape.length || !dims.every((d, i) => shape[d] === x.shape[i])) {
      throw new PullbackError(
        "E0201",
        `cannot broadcast ${showAval(x)} into [${shape.join(",")}] with its dimensions at [${dims.join(",")}]`,
        { help: "each dimension keeps its size; reshape dimensions of size 1 away before stretching them" },
      );
    }
    return aval(x.dtype, shape);
  },
  lower: { kind: "view", source: (_s, out, { dims }) => dims.map(d => nth(out, d)) },
  linear: "jointly",
  transpose: perOperand<1, BroadcastParams>((ct, _ins, { shape, dims }) =>
    reduceSum(ct, { axes: range(shape.length).filter(d => !dims.includes(d)) }),
  ),
  batch: ([x], _at, { shape, dims }, { size }) => [broadcastInDim(x, { shape: [size, ...shape], dims: [0, ...dims.map(d => d + 1)] })],
  simplify: ([x], { shape }) => (sameShape(x.shape, shape) ? [x] : undefined),
});

/** Axes to remove: distinct, ascending, non-negative. */
export type ReduceParams = { readonly axes: readonly number[] };
/** Sum over `axes`, which are removed. f16 and bf16 accumulate in f32; integers wrap. The sum of nothing is 0. @throws E0203, E0204 for bool */
export const reduceSum: Operation<1, ReduceParams> = definePrimitive<1, ReduceParams>({
  name: "reduceSum",
  aval([x], { axes }) {
    needDType("reduceSum", numbers, x);
    needAxes("reduceSum", axes, x);
    return aval(x.dtype, without(x.shape, axes));
  },
  lower: { kind: "reduce", axes: p => p.axes, init: () => [0], combine: (s, a, b) => [s.binary("add", nth(a, 0), nth(b, 0))] },
  linear: "jointly",
  transpose: perOperand<1, ReduceParams>((ct, [x], { axes }) =>
    broadcastInDim(ct, { shape: avalOf(x).shape, dims: range(avalOf(x).shape.length).filter(d => !axes.includes(d)) }),
  ),
  batch: ([x], _at, { axes }) => [reduceSum(x, { axes: axes.map(d => d + 1) })],
  simplify: ([x], { axes }) => (axes.length === 0 ? [x] : undefined),
});

/** Repeat `x` along a new leading axis: [..] -> [size, ..]. */
export const broadcastLeading = (x: Tensor, size: number): Tensor =>
  broadcastInDim(x, { shape: [size, ...x.shape], dims: range(x.ndim).map(d => d + 1) });
/** Give a reduced tensor its axes back, repeated: the shape `shape` that was reduced over `axes`. */
export function unreduce(x: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  needParam(
    sizeOf(without(shape, axes)) === x.size,
    () => `unreduce: ${showAval(x.aval)} is not [${shape.join(",")}] without axes [${axes.join(",")}]`,
    "give the shape before the reduction",
  );
  return broadcastInDim(x, { shape, dims: range(shape.length).filter(d => !axes.includes(d)) });
}
/** `x` with the axis of a vmap in front: itself when it has it, repeated when it does not. */
export const withLeading = (x: Tensor, has: boolean, size: number): Tensor => (has ? x : broadcastLeading(x, size));
