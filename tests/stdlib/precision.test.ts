// Mixed precision: wide parameters and gradients around a narrow computation, with SAM's perturbation and norm wide; loss scales that change nothing but the range.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, grad, jit, matmul, mul, sum, tanh, valueAndGrad, type Tensor } from "../../stdlib/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import { cast, dynamicLossScale, keepFinite, mixed } from "../../stdlib/precision.ts";
import * as random from "../../stdlib/random/index.ts";
import { fsam, sam } from "../../stdlib/sharpness/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { numbers } from "../support/numbers.ts";

type P = { readonly w1: Tensor; readonly w2: Tensor };
const [k1, k2, kx] = random.keys(random.key(0), 3);
const params: P = { w1: random.normal(k1, [4, 16]), w2: random.normal(k2, [16, 3]) };
const x = random.normal(kx, [12, 4]),
  y = random.randint(kx, [12], 0, 3);
const model = (p: P, x: Tensor): Tensor => matmul(tanh(matmul(x, p.w1)), p.w2);
const loss = (p: P, x: Tensor, y: Tensor): Tensor => nn.softmaxCrossEntropy(model(p, x), y);
const dtypes = (t: unknown): string[] => (tree.leaves(t) as Tensor[]).map(l => l.dtype);
const relative = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((v, i) => v - (b[i] ?? NaN))) / Math.hypot(...b);

test("cast touches floats alone", () => {
  const t = cast({ a: array([1.5]), b: array([1], { dtype: "i32" }), c: array([true]) }, "bf16");
  assert.equal(dtypes(t), ["bf16", "i32", "bool"]);
});

for (const compute of ["bf16", "f16"] as const) {
  test(`a loss in ${compute} gives f32 gradients near the f32 ones`, () => {
    let inside = "";
    const seen = (p: P, x: Tensor, y: Tensor): Tensor => ((inside = model(p, x).dtype), loss(p, x, y));
    const { value, grad: g } = jit(valueAndGrad(mixed(seen, { compute })))(params, x, y);
    assert.is(inside, compute);
    assert.is(value.dtype, "f32");
    assert.equal(dtypes(g), ["f32", "f32"]);
    const off = relative(numbers(g), numbers(grad(loss)(params, x, y)));
    assert.ok(off > 1e-6 && off < (compute === "bf16" ? 0.03 : 0.004), `${off}`);
  });
  test(`Functional-SAM of a loss in ${compute} perturbs wide parameters and stays near f32's`, () => {
    const g = jit(fsam(grad(mixed(loss, { compute })), { rho: 0.1 }))(params, x, y);
    assert.equal(dtypes(g), ["f32", "f32"]);
    assert.ok(relative(numbers(g), numbers(fsam(grad(loss), { rho: 0.1 })(params, x, y))) < 0.04);
    // a perturbation smaller than the narrow dtype can hold still moves the wide parameters: rho -> 0 is the plain gradient, not an error
    const tiny = jit(fsam(grad(mixed(loss, { compute })), { rho: 0 }))(params, x, y);
    assert.equal(numbers(tiny), numbers(jit(grad(mixed(loss, { compute })))(params, x, y)));
  });
}

test("a loss scale that is a power of two changes no bit in f32, under sam and fsam too", () => {
  const scaling = dynamicLossScale({ init: 2 ** 10 });
  for (const wrap of [
    (f: typeof loss) => valueAndGrad(f),
    (f: typeof loss) => sam(valueAndGrad(f), { rho: 0.1 }),
    (f: typeof loss) => fsam(valueAndGrad(f), { rho: 0.1 }),
  ]) {
    const { result, finite } = scaling.gradient(scale => wrap((p, x, y) => scale(loss(p, x, y))), scaling.init())(params, x, y);
    const plain = wrap(loss)(params, x, y);
    assert.is(finite.item(), 1);
    assert.ok(relative(numbers(result.grad), numbers(plain.grad)) < 1e-6);
    assert.is(result.value.item(), plain.value.item());
  }
});

test("f16 gradients that would vanish survive under a scale", () => {
  const small = (p: Tensor): Tensor => sum(mul(mul(p, 1e-4), 1e-4));
  const narrow = mixed(small, { compute: "f16" }),
    scaling = dynamicLossScale({ init: 2 ** 15 });
  const p = array([1, 2, 3]);
  assert.equal(numbers(grad(narrow)(p)), [0, 0, 0]);
  const { result } = scaling.gradient(scale => grad((q: Tensor) => scale(narrow(q))), scaling.init())(p);
  for (const v of numbers(result)) assert.ok(Math.abs(v / 1e-8 - 1) < 0.01, `${v}`);
});

test("the scale halves at an overflow, the step is not taken, and it grows again after enough finite steps", () => {
  const scaling = dynamicLossScale({ init: 2 ** 15, interval: 2 });
  const f = mixed((p: Tensor, gain: Tensor) => sum(mul(p, gain)), { compute: "f16" });
  const step = jit((p: Tensor, state: ReturnType<typeof scaling.init>, gain: Tensor) => {
    const { result, finite, next } = scaling.gradient(scale => grad((q: Tensor, by: Tensor) => scale(f(q, by))), state)(p, gain);
    return { p: keepFinite(finite, p.sub(result), p), finite, next };
  });
  const overflow = step(array([1, 2]), scaling.init(), array([1e4, 1e4]));
  assert.is(overflow.finite.item(), 0);
  assert.equal(numbers(overflow.p), [1, 2]);
  assert.is(overflow.next.scale.item(), 2 ** 14);
  const first = step(overflow.p, overflow.next, array([0.5, 0.5]));
  assert.equal([first.next.scale.item(), first.next.steps.item()], [2 ** 14, 1]);
  const second = step(first.p, first.next, array([0.5, 0.5]));
  assert.equal([second.next.scale.item(), second.next.steps.item()], [2 ** 15, 0]);
  assert.equal(numbers(second.p), [0, 1]);
});

test("training in bf16 with f32 master weights reduces the loss, with AdamW under Functional-SAM", () => {
  const optimizer = optim.adamw({ lr: 3e-2 });
  const step = jit((p: P, s: ReturnType<typeof optimizer.init>) => {
    const { value, grad: g } = fsam(valueAndGrad(mixed(loss, { compute: "bf16" })), { rho: 0.05 })(p, x, y);
    const [updates, state] = optimizer.update(g, s, p);
    return { value, p: optim.applyUpdates(p, updates), state };
  });
  let out = step(params, optimizer.init(params));
  const before = out.value.item();
  for (let i = 0; i < 60; i++) out = step(out.p, out.state as never); // the state the last step gave
  assert.equal(dtypes(out.p), ["f32", "f32"]);
  assert.ok(out.value.item() < 0.5 * before, `${before} -> ${out.value.item()}`);
});

test("options that make no sense are refused", () => {
  assert.throws(() => dynamicLossScale({ growth: 1 }), /E0801: dynamicLossScale: growth is 1, it must be greater than 1/);
  assert.throws(() => dynamicLossScale({ interval: 0.5 }), /E0801: dynamicLossScale: interval is 0.5/);
});

test.run();
