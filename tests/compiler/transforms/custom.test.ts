// Derivatives written by hand take the place of the function's own, in every mode.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { add, mul, neg } from "../../../compiler/primitives/arithmetic.ts";
import { reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { exp } from "../../../compiler/primitives/exponential.ts";
import { convert } from "../../../compiler/primitives/convert.ts";
import { cos, sin } from "../../../compiler/primitives/trigonometric.ts";
import { lit } from "../../../compiler/trace/builder.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { customJvp, customVjp } from "../../../compiler/transforms/api/custom.ts";
import { jvp } from "../../../compiler/transforms/api/forward.ts";
import { grad } from "../../../compiler/transforms/api/grad.ts";
import { vmap } from "../../../compiler/transforms/api/vmap.ts";
import { scan } from "../../../compiler/control/loops.ts";
import { distance, f64, func, run } from "./numeric.ts";

const one = (...v: number[]) => ({ dtype: "f64" as const, shape: v.length === 1 ? [] : [v.length], data: Float64Array.from(v) });
const close = (a: readonly (readonly number[])[], b: readonly (readonly number[])[], eps = 1e-12): void => {
  assert.is(a.length, b.length);
  a.forEach((r, i) => assert.ok(distance(r, b[i] ?? []) < eps, `result ${i}: ${String(r)} is not ${String(b[i])}`));
};
const three = lit(3, "f64");
const total = (x: Tensor): Tensor => reduceSum(x, { axes: x.shape.map((_, i) => i) });

/** sin with three times its derivative, so that the rule shows. */
const forward = customJvp(
  (x: Tensor) => sin(x),
  ([x]: [Tensor], [dx]: [Tensor]) => [sin(x), mul(mul(three, cos(x)), dx)],
);
const backward = customVjp(
  (x: Tensor, y: Tensor) => mul(sin(x), y),
  (x: Tensor, y: Tensor) => [mul(sin(x), y), { x, y }] as const,
  ({ x, y }, ct) => [mul(mul(three, ct), mul(cos(x), y)), mul(ct, sin(x))],
);
const [x, y] = [0.5, 2];

test("customJvp is used forwards, backwards, twice, and under vmap and scan", () => {
  const f = func(v => [forward(v), jvp(forward, [v], [lit(1, "f64")])[1], grad(forward)(v), grad(grad(forward))(v)], f64());
  close(run(f, [one(x)]), [[Math.sin(x)], [3 * Math.cos(x)], [3 * Math.cos(x)], [-3 * Math.sin(x)]]);
  const b = func(v => [vmap(forward)(v), vmap(grad(forward))(v), grad((u: Tensor) => total(vmap(forward)(u)))(v)], f64(2));
  const d = [x, y].map(v => 3 * Math.cos(v));
  close(run(b, [one(x, y)]), [[Math.sin(x), Math.sin(y)], d, d]);
  const s = func(v => grad((u: Tensor) => scan((c: Tensor) => [forward(c), null], u, null, { length: 2 })[0])(v), f64());
  close(run(s, [one(x)]), [[9 * Math.cos(x) * Math.cos(Math.sin(x))]]);
});

test("customVjp is used backwards, and forwards by transposing it", () => {
  const f = func(
    (a, b) => {
      const [da, db] = grad(backward, { argnums: [0, 1] })(a, b);
      return [backward(a, b), da, db, jvp(backward, [a, b], [lit(1, "f64"), lit(1, "f64")])[1], grad(grad(backward))(a, b)];
    },
    f64(),
    f64(),
  );
  const da = 3 * Math.cos(x) * y;
  close(run(f, [one(x), one(y)]), [[Math.sin(x) * y], [da], [Math.sin(x)], [da + Math.sin(x)], [-3 * Math.sin(x) * y]]);
});

test("customVjp under vmap sums the cotangents of what is not mapped", () => {
  const f = func(
    (a, b) => {
      const [da, db] = grad((u: Tensor, v: Tensor) => total(vmap(backward, { in: [null, 0] })(u, v)), { argnums: [0, 1] })(a, b);
      return [da, db];
    },
    f64(),
    f64(2),
  );
  close(run(f, [one(x), one(2, 5)]), [[3 * Math.cos(x) * 7], [Math.sin(x), Math.sin(x)]]);
  const g = func((a, b) => vmap(grad(backward), { in: [null, 0] })(a, b), f64(), f64(2));
  close(run(g, [one(x), one(2, 5)]), [[3 * Math.cos(x) * 2, 3 * Math.cos(x) * 5]]);
  const j = func((a, b) => vmap((v: Tensor) => jvp(backward, [a, v], [lit(1, "f64"), v])[1])(b), f64(), f64(2));
  close(run(j, [one(x), one(2, 5)]), [[2, 5].map(v => 3 * Math.cos(x) * v + Math.sin(x) * v)]);
});

test("static arguments, null cotangents and integer leaves", () => {
  const f = customVjp(
    (mode: string, p: { a: Tensor; n: Tensor }) => (mode === "neg" ? neg(p.a) : mul(p.a, convert(p.n, { dtype: "f64" }))),
    (_mode: string, p: { a: Tensor; n: Tensor }) => [neg(p.a), null] as const,
    ((_res: null, ct: Tensor, mode: string) => (mode === "neg" ? [{ a: mul(three, ct), n: null }] : [null])) as never,
    { nondiff: [0] },
  );
  const g = func((a, n) => ["neg", "zero"].map(mode => grad((u: Tensor) => f(mode, { a: u, n }))(a)), f64(), { dtype: "i32", shape: [] });
  close(run(g, [one(x), { ...one(2), dtype: "i32" }]), [[3], [0]]);
});

test("closing over a differentiated tensor, and rules that do not fit, are errors", () => {
  const close0 = (w: Tensor) =>
    customVjp(
      (a: Tensor) => mul(a, w),
      (a: Tensor) => [mul(a, w), null] as const,
      (_r, ct) => [mul(ct, w)],
    );
  close(
    run(
      func((w, a) => grad((u: Tensor) => close0(w)(u))(a), f64(), f64()),
      [one(7), one(x)],
    ),
    [[7]],
  );
  assert.throws(
    () => func((w, a) => grad((v: Tensor) => close0(v)(a))(w), f64(), f64()),
    /E0306: a function with customVjp closes over a tensor that is being differentiated/,
  );
  assert.throws(
    () =>
      func(
        a =>
          customVjp(
            (u: Tensor) => u,
            (u: Tensor) => [total(u), null] as const,
            () => [null],
          )(a),
        f64(2),
      ),
    /E0306: the forward rule of customVjp gives \(f64\[\]\), the function \(f64\[2\]\)/,
  );
  assert.throws(
    () =>
      func(
        a =>
          customVjp(
            (u: Tensor) => u,
            (u: Tensor) => [u, null] as const,
            () => [],
          )(a),
        f64(2),
      ),
    /E0306: the backward rule of customVjp returned \[\] for 1 arguments/,
  );
  assert.throws(
    () =>
      func(
        a =>
          customJvp(
            (u: Tensor) => u,
            () => [exp(a), total(a)],
          )(a),
        f64(2),
      ),
    /E0103: output tangents is f64\[\], outputs is f64\[2\]/,
  );
});

test("the composite runs the function itself where nothing is differentiated", () => {
  const f = func((a, b) => add(forward(a), backward(a, b)), f64(), f64());
  close(run(f, [one(x), one(y)]), [[Math.sin(x) * 3]]);
});

test.run();
