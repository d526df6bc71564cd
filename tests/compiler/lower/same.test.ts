// Kernels that say the same are one; those that differ in anything but names stay apart.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Kernel } from "../../../compiler/ir/kernel.ts";
import type { Schedule } from "../../../compiler/ir/schedule.ts";
import { forEachStep } from "../../../compiler/ir/walk.ts";
import { shareKernels } from "../../../compiler/lower/same.ts";
import { add, exp, fori, matmul, max, mul, softmax, sum, tanh, type Tensor } from "../../../stdlib/index.ts";
import { agrees, f32, f64, inputsOf, lowered, program } from "./harness.ts";

function launchesOf(p: Schedule): Kernel[] {
  const all: Kernel[] = [];
  forEachStep(p.steps, s => {
    if (s.kind === "launch") all.push(s.kernel);
  });
  return all;
}
/** Distinct kernels of a program, and its launches. */
const counts = (p: Schedule): [number, number] => [new Set(launchesOf(p)).size, launchesOf(p).length];

test("layers written one after another launch the same kernels, and compute what they did", () => {
  const layer = (h: Tensor, w: Tensor): Tensor => softmax(tanh(matmul(h, w)));
  const f = program((h, a, b, c) => [a, b, c].reduce<Tensor>((x, w) => layer(x, w), h), f32(5, 8), f32(8, 8), f32(8, 8), f32(8, 8)),
    plain = lowered(f),
    shared = shareKernels(plain),
    [distinct, launches] = counts(shared);
  assert.is(launches, counts(plain)[1]);
  assert.is(distinct * 3, launches, `${distinct} kernels`);
  agrees(f, inputsOf(f), "shared", shared);
});
test("kernels inside of loops are shared with those outside", () => {
  const f = program(x => fori(0, 3, (_, y: Tensor) => softmax(y), softmax(x)), f32(4, 6)),
    shared = shareKernels(lowered(f));
  assert.ok(counts(shared)[0] < counts(shared)[1]);
  agrees(f, inputsOf(f), "shared", shared);
});
test("another size, dtype, operation, constant or sign of zero is another kernel; other variables and names are not", () => {
  const kernel = (f: (x: Tensor) => Tensor, x = f32(300)): Schedule => lowered(program(f, x));
  const both = (a: Schedule, b: Schedule): number => counts(shareKernels({ ...a, steps: [...a.steps, ...b.steps] }))[0];
  const one = (): Schedule => kernel(x => sum(exp(mul(x, 0))));
  assert.is(both(one(), one()), 1);
  const others: Record<string, Schedule> = {
    size: kernel(x => sum(exp(mul(x, 0))), f32(301)),
    dtype: kernel(x => sum(exp(mul(x, 0))), f64(300)),
    operation: kernel(x => max(exp(mul(x, 0)))),
    constant: kernel(x => sum(exp(mul(x, 3)))),
    zero: kernel(x => sum(exp(mul(x, -0)))),
  };
  for (const [what, other] of Object.entries(others)) assert.is(both(one(), other), 2, what);
});
test("a shared kernel has the user's lines of all", () => {
  const f = program((x, y) => [softmax(x), softmax(y)], f32(4, 6), f32(4, 6)),
    plain = lowered(f);
  const all = new Set(launchesOf(plain).flatMap(k => k.sources ?? [])),
    kept = new Set(launchesOf(shareKernels(plain)).flatMap(k => k.sources ?? []));
  assert.ok(all.size > 1);
  assert.equal(kept, all);
});
test("a program without equal kernels is left as it is", () => {
  const plain = lowered(program((x, y) => add(softmax(x), y), f32(4, 6), f32(4, 6)));
  assert.is(shareKernels(plain), plain);
});
test.run();
