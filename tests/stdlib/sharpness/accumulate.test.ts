// Accumulation over micro-batches: one ε for the whole batch equals the batch in one piece; one ε each is the mean of the pieces.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, div, grad, jit, mark, matmul, mul, sum, tanh, valueAndGrad, type Tensor } from "../../../stdlib/index.ts";
import * as nn from "../../../stdlib/nn/index.ts";
import * as random from "../../../stdlib/random/index.ts";
import { pathMix, fsam, logitSam, sam, sharpnessAware, type Accumulate, type Path } from "../../../stdlib/sharpness/index.ts";
import { oneHot, take } from "../../../stdlib/ops/take.ts";
import { astype } from "../../../stdlib/ops/arithmetic.ts";
import * as tree from "../../../stdlib/tree.ts";
import { numbers, type Vec } from "./formulas.ts";

type P = { readonly w1: Tensor; readonly w2: Tensor };
const normal = (seed: number, shape: readonly number[]): Tensor => random.normal(random.key(seed), shape, { dtype: "f64" });
const params: P = { w1: normal(1, [4, 5]), w2: normal(2, [5, 3]) },
  x = normal(3, [6, 4]),
  y = array([0, 1, 2, 2, 1, 0], { dtype: "i32" });
const logits = (p: P, x: Tensor): Tensor => matmul(tanh(matmul(x, p.w1)), p.w2);
const loss = (p: P, x: Tensor, y: Tensor): Tensor => nn.softmaxCrossEntropy(logits(p, x), y);
const rho = 0.4,
  paths: readonly Path[] = ["full", "functional", "logit", { functional: 0.7, logit: -0.3 }];
const close = (got: Vec, want: Vec, tolerance = 1e-12): void => {
  assert.is(got.length, want.length);
  got.forEach((v, i) => assert.ok(Math.abs(v - (want[i] ?? NaN)) <= tolerance * (1 + Math.abs(v)), `[${i}]: ${v}, not ${want[i]}`));
};

for (const path of paths) {
  const name = typeof path === "string" ? path : "mixed";
  test(`the ${name} path with one ε for the batch is the same in 1, 2, 3 and 6 pieces`, () => {
    const f = valueAndGrad(loss),
      want = jit(sharpnessAware(f, path, { rho }))(params, x, y);
    for (const batches of [1, 2, 3, 6]) {
      const got = jit(sharpnessAware(f, path, { rho, accumulate: { batches } }))(params, x, y);
      close(numbers(got.grad), numbers(want.grad));
      close(numbers(got.value), numbers(want.value));
    }
  });
  test(`the ${name} path with one ε each is the mean over the pieces (m-SAM)`, () => {
    const one = sharpnessAware(grad(loss), path, { rho }),
      rows = (k: number): Tensor => array([2 * k, 2 * k + 1], { dtype: "i32" });
    const pieces = [0, 1, 2].map(k => numbers(jit(one)(params, take(x, rows(k)), take(y, rows(k)))));
    const got = numbers(jit(sharpnessAware(grad(loss), path, { rho, accumulate: { batches: 3, epsilon: "each" } }))(params, x, y));
    close(
      got,
      got.map((_, i) => pieces.reduce((s, p) => s + (p[i] ?? NaN), 0) / 3),
    );
  });
}
test("a mix is g + a(g_func − g) + b(g_logit − g)", () => {
  const f = grad(loss),
    [g, functional, logit] = [f, fsam(f, { rho }), logitSam(f, { rho })].map(h => numbers(jit(h)(params, x, y))) as [
      number[],
      number[],
      number[],
    ]; // three functions
  const mixed = numbers(jit(pathMix(f, { functional: 0.7, logit: -0.3 }, { rho }))(params, x, y));
  close(
    mixed,
    g.map((v, i) => v + 0.7 * ((functional[i] ?? NaN) - v) - 0.3 * ((logit[i] ?? NaN) - v)),
  );
});
test("losses divided by the token count of the whole batch are summed", () => {
  const mask = array([1, 0, 1, 1, 0, 1], { dtype: "f64" });
  const total = (p: P, x: Tensor, y: Tensor, m: Tensor, count: Tensor): Tensor => div(sum(mul(crossEntropyEach(p, x, y), m)), count);
  const count = sum(mask),
    want = numbers(jit(fsam(grad(total), { rho }))(params, x, y, mask, count));
  const accumulate: Accumulate = { batches: 3, args: [1, 2, 3], reduce: "sum" };
  close(numbers(jit(fsam(grad(total), { rho, accumulate }))(params, x, y, mask, count)), want);
});
const crossEntropyEach = (p: P, x: Tensor, y: Tensor): Tensor => {
  const z = nn.logSoftmax(mark("logits", logits(p, x)));
  return mul(sum(mul(z, oneHot(y, 3, { dtype: "f64" })), { axis: -1 }), -1);
};
test("aux is stacked over the micro-batches", () => {
  const withAux = valueAndGrad((p: P, x: Tensor, y: Tensor) => [loss(p, x, y), { first: sum(x) }] as const, { hasAux: true });
  const r = jit(fsam(withAux, { rho, accumulate: { batches: 3 } }))(params, x, y);
  assert.equal([...(r.aux.first as Tensor).shape], [3]);
  close([numbers(r.aux.first).reduce((a, b) => a + b, 0)], numbers(sum(x)));
});
test("accumulation is inside a compiled step, differentiable, and sums bf16 gradients in f32", () => {
  const f = jit(
      grad((p: P) => {
        const g = fsam(grad(loss), { rho, accumulate: { batches: 2 } })(p, x, y);
        return tree.dot(g, g);
      }),
    ),
    h = jit(
      grad((p: P) => {
        const g = fsam(grad(loss), { rho })(p, x, y);
        return tree.dot(g, g);
      }),
    );
  close(numbers(f(params)), numbers(h(params)), 1e-10);
  const half = tree.map((t: Tensor) => astype(t, "bf16"), params),
    g = jit(sam(grad(loss), { rho, accumulate: { batches: 3 } }))(half, astype(x, "bf16"), y);
  assert.is((tree.leaves(g)[0] as Tensor).dtype, "bf16");
  const exact = numbers(jit(sam(grad(loss), { rho }))(params, x, y)),
    scale = Math.max(...exact.map(Math.abs));
  numbers(g).forEach((v, i) => assert.ok(Math.abs(v - (exact[i] ?? NaN)) < 0.04 * scale));
});
test("what cannot be cut is refused with both sizes", () => {
  const run = (accumulate: Accumulate, ...rest: [Tensor, Tensor]): unknown => logitSam(grad(loss), { rho, accumulate })(params, ...rest);
  assert.throws(() => run({ batches: 4 }, x, y), /E0801: accumulate: argument 1 has 6 examples, which cannot be cut into 4/);
  assert.throws(() => run({ batches: 0 }, x, y), /E0801: accumulate: batches is 0/);
  assert.throws(() => run({ batches: 2, args: [3] }, x, y), /E0801: accumulate: args names position 3/);
  assert.throws(
    () => pathMix(grad(loss), { functional: 1, logit: 0 }, { rho, accumulate: { batches: 2 } })(params, sum(x) as Tensor, y),
    /no leading axis/,
  );
});

test.run();
