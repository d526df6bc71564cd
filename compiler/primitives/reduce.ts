// Folds over axes other than the sum (which sits with broadcast, its transpose), and the position of an extremum.
import { dtypeInfo, isFloat, type DType } from "../../runtime/dtype.ts";
import { aval, type Aval } from "../ir/aval.ts";
import type { BinaryOp, Expr, ScalarOps } from "../ir/scalar.ts";
import type { Tensor } from "../trace/tensor.ts";
import { add, div, mul } from "./arithmetic.ts";
import { reduceSum, unreduce, withLeading, type ReduceParams } from "./broadcast.ts";
import {
  integers,
  needAxes,
  needAxis,
  needDType,
  needExactly,
  needParam,
  nth,
  numbers,
  range,
  without,
  bitTypes,
  type Accepts,
} from "./check.ts";
import { equal } from "./compare.ts";
import { convert } from "./convert.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { iota } from "./fill.ts";
import { concat, slice } from "./slice.ts";
import { permute, reshape } from "./shape.ts";

export { reduceSum, type ReduceParams } from "./broadcast.ts";

/** The least value of a dtype: the identity of max. */
export const lowest = (d: DType): number => {
  const { class: kind, bits } = dtypeInfo(d);
  return kind === "float" ? -Infinity : kind === "int" ? -(2 ** (bits - 1)) : 0;
};
/** The greatest value of a dtype: the identity of min. */
export const highest = (d: DType): number => {
  const { class: kind, bits } = dtypeInfo(d);
  return kind === "float" ? Infinity : kind === "int" ? 2 ** (bits - 1) - 1 : kind === "uint" ? 2 ** bits - 1 : 1;
};

interface Fold {
  readonly name: string;
  readonly op: BinaryOp;
  readonly accepts: Accepts;
  readonly identity: (d: DType) => number;
  readonly derivative: ((dx: Tensor, x: Tensor, p: ReduceParams, out: Tensor) => Tensor) | null;
}
function fold({ name, op, accepts, identity, derivative }: Fold): Operation<1, ReduceParams> {
  const self: Operation<1, ReduceParams> = definePrimitive<1, ReduceParams>({
    name,
    aval([x], { axes }) {
      needDType(name, accepts, x);
      needAxes(name, axes, x);
      return aval(x.dtype, without(x.shape, axes));
    },
    lower: {
      kind: "reduce",
      axes: p => p.axes,
      init: (_p, [x]) => [identity(x.dtype)],
      combine: (s, a, b) => [s.binary(op, nth(a, 0), nth(b, 0))],
    },
    jvp: [derivative && ((dx, [x], p, out) => derivative(dx, x, p, out))],
    batch: ([x], _at, { axes }) => [self(x, { axes: axes.map(d => d + 1) })],
    simplify: ([x], { axes }) => (axes.length === 0 ? [x] : undefined),
  });
  return self;
}
/** The tangent of an extremum: the mean of the tangents of the elements that attain it. NaN attains nothing, so its tangent is NaN. */
function shared(dx: Tensor, x: Tensor, { axes }: ReduceParams, out: Tensor): Tensor {
  const attains = convert(equal(x, unreduce(out, x.shape, axes)), { dtype: x.dtype });
  return div(reduceSum(mul(dx, attains), { axes }), reduceSum(attains, { axes }));
}

/** Largest element over `axes`; NaN wins; of nothing: the least value of the dtype. Equal maxima share the derivative. @throws E0203, E0204 */
export const reduceMax: Operation<1, ReduceParams> = fold({
  name: "reduceMax",
  op: "max",
  accepts: numbers,
  identity: lowest,
  derivative: shared,
});
/** Smallest element over `axes`; NaN wins; of nothing: the greatest value of the dtype. Equal minima share the derivative. @throws E0203, E0204 */
export const reduceMin: Operation<1, ReduceParams> = fold({
  name: "reduceMin",
  op: "min",
  accepts: numbers,
  identity: highest,
  derivative: shared,
});
/** Product over `axes`; of nothing: 1. Its derivatives are exact at zeros, to every order. @throws E0203, E0204 */
export const reduceProd: Operation<1, ReduceParams> = fold({
  name: "reduceProd",
  op: "mul",
  accepts: numbers,
  identity: () => 1,
  derivative: (dx, x, { axes }) => productTangent(dx, x, axes),
});
/** Bitwise or logical and over `axes`; of nothing: all ones. @throws E0203, E0204 */
export const reduceAnd: Operation<1, ReduceParams> = fold({
  name: "reduceAnd",
  op: "and",
  accepts: bitTypes,
  identity: d => (d === "bool" ? 1 : dtypeInfo(d).class === "int" ? -1 : highest(d)),
  derivative: null,
});
/** Bitwise or logical or over `axes`; of nothing: 0. @throws E0203, E0204 */
export const reduceOr: Operation<1, ReduceParams> = fold({
  name: "reduceOr",
  op: "or",
  accepts: bitTypes,
  identity: () => 0,
  derivative: null,
});

