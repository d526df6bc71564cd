// Optimizers and schedules against optax: five steps with given gradients, in f64 and f32, under jit.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, fromHost, fromStorage, jit, readSync, type DType, type HostArray, type Tensor } from "../../stdlib/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { astype } from "../../stdlib/ops/arithmetic.ts";
import { take } from "../../stdlib/ops/take.ts";
import { goldenAt, goldenCases, isGoldenArray, loadGolden, type Golden } from "../goldens/load.ts";

const golden = loadGolden("optim");
type Params = { readonly b: Tensor; readonly w: Tensor };
const tensors = (g: Golden): unknown => (isGoldenArray(g) ? fromHost(g.dtype as DType, [...g.shape], g.data as HostArray) : Object.fromEntries(Object.entries(g as Record<string, Golden>).map(([k, v]) => [k, tensors(v)]))); // the file's layout
const numbers = (t: unknown): number[] => tree.leaves(t).flatMap(x => Array.from(fromStorage((x as Tensor).dtype, readSync(x as Tensor)))); // trees of tensors
const number = (name: string, key: string): number => Number(goldenAt(golden, "optimizers", name, key));
const lr = 0.05;
const made: { readonly [name: string]: () => optim.Optimizer } = {
  sgd: () => optim.sgd({ lr }) as optim.Optimizer, momentum: () => optim.sgd({ lr, momentum: number("momentum", "momentum") }) as optim.Optimizer, nesterov: () => optim.sgd({ lr, momentum: 0.9, nesterov: true }) as optim.Optimizer,
  adam: () => optim.adam({ lr }) as optim.Optimizer, adamw: () => optim.adamw({ lr, b1: 0.9, b2: number("adamw", "b2"), eps: 1e-9, weightDecay: 0.1 }) as optim.Optimizer, lion: () => optim.lion({ lr, weightDecay: number("lion", "weight_decay") }) as optim.Optimizer,
  clip_adam: () => optim.chain(optim.clipByGlobalNorm(1), optim.adam({ lr })) as optim.Optimizer, rmsprop: () => optim.rmsprop({ lr }) as optim.Optimizer, adagrad: () => optim.adagrad({ lr }) as optim.Optimizer,
};
for (const [name, make] of Object.entries(made)) for (const [dtype, tolerance] of [["f64", 1e-12], ["f32", 5e-6]] as const) {
  test(`${name} follows optax for five steps in ${dtype}`, () => {
    assert.is(number(name, "learning_rate"), lr);
    const opt = make(), cast = (t: unknown): unknown => tree.map((x: Tensor) => astype(x, dtype), t);
    const grads = cast(tensors(goldenAt(golden, "grads"))) as Params, want = tensors(goldenAt(golden, "optimizers", name, dtype)) as Params;
    const step = jit((p: Params, s: unknown, g: Params) => { const [u, next] = opt.update(g, s, p); return { p: optim.applyUpdates(p, u), s: next }; });
    let p = cast(tensors(goldenAt(golden, "params"))) as Params, s: unknown = opt.init(p);
    for (let i = 0; i < 5; i++) {
      const at = (t: Params): Params => tree.map((x: Tensor) => take(x, array(i, { dtype: "i32" })), t), r = step(p, s, at(grads));
      p = r.p as Params; // the step keeps the structure
      s = r.s;
      const got = numbers(p), y = numbers(at(want));
      got.forEach((v, k) => assert.ok(Math.abs(v - (y[k] ?? NaN)) <= tolerance * (1 + Math.abs(y[k] ?? 0)), `step ${i}[${k}]: ${v}, not ${y[k]}`));
    }
    assert.is(step.traces, 1);
  });
}
test("schedules follow optax", () => {
  const g = (name: string, key: string): number => Number(goldenAt(golden, "schedules", name, key));
  const schedules: { readonly [name: string]: optim.Schedule } = {
    constant: optim.constant(g("constant", "value")), linear: optim.linear({ init: g("linear", "init"), end: g("linear", "end"), steps: g("linear", "steps") }),
    cosine: optim.cosine({ init: g("cosine", "init"), steps: g("cosine", "steps"), alpha: g("cosine", "alpha") }),
    warmup_cosine: optim.warmupCosine({ init: g("warmup_cosine", "init"), peak: g("warmup_cosine", "peak"), warmup: g("warmup_cosine", "warmup"), steps: g("warmup_cosine", "steps"), end: g("warmup_cosine", "end") }),
    exponential: optim.exponential({ init: g("exponential", "init"), steps: g("exponential", "steps"), rate: g("exponential", "rate") }),
  };
  for (const [name, s] of Object.entries(schedules)) {
    const at = numbers(tensors(goldenAt(golden, "schedules", name, "at"))), out = numbers(tensors(goldenAt(golden, "schedules", name, "out")));
    at.forEach((t, i) => { const v = s(t).item(); assert.ok(Math.abs(v - (out[i] ?? NaN)) <= 2e-6 * (Math.abs(out[i] ?? 0) + 1e-3), `${name} at ${t}: ${v}, not ${out[i]}`); });
  }
});
test("clipping by the global norm follows optax", () => {
  for (const c of goldenCases(golden, "clip_by_global_norm")) {
    const grads = tensors(c["grads"] as Golden), [u] = optim.clipByGlobalNorm(Number(c["max_norm"])).update(grads, null, grads); // the file's layout
    const got = numbers(u), y = numbers(tensors(c["out"] as Golden)); // likewise
    got.forEach((v, k) => assert.ok(Math.abs(v - (y[k] ?? NaN)) <= 1e-12 * (1 + Math.abs(y[k] ?? 0))));
  }
});

test.run();
