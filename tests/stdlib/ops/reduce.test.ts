// What goldens do not ask of reductions: axes and kept dimensions, small dtypes, ddof, and the derivatives of the stable logarithms to second order.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../../../stdlib/index.ts";
import type { Tensor } from "../../../stdlib/index.ts";
import { counting, difference, expect, host, run } from "../../support/evaluate.ts";

const x = counting([2, 3, 4]);

test("axes are any list, and keepdims leaves them with size 1", () => {
  const fs: readonly ((t: Tensor, o: lib.ReduceOptions) => Tensor)[] = [
    lib.sum,
    lib.prod,
    lib.mean,
    lib.max,
    lib.min,
    lib.any,
    lib.all,
    lib.variance,
    lib.std,
    lib.logsumexp,
    lib.norm,
  ];
  for (const f of fs) {
    assert.equal(
      [
        run(t => f(t as Tensor, { axis: [0, -1] }), x),
        run(t => f(t as Tensor, { axis: [-1, 0], keepdims: true }), x),
        run(t => f(t as Tensor, {}), x),
        run(t => f(t as Tensor, { keepdims: true }), x),
      ].map(r => r[0]?.shape),
      [[3], [1, 3, 1], [], [1, 1, 1]],
    ); // one argument each
  }
  for (const f of [lib.argmax, lib.argmin])
    assert.equal(
      [
        run(t => f(t as Tensor, { axis: 1 }), x),
        run(t => f(t as Tensor, { axis: 1, keepdims: true }), x),
        run(t => f(t as Tensor), x),
        run(t => f(t as Tensor, { keepdims: true }), x),
      ].map(r => r[0]?.shape),
      [[2, 4], [2, 1, 4], [], [1, 1, 1]],
    ); // one argument each
  expect(
    "kept values",
    t => [lib.sum(t as Tensor, { axis: [0, 2], keepdims: true }), lib.argmax(t as Tensor)],
    [x],
    [host([1, 3, 1], [60, 92, 124]), host([], [23], "i32")],
  ); // one argument
});
test("small dtypes are summed wide", () => {
  expect("i8", t => lib.sum(t), [host([3], [100, 100, 100], "i8")], [host([], [300], "i32")]);
  expect(
    "bool",
    t => [lib.sum(t as Tensor), lib.cumsum(t as Tensor)],
    [host([3], [1, 0, 1], "bool")],
    [host([], [2], "i32"), host([3], [1, 1, 2], "i32")],
  ); // one argument
  const many = host([4096], Array<number>(4096).fill(1), "bf16");
  expect(
    "bf16",
    t => [lib.sum(t as Tensor), lib.mean(t as Tensor), lib.variance(t as Tensor)],
    [many],
    [host([], [4096], "bf16"), host([], [1], "bf16"), host([], [0], "bf16")],
  ); // one argument; bf16 alone would stop at 256
  expect("f16 norm", t => lib.norm(t), [host([2], [300, 400], "f16")], [host([], [500], "f16")]);
});
test("variance takes off ddof, any and all ask for nonzero", () => {
  expect(
    "ddof",
    t => [lib.variance(t as Tensor), lib.variance(t as Tensor, { ddof: 1 }), lib.std(t as Tensor, { ddof: 1 })],
    [host([3], [1, 2, 6])],
    [host([], [14 / 3]), host([], [7]), host([], [Math.sqrt(7)])],
    1e-15,
  ); // one argument
  expect(
    "any, all",
    t => [lib.any(t as Tensor, { axis: 1 }), lib.all(t as Tensor, { axis: 1 })],
    [host([3, 2], [0, 0, 0, 2, NaN, 1])],
    [host([3], [0, 1, 1], "bool"), host([3], [0, 0, 1], "bool")],
  ); // one argument
});
test("softplus and logaddexp have their second derivatives where max and abs have none", () => {
  const second =
    (f: (t: Tensor) => Tensor) =>
    (t: Tensor): Tensor =>
      lib.grad((u: Tensor) => (lib.grad((v: Tensor) => f(v).sum())(u) as Tensor).sum())(t) as Tensor;
  const s = (v: number): number => 1 / (1 + Math.exp(-v)),
    points = [0, 1, -2];
  expect(
    "softplus",
    t => second(lib.softplus)(t as Tensor),
    [host([3], points)],
    [
      host(
        [3],
        points.map(v => s(v) * (1 - s(v))),
      ),
    ],
    1e-14,
  ); // one argument
  expect(
    "logaddexp",
    t => second(u => lib.logaddexp(u, 0))(t as Tensor),
    [host([3], points)],
    [
      host(
        [3],
        points.map(v => s(v) * (1 - s(v))),
      ),
    ],
    1e-14,
  ); // one argument
  expect(
    "masked out",
    t => lib.grad((u: Tensor) => lib.logaddexp(u, -Infinity).sum())(t as Tensor) as Tensor,
    [host([2], [-Infinity, 3])],
    [host([2], [0.5, 1])],
  ); // one argument
});
test("the gradient of softmax and logsumexp is the plain formula, without a part for the shift", () => {
  const z = host([4], [0.3, -1, 2, 2]),
    e = z.data.map(Math.exp),
    total = e.reduce((a, b) => a + b, 0),
    q = [...e].map(v => v / total);
  const [g] = run(t => lib.grad((u: Tensor) => lib.logsumexp(u))(t as Tensor) as Tensor, z); // one argument
  assert.is(difference(g, host([4], q), 1e-14), undefined);
  const [d] = run(t => lib.grad((u: Tensor) => lib.softmax(u).at(0))(t as Tensor) as Tensor, z); // one argument
  assert.is(
    difference(
      d,
      host(
        [4],
        q.map((v, i) => (q[0] ?? 0) * ((i === 0 ? 1 : 0) - v)),
      ),
      1e-14,
    ),
    undefined,
  );
});

test.run();