/** d(Π x): the product rule on halves, halves of halves, ...: no division, so zeros do no harm. */
function productTangent(dx: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  const kept = without(range(x.ndim), axes),
    shape = kept.map(d => nth(x.shape, d));
  const n = axes.reduce((size, d) => size * nth(x.shape, d), 1);
  const rows = (t: Tensor): Tensor => reshape(permute(t, [...axes, ...kept]), { shape: [n, ...shape] });
  const part = (t: Tensor, from: number, to: number): Tensor =>
    slice(t, { start: t.shape.map((_, d) => (d === 0 ? from : 0)), limit: t.shape.map((size, d) => (d === 0 ? to : size)) });
  let [p, dp] = [rows(x), rows(dx)];
  if (n === 0) return reduceSum(dx, { axes });
  for (let m = n; m > 1; m = Math.ceil(m / 2)) {
    const h = Math.floor(m / 2),
      odd = m % 2 === 1; // the odd one out waits at the end
    const [a, b, da, db] = [part(p, 0, h), part(p, h, 2 * h), part(dp, 0, h), part(dp, h, 2 * h)];
    const [q, dq] = [mul(a, b), add(mul(da, b), mul(a, db))];
    [p, dp] = odd ? [concat(q, part(p, m - 1, m), { axis: 0 }), concat(dq, part(dp, m - 1, m), { axis: 0 })] : [q, dq];
  }
  return reshape(dp, { shape });
}

/** The axis to search. */
export type ArgReduceParams = { readonly axis: number; readonly op: "max" | "min" };
/** Values and their positions to the extremum and the least position that attains it. NaN is the extremum of all. */
export const argReduce: Operation<2, ArgReduceParams> = definePrimitive<2, ArgReduceParams>({
  name: "argReduce",
  aval([x, at], { axis }) {
    needDType("argReduce", numbers, x);
    needExactly("argReduce", "positions", "i32", at);
    needAxis("argReduce", axis, x);
    return [x, at].map(a => aval(a.dtype, without(a.shape, [axis])));
  },
  lower: {
    kind: "reduce",
    axes: p => [p.axis],
    init: ({ op }, [x]) => [op === "max" ? lowest(x.dtype) : highest(x.dtype), 2 ** 31 - 1],
    combine(s, a, b, { op }) {
      const [x, i, y, j] = [nth(a, 0), nth(a, 1), nth(b, 0), nth(b, 1)];
      const takeY = s.binary("or", isBeyond(s, op, y, x), s.binary("and", s.unary("not", isBeyond(s, op, x, y)), s.compare("lt", j, i)));
      return [s.select(takeY, y, x), s.select(takeY, j, i)];
    },
  },
  jvp: [null, null],
  batch: ([x, at], [xHas, atHas], { axis, op }, { size }) =>
    argReduce.all(withLeading(x, xHas, size), withLeading(at, atHas, size), { axis: axis + 1, op }),
});
/** Is x strictly ahead of y? */
function isBeyond(s: ScalarOps, op: "max" | "min", x: Expr, y: Expr): Expr {
  const ahead = s.compare(op === "max" ? "gt" : "lt", x, y);
  return isFloat(x.dtype) ? s.binary("or", ahead, s.binary("and", s.unary("isNan", x), s.unary("not", s.unary("isNan", y)))) : ahead;
}

/** The axis to search, which is removed, and the dtype of the positions. */
export type ArgParams = { readonly axis: number; readonly dtype: DType };
/** Position of the largest element along `axis`: the first of equals; a NaN is the largest. @throws E0203, E0204, E0205 when the axis is empty */
export const argmax: Operation<1, ArgParams> = position("argmax", "max");
/** Position of the smallest element along `axis`: the first of equals; a NaN is the smallest. @throws E0203, E0204, E0205 when the axis is empty */
export const argmin: Operation<1, ArgParams> = position("argmin", "min");

function position(name: string, op: "max" | "min"): Operation<1, ArgParams> {
  return definePrimitive<1, ArgParams>({
    name,
    aval([x], { axis, dtype }) {
      const out: Aval = aval(dtype, without(x.shape, [axis]));
      needDType(name, numbers, x);
      needDType(name, integers, out);
      needAxis(name, axis, x);
      needParam(x.shape[axis] !== 0, () => `${name} over axis ${axis} of size 0`, "an empty axis has no extremum");
      return out;
    },
    lower: {
      kind: "composite",
      body: ([x], { axis, dtype }) => [
        convert(nth(argReduce.all(x, iota({ dtype: "i32", shape: x.shape, axis }), { axis, op }), 1), { dtype }),
      ],
    },
    jvp: [null],
  });
}
