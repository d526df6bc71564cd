// Curvature estimates where the Hessian is known.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { grad, jit, matmul, mul, sum, tanh, type Tensor } from "../../../stdlib/index.ts";
import * as nn from "../../../stdlib/nn/index.ts";
import * as random from "../../../stdlib/random/index.ts";
import { hessianTrace, lambdaMax, pathShares } from "../../../stdlib/sharpness/index.ts";
import { hessianDiagonal, loss, numbers, start, theta, type Theta } from "./formulas.ts";

const key = random.key(4),
  normal = (seed: number, shape: readonly number[]): Tensor => random.normal(random.key(seed), shape, { dtype: "f64" });

test("the largest eigenvalue of a diagonal Hessian", () => {
  const want = hessianDiagonal(start).toSorted((a, b) => Math.abs(b) - Math.abs(a))[0] ?? NaN;
  const got = numbers(jit(lambdaMax(loss, { iterations: 200, key }))(theta(start)))[0] ?? NaN;
  assert.ok(Math.abs(got - want) < 1e-10, `${got}, not ${want}`);
});
test("a zero Hessian has the eigenvalue 0 and the trace 0, not NaN", () => {
  const flat = (p: Theta): Tensor => sum(mul(p.a, 2));
  assert.equal(numbers(jit(lambdaMax(flat, { key }))(theta(start))), [0]);
  assert.equal(numbers(jit(hessianTrace(flat, { key, samples: 3 }))(theta(start))), [0]);
});
test("Hutchinson's estimate is exact for a diagonal Hessian, whatever the draw", () => {
  const want = hessianDiagonal(start).reduce((a, b) => a + b, 0);
  for (const samples of [1, 5])
    assert.ok(Math.abs((numbers(jit(hessianTrace(loss, { key, samples }))(theta(start)))[0] ?? NaN) - want) < 1e-12);
});
test("Hutchinson's estimate approaches the trace of a full Hessian", () => {
  const a = normal(1, [6, 6]),
    f = (p: Tensor): Tensor => mul(sum(mul(p, matmul(a, p))), 0.5); // the Hessian's trace is that of a
  const want = numbers(a)
    .filter((_, i) => i % 7 === 0)
    .reduce((s, v) => s + v, 0);
  const got = numbers(jit(hessianTrace(f, { key, samples: 4000 }))(normal(2, [6])))[0] ?? NaN;
  assert.ok(Math.abs(got - want) < 0.3, `${got}, not ${want}`); // standard error about 0.1
});
test("the shares of the two paths add up to 1; a model linear in its parameters has only the logit path", () => {
  const x = normal(1, [5, 4]),
    y = nn.softmax(normal(3, [5, 3])),
    w = { a: normal(2, [4, 6]), out: normal(4, [6, 3]) };
  const deep = jit(
    pathShares(
      grad((p: typeof w) => nn.softmaxCrossEntropy(matmul(tanh(matmul(x, p.a)), p.out), y)),
      { rho: 0.1 },
    ),
  )(w);
  const [l, f] = [numbers(deep.logit)[0] ?? NaN, numbers(deep.functional)[0] ?? NaN];
  assert.ok(Math.abs(l + f - 1) < 1e-12);
  assert.ok(Math.abs(f) > 1e-3, "a deep model has a functional path");
  const flat = jit(
    pathShares(
      grad((p: Tensor) => nn.softmaxCrossEntropy(matmul(x, p), y)),
      { rho: 0.1 },
    ),
  )(normal(2, [4, 3]));
  assert.ok(Math.abs((numbers(flat.logit)[0] ?? NaN) - 1) < 1e-10);
  assert.ok(Math.abs(numbers(flat.functional)[0] ?? NaN) < 1e-10);
});

test.run();
