// Marks: reap and plant through every transform and every region, and Functional-SAM built from them.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cond } from "../../../compiler/control/branches.ts";
import { scan, while_ } from "../../../compiler/control/loops.ts";
import { remat } from "../../../compiler/control/remat.ts";
import { add, div, mul, sub } from "../../../compiler/primitives/arithmetic.ts";
import { broadcastInDim, reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { greater, less } from "../../../compiler/primitives/compare.ts";
import { definePrimitive } from "../../../compiler/primitives/define.ts";
import { dotGeneral } from "../../../compiler/primitives/dot.ts";
import { exp, log } from "../../../compiler/primitives/exponential.ts";
import { sqrt } from "../../../compiler/primitives/power.ts";
import { sin, tanh } from "../../../compiler/primitives/trigonometric.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import { lit } from "../../../compiler/trace/builder.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { customVjp } from "../../../compiler/transforms/api/custom.ts";
import { grad, valueAndGrad } from "../../../compiler/transforms/api/grad.ts";
import { mark, plant, reap, type Marked } from "../../../compiler/transforms/api/harvest.ts";
import { jvp } from "../../../compiler/transforms/api/forward.ts";
import { vjp } from "../../../compiler/transforms/api/reverse.ts";
import { vmap } from "../../../compiler/transforms/api/vmap.ts";
import { dce } from "../../../compiler/transforms/dce.ts";
import { centralGrad, distance, f64, func, randomArgs, run } from "./numeric.ts";

const total = (x: Tensor): Tensor => reduceSum(x, { axes: x.shape.map((_, i) => i) });
const matmul = (a: Tensor, b: Tensor): Tensor => dotGeneral(a, b, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] });
const one = (...v: number[]) => ({ dtype: "f64" as const, shape: v.length === 1 ? [] : [v.length], data: Float64Array.from(v) });
const only = (x: Marked): Tensor => {
  if (Array.isArray(x)) throw new Error("several marks");
  return x as Tensor;
}; // not an array
const close = (a: readonly (readonly number[])[], b: readonly (readonly number[])[], eps = 1e-12): void => {
  assert.is(a.length, b.length);
  a.forEach((r, i) => assert.ok(distance(r, b[i] ?? []) < eps, `result ${i} differs by ${distance(r, b[i] ?? [])}`));
};

test("reap takes a marked value out, and plant puts another in its place", () => {
  const f = (x: Tensor): Tensor => mul(mark("h", sin(x)), lit(3, "f64"));
  const g = func(x => {
    const { out, values } = reap(f, "h")(x);
    return [out, only(values), plant(f, "h")(exp(x), x)];
  }, f64());
  close(run(g, [one(0.5)]), [[3 * Math.sin(0.5)], [Math.sin(0.5)], [3 * Math.exp(0.5)]]);
  assert.not.ok(g.eqns.some(e => e.prim.name === "mark"));
});

test("several marks of one name are a list in program order", () => {
  const f = (x: Tensor): Tensor => mul(mark("h", sin(x)), mark("h", exp(x)));
  const g = func(x => {
    const { values } = reap(f, "h")(x);
    return [...(values as readonly Tensor[]), plant(f, "h")([x, x], x)];
  }, f64());
  close(run(g, [one(0.5)]), [[Math.sin(0.5)], [Math.exp(0.5)], [0.25]]);
});

test("no mark, and values that do not fit, are errors that help", () => {
  const f = (x: Tensor): Tensor => mark("h", x);
  assert.throws(
    () => func(x => reap(f, "logits")(x).out, f64()),
    /E0401: reap found no value marked "logits" with the role primal; there are "h" \(primal\)[\s\S]*help: mark it/,
  );
  assert.throws(() => func(x => plant(f, "h")([x, x], x), f64()), /E0404: plant was given 2 values for 1 marks "h"/);
  assert.throws(
    () => func(x => plant(f, "h")(total(x), x), f64(2)),
    /E0404: value 0 planted at "h" is f64\[\], the marked value is f64\[2\]/,
  );
});

