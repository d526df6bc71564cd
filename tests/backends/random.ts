// Random programs over the primitives themselves, at seven dtypes: what every backend is tried with. Nothing here runs them.
import fc from "fast-check";
import { isFloat, type DType } from "../../runtime/dtype.ts";
import * as op from "../../compiler/extend.ts";
import { aval, type Aval, type Tensor } from "../../compiler/extend.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { traceClosed } from "../../compiler/trace/trace.ts";

type Step = (x: Tensor, y: Tensor, k: number) => Tensor;
const float = (x: Tensor): boolean => isFloat(x.dtype);
const is = (x: Tensor, ...types: readonly DType[]): boolean => types.includes(x.dtype);
const like = (x: Tensor, y: Tensor): boolean => x.dtype === y.dtype && x.shape.join() === y.shape.join();
const axisOf = (x: Tensor, k: number): number => k % x.ndim;
/** f32 and f64 kept in [-1, 1], so that no chain overflows and every conversion to an integer is far from a tie. */
const wave = (x: Tensor): Tensor => (float(x) ? op.sin(x) : x);
/** A sum of `n` floats as their mean: a sine of a large sum would make its rounding errors large. */
const averaged = (x: Tensor, n = 1): Tensor => (float(x) && n > 1 ? op.mul(x, op.fullLike(x, 1 / n)) : x);
const smallStep = (x: Tensor, axis: number, lo: number, hi: number): Tensor =>
  op.slice(x, {
    start: x.shape.map((_, d) => (d === axis ? lo : 0)),
    limit: x.shape.map((n, d) => (d === axis ? hi : n)),
    strides: x.shape.map(() => 1),
  });
const steps: readonly Step[] = [
  (x, y) => (like(x, y) && !is(x, "bool") ? (float(x) ? op.mul(op.add(x, y), op.fullLike(x, 0.5)) : op.add(x, y)) : x), // a mean: doubling again and again would make rounding errors large
  (x, y) => (like(x, y) && !is(x, "bool") ? op.mul(wave(x), wave(y)) : x),
  (x, y) => (like(x, y) && !is(x, "bool") ? op.max(x, op.sub(y, op.fullLike(y, 1))) : x),
  (x, y) => (like(x, y) ? op.convert(op.notEqual(x, y), { dtype: "f32" }) : x),
  (x, y) => (like(x, y) && !is(x, "bool") ? op.less(x, op.fullLike(y, 1)) : x),
  (x, y) => (like(x, y) && is(x, "bool", "i32", "u32", "i8", "u8") ? op.xor(x, op.not(y)) : x),
  (x, y) => (like(x, y) ? op.select(op.equal(x, op.fullLike(x, 1)), y, x) : x),
  x =>
    float(x)
      ? op.tanh(x)
      : is(x, "bool")
        ? op.convert(x, { dtype: "i32" })
        : op.abs(is(x, "u32", "u8") ? op.convert(x, { dtype: "i32" }) : x),
  (x, _y, k) => (float(x) ? x : op.convert(x, { dtype: (["i8", "u8", "i32", "u32", "bool"] as const)[k % 5] ?? "i32" })),
  x => (float(x) ? x : op.tanh(op.convert(is(x, "i32", "u32") ? op.convert(x, { dtype: "i8" }) : x, { dtype: "f32" }))),
  x => (is(x, "i32", "u32") ? op.shiftRightLogical(x, op.fullLike(x, 3)) : x),
  (x, _y, k) => (x.ndim > 0 && !is(x, "bool") ? averaged(op.reduceSum(wave(x), { axes: [axisOf(x, k)] }), x.shape[axisOf(x, k)]) : x),
  (x, _y, k) => (x.ndim > 0 && x.size > 0 && !is(x, "bool") ? op.reduceMin(x, { axes: [axisOf(x, k)] }) : x),
  (x, _y, k) => (x.ndim > 0 && is(x, "bool") ? op.reduceOr(x, { axes: [axisOf(x, k)] }) : x),
  (x, _y, k) =>
    x.ndim < 4 && x.size <= 3000
      ? op.broadcastInDim(x, {
          shape: [...x.shape.slice(0, k % (x.ndim + 1)), 3, ...x.shape.slice(k % (x.ndim + 1))],
          dims: x.shape.map((_, d) => (d < k % (x.ndim + 1) ? d : d + 1)),
        })
      : x,
  x => op.reshape(x, { shape: [x.size] }),
  x => (x.size % 3 === 0 ? op.reshape(x, { shape: [3, x.size / 3] }) : x),
  (x, _y, k) => op.transpose(x, { perm: x.shape.map((_, d) => (d + k) % x.ndim) }),
  (x, _y, k) => (x.ndim > 0 ? op.reverse(x, { axes: [axisOf(x, k)] }) : x),
  (x, _y, k) => (x.ndim > 0 && (x.shape[axisOf(x, k)] ?? 0) > 2 ? smallStep(x, axisOf(x, k), 1, (x.shape[axisOf(x, k)] ?? 0) - 1) : x),
  (x, _y, k) =>
    x.ndim > 0 && x.size > 0
      ? op.pad(x, op.lit(1, x.dtype), {
          low: x.shape.map((_, d) => (d === axisOf(x, k) ? 2 : 0)),
          high: x.shape.map((_, d) => (d === axisOf(x, k) ? -1 : 0)),
          interior: x.shape.map(() => 0),
        })
      : x,
  (x, y, k) => (like(x, y) && x.ndim > 0 ? op.concat(x, y, { axis: axisOf(x, k) }) : x),
  (x, _y, k) =>
    x.ndim > 0 && !is(x, "bool") ? averaged(op.cumsum(wave(x), { axis: axisOf(x, k), reverse: k === 1 }), x.shape[axisOf(x, k)]) : x,
  x =>
    x.ndim === 2 && is(x, "f32", "f64")
      ? averaged(op.dotGeneral(wave(x), wave(x), { lhsBatch: [], rhsBatch: [], lhsContract: [0], rhsContract: [0] }), x.shape[0])
      : x,
];
/** A program as data, so that fast-check can shrink it. */
export interface Program {
  readonly avals: readonly Aval[];
  readonly steps: readonly { readonly step: number; readonly x: number; readonly y: number; readonly k: number }[];
  readonly seed: number;
}
const shapes = [[], [0], [1], [3], [5, 7], [2, 3, 5], [17, 4], [70, 130], [9001]] as const;
/** Programs of 4 to 24 steps on inputs of these dtypes. */
export const programsOver = (dtypes: readonly DType[]): fc.Arbitrary<Program> =>
  fc.record({
    avals: fc.array(
      fc.tuple(fc.constantFrom(...dtypes), fc.constantFrom(...shapes)).map(([d, s]) => aval(d, s)),
      { minLength: 1, maxLength: 3 },
    ),
    seed: fc.nat(1000),
    steps: fc.array(fc.record({ step: fc.nat(steps.length - 1), x: fc.nat(50), y: fc.nat(50), k: fc.nat(4) }), {
      minLength: 4,
      maxLength: 24,
    }),
  });
/** The program, traced: its last four values. */
export const traced = (p: Program): Func =>
  traceClosed((...xs) => {
    const values = [...xs];
    for (const { step, x, y, k } of p.steps) {
      const a = values[values.length - 1 - (x % values.length)],
        b = values[values.length - 1 - (y % values.length)],
        f = steps[step]; // the latest first
      const out = a && b && f ? f(a, b, k) : undefined;
      if (out && out.size <= 20000) values.push(out);
    }
    return values.slice(-4);
  }, p.avals);
