// Every basic operation in every dtype it has, vectorised and scalar, against the reference: values at the edges included.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../../../runtime/dtype.ts";
import { scalarOps as s, type BinaryOp, type CompareOp, type Expr, type UnaryOp } from "../../../../compiler/ir/scalar.ts";
import { difference, ENGINES, expected, index, int, kernel, launch, load, loop, program, run, store, type Data } from "./kernel_harness.ts";

const floats = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3.75,
  1e-40,
  -1e-40,
  1e10,
  -1e10,
  3.4e38,
  NaN,
  Infinity,
  -Infinity,
  8388609,
  7.999,
  123456.7,
  -3,
  5,
];
const ints = [0, 1, -1, 2, -2, 3, 7, -7, 31, 32, 33, 100, -100, 65536, 0x7fffffff, -0x80000000, 255, 12345678, -12345678, 5, 64, -64, 9];
const sample = (d: DType): number[] =>
  d === "f32" || d === "f64" ? floats : d === "bool" ? ints.map(x => x & 1) : d === "u32" ? ints.map(x => x >>> 0) : ints;
/** Pairs of every sample with others. */
const pairs = (d: DType): { readonly x: number[]; readonly y: number[] } => {
  const values = sample(d),
    all = values.flatMap((x, i) => [0, 1, 5, 11, 17].map(k => [x, values[(i + k) % values.length] ?? 0] as const));
  return { x: all.map(([x]) => x), y: all.map(([, y]) => y) };
};
/** `value` of two operands, vectorised and in order, against the interpreter. */
function check(d: DType, out: DType, value: (x: Expr, y: Expr) => Expr, what: string): void {
  const { x, y } = pairs(d),
    n = x.length,
    buffers: Data[] = [
      { dtype: d, values: x },
      { dtype: d, values: y },
      { dtype: out, values: x.map(() => 0) },
    ],
    i = index("i");
  for (const serial of [false, true]) {
    const k = kernel(buffers, 1, index("g"), [loop(i, int(n), [store(2, i, value(load(0, d, i), load(1, d, i)))], { serial })]),
      want = expected(k, buffers);
    for (const engine of ENGINES)
      assert.is(difference(run(program(buffers, [launch(k)]), buffers, engine), want), undefined, `${what} of ${d}, serial ${serial}`);
  }
}
const FLOATS = ["f32", "f64"] as const,
  INTS = ["i32", "u32"] as const;

test("unary operations", () => {
  const float: UnaryOp[] = ["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "sqrt"],
    whole: UnaryOp[] = ["neg", "abs", "sign", "not", "popcount", "clz"];
  for (const d of FLOATS) for (const op of float) check(d, d, x => s.unary(op, x), op);
  for (const d of INTS) for (const op of whole) check(d, d, x => s.unary(op, x), op);
  for (const d of [...FLOATS, ...INTS]) check(d, "bool", x => s.unary("isNan", x), "isNan");
  check("bool", "bool", x => s.unary("not", x), "not");
});
test("binary operations of floats; the remainder is exact", () => {
  for (const d of FLOATS)
    for (const op of ["add", "sub", "mul", "div", "min", "max", "rem"] as const) check(d, d, (x, y) => s.binary(op, x, y), op);
});
test("binary operations of integers; nothing traps", () => {
  const all: BinaryOp[] = ["add", "sub", "mul", "div", "rem", "min", "max", "and", "or", "xor", "shl", "shr", "sar", "pow"];
  for (const d of INTS) for (const op of all) check(d, d, (x, y) => s.binary(op, x, y), op);
  for (const d of INTS)
    for (const op of ["shl", "shr", "sar"] as const)
      for (const n of [0, 1, 31]) check(d, d, x => s.binary(op, x, s.const(n, d)), `${op} by ${n}`);
});
test("operations on truth values", () => {
  for (const op of ["and", "or", "xor", "min", "max", "mul", "add"] as const) check("bool", "bool", (x, y) => s.binary(op, x, y), op);
});
test("comparisons and selections", () => {
  const ops: CompareOp[] = ["eq", "ne", "lt", "le", "gt", "ge"];
  for (const d of [...FLOATS, ...INTS, "bool"] as const)
    for (const op of ops) {
      check(d, "bool", (x, y) => s.compare(op, x, y), op);
      check(d, d, (x, y) => s.select(s.compare(op, x, y), x, y), `select ${op}`);
      check(d, d, (x, y) => s.select(s.compare(op, x, y), y, x), `select not ${op}`);
    }
});
test("masks fit values of any width", () => {
  for (const d of [...FLOATS, ...INTS])
    for (const out of ["f64", "f32", "i32", "bool"] as const) {
      check(
        d,
        out,
        (x, y) => s.select(s.binary("or", s.compare("lt", x, y), s.unary("isNan", x)), s.const(1, out), s.const(0, out)),
        `mask for ${out}`,
      );
      check(d, out, (x, y) => s.convert(s.compare("lt", x, y), out), `convert to ${out}`);
    }
});
test("bits become numbers and back", () => {
  check("f32", "i32", x => s.bitcast(s.select(s.unary("isNan", x), s.const(1, "f32"), x), "i32"), "bits");
  check("i32", "f32", x => s.bitcast(s.binary("and", x, s.const(0x3fffffff, "i32")), "f32"), "number");
  check("i32", "u32", x => s.bitcast(x, "u32"), "sign");
});
test("multiply-add is right where rounding does not matter", () => {
  for (const d of FLOATS)
    check(
      d,
      d,
      x =>
        s.fma(
          s.select(s.compare("lt", s.unary("abs", x), s.const(9, d)), s.unary("trunc", x), s.const(2, d)),
          s.const(3, d),
          s.const(1, d),
        ),
      "fma",
    );
});

test.run();
