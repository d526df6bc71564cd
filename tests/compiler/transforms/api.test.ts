// The transforms as users call them: trees, argument selection, axes, errors that name the leaf.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { grad, valueAndGrad } from "../../../compiler/transforms/api/grad.ts";
import { jvp, linearize } from "../../../compiler/transforms/api/forward.ts";
import { vjp } from "../../../compiler/transforms/api/reverse.ts";
import { hessian, hvp, jacfwd, jacrev } from "../../../compiler/transforms/api/jacobian.ts";
import { vmap } from "../../../compiler/transforms/api/vmap.ts";
import { add, mul } from "../../../compiler/primitives/arithmetic.ts";
import { reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { convert } from "../../../compiler/primitives/convert.ts";
import { dotGeneral } from "../../../compiler/primitives/dot.ts";
import { exp } from "../../../compiler/primitives/exponential.ts";
import { sin, tanh } from "../../../compiler/primitives/trigonometric.ts";
import { lit } from "../../../compiler/trace/builder.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { allGather, axisIndex, pmax, pmean, psum } from "../../../compiler/transforms/collective.ts";
import { centralGrad, distance, f64, func, randomArgs, run } from "./numeric.ts";

const total = (x: Tensor): Tensor => reduceSum(x, { axes: x.shape.map((_, i) => i) });
const matvec = (m: Tensor, x: Tensor): Tensor => dotGeneral(m, x, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] });
const one = (...v: number[]) => ({ dtype: "f64" as const, shape: v.length === 1 ? [] : [v.length], data: Float64Array.from(v) });
const code = (f: () => unknown): string => {
  try {
    f();
  } catch (e) {
    if (e instanceof PullbackError) return e.message;
    throw e;
  }
  return "no error";
};
/** Distance at most eps of every result. */
const close = (a: readonly (readonly number[])[], b: readonly (readonly number[])[], eps = 1e-10): void => {
  assert.is(a.length, b.length);
  a.forEach((r, i) => assert.ok(distance(r, b[i] ?? []) < eps, `result ${i} differs by ${distance(r, b[i] ?? [])}`));
};

test("grad of trees, by position, by several positions and by field names", () => {
  const loss = (p: { w: Tensor; b: Tensor }, x: Tensor): Tensor => total(tanh(add(mul(p.w, x), p.b)));
  const whole = func(
    (w, b, x) => {
      const g = grad(loss)({ w, b }, x);
      return [g.w, g.b];
    },
    f64(2),
    f64(2),
    f64(2),
  );
  const named = func((w, b, x) => [grad(loss, { argnums: "b" })({ w, b }, x)], f64(2), f64(2), f64(2));
  const list = func(
    (w, b, x) => {
      const g = grad(loss, { argnums: ["b", "w"] })({ w, b }, x);
      return [g.w, g.b];
    },
    f64(2),
    f64(2),
    f64(2),
  );
  const both = func(
    (w, b, x) => {
      const [p, dx] = grad(loss, { argnums: [0, 1] })({ w, b }, x);
      return [p.w, p.b, dx];
    },
    f64(2),
    f64(2),
    f64(2),
  );
  const a = randomArgs([f64(2), f64(2), f64(2)]);
  const f = func((w, b, x) => loss({ w, b }, x), f64(2), f64(2), f64(2));
  const want = [0, 1, 2].map(k => centralGrad(f, a, k));
  close(run(whole, a), want.slice(0, 2));
  close(run(named, a), want.slice(1, 2));
  close(run(list, a), want.slice(0, 2));
  close(run(both, a), want);
});

test("valueAndGrad hands out the value, the gradient and the auxiliary output", () => {
  const f = func(x => {
    const r = valueAndGrad((y: Tensor) => [mul(y, sin(y)), { s: exp(y) }] as const, { hasAux: true })(x);
    return [r.value, r.grad, r.aux.s];
  }, f64());
  close(run(f, [one(0.5)]), [[0.5 * Math.sin(0.5)], [Math.sin(0.5) + 0.5 * Math.cos(0.5)], [Math.exp(0.5)]]);
});

test("arguments that are not differentiated reach the function as they are", () => {
  const f = func(x => grad((y: Tensor, train: boolean, scale: number) => (train ? mul(y, lit(scale, "f64")) : y))(x, true, 3), f64());
  close(run(f, [one(2)]), [[3]]);
});

test("grad explains what it cannot differentiate", () => {
  assert.match(
    code(() => func(x => grad((y: Tensor) => y)(x), f64(2))),
    /^E0302: grad needs a function that returns a floating-point scalar; it returned f64\[2\]/,
  );
  assert.match(
    code(() => func(x => grad((y: Tensor) => ({ y }) as unknown as Tensor)(x), f64())),
    /^E0302: .*an (empty )?object/,
  );
  assert.match(
    code(() => func(x => grad((p: { n: Tensor }) => convert(p.n, { dtype: "f32" }))({ n: x }).n, { dtype: "i32", shape: [] })),
    /^E0303: grad cannot differentiate argument\[0\]\.n: i32\[\]/,
  );
  assert.match(
    code(() => func(x => grad((y: Tensor) => y, { argnums: 3 })(x) as unknown as Tensor, f64())),
    /^E0303: grad has no argument 3/,
  );
  assert.match(
    code(() => func(x => grad((y: unknown) => y)({ name: "x", x }) as unknown as Tensor, f64())),
    /^E0104: argument\[0\]\.name is the string "x"/,
  );
});

