// Operations across a named axis: inside vmap(f, { axisName }) they see every example. The vmap that binds the name replaces them; other vmaps let
// them pass. One that is left when a program is compiled has no axis: E0305.
import { PullbackError } from "../../runtime/errors/error.ts";
import type { DType } from "../../runtime/dtype.ts";
import type { BatchAxis, BatchRule, Lowering } from "../ir/primitive.ts";
import { div, mul } from "../primitives/arithmetic.ts";
import { broadcastInDim, reduceSum, withLeading } from "../primitives/broadcast.ts";
import { equal, select } from "../primitives/compare.ts";
import { convert } from "../primitives/convert.ts";
import { definePrimitive, type Operation } from "../primitives/define.ts";
import { iota, ones, zeros } from "../primitives/fill.ts";
import { reduceMax, reduceMin } from "../primitives/reduce.ts";
import { dynamicSlice } from "../primitives/slice.ts";
import { reshape } from "../primitives/shape.ts";
import { bind } from "../trace/bind.ts";
import { lit } from "../trace/builder.ts";
import type { Tensor } from "../trace/tensor.ts";

/** The error of a collective that is left when a program is compiled or evaluated. */
export const unboundAxis = (name: string, axis: string): PullbackError =>
  new PullbackError("E0305", `${name} names the axis "${axis}", which no vmap binds`, {
    help: `wrap the function: vmap(f, { axisName: "${axis}" })`,
  });

/** The name of the axis. */
export type AxisParams = { readonly axisName: string };
/** The name and size of the axis. */
export type GatherParams = { readonly axisName: string; readonly size: number };
type Collective = Extract<Lowering<1, AxisParams>, { kind: "collective" }>;

const lowerTo = <P extends AxisParams>(op: Collective["op"]): Extract<Lowering<1, P>, { kind: "collective" }> => ({
  kind: "collective",
  op,
  axis: p => p.axisName,
});
/** The batch rule of a collective: `bound` under the vmap of its axis (operand with the axis first -> result), itself under any other. */
function over<P extends AxisParams>(
  self: () => Operation<1, P>,
  bound: (x: Tensor, p: P, axis: BatchAxis) => { readonly out: Tensor; readonly batched: boolean },
): BatchRule<1, P> {
  return ([x], [has], p, axis) => {
    if (axis.name !== p.axisName) return { outs: bind(self().primitive, [x], p), batched: [has] };
    const { out, batched } = bound(withLeading(x, has, axis.size), p, axis);
    return { outs: [out], batched: [batched] };
  };
}

/** Sum over the named axis; every member gets it. Its transpose is itself. */
export const psum: Operation<1, AxisParams> = definePrimitive<1, AxisParams>({
  name: "psum",
  aval: ([x]) => x,
  lower: lowerTo("sum"),
  linear: "jointly",
  transpose: ([ct], [x], p) => [ct && x.kind === "hole" ? psum(ct, p) : null],
  batch: over(
    () => psum,
    x => ({ out: reduceSum(x, { axes: [0] }), batched: false }),
  ),
});

/** The derivative of an extremum across the axis: members that attain it share it. */
function extremumJvp(dx: Tensor, x: Tensor, p: AxisParams, out: Tensor): Tensor {
  const chosen = select(equal(x, out), ones(x.aval), zeros(x.aval));
  return div(psum(mul(dx, chosen), p), psum(chosen, p));
}
/** Largest over the named axis. Ties share the derivative. */
export const pmax: Operation<1, AxisParams> = definePrimitive<1, AxisParams>({
  name: "pmax",
  aval: ([x]) => x,
  lower: lowerTo("max"),
  jvp: [(dx, [x], p, out) => extremumJvp(dx, x, p, out)],
  batch: over(
    () => pmax,
    x => ({ out: reduceMax(x, { axes: [0] }), batched: false }),
  ),
});
/** Smallest over the named axis. Ties share the derivative. */
export const pmin: Operation<1, AxisParams> = definePrimitive<1, AxisParams>({
  name: "pmin",
  aval: ([x]) => x,
  lower: lowerTo("min"),
  jvp: [(dx, [x], p, out) => extremumJvp(dx, x, p, out)],
  batch: over(
    () => pmin,
    x => ({ out: reduceMin(x, { axes: [0] }), batched: false }),
  ),
});

/** This member's position along the named axis: i32[]. */
export const axisIndex: Operation<0, AxisParams> = definePrimitive<0, AxisParams>({
  name: "axisIndex",
  aval: () => ({ dtype: "i32", shape: [] }),
  lower: { kind: "collective", op: "index", axis: p => p.axisName },
  jvp: [],
  batch: (_ins, _at, p, axis) =>
    axis.name === p.axisName
      ? { outs: [iota({ dtype: "i32", shape: [axis.size], axis: 0 })], batched: [true] }
      : { outs: [axisIndex(p)], batched: [false] },
});

/** All members' tensors, stacked along a new leading axis of the given size: [..] -> [size, ..]. @throws E0205 when the axis has another size. */
export const allGather: Operation<1, GatherParams> = definePrimitive<1, GatherParams>({
  name: "allGather",
  aval: ([x], { size }) => ({ dtype: x.dtype, shape: [size, ...x.shape] }),
  lower: lowerTo("gather"),
  linear: "jointly",
  transpose: ([ct], [x], p) => {
    if (!ct || x.kind !== "hole") return [null];
    const sum = psum(ct, { axisName: p.axisName });
    const sizes = [1, ...x.aval.shape];
    const starts = [axisIndex({ axisName: p.axisName }), ...x.aval.shape.map(() => lit(0, "i32"))];
    return [reshape(dynamicSlice(sum, ...starts, { sizes }), { shape: x.aval.shape })];
  },
  batch: over(
    () => allGather,
    (x, p, axis) => {
      if (p.size !== axis.size)
        throw new PullbackError("E0205", `allGather over "${p.axisName}" says size ${p.size}, the axis has ${axis.size}`, {
          help: "give the size of the vmap",
        });
      return { out: x, batched: false };
    },
  ),
});

/** Size of the named axis, as a scalar of `dtype`. */
export const axisSize = (axisName: string, dtype: DType = "i32"): Tensor => psum(lit(1, dtype), { axisName });
/** Mean over the named axis. */
export function pmean(x: Tensor, p: AxisParams): Tensor {
  const n = convert(axisSize(p.axisName), { dtype: x.dtype });
  return div(psum(x, p), broadcastInDim(n, { shape: x.shape, dims: [] }));
}
