// Random well-typed programs: a few inputs, a few steps, each an operation on values that exist by then. Every operation is total on finite inputs.
import fc from "fast-check";
import {
  concat,
  cumsum,
  exp,
  flip,
  matmul,
  max,
  maximum,
  mean,
  mul,
  pad,
  relu,
  reshape,
  scan,
  sigmoid,
  sin,
  softmax,
  sub,
  sum,
  tanh,
  transpose,
  where,
  less,
  add,
  abs,
  cond,
  vmap,
  grad,
  type Tensor,
} from "../../stdlib/index.ts";
import { slice } from "../../compiler/extend.ts";
import { testNumbers } from "../../stdlib/testing/gradients.ts";

/** One step: picks operands among what exists, and appends a value. */
type Op = (x: Tensor, y: Tensor, k: number) => Tensor;
const wave = (x: Tensor): Tensor => sin(x); // keeps values in [-1, 1]
const rows = (x: Tensor): Tensor => reshape(x, [x.shape[0] ?? 1, -1]);
const ops: readonly Op[] = [
  x => tanh(x),
  x => exp(wave(x)),
  x => relu(x),
  x => sigmoid(x),
  x => abs(x),
  x => mul(x, 0.5),
  x => sub(1, x),
  (x, y) => (x.shape.join() === y.shape.join() ? add(x, y) : add(x, sum(y))),
  (x, y) => (x.shape.join() === y.shape.join() ? mul(wave(x), wave(y)) : mul(x, mean(wave(y)))),
  (x, y) => (x.shape.join() === y.shape.join() ? maximum(x, y) : x),
  (x, y) => where(less(x, 0.1234567), x.shape.join() === y.shape.join() ? y : 0.25, x),
  (x, _y, k) => (x.ndim > 0 ? mean(x, { axis: k % x.ndim }) : x),
  (x, _y, k) => (x.ndim > 0 && x.size > 0 ? max(x, { axis: k % x.ndim, keepdims: true }) : x),
  (x, _y, k) => (x.ndim > 0 ? sub(x, mean(x, { axis: k % x.ndim, keepdims: true })) : x),
  x => (x.ndim > 0 && x.size > 0 ? softmax(x) : x),
  x => transpose(x),
  x => (x.ndim > 1 ? reshape(x, [-1]) : x),
  x => (x.size % 2 === 0 && x.size > 0 ? reshape(x, [2, x.size / 2]) : x),
  (x, _y, k) => (x.ndim > 0 ? flip(x, k % x.ndim) : x),
  (x, _y, k) => (x.ndim > 0 ? cumsum(x, { axis: k % x.ndim, reverse: k % 2 === 1 }) : x),
  x => (x.ndim === 1 ? pad(x, [[1, 2]], { value: 0.5 }) : x),
  x => (x.ndim > 0 ? concat([x, mul(x, -1)]) : x),
  x => (x.ndim > 0 && (x.shape[0] ?? 0) > 1 ? slice(x, { start: x.shape.map((_, d) => (d === 0 ? 1 : 0)), limit: [...x.shape] }) : x),
  x => (x.ndim > 0 && x.size > 0 ? tanh(matmul(rows(x), transpose(rows(x)))) : x),
  x =>
    x.ndim > 0 && x.size > 0
      ? (scan((c: Tensor, r: Tensor) => [tanh(add(mul(c, 0.5), r)), mul(c, r)] as const, mul(sum(x, { axis: 0 }), 0), x)[1] as Tensor)
      : x, // the loop returns a tensor
  (x, y) =>
    cond(
      less(sum(wave(y)), 0.1234567),
      (t: Tensor) => mul(t, 2),
      (t: Tensor) => sub(t, 1),
      x,
    ) as Tensor, // both branches return a tensor
  x => (x.ndim > 0 && x.size > 0 ? vmap((r: Tensor) => mul(r, mean(r)))(x) : x),
  x => grad((t: Tensor) => sum(tanh(mul(t, t))))(x),
];
const shapes = [[], [1], [3], [5, 7], [2, 3, 5], [0, 4], [17, 4], [4, 33], [64]] as const;
/** A program as data, so that fast-check can shrink it. */
export interface Program {
  readonly dtype: "f32" | "f64";
  readonly shapes: readonly (readonly number[])[];
  readonly steps: readonly { readonly op: number; readonly x: number; readonly y: number; readonly k: number }[];
  readonly seed: number;
}
/** Programs of 1 to 14 steps. */
export const programs: fc.Arbitrary<Program> = fc.record({
  dtype: fc.constantFrom("f32" as const, "f64" as const),
  shapes: fc.array(fc.constantFrom(...shapes), { minLength: 1, maxLength: 3 }),
  seed: fc.nat(1000),
  steps: fc.array(fc.record({ op: fc.nat(ops.length - 1), x: fc.nat(50), y: fc.nat(50), k: fc.nat(3) }), { minLength: 1, maxLength: 14 }),
});

/** The last three values that the program makes of its inputs. */
export const run = (p: Program, inputs: readonly Tensor[]): Tensor[] => {
  const values = [...inputs],
    made: Tensor[] = [];
  for (const { op, x, y, k } of p.steps) {
    const out = ops[op]?.(values[x % values.length] as Tensor, values[y % values.length] as Tensor, k); // never empty
    if (out && out.size <= 20000) {
      values.push(out);
      made.push(out);
    }
  }
  return made.slice(-3);
};
/** Numbers for each input, of the program's dtype. */
export const dataOf = (p: Program): number[][] =>
  p.shapes.map((s, i) =>
    Array.from(
      testNumbers(
        s.reduce<number>((n, d) => n * d, 1),
        p.seed + i,
      ),
      x => (p.dtype === "f32" ? Math.fround(x) : x),
    ),
  );