test("jvp, linearize and vjp agree on trees with integer leaves", () => {
  const f = (p: { w: Tensor; n: Tensor }): { y: Tensor; m: Tensor } => ({
    y: mul(sin(p.w), convert(p.n, { dtype: "f64" })),
    m: add(p.n, p.n),
  });
  const g = func(
    (w, n, dw) => {
      const [out, d] = jvp(f, [{ w, n }], [{ w: dw, n }]);
      const [, lin] = linearize(f, { w, n });
      const [, back] = vjp(f, { w, n });
      const [ct] = back({ y: dw, m: out.m });
      assert.is(d.m, null);
      assert.is(ct.n, null);
      return [out.y, out.m, d.y, lin({ w: dw, n }).y, ct.w];
    },
    f64(),
    { dtype: "i32", shape: [] },
    f64(),
  );
  const dy = 3 * Math.cos(0.5) * 2;
  close(run(g, [one(0.5), { ...one(3), dtype: "i32" }, one(2)]), [[3 * Math.sin(0.5)], [6], [dy], [dy], [dy]]);
});

test("tangents and cotangents of another structure or type are refused with the leaf's name", () => {
  assert.match(
    code(() => func(x => jvp((p: { w: Tensor }) => p.w, [{ w: x }], [{ v: x } as never])[1], f64())),
    /^E0103: tangents and primals have different structures/,
  );
  assert.match(
    code(() => func(x => jvp((p: { w: Tensor }) => p.w, [{ w: x }], [{ w: total(x) }])[1], f64(2))),
    /^E0103: tangents\[0\]\.w is f64\[\], primals\[0\]\.w is f64\[2\]/,
  );
  assert.match(
    code(() => func(x => vjp((y: Tensor) => y, x)[1](convert(x, { dtype: "f32" }))[0], f64(2))),
    /^E0103: cotangents is f32\[2\], outputs is f64\[2\]/,
  );
  assert.match(
    code(() => func(x => jvp((y: Tensor) => (() => y) as never, [x], [x])[1], f64(2))),
    /^E0105: the function given to jvp returned a function at output/,
  );
});

test("both Jacobians agree, and the Hessian is the Jacobian of the gradient", () => {
  const f = (p: { x: Tensor; y: Tensor }): { a: Tensor; b: Tensor } => ({ a: matvec(p.x, tanh(p.y)), b: total(mul(p.y, p.y)) });
  const flat = (j: typeof jacfwd) =>
    func(
      (x, y) => {
        const r = j(f)({ x, y });
        return [r.a.x, r.a.y, r.b.x, r.b.y];
      },
      f64(2, 3),
      f64(3),
    );
  const a = randomArgs([f64(2, 3), f64(3)]);
  const [fwd, rev] = [flat(jacfwd), flat(jacrev)];
  assert.equal(
    fwd.results.map(r => r.aval.shape),
    [[2, 2, 3], [2, 3], [2, 3], [3]],
  );
  assert.equal(
    rev.results.map(r => r.aval),
    fwd.results.map(r => r.aval),
  );
  close(run(fwd, a), run(rev, a));
  const y = a[1]?.data ?? [];
  close([run(fwd, a)[3] ?? []], [[...y].map(v => 2 * v)]);
  const h = func(v => hessian((u: Tensor) => total(mul(mul(u, u), sin(u))))(v), f64(2));
  const [p, q] = [0.3, -0.8].map(v => (2 - v * v) * Math.sin(v) + 4 * v * Math.cos(v));
  close(run(h, [one(0.3, -0.8)]), [[p ?? 0, 0, 0, q ?? 0]]);
});

test("hvp is the Hessian times the vector", () => {
  const f = (u: Tensor): Tensor => mul(total(mul(u, u)), total(sin(u)));
  const g = func((u, v) => [hvp(f)(u, v), matvec(hessian(f)(u), v)], f64(3), f64(3));
  const [l, r] = run(g, randomArgs([f64(3), f64(3)]));
  assert.ok(distance(l ?? [], r ?? []) < 1e-12);
});

