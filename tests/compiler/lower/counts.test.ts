// How many kernels a program is on a GPU: what fusion and merging promise.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, grad, jit, mul, softmax, sum, zeros, type Tensor } from "../../../stdlib/index.ts";
import { layerNorm } from "../../../stdlib/nn/index.ts";

/** The kernels of a program, by name. */
const kernels = (lowered: { text(stage: "wgsl"): string }): string[] =>
  [...lowered.text("wgsl").matchAll(/^\/\/ (\w+): \d+ groups$/gm)].map(m => m[1] ?? "");

test("softmax is one kernel", () => {
  assert.is(kernels(jit((x: Tensor) => softmax(x)).lower(zeros([8, 1000]))).length, 1);
});
test("the gradient of layer norm, by its operand, scale and bias, is at most three kernels", () => {
  const loss = (p: { x: Tensor; scale: Tensor; bias: Tensor }, w: Tensor): Tensor =>
    sum(mul(layerNorm(p.x, { scale: p.scale, bias: p.bias }), w));
  const found = kernels(jit(grad(loss)).lower({ x: zeros([64, 300]), scale: zeros([300]), bias: zeros([300]) }, zeros([64, 300])));
  assert.ok(found.length <= 3, found.join(", "));
});
test("an update of many leaves is few kernels, whatever their shapes", () => {
  const many = Array.from({ length: 400 }, (_, i) => zeros([(i % 7) + 1, (i % 5) + 1]));
  const found = kernels(jit((p: readonly Tensor[], rate: Tensor) => p.map(x => mul(x, rate))).lower(many, array(0.5)));
  assert.ok(found.length <= 4, found.join(", "));
});

test.run();
