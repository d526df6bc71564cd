// Optimizers and schedules against optax: five steps with given gradients, in f64 and f32, under jit.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, jit, type Tensor } from "../../stdlib/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { astype } from "../../stdlib/ops/arithmetic.ts";
import { take } from "../../stdlib/ops/take.ts";
import { goldenAt, goldenCases, loadGolden, type Golden } from "../goldens/load.ts";
import { numbers, tensors } from "../support/numbers.ts";

const golden = loadGolden("optim");
type Params = { readonly b: Tensor; readonly w: Tensor };
const number = (name: string, key: string): number => Number(goldenAt(golden, "optimizers", name, key));
const lr = 0.05;
const made: { readonly [name: string]: () => optim.Optimizer } = {
  sgd: () => optim.sgd({ lr }) as optim.Optimizer,
  momentum: () => optim.sgd({ lr, momentum: number("momentum", "momentum") }) as optim.Optimizer,
  nesterov: () => optim.sgd({ lr, momentum: 0.9, nesterov: true }) as optim.Optimizer,
  adam: () => optim.adam({ lr }) as optim.Optimizer,
  adamw: () => optim.adamw({ lr, b1: 0.9, b2: number("adamw", "b2"), eps: 1e-9, weightDecay: 0.1 }) as optim.Optimizer,
  lion: () => optim.lion({ lr, weightDecay: number("lion", "weight_decay") }) as optim.Optimizer,
  clip_adam: () => optim.chain(optim.clipByGlobalNorm(1), optim.adam({ lr })) as optim.Optimizer,
  rmsprop: () => optim.rmsprop({ lr }) as optim.Optimizer,
  adagrad: () => optim.adagrad({ lr }) as optim.Optimizer,
};
for (const [name, make] of Object.entries(made))
  for (const [dtype, tolerance] of [
    ["f64", 1e-12],
    ["f32", 5e-6],
  ] as const) {
    test(`${name} follows optax for five steps in ${dtype}`, () => {
      assert.is(number(name, "learning_rate"), lr);
      const opt = make(),
        cast = (t: unknown): unknown => tree.map((x: Tensor) => astype(x, dtype), t);
      const grads = cast(tensors(goldenAt(golden, "grads"))) as Params,
        want = tensors(goldenAt(golden, "optimizers", name, dtype)) as Params;
      const step = jit((p: Params, s: unknown, g: Params) => {
        const [u, next] = opt.update(g, s, p);
        return { p: optim.applyUpdates(p, u), s: next };
      });
      let p = cast(tensors(goldenAt(golden, "params"))) as Params,
        s: unknown = opt.init(p);
      for (let i = 0; i < 5; i++) {
        const at = (t: Params): Params => tree.map((x: Tensor) => take(x, array(i, { dtype: "i32" })), t),
          r = step(p, s, at(grads));
        p = r.p as Params; // the step keeps the structure
        s = r.s;
        const got = numbers(p),
          y = numbers(at(want));
        got.forEach((v, k) =>
          assert.ok(Math.abs(v - (y[k] ?? NaN)) <= tolerance * (1 + Math.abs(y[k] ?? 0)), `step ${i}[${k}]: ${v}, not ${y[k]}`),
        );
      }
      assert.is(step.traces, 1);
    });
  }
