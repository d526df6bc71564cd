// Elementary functions where there is no f64: the arithmetic they expand into, computed as a shading language may (multiply-add rounded twice or once, subnormals taken for zeros),
// against the reference. Distances are in units in the last place over sampled f32, and absolute near the functions' own zeros.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { expander } from "../../../compiler/lower/elementary/expand.ts";
import { operands } from "../../../compiler/ir/exprs.ts";
import { exprVar, scalarOps, type BinaryOp, type Expr, type UnaryOp } from "../../../compiler/ir/scalar.ts";
import { binary, bitcast, compare, convert, unary } from "../../../compiler/reference/scalar.ts";
import { numbers } from "../transforms/numeric.ts";

const flush = (x: number): number => (Math.abs(x) < 2 ** -126 ? Math.sign(x) / Infinity : x);
/** An f32 expression as a function of its variables. */
function shader(e: Expr, vars: readonly Expr[], fused: boolean): (...args: readonly number[]) => number {
  const list: Expr[] = [],
    seen = new Set<Expr>();
  const visit = (x: Expr): void => {
    if (seen.has(x)) return;
    seen.add(x);
    operands(x).forEach(visit);
    list.push(x);
  };
  visit(e);
  const place = new Map(list.map((x, i) => [x, i])),
    values = new Float64Array(list.length);
  const raw = (x: Expr): number => values[place.get(x) ?? -1] ?? NaN,
    f = (x: Expr): number => (x.dtype === "f32" ? flush(raw(x)) : raw(x));
  const compute = (x: Expr, args: readonly number[]): number => {
    switch (x.kind) {
      case "const":
        return x.dtype === "f32" ? Math.fround(x.value) : x.value;
      case "var":
        return args[vars.indexOf(x)] ?? NaN;
      case "unary":
        return unary(x.op, x.x.dtype, f(x.x));
      case "binary":
        return binary(x.op, x.dtype, f(x.x), f(x.y));
      case "compare":
        return compare(x.op, f(x.x), f(x.y));
      case "fma":
        return Math.fround((fused ? f(x.x) * f(x.y) : flush(Math.fround(f(x.x) * f(x.y)))) + f(x.z));
      case "select":
        return raw(x.cond) !== 0 ? raw(x.x) : raw(x.y);
      case "convert":
        return convert(x.x.dtype, x.dtype, f(x.x));
      case "bitcast":
        return bitcast(x.x.dtype, x.dtype, raw(x.x));
      case "load":
        throw new Error("a formula reads no memory");
    }
  };
  return (...args) => {
    list.forEach((x, i) => {
      const value = compute(x, args);
      values[i] = x.dtype === "f32" && x.kind !== "bitcast" && x.kind !== "select" ? flush(value) : value;
    });
    return raw(e);
  };
}
const bits = new Int32Array(1),
  float = new Float32Array(bits.buffer);
/** Floats in order as integers in order. */
const ordinal = (x: number): number => {
  float[0] = x;
  const b = bits[0] ?? 0;
  return b < 0 ? -(b & 0x7fffffff) : b;
};
/** 400 floats over all magnitudes, both signs, and 400 in [-6, 6]. */
const anyFloats = (seed: number): number[] =>
  numbers(400, seed, -126, 127).map((e, i) => Math.fround((i % 2 === 0 ? 1 : -1) * (1 + (i % 97) / 97) * 2 ** Math.trunc(e)));
const inputs = (seed: number): number[] => [...anyFloats(seed), ...numbers(400, seed + 1, -6, 6).map(Math.fround)];

const x = exprVar("x", "f32"),
  y = exprVar("y", "f32"),
  expand = expander({ double: false });
/** The largest distance in last places, results within `near` of the right ones not counted. */
function worst(
  e: Expr,
  want: (...args: readonly number[]) => number,
  args: readonly (readonly number[])[],
  near: number,
  fused: boolean,
): string {
  const got = shader(expand(e), [x, y], fused);
  let most = 0,
    where = "";
  for (const a of args) {
    const g = got(...a),
      w = want(...a.map(flush));
    if (Object.is(g, w) || flush(w) === flush(g) || Math.abs(g - w) <= Math.max(near, 2 ** -126)) continue;
    const d = Number.isNaN(g) || Number.isNaN(w) ? Infinity : Math.abs(ordinal(g) - ordinal(w));
    if (d > most) {
      most = d;
      where = `${most} ulp at ${a.join(", ")}: ${g}, not ${w}`;
    }
  }
  return where;
}
const ulps = (text: string): number => (text === "" ? 0 : Number(text.split(" ")[0]));

/** Last places allowed, and an absolute distance that is allowed near a zero of the function. */
const unaries: Readonly<Partial<Record<UnaryOp, readonly [ulp: number, near: number]>>> = {
  exp: [2, 0],
  exp2: [2, 0],
  expm1: [2, 0],
  log: [2, 0],
  log2: [2, 0],
  log1p: [2, 0],
  sin: [3, 0],
  cos: [3, 0],
  tan: [4, 0],
  asin: [2, 0],
  acos: [2, 0],
  atan: [3, 0],
  sinh: [3, 0],
  cosh: [3, 0],
  tanh: [3, 0],
  asinh: [5, 0],
  acosh: [5, 0],
  atanh: [5, 0],
  erf: [3, 0],
  erfc: [6, 0],
  erfInv: [5, 0],
  sigmoid: [4, 0],
  cbrt: [3, 0],
  rsqrt: [2, 0],
  lgamma: [4, 1e-6],
  digamma: [4, 1.5e-6],
};
for (const [op, [ulp, near]] of Object.entries(unaries) as [UnaryOp, readonly [number, number]][])
  // the table's own keys
  test(`${op} without f64 is within ${ulp} last places${near > 0 ? ` or ${near}` : ""}, multiply-add rounded once or twice`, () => {
    for (const fused of [false, true]) {
      const found = worst(
        scalarOps.unary(op, x),
        a => unary(op, "f32", a as number),
        inputs(3).map(a => [a]),
        near,
        fused,
      );
      assert.ok(ulps(found) <= ulp, found);
    }
  });
const pairs: Readonly<Partial<Record<BinaryOp, number>>> = { pow: 3, atan2: 4 };
for (const [op, ulp] of Object.entries(pairs) as [BinaryOp, number][])
  // the table's own keys
  test(`${op} without f64 is within ${ulp} last places`, () => {
    const a = inputs(5),
      b = inputs(9).toReversed();
    const close = numbers(300, 4, -1, 1).map(v => [Math.fround(1 + v / 1000), Math.fround(v * 80000)] as const),
      usual = numbers(300, 6, 0.01, 30).map((v, i) => [Math.fround(v), Math.fround((i % 41) - 20.3)] as const);
    const args = [...a.map((v, i) => [v, b[i] ?? 0] as const), ...close, ...usual];
    for (const fused of [false, true]) {
      const found = worst(scalarOps.binary(op, x, y), (p, q) => binary(op, "f32", p as number, q as number), args, 0, fused);
      assert.ok(ulps(found) <= ulp, found);
    }
  });
test("no formula without f64 holds f64", () => {
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    assert.is.not(e.dtype, "f64");
    operands(e).forEach(visit);
  };
  for (const op of Object.keys(unaries) as UnaryOp[]) visit(expand(scalarOps.unary(op, x))); // the table's own keys
  for (const op of ["pow", "atan2", "nextAfter"] as const) visit(expand(scalarOps.binary(op, x, y)));
});

test.run();
