// Reshaping, reordering, joining, padding: values by hand from NumPy's definitions, and refusals with both facts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../../../stdlib/index.ts";
import { PullbackError, type Tensor } from "../../../stdlib/index.ts";
import { counting, expect, host } from "../../support/evaluate.ts";

const x23 = counting([2, 3]),
  x234 = counting([2, 3, 4]);
const shapeOf = (f: (x: Tensor) => Tensor, shape: readonly number[] = [2, 3, 4]): readonly number[] => f(lib.zeros(shape)).shape;
const refused = (f: () => unknown, code: string, said: RegExp): void =>
  assert.throws(f, (e: unknown) => e instanceof PullbackError && e.code === code && said.test(e.message));

test("reshape fills one -1, flatten joins trailing dimensions", () => {
  assert.equal(
    shapeOf(x => x.reshape([4, -1])),
    [4, 6],
  );
  assert.equal(
    shapeOf(x => x.reshape([0, -1, 4].slice(1)), [0, 4]),
    [0, 4],
  );
  assert.equal(
    [shapeOf(x => x.flatten()), shapeOf(x => x.flatten(1)), shapeOf(x => x.flatten(-2)), shapeOf(x => x.ravel(), [])],
    [[24], [2, 12], [2, 12], [1]],
  );
  refused(() => lib.zeros([2, 3]).reshape([4, -1]), "E0205", /f32\[2,3\], 6 elements, out as \[4,-1\]/);
  refused(() => lib.zeros([2, 3]).reshape([-1, -1]), "E0205", /\[-1,-1\]/);
});
test("axes move, swap, appear and vanish", () => {
  assert.equal(
    [
      shapeOf(x => x.transpose()),
      shapeOf(x => x.transpose([1, 0, -1])),
      shapeOf(x => x.swapaxes(0, -1)),
      shapeOf(x => x.moveaxis(0, -1)),
      shapeOf(x => x.moveaxis([0, 1], [-1, 0])),
    ],
    [
      [4, 3, 2],
      [3, 2, 4],
      [4, 3, 2],
      [3, 4, 2],
      [3, 4, 2],
    ],
  );
  assert.equal(
    [
      shapeOf(x => x.expandDims(-1)),
      shapeOf(x => x.expandDims([0, 2])),
      shapeOf(x => x.squeeze(), [1, 2, 1]),
      shapeOf(x => x.squeeze(-1), [1, 2, 1]),
    ],
    [[2, 3, 4, 1], [1, 2, 1, 3, 4], [2], [1, 2]],
  );
  expect("transpose", x => x.transpose(), [x23], [host([3, 2], [0, 3, 1, 4, 2, 5])]);
  refused(() => lib.transpose(lib.zeros([2, 3]), [0, 0]), "E0203", /permutation \[0,0\]/);
  refused(() => lib.squeeze(lib.zeros([2, 3]), 0), "E0205", /f32\[2,3\]/);
  refused(() => lib.moveaxis(lib.zeros([2, 3]), [0, 1], [0]), "E0203", /\[0,1\].*\[0\]/);
});
test("flip and roll", () => {
  expect(
    "flip",
    x => [
      lib.flip(x as Tensor),
      lib.flip(x as Tensor, 1),
      lib.roll(x as Tensor, 1),
      lib.roll(x as Tensor, -1, 1),
      lib.roll(x as Tensor, 5, 0),
    ],
    [x23],
    [
      host([2, 3], [5, 4, 3, 2, 1, 0]),
      host([2, 3], [2, 1, 0, 5, 4, 3]),
      host([2, 3], [5, 0, 1, 2, 3, 4]),
      host([2, 3], [1, 2, 0, 4, 5, 3]),
      host([2, 3], [3, 4, 5, 0, 1, 2]),
    ],
  ); // one argument
});
test("concat promotes, stack adds an axis, split and unstack undo them", () => {
  expect(
    "concat",
    (a, b) => lib.concat([a as Tensor, b as Tensor], -1),
    [x23, host([2, 1], [7, 8], "i32")],
    [host([2, 4], [0, 1, 2, 7, 3, 4, 5, 8])],
  ); // two arguments
  expect(
    "stack",
    (a, b) => lib.stack([a as Tensor, b as Tensor], -1),
    [host([2], [1, 2]), host([2], [3, 4])],
    [host([2, 2], [1, 3, 2, 4])],
  ); // two arguments
  expect("stack numbers", a => lib.stack([a as Tensor, 5]), [host([], [1])], [host([2], [1, 5])]); // one argument
  expect("split", x => lib.split(x as Tensor, 3, 1), [x23], [host([2, 1], [0, 3]), host([2, 1], [1, 4]), host([2, 1], [2, 5])]); // one argument
  expect("split at", x => lib.split(x as Tensor, [1, 1], 1), [x23], [host([2, 1], [0, 3]), host([2, 0], []), host([2, 2], [1, 2, 4, 5])]); // one argument
  expect("unstack", x => lib.stack(lib.unstack(x as Tensor, 1), 1), [x234], [x234]); // one argument
  assert.equal(
    [...lib.zeros([3, 2])].map(r => r.shape),
    [[2], [2], [2]],
  );
  refused(() => lib.concat([]), "E0205", /empty/);
  refused(() => lib.stack([lib.zeros([2]), lib.zeros([3])]), "E0201", /\[2\] and \[3\]/);
  refused(() => lib.split(lib.zeros([5]), 2), "E0205", /f32\[5\] into 2/);
  refused(() => lib.split(lib.zeros([5]), [3, 2]), "E0205", /\[3,2\]/);
});
test("tile repeats the whole, repeat each element", () => {
  expect(
    "tile",
    x => [lib.tile(x as Tensor, 2), lib.tile(x as Tensor, [2, 1, 1])],
    [host([1, 2], [1, 2])],
    [host([1, 4], [1, 2, 1, 2]), host([2, 1, 2], [1, 2, 1, 2])],
  ); // one argument
  expect(
    "repeat",
    x => [lib.repeat(x as Tensor, 2), lib.repeat(x as Tensor, 2, 0)],
    [host([2, 2], [1, 2, 3, 4])],
    [host([8], [1, 1, 2, 2, 3, 3, 4, 4]), host([4, 2], [1, 2, 1, 2, 3, 4, 3, 4])],
  ); // one argument
});
test("pad surrounds with a constant, the edge or a mirror image", () => {
  const x = host([3], [1, 2, 3]);
  expect(
    "modes",
    t => [
      lib.pad(t as Tensor, 2),
      lib.pad(t as Tensor, [[1, 0]], { value: 9 }),
      lib.pad(t as Tensor, [[2, 1]], { mode: "edge" }),
      lib.pad(t as Tensor, 2, { mode: "reflect" }),
    ],
    [x],
    [host([7], [0, 0, 1, 2, 3, 0, 0]), host([4], [9, 1, 2, 3]), host([6], [1, 1, 1, 2, 3, 3]), host([7], [3, 2, 1, 2, 3, 2, 1])],
  ); // one argument
  expect(
    "two dimensions",
    t => lib.pad(t as Tensor, 1, { mode: "reflect" }),
    [host([2, 2], [1, 2, 3, 4])],
    [host([4, 4], [4, 3, 4, 3, 2, 1, 2, 1, 4, 3, 4, 3, 2, 1, 2, 1])],
  ); // one argument
  refused(() => lib.pad(lib.zeros([3]), 3, { mode: "reflect" }), "E0205", /\[3,3\] elements of f32\[3\]/);
  refused(
    () =>
      lib.pad(lib.zeros([3]), [
        [1, 1],
        [0, 0],
      ]),
    "E0205",
    /widths/,
  );
});

test.run();
