// Scans cut for a GPU: a thread a line, a block a line, and lines of several blocks, in either direction, along any axis, of every kind; the order of combining kept.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Aval } from "../../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../../compiler/ir/func.ts";
import { cumlogsumexp, cummax, cummin, cumprod, cumsum, linearRecurrence } from "../../../../../compiler/primitives/cumulative.ts";
import type { HostTensor } from "../../../../../compiler/reference/evaluate.ts";
import type { TileTarget } from "../../../../../compiler/lower/tile/target.ts";
import { grad, mul, sum, type Tensor } from "../../../../../stdlib/index.ts";
import { f32, f64, inputsOf, program } from "../../harness.ts";
import { agrees, card, differences, groupsOf, targets } from "../harness.ts";

const i32 = (...shape: number[]): Aval => ({ dtype: "i32", shape });
/** Groups large enough for a block. */
const wide: readonly TileTarget[] = [{ threads: 256, group: 64, subgroup: 1, sharedBytes: 16384, double: true }, card];
const along = (axis: number, reverse = false): { readonly axis: number; readonly reverse: boolean } => ({ axis, reverse });
/** Factors about one, so that products of thousands stay numbers. */
function nearOne(f: Func): HostTensor[] {
  const args = inputsOf(f);
  for (const { data } of args) data.forEach((v, i) => (data[i] = 1 + v / 500));
  return args;
}

test("short lines, many lines and lines beside each other are walked by a thread each", () => {
  for (const shape of [[5], [3, 1], [2, 100], [7, 0], [40, 3, 2]])
    agrees(program(x => cumsum(x, along(shape.length === 3 ? 1 : shape.length - 1)), f32(...shape)));
  assert.equal(groupsOf(program(x => cumsum(x, along(0)), f32(1000, 10000))), [Math.ceil(10000 / 128)]);
});
test("lines of a block or less are a group each, longer ones a group a block in two launches", () => {
  assert.equal(groupsOf(program(x => cumsum(x, along(1)), f32(1000, 1000))), [1000]);
  assert.equal(groupsOf(program(x => cumsum(x, along(0)), f32(1 << 20))), [1023, 1024]);
  assert.equal(groupsOf(program(x => cummax(x, along(0)), f32(100000, 8))), [97 * 8, 98 * 8]);
  for (const n of [257, 1000, 1024, 1025, 2048, 3333]) {
    agrees(
      program(x => cumsum(x, along(1)), f32(2, n)),
      undefined,
      wide,
    );
    agrees(
      program(x => cumsum(x, along(0, true)), i32(n, 2)),
      undefined,
      wide.slice(0, 1),
    );
  }
});
test("more blocks than threads in a line", () => {
  const f = program(x => cumsum(x, along(0)), i32(140_000));
  agrees(f, undefined, wide.slice(0, 1));
});
test("every kind of scan, with what floats can be", () => {
  const kinds = { cumsum, cummax, cummin, cumlogsumexp };
  for (const [name, op] of Object.entries(kinds))
    for (const reverse of [false, true]) {
      const f = program(x => op(x, along(0, reverse)), f64(2500));
      const args = inputsOf(f);
      if (name !== "cumsum") for (const { data } of args) data.set([-Infinity, -Infinity, 3], 1000);
      agrees(f, args, wide.slice(1));
    }
  const product = program(x => cumprod(x, along(0)), f32(2500));
  agrees(product, nearOne(product), wide.slice(0, 1));
  const nans = program(x => [cummax(x, along(0)), cumsum(x, along(0))], f32(3000)),
    args = inputsOf(nans);
  for (const { data } of args) data[1500] = NaN;
  agrees(nans, args, wide);
});
test("the gradient of a running product, and recurrences whose coefficients' products overflow", () => {
  const gradient = program((x, c) => grad((t: Tensor) => sum(mul(cumprod(t, along(0)), c)))(x), f32(1500), f32(1500));
  agrees(gradient, nearOne(gradient), wide);
  const steps = program((a, b) => linearRecurrence(a, b, along(0)), f32(600), f32(600)),
    [a, b] = inputsOf(steps) as [HostTensor, HostTensor]; // two parameters
  a.data.forEach((_, i) => (a.data[i] = i % 300 < 150 ? 4e5 : 1e-6));
  b.data.fill(0);
  b.data[599] = 1;
  agrees(steps, [a, b], wide);
});
test("narrow floats are rounded at every step, as everywhere", () => {
  for (const dtype of ["f16", "bf16", "i8", "u8"] as const)
    for (const target of [...targets.slice(0, 2), ...wide]) {
      const f = program(x => cumsum(x, along(0)), { dtype, shape: [1500] });
      assert.equal(differences(f, inputsOf(f), target), [], dtype);
    }
});
test.run();
