// Where dtypes and shapes meet: JAX's promotion table, weak numbers, NumPy's broadcasting.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../../../stdlib/index.ts";
import { PullbackError, type DType, type Tensor } from "../../../stdlib/index.ts";
import { lit } from "../../../compiler/extend.ts";
import { goldenAt, loadGolden } from "../../goldens/load.ts";
import { expect, host, run } from "../../support/evaluate.ts";

const table = (mode: "x32" | "x64", name: string): readonly (readonly string[])[] =>
  goldenAt(loadGolden("ops"), "promotion", mode, name) as readonly (readonly string[])[]; // rows of dtype names
const ours = (d: string): boolean => ["f32", "f64", "f16", "bf16", "i32", "u32", "i8", "u8", "bool"].includes(d);
/** JAX's dtypes that do not exist here: i16 and i64 become i32, u64 u32. */
const nearest = (d: string): string => ({ i16: "i32", i64: "i32", u64: "u32" })[d] ?? d;
const scalar = (d: string): Tensor => lit(1, d as DType); // names of our dtypes

test("two dtypes meet where JAX's do", () => {
  for (const [a = "", b = "", want = ""] of [...table("x32", "array"), ...table("x64", "array").filter(r => r.includes("f64"))])
    assert.is(lib.promoteTypes(a as DType, b as DType), nearest(want), `${a} with ${b}`); // names of our dtypes
});
test("a JavaScript number gives way where a Python number of its kind does", () => {
  const rows = [...table("x32", "weak"), ...table("x64", "weak").filter(r => r[0] === "f64")];
  const value: { readonly [kind: string]: number | boolean } = { bool: true, int: 2, float: 2.5 };
  for (const [a = "", kind = "", want = ""] of rows) {
    assert.is(lib.resultType(scalar(a), value[kind] ?? 0).dtype, want, `${a} with ${kind}`);
    assert.is(lib.resultType(value[kind] ?? 0, scalar(a)).dtype, want, `${kind} with ${a}`);
  }
});
test("sum, mean, division and exp give JAX's dtypes", () => {
  const result = (f: (x: Tensor) => Tensor, d: string): string | undefined => run(f, host([2], [1, 1], d as DType))[0]?.dtype; // names of our dtypes
  for (const [a = "", want = ""] of [...table("x32", "sum"), ["f64", "f64"]])
    assert.is(
      result(x => x.sum(), a),
      want,
      `sum of ${a}`,
    );
  for (const [a = "", want = ""] of table("x64", "mean").filter(r => ours(r[0] ?? "")))
    assert.is(
      result(x => x.mean(), a),
      want,
      `mean of ${a}`,
    );
  for (const [a = "", want = ""] of table("x64", "exp"))
    assert.is(
      result(x => x.exp(), a),
      want,
      `exp of ${a}`,
    );
  for (const [a = "", b = "", want = ""] of table("x32", "divide"))
    assert.is(run((x, y) => lib.div(x, y), host([], [1], a as DType), host([], [1], b as DType))[0]?.dtype, want, `${a} / ${b}`); // names of our dtypes
});
test("numbers alone are f32, and what only numbers made a float stays weak", () => {
  const half = (): Tensor => lit(1, "bf16");
  const dtypeOf = (f: () => Tensor): string | undefined => run(f)[0]?.dtype;
  assert.is(
    dtypeOf(() => lib.add(1, 2)),
    "f32",
  );
  assert.is(
    dtypeOf(() => lib.add(half(), lib.where(true, 0, -1e9))),
    "bf16",
  );
  assert.is(
    dtypeOf(() => lib.add(half(), lib.mul(2, lib.exp(3)))),
    "bf16",
  );
  assert.is(
    dtypeOf(() => lib.add(half(), lib.mul(lib.arange(1).at(0), 0.5))),
    "bf16",
  );
  assert.is(
    dtypeOf(() => lib.add(half(), lib.array(1))),
    "f32",
  );
  assert.is(
    dtypeOf(() => lib.pow(half(), 3)),
    "bf16",
  );
});
test("a weak number is rounded once, into the dtype it adopts", () => {
  expect("f64", x => lib.mul(x, 0.1), [host([1], [3])], [host([1], [3 * 0.1])]);
  expect("i32", x => lib.add(x, 2), [host([1], [3], "i32")], [host([1], [5], "i32")]);
});
const refused = (f: () => unknown, code: string, said: RegExp): void =>
  assert.throws(f, (e: unknown) => e instanceof PullbackError && e.code === code && said.test(e.message));
test("a whole number that an integer dtype cannot hold is refused", () => {
  refused(() => lib.add(lit(1, "u8"), 300), "E0204", /300 does not fit u8, which holds 0 to 255/);
  refused(() => lib.mul(lit(1, "u32"), -1), "E0204", /-1 does not fit u32/);
});
test("shapes broadcast as NumPy's, and otherwise both are printed", () => {
  assert.equal(lib.broadcastShapes("f", [2, 1, 4], [3, 1], []), [2, 3, 4]);
  assert.equal(lib.broadcastShapes("f", [1, 0], [5, 1]), [5, 0]);
  expect("add", (x, y) => lib.add(x, y), [host([2, 1], [10, 20]), host([3], [1, 2, 3])], [host([2, 3], [11, 12, 13, 21, 22, 23])]);
  expect("stretch", x => lib.broadcastTo(x, [2, 2, 3]), [host([2, 1], [1, 2])], [host([2, 2, 3], [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2])]);
  refused(() => lib.add(lib.zeros([64, 256]), lib.zeros([10])), "E0201", /add cannot broadcast \[64,256\] with \[10\]/);
  refused(() => lib.broadcastTo(lib.zeros([2]), [3]), "E0201", /f32\[2\] to \[3\]/);
});
test("axes count from either end, and must exist once", () => {
  expect("sum", x => x.sum({ axis: [-1, 0] }), [host([2, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7])], [host([2], [10, 18])]);
  refused(() => lib.sum(lib.zeros([2, 3]), { axis: 2 }), "E0203", /sum got axis 2 for 2 dimensions/);
  refused(() => lib.sum(lib.zeros([2, 3]), { axis: [0, -2] }), "E0203", /repeated/);
});

test.run();