test("differentiation gives marks the roles tangent and cotangent, and second order a path", () => {
  const f = (x: Tensor): Tensor => mul(mark("h", sin(x)), x);
  const g = func(x => {
    const forward = reap((y: Tensor) => jvp(f, [y], [lit(1, "f64")])[1], "h", "tangent")(x);
    const back = reap(grad(f), "h", "cotangent")(x);
    const order = reap((y: Tensor) => jvp(grad(f), [y], [lit(1, "f64")])[1], "h", "cotangent.tangent")(x);
    return [only(forward.values), only(back.values), only(order.values)];
  }, f64());
  close(run(g, [one(0.5)]), [[Math.cos(0.5)], [0.5], [1]]);
});

test("a primal mark survives grad even when nothing uses it", () => {
  const g = func(
    x =>
      only(
        reap(
          grad((y: Tensor) => {
            void mark("h", sin(y));
            return mul(y, y);
          }),
          "h",
        )(x).values,
      ),
    f64(),
  );
  close(run(g, [one(0.5)]), [[Math.sin(0.5)]]);
});

// An MLP with softmax cross-entropy. B batch, D inputs, H hidden, C classes.
const [B, D, H, C] = [4, 3, 5, 3] as const;
interface Params {
  readonly w1: Tensor;
  readonly w2: Tensor;
}
const model = (p: Params, x: Tensor): Tensor => matmul(tanh(matmul(x, p.w1)), p.w2);
const crossEntropy = (z: Tensor, y: Tensor): Tensor =>
  div(total(sub(log(reduceSum(exp(z), { axes: [1] })), reduceSum(mul(z, y), { axes: [1] }))), lit(B, "f64"));
const loss =
  (net: (p: Params, x: Tensor) => Tensor) =>
  (p: Params, x: Tensor, y: Tensor): Tensor =>
    crossEntropy(mark("logits", net(p, x)), y);
const rho = 0.3;
const scale = (s: Tensor, x: Tensor): Tensor => mul(broadcastInDim(s, { shape: x.shape, dims: [] }), x);
const norm = (p: Params): Tensor => sqrt(add(total(mul(p.w1, p.w1)), total(mul(p.w2, p.w2))));
const perturb = (p: Params, g: Params): Params => {
  const s = div(lit(rho, "f64"), norm(g));
  return { w1: add(p.w1, scale(s, g.w1)), w2: add(p.w2, scale(s, g.w2)) };
};
const fsam =
  (g: (p: Params, x: Tensor, y: Tensor) => Params) =>
  (p: Params, x: Tensor, y: Tensor): Params => {
    const { out, values } = reap(g, "logits", "cotangent")(p, x, y);
    return plant(g, "logits", "cotangent")(values, perturb(p, out), x, y);
  };
const explicit = (p: Params, x: Tensor, y: Tensor): Params => {
  const c = grad(crossEntropy)(model(p, x), y);
  const g = vjp((q: Params) => model(q, x), p)[1](c)[0];
  return vjp((q: Params) => model(q, x), perturb(p, g))[1](c)[0];
};
const mlp = [f64(D, H), f64(H, C), f64(B, D), f64(B, C)];
const data = [
  ...randomArgs(mlp.slice(0, 3)),
  { dtype: "f64" as const, shape: [B, C], data: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0) },
];
const asFunc = (f: (p: Params, x: Tensor, y: Tensor) => Params): Func =>
  func(
    (w1, w2, x, y) => {
      const g = f({ w1, w2 }, x, y);
      return [g.w1, g.w2];
    },
    ...mlp,
  );
const want = run(asFunc(explicit), data);

test("law 6: fsam(grad(loss)) is the explicit formula with model and loss split by hand", () => {
  close(run(asFunc(fsam(grad(loss(model)))), data), want);
  close(
    run(
      asFunc((p, x, y) => fsam((q, a, b) => valueAndGrad(loss(model))(q, a, b).grad)(p, x, y)),
      data,
    ),
    want,
  );
});

test("law 7: fsam can itself be differentiated", () => {
  const scalar = func(
    (w1, w2, x, y) => {
      const g = fsam(grad(loss(model)))({ w1, w2 }, x, y);
      return add(total(mul(g.w1, g.w1)), total(sin(g.w2)));
    },
    ...mlp,
  );
  const d = func(
    (w1, w2, x, y) => {
      const g = grad((p: Params) => {
        const q = fsam(grad(loss(model)))(p, x, y);
        return add(total(mul(q.w1, q.w1)), total(sin(q.w2)));
      })({ w1, w2 });
      return [g.w1, g.w2];
    },
    ...mlp,
  );
  close(run(d, data), [centralGrad(scalar, data, 0), centralGrad(scalar, data, 1)], 1e-8);
});