test("schedules follow optax", () => {
  const g = (name: string, key: string): number => Number(goldenAt(golden, "schedules", name, key));
  const schedules: { readonly [name: string]: optim.Schedule } = {
    constant: optim.constant(g("constant", "value")),
    linear: optim.linear({ init: g("linear", "init"), end: g("linear", "end"), steps: g("linear", "steps") }),
    cosine: optim.cosine({ init: g("cosine", "init"), steps: g("cosine", "steps"), alpha: g("cosine", "alpha") }),
    warmup_cosine: optim.warmupCosine({
      init: g("warmup_cosine", "init"),
      peak: g("warmup_cosine", "peak"),
      warmup: g("warmup_cosine", "warmup"),
      steps: g("warmup_cosine", "steps"),
      end: g("warmup_cosine", "end"),
    }),
    exponential: optim.exponential({ init: g("exponential", "init"), steps: g("exponential", "steps"), rate: g("exponential", "rate") }),
  };
  for (const [name, s] of Object.entries(schedules)) {
    const at = numbers(tensors(goldenAt(golden, "schedules", name, "at"))),
      out = numbers(tensors(goldenAt(golden, "schedules", name, "out")));
    at.forEach((t, i) => {
      const v = s(t).item();
      assert.ok(Math.abs(v - (out[i] ?? NaN)) <= 2e-6 * (Math.abs(out[i] ?? 0) + 1e-3), `${name} at ${t}: ${v}, not ${out[i]}`);
    });
  }
});
test("clipping by the global norm follows optax", () => {
  for (const c of goldenCases(golden, "clip_by_global_norm")) {
    const grads = tensors(c["grads"] as Golden),
      [u] = optim.clipByGlobalNorm(Number(c["max_norm"])).update(grads, null, grads); // the file's layout
    const got = numbers(u),
      y = numbers(tensors(c["out"] as Golden)); // likewise
    got.forEach((v, k) => assert.ok(Math.abs(v - (y[k] ?? NaN)) <= 1e-12 * (1 + Math.abs(y[k] ?? 0))));
  }
});

const params = (): Params => ({
  b: array([1, -2, 3]),
  w: array([
    [1, 2, 3],
    [4, 5, 6],
  ]),
});
const grads = (): Params => ({
  b: array([0.5, 0, -1]),
  w: array([
    [1, 0, 0],
    [0, 0, 2],
  ]),
});
const near = (got: unknown, want: readonly number[], tolerance = 1e-6): void => {
  const x = numbers(got);
  assert.is(x.length, want.length);
  x.forEach((v, i) => assert.ok(Math.abs(v - (want[i] ?? NaN)) <= tolerance * (1 + Math.abs(v)), `[${i}]: ${v}, not ${want[i]}`));
};

