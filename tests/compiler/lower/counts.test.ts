// How many kernels a program is on a GPU: what fusion and merging promise.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, grad, jit, mul, softmax, sum, zeros, type Tensor } from "../../../stdlib/index.ts";
import { layerNorm } from "../../../stdlib/nn/index.ts";
import * as optim from "../../../stdlib/optim/index.ts";

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
test("AdamW over a tree of parameters is one kernel", () => {
  const params = { a: zeros([30, 40]), b: zeros([40]), c: { d: zeros([7]), e: zeros([3, 3, 5]) } };
  const opt = optim.adamw({ lr: 1e-3 });
  const found = kernels(
    jit((p: typeof params, s: ReturnType<typeof opt.init>, g: typeof params) => {
      const [u, next] = opt.update(g, s, p);
      return { p: optim.applyUpdates(p, u), s: next };
    }).lower(params, opt.init(params), params),
  );
  assert.is(found.length, 1, found.join(", "));
});
test("an update of many leaves is few kernels, whatever their shapes", () => {
  const many = Array.from({ length: 400 }, (_, i) => zeros([(i % 7) + 1, (i % 5) + 1]));
  const found = kernels(jit((p: readonly Tensor[], rate: Tensor) => p.map(x => mul(x, rate))).lower(many, array(0.5)));
  assert.ok(found.length <= 4, found.join(", "));
});

test.run();
