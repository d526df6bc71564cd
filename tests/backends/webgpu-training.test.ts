// Training steps on the WebGPU device, compiled from the same program as on the CPU: the same losses, flat memory, one trace; and whatever allocation or submit of a step
// fails, a typed error, nothing leaked, and the same step works afterwards.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../runtime/device.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { OutOfMemoryError } from "../../runtime/errors/memory.ts";
import { array, jit, matmul, setDefaultDevice, tanh, valueAndGrad, wasm, type Tensor } from "../../stdlib/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import { fsam } from "../../stdlib/sharpness/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { numbers } from "../compiler/transforms/numeric.ts";
import { onDevice, open } from "../runtime/webgpu/device.ts";

interface Params {
  readonly a: Tensor;
  readonly b: Tensor;
}
const data = {
  x: Float32Array.from(numbers(32 * 8, 1, -2, 2)),
  y: Int32Array.from(numbers(32, 2, 0, 3.99).map(Math.floor)),
  a: Float32Array.from(numbers(8 * 16, 3, -0.5, 0.5)),
  b: Float32Array.from(numbers(16 * 4, 4, -0.5, 0.5)),
};
const optimizer = optim.adam({ lr: 1e-2 });
type State = ReturnType<typeof optimizer.init>;
const step = jit(
  (p: Params, s: State, x: Tensor, y: Tensor) => {
    const loss = (q: Params): Tensor => nn.softmaxCrossEntropy(matmul(tanh(matmul(x, q.a)), q.b), y);
    const r = fsam(valueAndGrad(loss), { rho: 0.05 })(p),
      [u, next] = optimizer.update(r.grad, s, p);
    return { loss: r.value, params: optim.applyUpdates(p, u), state: next };
  },
  { donate: [0, 1] },
);
/** Losses of `steps` steps on a device; everything it made is given back. `before` and `after` are told of each step. */
async function train(
  device: Device,
  steps: number,
  { before, after }: { readonly before?: (i: number) => void; readonly after?: (i: number) => void } = {},
): Promise<number[]> {
  setDefaultDevice(device);
  const fixed: Tensor[] = [],
    losses: number[] = [];
  const keep = (t: Tensor): Tensor => (fixed.push(t), t);
  let params: Params | undefined, state: State | undefined;
  try {
    const x = keep(array(data.x, { shape: [32, 8] })),
      y = keep(array(data.y));
    params = { a: array(data.a, { shape: [8, 16] }), b: array(data.b, { shape: [16, 4] }) };
    state = optimizer.init(params);
    for (let i = 0; i < steps; i++) {
      before?.(i);
      const r: ReturnType<typeof step> = step(params, state, x, y);
      params = r.params;
      state = r.state as State; // the step keeps the structure
      const loss = keep(r.loss);
      losses.push((await loss.data())[0] ?? NaN);
      loss.dispose();
      after?.(i);
    }
    return losses;
  } finally {
    for (const t of [...fixed, ...tree.leaves(params ?? {}), ...tree.leaves(state ?? {})]) (t as Tensor).dispose(); // trees of tensors
  }
}

onDevice("200 Functional-SAM steps have the losses of the CPU, keep memory flat and trace once", async () => {
  const cpu = await train(wasm({ threads: 1 }), 200);
  const traced = step.traces,
    gpu = await open();
  let early = 0;
  const losses = await train(gpu, 200, {
    after: i => {
      if (i === 10) early = gpu.memory().live;
      if (i > 10) assert.is(gpu.memory().live, early, `step ${i}`);
    },
  });
  assert.is(step.traces, traced);
  const apart = Math.max(...losses.map((l, i) => Math.abs(l - (cpu[i] ?? NaN)) / Math.abs(cpu[i] ?? NaN)));
  assert.ok(apart < 1e-4, `losses are ${apart} apart`);
  assert.ok((losses.at(-1) ?? NaN) < (losses[0] ?? NaN) / 2, `${losses[0]} -> ${losses.at(-1)}`);
  assert.equal([gpu.memory().live, gpu.memory().arrays], [0, 0]);
  await gpu.sync();
  gpu.destroy();
});
for (const kind of ["allocation", "submit"] as const)
  onDevice(
    `whichever ${kind} of two training steps fails: a typed error, nothing leaked, and training again gives the same losses`,
    async () => {
      const gpu = await open(),
        want = await train(gpu, 2);
      let n = 1;
      for (; ; n++) {
        const before = (i: number): void => {
          if (i === 0) gpu.faults.set({ [kind]: n });
        };
        const outcome = await train(gpu, 2, { before }).catch((e: unknown) => e);
        gpu.faults.set({});
        if (Array.isArray(outcome)) break;
        assert.instance(outcome, kind === "allocation" ? OutOfMemoryError : PullbackError, `${kind} ${n}: ${String(outcome)}`);
        assert.equal([gpu.memory().live, gpu.memory().arrays], [0, 0], `${kind} ${n}`);
        assert.equal(await train(gpu, 2), want, `after ${kind} ${n}`);
      }
      assert.ok(n > 3, `only ${n - 1} places were tried`);
      gpu.destroy();
    },
  );

test.run();
