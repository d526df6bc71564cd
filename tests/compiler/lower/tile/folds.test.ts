// Folds that fill a card: few long rows in pieces, columns side by side, with what is fused before and after them; how many groups do the work; small ones stay one launch.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TileTarget } from "../../../../compiler/lower/tile/target.ts";
import {
  add,
  argmax,
  exp,
  grad,
  logsumexp,
  max,
  mean,
  min,
  mul,
  transpose,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
} from "../../../../stdlib/index.ts";
import { layerNorm } from "../../../../stdlib/nn/index.ts";
import type { Aval } from "../../../../compiler/ir/aval.ts";
import { f32, f64, program } from "../harness.ts";
import { agrees, groupsOf, targets } from "./harness.ts";

/** No subgroups; a card's; a CPU's vectors. */
const few = [targets[0], targets[2], targets[4]] as readonly TileTarget[];
const of =
  (dtype: Aval["dtype"]) =>
  (...shape: number[]): Aval => ({ dtype, shape });

test("long rows are folded in pieces, whatever is fused before and after, at lengths that pieces do not divide", () => {
  agrees(
    program(x => [mean(exp(x)), max(x), sum(x)], f32(16389)),
    undefined,
    few,
  );
  agrees(
    program((x, y) => [mean(square(sub(x, y))), mul(sub(x, y), mean(x))], f64(20480), f64(20480)),
    undefined,
    few,
  );
  agrees(
    program(x => [argmax(x, { axis: 1 }), min(x, { axis: 1 })], f32(2, 17000)),
    undefined,
    few,
  );
  agrees(
    program(x => [sum(x), max(x)], of("i32")(20001)),
    undefined,
    few,
  );
  agrees(
    program(x => [sum(x)], of("bf16")(16400)),
    undefined,
    few,
  );
});
test("softmax, its gradient and log of a sum of exponentials over few long rows", () => {
  agrees(
    program(x => [softmax(x), logsumexp(x, { axis: 1 })], f32(2, 16500)),
    undefined,
    few,
  );
  agrees(
    program(x => grad((t: Tensor) => sum(mul(softmax(t), t)))(x), f32(16400)),
    undefined,
    few.slice(1),
  );
});
test("columns are folded side by side, tall ones in pieces, several together, over gaps in the kept dimensions", () => {
  for (const [n, w] of [
    [1, 5],
    [3, 33],
    [37, 300],
    [129, 31],
    [9001, 8],
    [33000, 2],
  ] as const)
    agrees(
      program(x => [sum(x, { axis: 0 }), mean(mul(x, 2), { axis: 0 }), max(x, { axis: 0 })], f32(n, w)),
      undefined,
      few,
    );
  agrees(
    program(x => [sum(x, { axis: 1 }), argmax(x, { axis: 1 })], f64(3, 400, 70)),
    undefined,
    few,
  );
  agrees(
    program(x => [max(x, { axis: 0 }), sum(x, { axis: 0 })], of("i32")(1100, 70)),
    undefined,
    few,
  );
  agrees(
    program(x => [sum(x, { axis: [0, 2] })], f32(70, 3, 300)),
    undefined,
    few,
  );
  agrees(
    program(x => [sum(x, { axis: 0 })], f32(0, 7)),
    undefined,
    few,
  );
  agrees(
    program(x => sum(transpose(x, [1, 2, 0]), { axis: 0 }), f32(5, 300, 60)),
    undefined,
    few,
  );
});
test("work is spread over a card: at least 64 groups for every launch over much, and at most two launches for a fold", () => {
  const wide = (f: ReturnType<typeof program>, launches: number): void => {
    const groups = groupsOf(f);
    assert.is(groups.length, launches, String(groups));
    assert.ok((groups[0] ?? 0) >= 64, String(groups));
    if (launches > 2)
      assert.ok(
        groups.slice(0, 2).every(g => g >= 64),
        String(groups),
      );
  };
  wide(
    program(x => sum(x), f32(1 << 20)),
    2,
  );
  wide(
    program(x => mean(x), f32(10_000_000)),
    2,
  );
  wide(
    program(x => argmax(x), f32(1 << 20)),
    2,
  );
  wide(
    program(x => sum(x, { axis: 1 }), f32(8, 1 << 20)),
    2,
  );
  wide(
    program(x => sum(x, { axis: 0 }), f32(4096, 64)),
    2,
  );
  wide(
    program(x => sum(x, { axis: 0 }), f32(100_000, 8)),
    2,
  );
  wide(
    program(x => sum(x, { axis: [0, 2] }), f32(64, 32, 1024)),
    2,
  );
  wide(
    program(x => softmax(x), f32(4, 200_000)),
    3,
  );
  wide(
    program(x => logsumexp(x, { axis: 1 }), f32(4, 200_000)),
    3,
  );
  const norm = program(
    (x, g, b, c) =>
      grad((t: readonly Tensor[]) => sum(mul(layerNorm(t[0] as Tensor, { scale: t[1] as Tensor, bias: t[2] as Tensor }), c)))([x, g, b]),
    f32(8192, 768),
    f32(768),
    f32(768),
    f32(8192, 768),
  );
  wide(norm, 3);
});
test("small folds stay one launch, and so does softmax over ordinary rows", () => {
  for (const f of [
    program(x => sum(x), f32(16384)),
    program(x => sum(x, { axis: 0 }), f32(512, 128)),
    program(x => mean(square(x)), f32(100, 100)),
    program(x => softmax(x), f32(8192, 1024)),
    program(x => softmax(x), f32(64, 16384)),
    program((x, y) => add(x, sum(y, { axis: 1, keepdims: true })), f32(32, 100), f32(32, 100)),
  ])
    assert.is(groupsOf(f).length, 1);
});

test.run();
