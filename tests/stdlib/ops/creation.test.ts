// Tensors from host data and from nothing, in every dtype, and read back.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../../../stdlib/index.ts";
import { PullbackError, type DType, type Tensor } from "../../../stdlib/index.ts";
import { counting, expect, host } from "../../support/evaluate.ts";

const refused = (f: () => unknown, code: string, said: RegExp): void =>
  assert.throws(f, (e: unknown) => e instanceof PullbackError && e.code === code && said.test(e.message));

test("array reads nested arrays, numbers and typed arrays, and tolist gives them back", () => {
  assert.equal(
    [
      lib
        .array([
          [1, 2],
          [3, 4],
        ])
        .tolist(),
      lib.array(5).tolist(),
      lib.array([[true], [false]]).tolist(),
      lib.array([]).tolist(),
    ],
    [
      [
        [1, 2],
        [3, 4],
      ],
      5,
      [[true], [false]],
      [],
    ],
  );
  assert.equal(
    [
      lib.array([1]).dtype,
      lib.array([true]).dtype,
      lib.array(new Int32Array(2)).dtype,
      lib.array(new Float64Array(2)).dtype,
      lib.array([1, 2], { dtype: "u8" }).dtype,
    ],
    ["f32", "bool", "i32", "f64", "u8"],
  );
  assert.equal(lib.array(new Float32Array([1, 2, 3, 4]), { shape: [2, 2] }).tolist(), [
    [1, 2],
    [3, 4],
  ]);
  for (const dtype of ["f16", "bf16", "f64", "i8", "u32"] as readonly DType[])
    assert.equal(lib.array([0, 1, 3], { dtype }).tolist(), [0, 1, 3], dtype); // exact in all of them
  assert.equal(lib.array(new Float32Array([1.5, -2]), { dtype: "f16" }).tolist(), [1.5, -2]);
});
test("data that is no box is refused with the place", () => {
  refused(() => lib.array([[1, 2], [3]]), "E0205", /data\[1\] has 1 entries, others have 2/);
  refused(() => lib.array([[1], 2]), "E0205", /data\[1\] is a number/);
  refused(() => lib.array([1, 2, 3], { shape: [2, 2] }), "E0205", /3 numbers.*f32\[2,2\].*4 elements/);
});
test("constants and counts", () => {
  assert.equal(
    [
      lib.zeros([2]),
      lib.ones([2], { dtype: "i32" }),
      lib.full([2], 7),
      lib.full([1], true),
      lib.zerosLike(lib.ones([1])),
      lib.fullLike(lib.ones([1]), 3),
    ].map(x => [x.dtype, x.tolist()]),
    [
      ["f32", [0, 0]],
      ["i32", [1, 1]],
      ["f32", [7, 7]],
      ["bool", [true]],
      ["f32", [0]],
      ["f32", [3]],
    ],
  );
  assert.equal(
    [lib.arange(3), lib.arange(1, 6, { step: 2 }), lib.arange(3, 0, { step: -1 }), lib.arange(0, 1, { step: 0.25 }), lib.arange(5, 2)].map(
      x => [x.dtype, x.tolist()],
    ),
    [
      ["i32", [0, 1, 2]],
      ["i32", [1, 3, 5]],
      ["i32", [3, 2, 1]],
      ["f32", [0, 0.25, 0.5, 0.75]],
      ["i32", []],
    ],
  );
  refused(() => lib.arange(0, 1, { step: 0 }), "E0205", /step 0/);
});
test("linspace includes both ends exactly", () => {
  const x = lib.linspace(0.1, 0.7, 11, { dtype: "f64" }).tolist() as number[]; // one dimension
  assert.equal([x[0], x[10], x.length], [0.1, 0.7, 11]);
  assert.equal([lib.linspace(2, 5, 1).tolist(), lib.linspace(0, 1, 0).tolist()], [[2], []]);
  refused(() => lib.linspace(0, 9, 4, { dtype: "i32" }), "E0204", /i32/);
});
test("identity and triangles", () => {
  assert.equal(
    [lib.eye(2).tolist(), lib.eye(2, 3, { k: 1, dtype: "i32" }).tolist(), lib.tri(2, 3).tolist()],
    [
      [
        [1, 0],
        [0, 1],
      ],
      [
        [0, 1, 0],
        [0, 0, 1],
      ],
      [
        [1, 0, 0],
        [1, 1, 0],
      ],
    ],
  );
  expect(
    "tril, triu",
    x => [lib.tril(x as Tensor), lib.triu(x as Tensor), lib.tril(x as Tensor, { k: -1 }), lib.triu(x as Tensor, { k: 1 })],
    [counting([2, 2])],
    [host([2, 2], [0, 0, 2, 3]), host([2, 2], [0, 1, 0, 3]), host([2, 2], [0, 0, 2, 0]), host([2, 2], [0, 1, 0, 0])],
  ); // one argument
  assert.equal(lib.iota([2, 2], { axis: -1 }).tolist(), [
    [0, 1],
    [0, 1],
  ]);
  refused(() => lib.tril(lib.zeros([3])), "E0205", /f32\[3\]/);
});

test.run();