test("vmap maps named axes of trees and places the outputs' axes", () => {
  const f = (p: { w: Tensor; s: Tensor }, x: Tensor): { y: Tensor; z: Tensor } => ({ y: mul(p.w, x), z: p.s });
  const g = func(
    (w, s, x) => {
      const r = vmap(f, { in: [{ w: -1, s: null }, 0], out: { y: 1, z: null } })({ w, s }, x);
      return [r.y, r.z];
    },
    f64(3, 2),
    f64(),
    f64(2, 3),
  );
  const w = [1, 2, 3, 4, 5, 6],
    x = [1, 10, 100, 2, 20, 200];
  close(run(g, [{ ...one(...w), shape: [3, 2] }, one(7), { ...one(...x), shape: [2, 3] }]), [[1, 4, 30, 80, 500, 1200], [7]]);
});

test("vmap of vmap is the outer product", () => {
  const g = func((a, b) => vmap((x: Tensor) => vmap((y: Tensor) => mul(x, y))(b))(a), f64(2), f64(3));
  close(run(g, [one(1, 2), one(3, 4, 5)]), [[3, 4, 5, 6, 8, 10]]);
});

test("vmap says which axis does not fit", () => {
  assert.match(
    code(() => func(x => vmap((y: Tensor) => y, { in: 2 })(x), f64(2))),
    /^E0203: vmap: argument\[0\] is f64\[2\], which has no axis 2/,
  );
  assert.match(
    code(() => func((x, y) => vmap((a: Tensor, b: Tensor) => add(a, b))(x, y), f64(2), f64(3))),
    /^E0304: vmap: argument\[1\] has 3 along its mapped axis, argument\[0\] says 2/,
  );
  assert.match(
    code(() => func(x => vmap((y: Tensor) => y, { out: null })(x), f64(2))),
    /^E0304: vmap: output has out axis null/,
  );
  assert.match(
    code(() => func(x => vmap((y: Tensor) => y, { in: null })(x), f64(2))),
    /^E0304: vmap maps no argument/,
  );
  assert.match(
    code(() => func(x => vmap((p: { a: Tensor }) => p.a, { in: [{ b: 0 }] })({ a: x }), f64(2))),
    /^E0103: vmap: \{ in \} at \[0\] is no prefix/,
  );
});

test("collectives see the named axis through other vmaps, gradients and unbatched values", () => {
  const x = one(1, 2, 4);
  const g = func(
    v =>
      vmap(
        (y: Tensor) =>
          vmap(
            (k: Tensor) =>
              [
                psum(mul(y, k), { axisName: "i" }),
                pmean(y, { axisName: "i" }),
                pmax(y, { axisName: "i" }),
                convert(axisIndex({ axisName: "i" }), { dtype: "f64" }),
                psum(lit(1, "f64"), { axisName: "i" }),
              ] as const,
          )(v),
        { axisName: "i" },
      )(v),
    f64(3),
  );
  const [s, mean, top, index, size] = run(g, [x]);
  assert.equal(s, [7, 14, 28, 7, 14, 28, 7, 14, 28]);
  close(
    [mean ?? [], top ?? [], index ?? [], size ?? []],
    [new Array(9).fill(7 / 3), new Array(9).fill(4), [0, 0, 0, 1, 1, 1, 2, 2, 2], new Array(9).fill(3)],
  );
  const all = func(
    v =>
      vmap(
        (y: Tensor) => {
          const every = allGather(y, { axisName: "i", size: 3 });
          return mul(total(mul(every, every)), y);
        },
        { axisName: "i" },
      )(v),
    f64(3),
  );
  assert.equal(run(all, [x]), [[21, 42, 84]]);
  const mixed = func(
    v =>
      grad((u: Tensor) =>
        total(
          vmap(
            (y: Tensor) => {
              const e = allGather(y, { axisName: "i", size: 3 });
              return mul(add(total(mul(e, e)), pmax(y, { axisName: "i" })), y);
            },
            { axisName: "i" },
          )(u),
        ),
      )(v),
    f64(3),
  );
  const plain = func(
    v =>
      total(
        vmap(
          (y: Tensor) => {
            const e = allGather(y, { axisName: "i", size: 3 });
            return mul(add(total(mul(e, e)), pmax(y, { axisName: "i" })), y);
          },
          { axisName: "i" },
        )(v),
      ),
    f64(3),
  );
  close(run(mixed, [x]), [centralGrad(plain, [x], 0)], 1e-8);
  const inside = func(
    v => vmap((y: Tensor) => grad((u: Tensor) => mul(u, psum(mul(u, u), { axisName: "i" })))(y), { axisName: "i" })(v),
    f64(3),
  );
  // member i: d/du of sum over members of u_i S, S = sum u²: S + 2 u_i (sum u)
  assert.equal(run(inside, [x]), [[21 + 14, 21 + 28, 21 + 56]]);
});

test("a number among the arguments becomes a weak f32", () => {
  const f = func(
    x => {
      const [y, d] = jvp((a: Tensor, b: number) => mul(a, b as unknown as Tensor), [x, 3], [x, 1]);
      return [y, d];
    },
    { dtype: "f32", shape: [] },
  );
  close(run(f, [{ ...one(2), dtype: "f32" }]), [[6], [8]]);
});

test.run();
