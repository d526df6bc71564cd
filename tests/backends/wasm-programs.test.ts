// Programs of many operations on the Wasm device against the reference evaluator: random ones over every kind of dtype, loops and branches. The
// number of threads and donation may not change a bit. A failure prints fast-check's seed and the shrunk program.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { isFloat, type DType } from "../../runtime/dtype.ts";
import { WasmDevice } from "../../runtime/wasm/device.ts";
import { cond, fori, scan, switch_, while_ } from "../../compiler/index.ts";
import * as op from "../../compiler/extend.ts";
import { aval, type Aval, type Tensor } from "../../compiler/extend.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { printFunc } from "../../compiler/ir/print.ts";
import { traceClosed } from "../../compiler/trace/trace.ts";
import { gradFunc } from "../../compiler/transforms/linearize.ts";
import { batchFunc } from "../../compiler/transforms/vmap.ts";
import { differences, runOn, valuesFor, type Tolerance } from "./conform.ts";

const one = new WasmDevice({ threads: 1 }), two = new WasmDevice({ threads: 2 });
/** Chains of a dozen operations with sums of up to 10,000 terms in between; integers stay exact. f16 and bf16 are checked one operation at a time. */
const chain: Tolerance = d => (d === "f64" ? 1e-10 : d === "f32" ? 2e-4 : 0);

type Step = (x: Tensor, y: Tensor, k: number) => Tensor;
const float = (x: Tensor): boolean => isFloat(x.dtype);
const is = (x: Tensor, ...types: readonly DType[]): boolean => types.includes(x.dtype);
const like = (x: Tensor, y: Tensor): boolean => x.dtype === y.dtype && x.shape.join() === y.shape.join();
const axisOf = (x: Tensor, k: number): number => k % x.ndim;
/** f32 and f64 kept in [-1, 1], so that no chain overflows and every conversion to an integer is far from a tie. */
const wave = (x: Tensor): Tensor => (float(x) ? op.sin(x) : x);
const smallStep = (x: Tensor, axis: number, lo: number, hi: number): Tensor => op.slice(x, { start: x.shape.map((_, d) => (d === axis ? lo : 0)), limit: x.shape.map((n, d) => (d === axis ? hi : n)), strides: x.shape.map(() => 1) });
const steps: readonly Step[] = [
  (x, y) => (like(x, y) && !is(x, "bool") ? op.add(x, y) : x),
  (x, y) => (like(x, y) && !is(x, "bool") ? op.mul(wave(x), wave(y)) : x),
  (x, y) => (like(x, y) && !is(x, "bool") ? op.max(x, op.sub(y, op.fullLike(y, 1))) : x),
  (x, y) => (like(x, y) ? op.convert(op.notEqual(x, y), { dtype: "f32" }) : x),
  (x, y) => (like(x, y) && !is(x, "bool") ? op.less(x, op.fullLike(y, 1)) : x),
  (x, y) => (like(x, y) && is(x, "bool", "i32", "u32", "i8", "u8") ? op.xor(x, op.not(y)) : x),
  (x, y) => (like(x, y) ? op.select(op.equal(x, op.fullLike(x, 1)), y, x) : x),
  x => (float(x) ? op.tanh(x) : is(x, "bool") ? op.convert(x, { dtype: "i32" }) : op.abs(is(x, "u32", "u8") ? op.convert(x, { dtype: "i32" }) : x)),
  (x, _y, k) => (float(x) ? x : op.convert(x, { dtype: (["i8", "u8", "i32", "u32", "bool"] as const)[k % 5] ?? "i32" })),
  x => (float(x) ? x : op.tanh(op.convert(is(x, "i32", "u32") ? op.convert(x, { dtype: "i8" }) : x, { dtype: "f32" }))),
  x => (is(x, "i32", "u32") ? op.shiftRightLogical(x, op.fullLike(x, 3)) : x),
  (x, _y, k) => (x.ndim > 0 && !is(x, "bool") ? op.reduceSum(wave(x), { axes: [axisOf(x, k)] }) : x),
  (x, _y, k) => (x.ndim > 0 && x.size > 0 && !is(x, "bool") ? op.reduceMin(x, { axes: [axisOf(x, k)] }) : x),
  (x, _y, k) => (x.ndim > 0 && is(x, "bool") ? op.reduceOr(x, { axes: [axisOf(x, k)] }) : x),
  (x, _y, k) => (x.ndim < 4 && x.size <= 3000 ? op.broadcastInDim(x, { shape: [...x.shape.slice(0, k % (x.ndim + 1)), 3, ...x.shape.slice(k % (x.ndim + 1))], dims: x.shape.map((_, d) => (d < k % (x.ndim + 1) ? d : d + 1)) }) : x),
  x => op.reshape(x, { shape: [x.size] }),
  x => (x.size % 3 === 0 ? op.reshape(x, { shape: [3, x.size / 3] }) : x),
  (x, _y, k) => op.transpose(x, { perm: x.shape.map((_, d) => (d + k) % x.ndim) }),
  (x, _y, k) => (x.ndim > 0 ? op.reverse(x, { axes: [axisOf(x, k)] }) : x),
  (x, _y, k) => (x.ndim > 0 && (x.shape[axisOf(x, k)] ?? 0) > 2 ? smallStep(x, axisOf(x, k), 1, (x.shape[axisOf(x, k)] ?? 0) - 1) : x),
  (x, _y, k) => (x.ndim > 0 && x.size > 0 ? op.pad(x, op.lit(1, x.dtype), { low: x.shape.map((_, d) => (d === axisOf(x, k) ? 2 : 0)), high: x.shape.map((_, d) => (d === axisOf(x, k) ? -1 : 0)), interior: x.shape.map(() => 0) }) : x),
  (x, y, k) => (like(x, y) && x.ndim > 0 ? op.concat(x, y, { axis: axisOf(x, k) }) : x),
  (x, _y, k) => (x.ndim > 0 && !is(x, "bool") ? op.cumsum(wave(x), { axis: axisOf(x, k), reverse: k === 1 }) : x),
  x => (x.ndim === 2 && is(x, "f32", "f64") ? op.dotGeneral(wave(x), wave(x), { lhsBatch: [], rhsBatch: [], lhsContract: [0], rhsContract: [0] }) : x),
];
interface Program { readonly avals: readonly Aval[]; readonly steps: readonly { readonly step: number; readonly x: number; readonly y: number; readonly k: number }[]; readonly seed: number }
const dtypes = ["f32", "f64", "i32", "u32", "i8", "u8", "bool"] as const, shapes = [[], [0], [1], [3], [5, 7], [2, 3, 5], [17, 4], [70, 130], [9001]] as const;
const programs: fc.Arbitrary<Program> = fc.record({
  avals: fc.array(fc.tuple(fc.constantFrom(...dtypes), fc.constantFrom(...shapes)).map(([d, s]) => aval(d, s)), { minLength: 1, maxLength: 3 }), seed: fc.nat(1000),
  steps: fc.array(fc.record({ step: fc.nat(steps.length - 1), x: fc.nat(50), y: fc.nat(50), k: fc.nat(4) }), { minLength: 4, maxLength: 24 }),
});
const traced = (p: Program): Func => traceClosed((...xs) => {
  const values = [...xs];
  for (const { step, x, y, k } of p.steps) {
    const a = values[values.length - 1 - (x % values.length)], b = values[values.length - 1 - (y % values.length)], f = steps[step]; // the latest first
    const out = a && b && f ? f(a, b, k) : undefined;
    if (out && out.size <= 20000) values.push(out);
  }
  return values.slice(-4);
}, p.avals);
const report = (f: Func, facts: readonly string[]): void => { if (facts.length > 0) assert.unreachable(`${facts.join("\n")}\n${printFunc(f)}`); };

