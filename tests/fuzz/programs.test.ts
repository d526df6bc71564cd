// Random well-typed programs: the compiled program agrees with the reference evaluator, and so does running it one operation at a time
// (not bit for bit: fusion may change the layout of an operand, and with it the order of a product's sum).
// A failure prints fast-check's seed and the shrunk program. PULLBACK_FUZZ_RUNS sets how many are tried.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import process from "node:process";
import { concat, cumsum, exp, flip, jit, matmul, max, maximum, mean, mul, pad, relu, reshape, scan, sigmoid, sin, softmax, sub, sum, tanh, transpose, where, less, add, abs, cond, vmap, grad, type Tensor } from "../../stdlib/index.ts";
import { fromHost, } from "../../compiler/index.ts";
import { slice } from "../../compiler/extend.ts";
import { evaluate, hostTensor } from "../../compiler/reference/evaluate.ts";
import { printFunc } from "../../compiler/ir/print.ts";
import { checkFunc } from "../../compiler/ir/check.ts";
import { optimize } from "../../compiler/optimize/passes.ts";
import { testNumbers } from "../../stdlib/testing/gradients.ts";
import { numbers } from "../support/numbers.ts";

const runs = Number(process.env["PULLBACK_FUZZ_RUNS"] ?? 300);
/** One step: picks operands among what exists, and appends a value. Every operation is total on finite inputs. */
type Op = (x: Tensor, y: Tensor, k: number) => Tensor;
const wave = (x: Tensor): Tensor => sin(x); // keeps values in [-1, 1]
const rows = (x: Tensor): Tensor => reshape(x, [x.shape[0] ?? 1, -1]);
const ops: readonly Op[] = [
  x => tanh(x), x => exp(wave(x)), x => relu(x), x => sigmoid(x), x => abs(x), x => mul(x, 0.5), x => sub(1, x),
  (x, y) => (x.shape.join() === y.shape.join() ? add(x, y) : add(x, sum(y))), (x, y) => (x.shape.join() === y.shape.join() ? mul(wave(x), wave(y)) : mul(x, mean(wave(y)))), (x, y) => (x.shape.join() === y.shape.join() ? maximum(x, y) : x),
  (x, y) => where(less(x, 0.1234567), x.shape.join() === y.shape.join() ? y : 0.25, x),
  (x, _y, k) => (x.ndim > 0 ? mean(x, { axis: k % x.ndim }) : x), (x, _y, k) => (x.ndim > 0 && x.size > 0 ? max(x, { axis: k % x.ndim, keepdims: true }) : x), (x, _y, k) => (x.ndim > 0 ? sub(x, mean(x, { axis: k % x.ndim, keepdims: true })) : x),
  x => (x.ndim > 0 && x.size > 0 ? softmax(x) : x), x => transpose(x), x => (x.ndim > 1 ? reshape(x, [-1]) : x), x => (x.size % 2 === 0 && x.size > 0 ? reshape(x, [2, x.size / 2]) : x), (x, _y, k) => (x.ndim > 0 ? flip(x, k % x.ndim) : x),
  (x, _y, k) => (x.ndim > 0 ? cumsum(x, { axis: k % x.ndim, reverse: k % 2 === 1 }) : x), x => (x.ndim === 1 ? pad(x, [[1, 2]], { value: 0.5 }) : x), x => (x.ndim > 0 ? concat([x, mul(x, -1)]) : x),
  x => (x.ndim > 0 && (x.shape[0] ?? 0) > 1 ? slice(x, { start: x.shape.map((_, d) => (d === 0 ? 1 : 0)), limit: [...x.shape] }) : x),
  x => (x.ndim > 0 && x.size > 0 ? tanh(matmul(rows(x), transpose(rows(x)))) : x),
  x => (x.ndim > 0 && x.size > 0 ? scan((c: Tensor, r: Tensor) => [tanh(add(mul(c, 0.5), r)), mul(c, r)] as const, mul(sum(x, { axis: 0 }), 0), x)[1] as Tensor : x), // the loop returns a tensor
  (x, y) => cond(less(sum(wave(y)), 0.1234567), (t: Tensor) => mul(t, 2), (t: Tensor) => sub(t, 1), x) as Tensor, // both branches return a tensor
  x => (x.ndim > 0 && x.size > 0 ? vmap((r: Tensor) => mul(r, mean(r)))(x) : x),
  x => grad((t: Tensor) => sum(tanh(mul(t, t))))(x),
];
const shapes = [[], [1], [3], [5, 7], [2, 3, 5], [0, 4], [17, 4], [4, 33], [64]] as const;
interface Program { readonly dtype: "f32" | "f64"; readonly shapes: readonly (readonly number[])[]; readonly steps: readonly { readonly op: number; readonly x: number; readonly y: number; readonly k: number }[]; readonly seed: number }
const programs = fc.record({ dtype: fc.constantFrom("f32" as const, "f64" as const), shapes: fc.array(fc.constantFrom(...shapes), { minLength: 1, maxLength: 3 }), seed: fc.nat(1000),
  steps: fc.array(fc.record({ op: fc.nat(ops.length - 1), x: fc.nat(50), y: fc.nat(50), k: fc.nat(3) }), { minLength: 1, maxLength: 14 }) });

const run = (p: Program, inputs: readonly Tensor[]): Tensor[] => {
  const values = [...inputs], made: Tensor[] = [];
  for (const { op, x, y, k } of p.steps) {
    const out = ops[op]?.(values[x % values.length] as Tensor, values[y % values.length] as Tensor, k); // never empty
    if (out && out.size <= 20000) { values.push(out); made.push(out); }
  }
  return made.slice(-3);
};

test(`${runs} random programs: compiled = reference = eager, and passes keep programs well-formed`, () => {
  fc.assert(fc.property(programs, p => {
    const data = p.shapes.map((s, i) => testNumbers(s.reduce<number>((n, d) => n * d, 1), p.seed + i).map(x => (p.dtype === "f32" ? Math.fround(x) : x)));
    const inputs = p.shapes.map((s, i) => fromHost(p.dtype, s, p.dtype === "f32" ? Float32Array.from(data[i] ?? []) : data[i] ?? new Float64Array(0)));
    const f = jit((xs: readonly Tensor[]) => run(p, xs)), got = f(inputs) as readonly Tensor[]; // the program returns a list
    if (got.length === 0) return;
    const { func } = f.lower(inputs);
    checkFunc(optimize(checkFunc(func)), "optimized");
    const want = evaluate(func, p.shapes.map((s, i) => hostTensor(p.dtype, s, data[i] ?? [])), { wide: true });
    const eager = run(p, inputs), rtol = p.dtype === "f32" ? 2e-4 : 1e-10; // rounding grows through a chain of operations
    got.forEach((y, k) => {
      const b = want[k]?.data ?? [], scale = 1 + Math.max(0, ...Array.from(b, Math.abs).filter(Number.isFinite));
      for (const [how, a] of [["compiled", numbers(y)], ["eager", numbers(eager[k] as Tensor)]] as const) a.forEach((v, i) => { // the same program
        const w = b[i] ?? NaN;
        if (!(v === w || (Number.isNaN(v) && Number.isNaN(w)) || Math.abs(v - w) <= rtol * scale)) assert.unreachable(`${how} output ${k}[${i}] is ${v}, the reference ${w}\n${printFunc(func)}`);
      });
    });
  }), { numRuns: runs, includeErrorInReport: true, ...(process.env["PULLBACK_FUZZ_SEED"] ? { seed: Number(process.env["PULLBACK_FUZZ_SEED"]) } : {}) });
});

test.run();