test("after planting the cotangent the loss head is gone", () => {
  const head = func(
    (w1, w2, x, y, c) => {
      const g = plant(grad(loss(model)), "logits", "cotangent")(c, { w1, w2 }, x, y);
      return [g.w1, g.w2];
    },
    ...mlp,
    f64(B, C),
  );
  assert.equal(
    dce(head).eqns.filter(e => ["exp", "log"].includes(e.prim.name)),
    [],
  );
  assert.ok(dce(head).eqns.length < head.eqns.length || head.eqns.every(e => e.prim.name !== "exp"));
});

test("fsam goes through remat blocks, scans over layers, conditionals and vmap", () => {
  const rematted = (p: Params, x: Tensor): Tensor => remat(model)(p, x);
  close(run(asFunc(fsam(grad(loss(rematted)))), data), want);
  const whole = remat(loss(model));
  close(run(asFunc(fsam(grad(whole))), data), want);
  const branch = (p: Params, x: Tensor, y: Tensor): Tensor =>
    cond(
      greater(total(x), lit(-1e9, "f64")),
      (q: Params) => loss(model)(q, x, y),
      (q: Params) => total(q.w1),
      p,
    );
  close(run(asFunc(fsam(grad(branch))), data), want);
  const many = func(
    (w1, w2, x, y) => {
      const g = vmap(fsam(grad(loss(model))), { in: [0, null, null] })({ w1, w2 }, x, y);
      return [g.w1, g.w2];
    },
    f64(2, D, H),
    f64(2, H, C),
    ...mlp.slice(2),
  );
  const twice = data.map((a, i) => (i < 2 ? { ...a, shape: [2, ...a.shape], data: Float64Array.from([...a.data, ...a.data]) } : a));
  close(
    run(many, twice),
    want.map(w => [...w, ...w]),
  );
});

test("cotangents marked in a scan are reaped as a stack and planted as slices", () => {
  // h <- tanh(w h), marked each step; planting what was reaped changes nothing
  const f = (w: Tensor, h: Tensor): Tensor => total(scan((c: Tensor) => [mark("h", tanh(scale(w, c))), null], h, null, { length: 4 })[0]);
  const g = func(
    (w, h) => {
      const { out, values } = reap(grad(f), "h", "cotangent")(w, h);
      return [out, only(values), plant(grad(f), "h", "cotangent")(values, w, h)];
    },
    f64(),
    f64(2),
  );
  const a = randomArgs([f64(), f64(2)]);
  const [d, cts, again] = run(g, a);
  assert.equal(g.results[1]?.aval.shape, [4, 2]);
  assert.equal(cts?.slice(6), [1, 1]);
  close([d ?? [], again ?? []], [centralGrad(func(f, f64(), f64(2)), a, 0), d ?? []], 1e-9);
  const values = func((w, h) => only(reap(f, "h")(w, h).values), f64(), f64(2));
  const through = func((w, h) => only(reap(grad(f), "h")(w, h).values), f64(), f64(2));
  close(run(through, a), run(values, a));
});

test("a mark on a value that does not change in a scan still gives a stack, through grad too", () => {
  const f = (w: Tensor, h: Tensor): Tensor => scan((c: Tensor) => [mul(c, mark("k", exp(w))), null], h, null, { length: 3 })[0];
  const g = func(
    (w, h) => [
      only(reap(f, "k")(w, h).values),
      only(
        reap(
          grad((a: Tensor, b: Tensor) => f(a, b), { argnums: 1 }),
          "k",
        )(w, h).values,
      ),
    ],
    f64(),
    f64(),
  );
  const e = Math.exp(0.5);
  close(run(g, [one(0.5), one(1)]), [
    [e, e, e],
    [e, e, e],
  ]);
});