test("150 random programs over seven dtypes agree with the oracle", () => {
  fc.assert(fc.property(programs, p => { const f = traced(p); report(f, differences(one, f, valuesFor(p.avals, p.seed), chain)); }), { numRuns: 150, includeErrorInReport: true });
});
test("neither donation of every input nor a second thread changes a bit of 100 random programs", () => {
  fc.assert(fc.property(programs, p => {
    const f = traced(p), args = valuesFor(p.avals, p.seed), want = runOn(one, f, args);
    assert.equal(runOn(two, f, args), want, printFunc(f));
    assert.equal(runOn(one, { ...f }, args, f.params.map(() => true)), want, `donated: ${printFunc(f)}`); // another object: compiled anew, with donation
  }), { numRuns: 100, includeErrorInReport: true });
});

const f32 = (...shape: number[]): Aval => aval("f32", shape), i32 = (...shape: number[]): Aval => aval("i32", shape);
const total = (x: Tensor): Tensor => op.reduceSum(x, { axes: x.shape.map((_, d) => d) });
const number = (x: Tensor, value: number): Tensor => op.lit(value, x.dtype);
/** Loops and branches with the types they run at. Every result counts. */
const controlled: Readonly<Record<string, readonly [avals: readonly Aval[], f: (...xs: readonly Tensor[]) => readonly unknown[]]>> = {
  "a scan whose carries change places each step": [[f32(3), f32(3), f32(6, 3)], (a, b, xs) => scan(([p, q]: readonly [Tensor, Tensor], x: Tensor) => [[q, op.add(op.sin(p), x)] as const, op.mul(p, q)] as const, [a, b] as const, xs).flat(2)],
  "a scan that returns its old carry, its new carry and its slice": [[f32(5), f32(4, 5)], (c, xs) => scan((k: Tensor, x: Tensor) => { const h = op.tanh(op.add(k, x)); return [h, [k, h, x]] as const; }, c, xs).flat(2)],
  "a scan from the end over a constant matrix": [[f32(33, 33), f32(33), f32(9, 33)], (wide, c, xs) => { const w = op.mul(wide, op.fullLike(wide, 0.1)); return scan((k: Tensor, x: Tensor) => { const h = op.tanh(op.add(op.dotGeneral(w, k, { lhsBatch: [], rhsBatch: [], lhsContract: [1], rhsContract: [0] }), x)); return [h, total(h)] as const; }, c, xs, { reverse: true }); }], // contractive, so that rounding does not grow
  "a scan of no steps": [[f32(3), f32(0, 3)], (c, xs) => scan((k: Tensor, x: Tensor) => [op.add(k, x), op.mul(k, x)] as const, c, xs)],
  "a scan of three steps an iteration and one left over": [[f32(3), f32(7, 3)], (c, xs) => scan((k: Tensor, x: Tensor) => [op.sin(op.add(k, x)), k] as const, c, xs, { unroll: 3 })],
  "a scan inside a scan": [[f32(2), f32(3, 4, 2)], (c, xs) => scan((k: Tensor, rows: Tensor) => scan((h: Tensor, x: Tensor) => [op.sin(op.add(h, x)), h] as const, k, rows), c, xs)],
  "a scan over truth values and integers": [[i32(2), aval("bool", [8, 2]), aval("u8", [8, 2])], (c, on, by) => scan((k: Tensor, [b, u]: readonly [Tensor, Tensor]) => { const n = op.select(b, op.add(k, op.convert(u, { dtype: "i32" })), op.neg(k)); return [n, op.convert(n, { dtype: "i8" })] as const; }, c, [on, by] as const)],
  "a loop that ends on its data, after no step too": [[f32(), f32(2)], (limit, x) => [while_(([n, v]: readonly [Tensor, Tensor]) => op.less(total(op.abs(v)), op.add(op.mul(op.abs(limit), number(limit, 20)), op.mul(n, number(n, 0)))), ([n, v]) => [op.add(n, number(n, 1)), op.add(op.mul(v, op.broadcastInDim(number(v, 1.5), { shape: [2], dims: [] })), op.broadcastInDim(number(v, 0.25), { shape: [2], dims: [] }))] as const, [op.mul(limit, number(limit, 0)), x] as const), while_((v: Tensor) => op.greater(total(v), number(v, 1e6)), v => op.neg(v), x)].flat()],
  "a loop of a number of steps known at run time": [[i32(), f32(5)], (n, x) => [fori(op.mul(n, number(n, 0)), op.abs(n), (i: Tensor, c: Tensor) => op.add(op.sin(c), op.broadcastInDim(op.convert(i, { dtype: "f32" }), { shape: [5], dims: [] })), x)]],
  "a branch chosen by data, inside a loop": [[f32(4), f32(6, 4)], (c, xs) => scan((k: Tensor, x: Tensor) => { const h = cond(op.less(total(x), number(x, 0)), (a: Tensor, b: Tensor) => op.add(a, b), (a: Tensor) => op.neg(a), k, x); return [h, k] as const; }, c, xs)],
  "branches that pass operands through, swap and repeat them": [[i32(), f32(3), f32(3)], (n, a, b) => [-1, 0, 1, 9].flatMap(shift => switch_(op.add(n, number(n, shift)), [(p: Tensor, q: Tensor) => [p, q, p], (p: Tensor, q: Tensor) => [q, p, p], (p: Tensor, q: Tensor) => [op.add(p, q), q, q]], a, b))],
  "a result returned twice, an argument returned as it came, and a constant": [[f32(5), f32(5)], (a, b) => { const h = op.mul(a, b); return [h, h, a, op.reshape(h, { shape: [5, 1] }), op.fullLike(a, 2), b]; }],
};
const isTensor = (x: unknown): x is Tensor => op.isTensor(x);
for (const [what, [avals, f]] of Object.entries(controlled)) test(`${what}: agrees with the oracle, donated or not, on one thread or two`, () => {
  const program = traceClosed((...xs) => f(...xs).filter(isTensor), avals);
  for (const seed of [1, 2, 3, 4]) {
    const args = valuesFor(avals, seed), want = runOn(one, program, args);
    report(program, differences(one, program, args, d => (d === "f32" ? 1e-5 : 0)));
    assert.equal(runOn(one, { ...program }, args, avals.map(() => true)), want, "donated"); // another object: compiled anew
    assert.equal(runOn(two, program, args), want, "two threads");
  }
});
test("derivatives of scans and branches agree with the oracle: gradients, and gradients of a batch", () => {
  const smooth = Object.entries(controlled).filter(([, [avals]]) => avals.every(a => a.dtype === "f32")).filter(([what]) => !what.startsWith("a loop")); // no transpose of a loop that ends on its data
  assert.ok(smooth.length >= 7);
  for (const [, [avals, f]] of smooth) {
    const scalar = traceClosed((...xs) => [f(...xs).filter(isTensor).map(x => total(op.tanh(x))).reduce((a, b) => op.add(a, b))], avals);
    const grad = gradFunc(scalar, avals.map(() => true)), batched = batchFunc(grad, avals.map(() => true), { size: 3, name: undefined });
    for (const seed of [5, 6]) for (const program of [grad, batched.func]) report(program, differences(one, program, valuesFor(program.params.map(v => v.aval), seed), d => (d === "f32" ? 1e-4 : 0)));
  }
});

test.run();
