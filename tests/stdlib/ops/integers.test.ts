// Integers, booleans and conversions, exactly: against JAX (tests/goldens/ops.json) where it has them.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../../../stdlib/index.ts";
import { PullbackError, type DType, type Tensor } from "../../../stdlib/index.ts";
import { goldenCases, loadGolden } from "../../goldens/load.ts";
import { expect, golden, host } from "../../support/evaluate.ts";

const file = loadGolden("ops");
const binary: { readonly [op: string]: (a: Tensor, b: Tensor) => Tensor } = {
  add: lib.add,
  sub: lib.sub,
  mul: lib.mul,
  min: lib.minimum,
  max: lib.maximum,
  rem: lib.rem,
  remainder: lib.mod,
  floor_divide: lib.floorDiv,
  pow: lib.pow,
  and: lib.bitwiseAnd,
  or: lib.bitwiseOr,
  xor: lib.bitwiseXor,
  shift_left: lib.shiftLeft,
};
const unary: { readonly [op: string]: (a: Tensor) => Tensor } = { neg: lib.neg, abs: lib.abs, sign: lib.sign, not: lib.bitwiseNot };

test("integer arithmetic wraps, divides and shifts as JAX's", () => {
  let seen = 0;
  for (const c of goldenCases(file, "integers")) {
    const op = String(c["op"]),
      two = binary[op],
      one = unary[op],
      what = `${op} of ${golden(c["a"]).dtype}`;
    if (two) expect(what, (a, b) => two(a as Tensor, b as Tensor), [golden(c["a"]), golden(c["b"])], [golden(c["out"])]); // two arguments
    if (one) expect(what, a => one(a as Tensor), [golden(c["a"])], [golden(c["out"])]); // one argument
    if (two || one) seen++;
  }
  assert.ok(seen >= 15, `${seen} cases`);
});
test("shiftRight keeps the sign of signed integers", () => {
  expect("i32", x => lib.shiftRight(x, 1), [host([2], [-8, 7], "i32")], [host([2], [-4, 3], "i32")]);
  expect("u32", x => lib.shiftRight(x, 1), [host([1], [2 ** 32 - 8], "u32")], [host([1], [2 ** 31 - 4], "u32")]);
});
test("conversions truncate, saturate and round as JAX's", () => {
  for (const c of goldenCases(file, "conversions"))
    expect(
      `${golden(c["x"]).dtype} to ${String(c["to"])}`,
      x => lib.astype(x as Tensor, String(c["to"]) as DType),
      [golden(c["x"])],
      [golden(c["out"])],
    ); // one argument, one of our dtypes
});
test("floorDiv and mod put a quotient and a remainder back together, whatever the signs", () => {
  const a = [-7, -7, 7, 7, -6, 0, 5.5],
    b = [2, -2, 2, -2, 3, -3, -2];
  expect(
    "floats",
    (x, y) => [
      lib.floorDiv(x as Tensor, y as Tensor),
      lib.mod(x as Tensor, y as Tensor),
      lib.add(lib.mul(lib.floorDiv(x as Tensor, y as Tensor), y as Tensor), lib.mod(x as Tensor, y as Tensor)),
    ],
    [host([7], a), host([7], b)],
    [
      host(
        [7],
        a.map((x, i) => Math.floor(x / (b[i] ?? 1))),
      ),
      host(
        [7],
        a.map((x, i) => x - (b[i] ?? 1) * Math.floor(x / (b[i] ?? 1))),
      ),
      host([7], a),
    ],
  ); // two arguments
});
test("bool counts as i32 in arithmetic, and logic takes any number", () => {
  const t = host([2], [1, 0], "bool"),
    n = host([2], [-3, 0]);
  expect("add", x => lib.add(x, x), [t], [host([2], [2, 0], "i32")]);
  expect(
    "logic",
    (x, y) => [
      lib.logicalAnd(x as Tensor, y as Tensor),
      lib.logicalOr(x as Tensor, 1),
      lib.logicalXor(x as Tensor, y as Tensor),
      lib.logicalNot(y as Tensor),
    ],
    [t, n],
    [t, host([2], [1, 1], "bool"), host([2], [0, 0], "bool"), host([2], [0, 1], "bool")],
  ); // two arguments
  expect("equal", x => lib.equal(x, true), [t], [t]);
});
test("tests of numbers, and their replacement", () => {
  const x = host([4], [NaN, Infinity, -Infinity, 1]);
  expect(
    "tests",
    t => [lib.isNan(t as Tensor), lib.isInf(t as Tensor), lib.isFinite(t as Tensor), lib.nanToNum(t as Tensor, { posInf: 9 })],
    [x],
    [
      host([4], [1, 0, 0, 0], "bool"),
      host([4], [0, 1, 1, 0], "bool"),
      host([4], [0, 0, 0, 1], "bool"),
      host([4], [0, 9, -Number.MAX_VALUE, 1]),
    ],
  ); // one argument
  expect(
    "integers",
    t => [lib.isNan(t as Tensor), lib.isFinite(t as Tensor)],
    [host([1], [3], "i32")],
    [host([1], [0], "bool"), host([1], [1], "bool")],
  ); // one argument
});
test("powers of whole numbers multiply, of either sign; a fraction of an integer is refused", () => {
  expect("negative base", x => lib.pow(x, 3), [host([2], [-2, 0.5])], [host([2], [-8, 0.125])]);
  expect("negative power", x => lib.pow(x, -2), [host([2], [-2, 0.5])], [host([2], [0.25, 4])]);
  expect(
    "tensor",
    (x, y) => lib.pow(x as Tensor, y as Tensor),
    [host([3], [2, -3, 7], "i32"), host([3], [31, 5, 0], "i32")],
    [host([3], [-(2 ** 31), -243, 1], "i32")],
  ); // two arguments
  assert.throws(
    () => lib.pow(lib.arange(3), -1),
    (e: unknown) => e instanceof PullbackError && e.code === "E0204" && /i32 to the power -1/.test(e.message),
  );
});

test.run();
