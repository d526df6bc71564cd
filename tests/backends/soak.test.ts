// 2,000 training steps: memory stays flat, nothing is compiled again, and everything is given back at the end.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  array,
  broadcastTo,
  jit,
  matmul,
  OutOfMemoryError,
  setDefaultDevice,
  sum,
  tanh,
  valueAndGrad,
  wasm,
  type Tensor,
} from "../../stdlib/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { fsam } from "../../stdlib/sharpness/index.ts";

test("2,000 Functional-SAM steps with donation keep memory flat and trace once", () => {
  const device = wasm({ threads: 1 });
  setDefaultDevice(device);
  const x = random.normal(random.key(1), [32, 8]),
    y = random.randint(random.key(2), [32], 0, 4);
  const loss = (p: { readonly a: Tensor; readonly b: Tensor }): Tensor => nn.softmaxCrossEntropy(matmul(tanh(matmul(x, p.a)), p.b), y);
  const opt = optim.adam({ lr: 1e-2 });
  const step = jit(
    (p: { readonly a: Tensor; readonly b: Tensor }, s: ReturnType<typeof opt.init>) => {
      const r = fsam(valueAndGrad(loss), { rho: 0.05 })(p),
        [u, next] = opt.update(r.grad, s, p);
      return { loss: r.value, params: optim.applyUpdates(p, u), state: next };
    },
    { donate: [0, 1] },
  );
  let params = { a: random.normal(random.key(3), [8, 16]), b: random.normal(random.key(4), [16, 4]) },
    state = opt.init(params),
    first = NaN,
    last = NaN,
    early = 0;
  for (let i = 0; i < 2000; i++) {
    const r = step(params, state);
    params = r.params;
    state = r.state as typeof state; // the step keeps the structure
    last = r.loss.item();
    r.loss.dispose();
    if (i === 0) first = last;
    if (i === 20) early = device.memory().live;
  }
  assert.is(step.traces, 1);
  assert.ok(last < first / 2, `${first} -> ${last}`);
  assert.is(device.memory().live, early);
});
test("a call that runs out of memory gives back everything it took, keeps its donated input, and the next call works", () => {
  const device = wasm({ threads: 1 });
  setDefaultDevice(device);
  const grow = jit((x: Tensor) => [add(x, 1), broadcastTo(sum(x), [1 << 30])] as const, { donate: [0] }),
    small = jit((x: Tensor) => add(x, 1)),
    x = array([1, 2, 3]); // the second result needs 4 GiB
  small(x).dispose();
  assert.throws(
    () => grow(x),
    (e: unknown) => e instanceof OutOfMemoryError && e.facts.requested === 2 ** 32,
  );
  const live = device.memory().live;
  assert.throws(() => grow(x), /E0702/);
  assert.is(device.memory().live, live);
  assert.equal([...small(x).dataSync()], [2, 3, 4]);
});
test("results that are dropped without dispose are collected when the program yields", async () => {
  const device = wasm({ threads: 1 });
  setDefaultDevice(device);
  const f = jit((x: Tensor) => matmul(x, x)),
    x = array(new Float32Array(256 * 256), { shape: [256, 256] });
  for (let i = 0; i < 3000; i++) {
    f(x);
    if (i % 100 === 0) await new Promise(r => setTimeout(r, 0));
  }
  assert.ok(device.memory().peak < 600 * 2 ** 20, `${device.memory().peak / 2 ** 20} MiB at the peak`);
});

test.run();
