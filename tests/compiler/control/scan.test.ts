// scan against the same steps written out, under every transform.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { scan, fori, while_ } from "../../../compiler/control/loops.ts";
import { cond, switch_ } from "../../../compiler/control/branches.ts";
import { add, mul } from "../../../compiler/primitives/arithmetic.ts";
import { reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { greater, less } from "../../../compiler/primitives/compare.ts";
import { sin, tanh } from "../../../compiler/primitives/trigonometric.ts";
import { convert } from "../../../compiler/primitives/convert.ts";
import { exp } from "../../../compiler/primitives/exponential.ts";
import { full } from "../../../compiler/primitives/fill.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { lit } from "../../../compiler/trace/builder.ts";
import { inline } from "../../../compiler/trace/trace.ts";
import { jvpFunc } from "../../../compiler/transforms/jvp.ts";
import { gradFunc, linearizeFunc } from "../../../compiler/transforms/linearize.ts";
import { batchFunc } from "../../../compiler/transforms/vmap.ts";
import { centralGrad, centralJvp, distance, f64, func, randomArgs, run } from "../transforms/numeric.ts";

const total = (x: Tensor): Tensor => reduceSum(x, { axes: x.shape.map((_, i) => i) });
type Step = (w: Tensor, c: Tensor, x: Tensor) => readonly [Tensor, Tensor];
const step: Step = (w, c, x) => {
  const h = tanh(add(mul(c, exp(w)), x));
  return [h, mul(h, sin(w))];
};
/** w: [2], c: [2], xs: [5,2] -> sum over last carry and ys */
const looped =
  (options: object) =>
  (w: Tensor, c: Tensor, xs: Tensor): Tensor => {
    const [last, ys] = scan((k: Tensor, x: Tensor) => step(w, k, x), c, xs, options);
    return add(total(last), total(mul(ys, ys)));
  };
const avals = [f64(2), f64(2), f64(5, 2)];
const args = randomArgs(avals, 1, -0.5, 0.5);
const all = [true, true, true];
const close = (a: readonly (readonly number[])[], b: readonly (readonly number[])[], eps = 1e-12): void => {
  assert.is(a.length, b.length);
  a.forEach((r, i) => assert.ok(distance(r, b[i] ?? []) < eps, `result ${i} differs by ${distance(r, b[i] ?? [])}`));
};
const second = (f: Func, wrt: readonly boolean[]): Func => {
  const g = gradFunc(f, wrt);
  const n = f.results.length;
  return gradFunc(
    func(
      (...xs) =>
        inline(g, xs)
          .slice(n)
          .map(d => total(mul(d, d)))
          .reduce((a, b) => add(a, b)),
      ...f.params.map(v => v.aval),
    ),
    wrt,
  );
};

for (const reverse of [false, true])
  for (const unroll of [1, 2, 3]) {
    const f = func(looped({ reverse, unroll }), ...avals);
    const written = func(looped({ reverse, unroll: true }), ...avals);
    test(`values and gradients are those of the steps written out (reverse ${reverse}, unroll ${unroll})`, () => {
      assert.ok(!written.eqns.some(e => e.prim.name === "scan"));
      close(run(f, args), run(written, args));
      close(run(gradFunc(f, all), args), run(gradFunc(written, all), args));
      close(run(second(f, all), args), run(second(written, all), args), 1e-10);
    });
  }

test("the gradient agrees with central differences", () => {
  const f = func(looped({}), ...avals);
  const g = run(gradFunc(f, all), args);
  [0, 1, 2].forEach(k => assert.ok(distance(g[1 + k] ?? [], centralGrad(f, args, k)) < 1e-8));
});

test("jvp and linearize agree with central differences", () => {
  const f = func((w, c, xs) => scan((k: Tensor, x: Tensor) => step(w, k, x), c, xs), ...avals);
  const dxs = randomArgs(avals, 9);
  const want = centralJvp(
    f,
    args,
    dxs.map(d => [...d.data]),
  );
  close(run(jvpFunc(f, all).func, [...args, ...dxs]).slice(2), want, 1e-8);
  const l = linearizeFunc(f, all);
  const residuals = run(l.primal, args)
    .slice(2)
    .map((data, i) => ({ dtype: "f64" as const, shape: l.primal.results[2 + i]?.aval.shape ?? [], data: Float64Array.from(data) }));
  close(run(l.linear, [...residuals, ...dxs]), want, 1e-8);
});

test("what depends on constants alone is computed before the loop and not stacked", () => {
  const f = func((w, c, xs) => total(scan((k: Tensor, x: Tensor) => [add(mul(k, exp(w)), x), null], c, xs)[0]), ...avals);
  const l = linearizeFunc(f, [false, true, true]);
  assert.equal(
    l.primal.results.slice(1).map(r => r.aval.shape),
    [[2]],
  );
  const g = gradFunc(f, [true, true, false]);
  assert.is(g.eqns.filter(e => e.prim.name === "exp").length, 1);
  assert.equal(
    g.eqns
      .filter(e => e.prim.name === "scan")
      .flatMap(e => (e.params.body === undefined ? [] : (e.params.body as Func).eqns.filter(b => b.prim.name === "exp"))).length,
    0,
  );
});

test("a counter in the carry is run forwards while the rest is transposed", () => {
  const f = func(
    (x, n) =>
      scan(
        ([i, y]: [Tensor, Tensor]) => [
          [add(i, lit(1, "i32")), mul(y, add(convert(i, { dtype: "f64" }), sin(x)))] as [Tensor, Tensor],
          null,
        ],
        [n, x] as [Tensor, Tensor],
        null,
        { length: 4 },
      )[0][1],
    f64(),
    { dtype: "i32", shape: [] },
  );
  const a = [...randomArgs([f64()]), { dtype: "i32" as const, shape: [], data: Float64Array.of(1) }];
  assert.ok(distance(run(gradFunc(f, [true, false]), a)[1] ?? [], centralGrad(f, a, 0)) < 1e-7);
});

test("vmap over any of its operands is a stack of loops", () => {
  const f = func((w, c, xs) => scan((k: Tensor, x: Tensor) => step(w, k, x), c, xs), ...avals);
  for (const flags of [
    [true, false, false],
    [false, true, false],
    [false, false, true],
    [true, true, true],
    [true, false, true],
  ]) {
    const b = batchFunc(f, flags, { size: 3, name: undefined }, [true, true]);
    const wide = flags
      .map((has, i) => {
        const a = avals[i] ?? f64();
        return randomArgs([has ? f64(3, ...a.shape) : a], 20 + i)[0];
      })
      .filter(x => x !== undefined);
    const got = run(b.func, wide);
    const each = [0, 1, 2].map(n =>
      run(
        f,
        wide.map((x, i) => {
          const a = avals[i] ?? f64();
          const size = a.shape.reduce((p, d) => p * d, 1);
          return flags[i] ? { ...x, shape: a.shape, data: x.data.slice(n * size, (n + 1) * size) } : x;
        }),
      ),
    );
    close(
      got,
      [0, 1].map(k => each.flatMap(e => e[k] ?? [])),
    );
  }
});

test("gradients of a batched scan and batches of a scan's gradient agree", () => {
  const f = func(looped({}), ...avals);
  const b = batchFunc(f, [false, true, true], { size: 3, name: undefined });
  const wide = [f64(2), f64(3, 2), f64(3, 5, 2)];
  const summed = func((...xs) => total(inline(b.func, xs)[0] ?? lit(0, "f64")), ...wide);
  const of = gradFunc(summed, all);
  const inner = batchFunc(gradFunc(f, all), [false, true, true], { size: 3, name: undefined });
  const xs = randomArgs(wide, 33);
  const left = run(of, xs),
    right = run(inner.func, xs);
  close(left.slice(2), right.slice(2));
  assert.ok(
    distance(
      left[1] ?? [],
      [0, 1].map(i => [0, 1, 2].reduce((s, n) => s + (right[1]?.[n * 2 + i] ?? NaN), 0)),
    ) < 1e-12,
  );
});

test("nested scans differentiate", () => {
  const f = func(
    (w, xs) =>
      total(
        scan(
          (c: Tensor, row: Tensor) => {
            const [h] = scan((k: Tensor, x: Tensor) => [tanh(add(mul(k, w), x)), null], c, row);
            return [h, null];
          },
          w,
          xs,
        )[0],
      ),
    f64(),
    f64(3, 4),
  );
  const a = randomArgs([f64(), f64(3, 4)]);
  const g = run(gradFunc(f, [true, true]), a);
  [0, 1].forEach(k => assert.ok(distance(g[1 + k] ?? [], centralGrad(f, a, k)) < 1e-8));
  close(
    [run(second(f, [true, true]), a)[1] ?? []],
    [
      centralGrad(
        func((...xs) => inline(second(f, [true, true]), xs)[0] ?? lit(0, "f64"), f64(), f64(3, 4)),
        a,
        0,
      ),
    ],
    1e-6,
  );
});

test("a scan of no steps returns its carry, and its gradient passes through", () => {
  const f = func((c, xs) => total(scan((k: Tensor, x: Tensor) => [mul(k, x), x], c, xs)[0]), f64(2), f64(0, 2));
  const a = randomArgs([f64(2), f64(0, 2)]);
  close(run(gradFunc(f, [true, true]), a), [run(f, a)[0] ?? [], [1, 1], []]);
});

test("fori with fixed bounds can be differentiated backwards, with tensor bounds only forwards", () => {
  const fixed = func(x => fori(1, 4, (i, y: Tensor) => mul(sin(y), convert(i, { dtype: "f64" })), x), f64());
  const free = func((x, n) => fori(1, n, (i, y: Tensor) => mul(sin(y), convert(i, { dtype: "f64" })), x), f64(), {
    dtype: "i32",
    shape: [],
  });
  const x = randomArgs([f64()]),
    four = { dtype: "i32" as const, shape: [], data: Float64Array.of(4) };
  close(run(fixed, x), run(free, [...x, four]));
  const d = centralGrad(fixed, x, 0);
  assert.ok(distance(run(gradFunc(fixed, [true]), x)[1] ?? [], d) < 1e-8);
  const one = { dtype: "f64" as const, shape: [], data: Float64Array.of(1) };
  assert.ok(distance(run(jvpFunc(free, [true, false]).func, [...x, four, one])[1] ?? [], d) < 1e-8);
  const l = linearizeFunc(free, [true, false]);
  const residuals = run(l.primal, [...x, four])
    .slice(1)
    .map((data, i) => ({
      dtype: l.primal.results[1 + i]?.aval.dtype ?? "f64",
      shape: l.primal.results[1 + i]?.aval.shape ?? [],
      data: Float64Array.from(data),
    }));
  assert.ok(distance(run(l.linear, [...residuals, one])[0] ?? [], d) < 1e-8);
  assert.throws(() => gradFunc(free, [true, false]), /E0503/);
});

test("while_ under vmap runs each example as long as it wants", () => {
  const f = func(
    x =>
      while_(
        (y: Tensor) => less(y, lit(10, "f64")),
        y => mul(y, lit(2, "f64")),
        x,
      ),
    f64(),
  );
  const b = batchFunc(f, [true], { size: 3, name: undefined });
  close(run(b.func, [{ dtype: "f64", shape: [3], data: Float64Array.of(1, 3, 50) }]), [[16, 12, 50]]);
});

test("cond runs and differentiates the chosen branch", () => {
  const f = func(
    (p, x, y) =>
      cond(
        greater(p, lit(0, "f64")),
        (a: Tensor, b: Tensor) => mul(sin(a), b),
        (a: Tensor) => mul(exp(a), a),
        x,
        y,
      ),
    f64(),
    f64(),
    f64(),
  );
  for (const p of [1, -1]) {
    const a = [{ dtype: "f64" as const, shape: [], data: Float64Array.of(p) }, ...randomArgs([f64(), f64()], 3)];
    const g = run(gradFunc(f, [false, true, true]), a);
    [1, 2].forEach(k => assert.ok(distance(g[k] ?? [], centralGrad(f, a, k)) < 1e-8));
    const s = func((...xs) => inline(second(f, [false, true, true]), xs)[0] ?? lit(0, "f64"), f64(), f64(), f64());
    close(run(second(f, [false, true, true]), a).slice(1), [centralGrad(s, a, 1), centralGrad(s, a, 2)], 1e-6);
  }
});

test("switch clamps its index, and under vmap selects per example", () => {
  const f = func(
    (i, x) => switch_(i, [(y: Tensor) => sin(y), (y: Tensor) => exp(y), (y: Tensor) => mul(y, y)], x),
    { dtype: "i32", shape: [] },
    f64(),
  );
  const i32 = (...v: number[]) => ({ dtype: "i32" as const, shape: v.length === 1 ? [] : [v.length], data: Float64Array.from(v) });
  const x = [0.5];
  const fx = { dtype: "f64" as const, shape: [], data: Float64Array.from(x) };
  close(
    [-3, 0, 1, 2, 9].map(i => run(f, [i32(i), fx])[0] ?? []),
    [[Math.sin(0.5)], [Math.sin(0.5)], [Math.exp(0.5)], [0.25], [0.25]],
  );
  const b = batchFunc(f, [true, false], { size: 4, name: undefined });
  close(run(b.func, [i32(-1, 0, 1, 7), fx]), [[Math.sin(0.5), Math.sin(0.5), Math.exp(0.5), 0.25]]);
  const g = batchFunc(gradFunc(f, [false, true]), [true, true], { size: 3, name: undefined });
  close(run(g.func, [i32(0, 1, 2), { dtype: "f64", shape: [3], data: Float64Array.of(0.5, 0.5, 0.5) }]).slice(1), [
    [Math.cos(0.5), Math.exp(0.5), 1],
  ]);
});

test("branches and bodies close over outer tracers, and gradients reach those", () => {
  const f = func(
    (w, x) => {
      const h = exp(w);
      return cond(
        greater(x, lit(0, "f64")),
        () => mul(h, sin(x)),
        () => h,
      );
    },
    f64(),
    f64(),
  );
  const a = randomArgs([f64(), f64()], 4, 0.1, 1);
  const g = run(gradFunc(f, [true, true]), a);
  [0, 1].forEach(k => assert.ok(distance(g[1 + k] ?? [], centralGrad(f, a, k)) < 1e-8));
});

test("a JavaScript number in the carry takes the dtype that the body gives it", () => {
  const f = func(xs => scan<number, Tensor, null>((s, x) => [s.weak ? (x as unknown as number) : add(s, x), null], 0, xs)[0], f64(4));
  assert.equal(f.results[0]?.aval, f64());
  const g = func(
    x =>
      cond<[], Tensor | number>(
        greater(x, lit(0, "f64")),
        () => x,
        () => 0,
      ),
    f64(),
  );
  assert.equal(g.results[0]?.aval, f64());
});

test("what does not fit is an error with both facts", () => {
  const x = f64(2);
  assert.throws(
    () => func(c => scan((k: Tensor) => [convert(k, { dtype: "f32" }), null], c, null, { length: 2 })[0], x),
    /E0501: carry of scan is f64\[2\] and becomes f32\[2\]/,
  );
  assert.throws(
    () => func(c => scan((k: Tensor) => [[k, k] as unknown as Tensor, null], c, null, { length: 2 })[0], x),
    /E0501: scan begins with a carry \* and its body returns \[\*, \*\]/,
  );
  assert.throws(
    () => func(c => scan((k: Tensor) => [k, null], c, [c, full([3], 0, "f64")])[0], x),
    /E0504: scan: xs\[1\] is f64\[3\], the loop has 2 steps/,
  );
  assert.throws(
    () =>
      func(
        c =>
          cond(
            greater(c, c),
            () => c,
            () => c,
          ),
        x,
      ),
    /E0505: cond chooses by bool\[2\]/,
  );
  assert.throws(
    () =>
      func(
        c =>
          cond(
            greater(total(c), lit(0, "f64")),
            () => c,
            () => total(c),
          ),
        x,
      ),
    /E0502: the branches of cond return f64\[\] and f64\[2\]/,
  );
  assert.throws(
    () =>
      func(
        c =>
          while_(
            (k: Tensor) => greater(k, k),
            k => k,
            c,
          ),
        x,
      ),
    /E0505: the condition of a while loop is bool\[2\]/,
  );
});

test.run();