test("a remat region computed twice is reaped once, and is not planted in one place only", () => {
  const f = remat((x: Tensor) => mul(mark("h", sin(x)), mark("h", exp(x))));
  const g = func(
    x =>
      reap(
        grad((y: Tensor) => f(y)),
        "h",
      )(x).values as readonly Tensor[],
    f64(),
  );
  close(run(g, [one(0.5)]), [[Math.sin(0.5)], [Math.exp(0.5)]]);
  assert.throws(
    () =>
      func(
        x =>
          plant(
            grad((y: Tensor) => f(y)),
            "h",
          )([x, x], x),
        f64(),
      ),
    /E0404: "h" is marked inside a remat region/,
  );
  const before = func(x => grad((y: Tensor) => plant(f, "h")([mul(y, y), y], y))(x), f64());
  close(run(before, [one(0.5)]), [[0.75]]);
});

test("branches must mark alike; a linear role counts as zero where a branch has none", () => {
  const f = (p: Tensor, x: Tensor): Tensor =>
    cond(
      greater(p, lit(0, "f64")),
      (y: Tensor) => mul(mark("h", sin(y)), y),
      (y: Tensor) => y,
      x,
    );
  assert.throws(() => func((p, x) => reap(f, "h")(p, x).out, f64(), f64()), /E0402: branches of a conditional mark "h"/);
  const g = func((p, x) => only(reap((y: Tensor) => grad((z: Tensor) => f(p, z))(y), "h", "cotangent")(x).values), f64(), f64());
  close([...run(g, [one(1), one(0.5)]), ...run(g, [one(-1), one(0.5)])], [[0.5], [0]]);
  const both = (p: Tensor, x: Tensor): Tensor =>
    cond(
      greater(p, lit(0, "f64")),
      (y: Tensor) => mul(mark("h", sin(y)), y),
      (y: Tensor) => mark("h", y),
      x,
    );
  const r = func((p, x) => [only(reap(both, "h")(p, x).values), plant(both, "h")(p, p, x)], f64(), f64());
  close([...run(r, [one(1), one(0.5)]), ...run(r, [one(-1), one(0.5)])], [[Math.sin(0.5)], [0.5], [0.5], [-1]]);
});

test("a mark inside a while loop is refused", () => {
  const f = (x: Tensor): Tensor =>
    while_(
      (y: Tensor) => less(y, lit(9, "f64")),
      y => mark("h", mul(y, y)),
      x,
    );
  assert.throws(() => func(x => reap(f, "h")(x).out, f64()), /E0403: "h" is marked inside a while loop/);
});

test("marks inside customVjp are found, in the function and in its rules", () => {
  const f = customVjp(
    (x: Tensor) => mul(mark("h", sin(x)), x),
    (x: Tensor) => [mul(mark("h", sin(x)), x), x] as const,
    (x, ct) => [mul(mark("c", ct, { role: "cotangent" }), x)],
  );
  const g = func(
    x => [
      only(reap(f, "h")(x).values),
      plant(f, "h")(exp(x), x),
      only(
        reap(
          grad((y: Tensor) => f(y)),
          "h",
        )(x).values,
      ),
      only(
        reap(
          grad((y: Tensor) => f(y)),
          "c",
          "cotangent",
        )(x).values,
      ),
      grad((y: Tensor) => reap(f, "h")(y).out)(x),
    ],
    f64(),
  );
  close(run(g, [one(0.5)]), [[Math.sin(0.5)], [Math.exp(0.5) * 0.5], [Math.sin(0.5)], [1], [0.5]]);
});

test("marks inside a composite's body are found", () => {
  const blackbox = definePrimitive<1>({
    name: "acme.block",
    aval: ([x]) => x,
    lower: { kind: "composite", body: ([x]) => [mul(mark("h", sin(x)), x)] },
  });
  const g = func(
    x => [
      only(reap((y: Tensor) => blackbox(y), "h")(x).values),
      plant((y: Tensor) => blackbox(y), "h")(x, x),
      only(
        reap(
          grad((y: Tensor) => blackbox(y)),
          "h",
          "cotangent",
        )(x).values,
      ),
    ],
    f64(),
  );
  close(run(g, [one(0.5)]), [[Math.sin(0.5)], [0.25], [0.5]]);
});

test.run();
