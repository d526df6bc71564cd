// Gradients of Funcs against central differences, and the algebra that ties jvp, linearize and transpose together.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jvpFunc } from "../../../compiler/transforms/jvp.ts";
import { gradFunc, linearizeFunc, vjpFunc } from "../../../compiler/transforms/linearize.ts";
import { partialEval } from "../../../compiler/transforms/partial.ts";
import { transposeFunc } from "../../../compiler/transforms/transpose.ts";
import { add, div, mul, neg } from "../../../compiler/primitives/arithmetic.ts";
import { broadcastInDim, broadcastLeading, reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { convert } from "../../../compiler/primitives/convert.ts";
import { definePrimitive } from "../../../compiler/primitives/define.ts";
import { exp, log } from "../../../compiler/primitives/exponential.ts";
import { stopGradient } from "../../../compiler/primitives/identity.ts";
import { sin, tanh } from "../../../compiler/primitives/trigonometric.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import { inline } from "../../../compiler/trace/trace.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { centralGrad, centralJvp, distance, dot, f64, func, numbers, randomArgs, run } from "./numeric.ts";

const total = (x: Tensor): Tensor => reduceSum(x, { axes: x.shape.map((_, i) => i) });
/** softplus of a bilinear form: B batch, D features. w: [D], x: [B,D] -> [] */
const loss = (w: Tensor, x: Tensor): Tensor => {
  const z = reduceSum(mul(broadcastLeading(w, x.shape[0] ?? 0), tanh(x)), { axes: [1] });
  return total(log(add(exp(z), broadcastInDim(exp(neg(total(mul(w, w)))), { shape: z.shape, dims: [] }))));
};
const f = func(loss, f64(3), f64(4, 3));
const args = randomArgs([f64(3), f64(4, 3)]);

test("the gradient of a composed function agrees with central differences", () => {
  const [value, dw, dx] = run(gradFunc(f, [true, true]), args);
  assert.is(value?.[0], run(f, args)[0]?.[0]);
  assert.ok(distance(dw ?? [], centralGrad(f, args, 0)) < 1e-8);
  assert.ok(distance(dx ?? [], centralGrad(f, args, 1)) < 1e-8);
});

test("jvp agrees with central differences along a direction", () => {
  const dxs = [numbers(3, 11), numbers(12, 12)];
  const g = func((w, x) => [loss(w, x), tanh(x)], f64(3), f64(4, 3));
  const d = jvpFunc(g, [true, true]);
  const got = run(d.func, [...args, ...randomArgs([f64(3), f64(4, 3)], 11)]).slice(2);
  const want = centralJvp(g, args, dxs);
  assert.equal(d.nonzero, [true, true]);
  got.forEach((r, k) => assert.ok(distance(r, want[k] ?? []) < 1e-8));
});

test("a tangent known to be zero makes no equation and no result", () => {
  const g = func((w, x) => [total(w), tanh(x)], f64(3), f64(4, 3));
  const d = jvpFunc(g, [true, false]);
  assert.equal(d.nonzero, [true, false]);
  assert.is(d.func.params.length, 3);
  assert.is(d.func.eqns.length, g.eqns.length + 1);
});

test("second and third derivatives of a scalar function are exact", () => {
  const cubic = func(x => mul(sin(x), mul(x, x)), f64());
  const d = (g: Func): Func => {
    const h = gradFunc(g, [true]);
    return { ...h, results: h.results.slice(1) };
  };
  const x = 0.7,
    s = Math.sin(x),
    c = Math.cos(x);
  const at = (g: Func): number => run(g, [{ dtype: "f64", shape: [], data: Float64Array.of(x) }])[0]?.[0] ?? NaN;
  assert.ok(Math.abs(at(d(cubic)) - (x * x * c + 2 * x * s)) < 1e-13);
  assert.ok(Math.abs(at(d(d(cubic))) - (4 * x * c + (2 - x * x) * s)) < 1e-13);
  assert.ok(Math.abs(at(d(d(d(cubic)))) - ((6 - x * x) * c - 6 * x * s)) < 1e-12);
});

test("forward over reverse and reverse over reverse give the same Hessian-vector product", () => {
  const g = gradFunc(f, [true, false]);
  const gradOnly: Func = { ...g, results: g.results.slice(1) };
  const v = randomArgs([f64(3)], 21);
  const forward = run(jvpFunc(gradOnly, [true, false]).func, [...args, ...v])[1] ?? [];
  const inner = func((w, x, u) => total(mul(inline(gradOnly, [w, x])[0] ?? w, u)), f64(3), f64(4, 3), f64(3));
  const reverse = run(gradFunc(inner, [true, false, false]), [...args, ...v])[1] ?? [];
  assert.ok(distance(forward, reverse) < 1e-12);
  assert.ok(distance(forward, centralJvp(gradOnly, args, [[...(v[0]?.data ?? [])], null])[0] ?? []) < 1e-7);
});

test("the pairing law <ct, J dx> = <Jᵀ ct, dx> holds", () => {
  const g = func((w, x) => [mul(tanh(x), broadcastLeading(exp(w), 4)), total(mul(w, w))], f64(3), f64(4, 3));
  const lin = linearizeFunc(g, [true, true]);
  const back = vjpFunc(g, [true, true]);
  const dx = randomArgs([f64(3), f64(4, 3)], 31);
  const ct = randomArgs([f64(4, 3), f64()], 41);
  const residuals = (h: Func) =>
    run(h, args)
      .slice(2)
      .map((data, i) => ({ dtype: "f64" as const, shape: h.results[2 + i]?.aval.shape ?? [], data: Float64Array.from(data) }));
  const jdx = run(lin.linear, [...residuals(lin.primal), ...dx]);
  const jtct = run(back.backward, [...residuals(back.forward), ...ct]);
  const left = jdx.reduce((s, r, i) => s + dot(r, [...(ct[i]?.data ?? [])]), 0);
  const right = jtct.reduce((s, r, i) => s + dot(r, [...(dx[i]?.data ?? [])]), 0);
  assert.ok(Math.abs(left - right) < 1e-12);
});

test("an inner gradient does not confuse its perturbation with the outer one", () => {
  // d/dx [ x · d/dy (x) ] = 0, and d/dx [ x · d/dy (x·y) at y = 2 ] = 2x
  const constant = gradFunc(
    func(
      (x, y) => {
        void y;
        return x;
      },
      f64(),
      f64(),
    ),
    [false, true],
  );
  const product = gradFunc(
    func((x, y) => mul(x, y), f64(), f64()),
    [false, true],
  );
  const outer = (g: Func): Func =>
    gradFunc(
      func(x => mul(x, inline(g, [x, exp(mul(x, x))])[1] ?? x), f64()),
      [true],
    );
  const three = [{ dtype: "f64" as const, shape: [], data: Float64Array.of(1.5) }];
  assert.is(run(outer(constant), three)[1]?.[0], 0);
  assert.is(run(outer(product), three)[1]?.[0], 3);
});

test("stopGradient stops, and what is not reached has gradient zero", () => {
  const g = func(
    (x, y, z) => {
      void z;
      return mul(stopGradient(x), y);
    },
    f64(),
    f64(),
    f64(2),
  );
  const got = run(gradFunc(g, [true, true, true]), randomArgs([f64(), f64(), f64(2)]));
  assert.equal(got[1], [0]);
  assert.equal(got[3], [0, 0]);
});

test("gradients pass through dtype conversions and around integers", () => {
  const g = func((x, n) => mul(convert(convert(x, { dtype: "f32" }), { dtype: "f64" }), convert(n, { dtype: "f64" })), f64(), {
    dtype: "i32",
    shape: [],
  });
  const got = run(gradFunc(g, [true, false]), [
    { dtype: "f64", shape: [], data: Float64Array.of(0.5) },
    { dtype: "i32", shape: [], data: Float64Array.of(3) },
  ]);
  assert.equal(got, [[1.5], [3]]);
});

test("partial evaluation saves only what is used and forwards parameters", () => {
  const g = func((a, b, u) => [mul(mul(a, b), u), exp(b)], f64(2), f64(2), f64(2));
  const p = partialEval(g, [false, false, true]);
  assert.equal(p.unknownResults, [true, false]);
  assert.equal(p.residuals, [{ from: "result", index: 1 }]);
  const q = partialEval(
    func((a, u) => mul(a, u), f64(2), f64(2)),
    [false, true],
  );
  assert.equal(q.residuals, [{ from: "param", index: 0 }]);
  assert.is(q.known.results.length, 0);
});

test("partial evaluation makes constants and broadcasts again instead of saving them", () => {
  const g = func((s, u) => mul(broadcastInDim(exp(s), { shape: [50], dims: [] }), u), f64(), f64(50));
  const p = partialEval(g, [false, true]);
  assert.equal(
    p.known.results.map(r => r.aval.shape),
    [[]],
  );
});

test("transposition keeps cotangents that are known to be zero symbolic", () => {
  const g = func((x, y) => [add(x, x), neg(y)], f64(2), f64(2));
  const t = transposeFunc(g, [true, true], [true, false]);
  assert.equal(t.nonzero, [true, false]);
  assert.equal(run(t.func, [{ dtype: "f64", shape: [2], data: Float64Array.of(1, 2) }]), [[2, 4]]);
});

test("a primitive without the rule is a located error that teaches", () => {
  const odd = definePrimitive<1>({ name: "acme.odd", aval: ([x]) => x, lower: { kind: "map", scalar: (s, [x]) => s.unary("sin", x) } });
  const halfLinear = definePrimitive<1>({
    name: "acme.half",
    aval: ([x]) => x,
    lower: { kind: "map", scalar: (_s, [x]) => x },
    linear: "jointly",
  });
  assert.throws(
    () =>
      jvpFunc(
        func(x => odd(x), f64()),
        [true],
      ),
    /E0301: acme\.odd has no jvp rule[\s\S]*grad\.test\.ts[\s\S]*help: add jvp/,
  );
  assert.throws(
    () =>
      gradFunc(
        func(x => halfLinear(x), f64()),
        [true],
      ),
    /E0301: acme\.half has no transpose rule[\s\S]*grad\.test\.ts[\s\S]*help: add transpose/,
  );
});

test("a composite without rules of its own is differentiated through its body", () => {
  const logistic = definePrimitive<1>({
    name: "acme.logistic",
    aval: ([x]) => x,
    lower: { kind: "composite", body: ([x]) => [div(exp(x), add(exp(x), exp(mul(x, neg(div(x, x))))))] },
  });
  const sq = definePrimitive<1>({ name: "acme.sq", aval: ([x]) => x, lower: { kind: "composite", body: ([x]) => [mul(x, x)] } });
  const g = func(x => total(sq(logistic(x))), f64(3));
  const a = randomArgs([f64(3)], 5, 0.1, 2);
  assert.ok(distance(run(gradFunc(g, [true]), a)[1] ?? [], centralGrad(g, a, 0)) < 1e-8);
});

test.run();
