// Scatters cut for a GPU: few positions, many, many for one row; every way to combine, indices outside, batches; the gradient of an embedding.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Aval } from "../../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../../compiler/ir/func.ts";
import { scatterAdd, scatterMax, scatterMul, scatterSet } from "../../../../../compiler/primitives/gather.ts";
import type { HostTensor } from "../../../../../compiler/reference/evaluate.ts";
import type { TileTarget } from "../../../../../compiler/lower/tile/target.ts";
import { grad, mul, sum, take, zeros, type Tensor } from "../../../../../stdlib/index.ts";
import { f32, f64, inputsOf, program } from "../../harness.ts";
import { agrees, groupsOf } from "../harness.ts";

const i32 = (...shape: number[]): Aval => ({ dtype: "i32", shape });
/** Blocks of 32, so that sorts of positions merge; and a card's groups. */
const some: readonly TileTarget[] = [
  { threads: 64, group: 16, subgroup: 1, sharedBytes: 520, double: true },
  { threads: 256, group: 64, subgroup: 4, sharedBytes: 16384, double: true },
];
/** Indices in [-1, below], some outside on both sides, all others often; floats as ever. */
function into(f: Func, below: number): HostTensor[] {
  const args = inputsOf(f);
  for (const { dtype, data } of args)
    if (dtype === "i32") data.forEach((_, i) => (data[i] = ((i * 7919) >> 2) % (below + 2)) && (data[i] = (data[i] ?? 0) - 1));
  return args;
}
const scatters = (f: Func, below: number, on = some): void => agrees(f, into(f, below), on);

test("updates are combined in the order of their positions, few or many, for rows of any size; indices outside are dropped or clipped", () => {
  for (const op of [scatterAdd, scatterSet, scatterMul, scatterMax])
    for (const [rows, row, n] of [
      [7, 3, 10],
      [3, 2, 0],
      [40, 150, 900],
      [5, 1, 1100],
    ] as const)
      for (const mode of ["drop", "clip"] as const)
        if (n < 900 || (mode === "drop") === (op === scatterAdd || op === scatterSet))
          scatters(
            program((x, i, u) => op(x, i, u, { mode }), f32(rows, row), i32(n, 1), f32(n, row)),
            rows,
            n < 900 ? some : some.slice(1),
          );
});
test("updates of two indexed dimensions, in batches, into zeros that have no memory", () => {
  scatters(
    program((x, i, u) => scatterAdd(x, i, u, { mode: "drop", batch: 1 }), f64(2, 3, 4, 2), i32(2, 60, 2), f64(2, 60, 2)),
    4,
  );
  scatters(
    program((i, u) => scatterAdd(zeros([30, 6], { dtype: "f32" }), i, u, { mode: "drop" }), i32(1200, 1), f32(1200, 6)),
    30,
    some.slice(0, 1),
  );
});
test("the gradient of an embedding: as many launches as doublings of the block and three, one of them over the table, which is written once", () => {
  const embedding = (rows: number, width: number, n: number): Func =>
    program((x, i, c) => grad((t: Tensor) => sum(mul(take(t, i, { axis: 0 }), c)))(x), f32(rows, width), i32(n), f32(n, width));
  const groups = groupsOf(embedding(50257, 768, 8192));
  assert.ok(groups.length <= 7, String(groups));
  assert.is(groups.at(-1), (50257 * 768) / 128);
  scatters(embedding(50, 40, 70), 49);
});
test("many updates of few rows are shared by the threads of a group", () => {
  const f = program((x, i, u) => scatterAdd(x, i, u, { mode: "drop" }), f32(2), i32(3000, 1), f32(3000));
  scatters(f, 2, some.slice(1));
  assert.equal(groupsOf(program((x, i, u) => scatterAdd(x, i, u, { mode: "drop" }), f32(1000), i32(100_000, 1), f32(100_000))).at(-1), 32);
});

test.run();
