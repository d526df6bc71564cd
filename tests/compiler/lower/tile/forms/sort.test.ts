// Sorts cut for a GPU: lines that fit into shared memory, several of them a group; long lines in blocks that are merged; keys that repeat, NaN and zeros of both signs, several keys.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Aval } from "../../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../../compiler/ir/func.ts";
import { sort as sortTogether } from "../../../../../compiler/primitives/sort.ts";
import type { HostTensor } from "../../../../../compiler/reference/evaluate.ts";
import type { TileTarget } from "../../../../../compiler/lower/tile/target.ts";
import { argsort, grad, mul, sort, sum, type Tensor } from "../../../../../stdlib/index.ts";
import { f32, f64, inputsOf, program } from "../../harness.ts";
import { agrees, groupsOf } from "../harness.ts";

/** Blocks of 32 elements, or 16 of f64: lines of a hundred are long. */
const narrow: readonly TileTarget[] = [
  { threads: 16, group: 16, subgroup: 1, sharedBytes: 264, double: true },
  { threads: 256, group: 64, subgroup: 4, sharedBytes: 300, double: true },
];
const i32 = (...shape: number[]): Aval => ({ dtype: "i32", shape });
/** Inputs with NaN, both zeros, infinities and repeated values among the floats. */
function awkward(f: Func): HostTensor[] {
  const args = inputsOf(f);
  for (const { dtype, data } of args)
    if (dtype !== "i32" && dtype !== "bool")
      [NaN, -0, 0, 1, Infinity, 1, -Infinity].forEach((x, k) => {
        for (let i = k; i < data.length; i += 11) data[i] = x;
      });
  return args;
}
const sorts = (f: Func, on = narrow): void => agrees(f, awkward(f), on);

test("lines of any length up to a block and beyond are sorted, along any axis, with NaN last", () => {
  for (const n of [1, 2, 3, 31, 32, 33, 64, 65, 100, 200]) sorts(program(x => sort(x), f32(3, n)));
  sorts(program(x => sort(x, { axis: 0 }), f32(70, 3)));
  sorts(program(x => [sort(x, { axis: 1 })], f64(2, 50, 2)));
  sorts(program(x => sort(x), f32(9, 0)));
});
test("equal keys keep their order: positions, several keys, descending", () => {
  for (const n of [20, 150]) {
    sorts(program(x => argsort(x), f32(2, n)));
    for (const descending of [false, true])
      sorts(program((x, y, z) => sortTogether.all(x, y, z, { axis: 1, keys: 2, descending }), i32(2, n), f32(2, n), f32(2, n)));
  }
  sorts(program(x => sort(x), { dtype: "bool", shape: [90] }));
  sorts(program(x => sort(x), { dtype: "bf16", shape: [90] }));
});
test("the gradient of a sort puts cotangents back where they came from", () =>
  agrees(
    program((x, c) => grad((t: Tensor) => sum(mul(sort(t), c)))(x), f32(100), f32(100)),
    undefined,
    narrow,
  ));
test("a million elements are sorted by a thousand groups, in launches as many as doublings and one; a thousand lines of a thousand in one launch", () => {
  assert.equal(groupsOf(program(x => sort(x), f32(1 << 20))), Array<number>(11).fill(1024));
  assert.equal(groupsOf(program(x => sort(x), f32(1000, 1000))), [1000]);
  assert.equal(groupsOf(program(x => sort(x), f32(64, 50))), [16]);
});

test.run();