test("weight decay touches only the leaves of its mask, given as a tree or as a question", () => {
  const zero = tree.zerosLike(params());
  for (const mask of [{ b: false, w: true }, (path: string) => path === "w", (_: string, x: Tensor) => x.ndim > 1]) {
    const opt = optim.adamw({ lr: 1, weightDecay: 0.5, mask }),
      [u] = opt.update(zero, opt.init(params()), params());
    near(u, [0, 0, 0, -0.5, -1, -1.5, -2, -2.5, -3]);
  }
  assert.throws(() => {
    const opt = optim.adamw({ lr: 1, mask: { b: true } });
    opt.update(zero, opt.init(params()), params());
  }, /E0801: a mask has 1 leaves in another structure/);
});
test("a learning rate may be a schedule: it sees step 0 first, and one compiled step serves all", () => {
  const opt = optim.sgd({ lr: optim.linear({ init: 1, end: 0, steps: 4 }) });
  const step = jit((p: Params, s: ReturnType<typeof opt.init>) => {
    const [u, next] = opt.update(grads(), s, p);
    return { u, s: next };
  });
  let s = opt.init(params());
  for (const rate of [1, 0.75, 0.5, 0.25, 0]) {
    const r = step(params(), s);
    near(
      r.u,
      numbers(grads()).map(g => -rate * g),
    );
    s = r.s as typeof s; // the step keeps the structure
  }
  assert.is(step.traces, 1);
});
test("schedules join, jump and warm up from any start", () => {
  const at = (s: optim.Schedule, t: number): number => s(array(t, { dtype: "i32" })).item();
  const joined = optim.join([optim.constant(1), optim.linear({ init: 5, end: 7, steps: 2 }), optim.constant(9)], [2, 5]);
  assert.equal(
    [0, 1, 2, 3, 4, 5, 6].map(t => at(joined, t)),
    [1, 1, 5, 6, 7, 9, 9],
  );
  assert.equal(
    [0, 2, 3, 4, 5].map(t => at(optim.piecewise({ init: 8, factors: { 3: 0.5, 5: 0.25 } }), t)),
    [8, 8, 4, 4, 1],
  );
  assert.equal(
    [0, 1, 2].map(t => Math.round(at(optim.warmupCosine({ peak: 1, warmup: 0, steps: 2 }), t) * 1e6) / 1e6),
    [1, 0.5, 0],
  );
  assert.equal(
    [0, 2, 4, 9].map(t => at(optim.linear({ init: 1, end: 0, steps: 4, power: 2 }), t)),
    [1, 0.25, 0, 0],
  );
  assert.throws(
    () => optim.warmupCosine({ peak: 1, warmup: 5, steps: 5 }),
    /E0801: warmupCosine: warmup is 5, it must be less than steps \(5\)/,
  );
  assert.throws(() => optim.linear({ init: 1, end: 0, steps: 0 }), /E0801: linear: steps is 0/);
  assert.throws(() => optim.join([optim.constant(1)], [3]), /E0801: join: boundaries is 1/);
  assert.throws(() => optim.join([optim.constant(1), optim.constant(2), optim.constant(3)], [3, 3]), /E0801: join: a boundary is 3/);
  assert.throws(() => optim.piecewise({ init: 1, factors: { [-1]: 2 } }), /E0801: piecewise/);
});
test("parts without state compose: scaling by a number, by a schedule, clipping by element", () => {
  const opt = optim.chain(optim.clip(0.75), optim.scaleBySchedule(optim.piecewise({ init: 1, factors: { 1: 10 } })), optim.scale(2));
  const [u, s] = opt.update(grads(), opt.init(params()), params()),
    [v] = opt.update(grads(), s, params());
  near(u, [1, 0, -1.5, 1.5, 0, 0, 0, 0, 1.5]);
  near(v, [10, 0, -15, 15, 0, 0, 0, 0, 15]);
});
test("moments of bf16 and f16 parameters are f32, updates have the gradient's dtype, and parameters keep theirs", () => {
  for (const dtype of ["bf16", "f16"] as const)
    for (const make of [
      () => optim.adam({ lr: 0.1 }),
      () => optim.lion({ lr: 0.1 }),
      () => optim.sgd({ lr: 0.1, momentum: 0.9 }),
      () => optim.rmsprop({ lr: 0.1 }),
      () => optim.adagrad({ lr: 0.1 }),
    ]) {
      const opt = make() as optim.Optimizer,
        half = (t: Params): Params => tree.map((x: Tensor) => astype(x, dtype), t),
        state = opt.init(half(params()));
      for (const x of tree.leaves(state) as Tensor[]) assert.ok(x.dtype === "f32" || x.dtype === "i32"); // states are trees of tensors
      const [u] = opt.update(half(grads()), state, half(params()));
      assert.is(u.w.dtype, dtype);
      assert.is(optim.applyUpdates(half(params()), u).w.dtype, dtype);
    }
});
test("a zero gradient leaves Adam's, RMSProp's and Adagrad's updates zero, never NaN", () => {
  for (const opt of [optim.adam({ lr: 1 }), optim.rmsprop({ lr: 1 }), optim.adagrad({ lr: 1, initial: 0 })] as optim.Optimizer[]) {
    const zero = tree.zerosLike(params()),
      [u] = opt.update(zero, opt.init(params()), params());
    assert.ok(numbers(u).every(v => v === 0));
  }
});
test("the second moment is found in the state of any chain that has one", () => {
  const opt = optim.chain(optim.clipByGlobalNorm(1), optim.adamw({ lr: 0.1, b2: 0.9 })),
    [, s] = opt.update(grads(), opt.init(params()), params());
  const n = Math.hypot(...numbers(grads()));
  near(
    optim.secondMoment(s),
    numbers(grads()).map(g => (0.1 * g * g) / n ** 2),
    1e-5,
  );
  assert.is(optim.secondMoment(optim.sgd({ lr: 1 }).init(params())), undefined);
});

test.run();
