// The browser's GPU process dies in the middle of training: a typed error, a new device, and from the checkpoint on the curve of a run that nothing happened to.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  array,
  DeviceLostError,
  device,
  jit,
  matmul,
  setDefaultDevice,
  tanh,
  valueAndGrad,
  type Device,
  type Tensor,
} from "../../stdlib/index.ts";
import { loadSafetensors, saveSafetensors } from "../../stdlib/io/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import { fsam } from "../../stdlib/sharpness/index.ts";
import { numbers } from "../compiler/transforms/numeric.ts";
import { ask, give } from "./channel.ts";

const STEPS = 24,
  SAVED = 8,
  CRASH = 13;
const optimizer = optim.adam({ lr: 1e-2 });
const initial = () => {
  const params = {
    a: array(Float32Array.from(numbers(8 * 16, 3, -0.5, 0.5)), { shape: [8, 16] }),
    b: array(Float32Array.from(numbers(16 * 4, 4, -0.5, 0.5)), { shape: [16, 4] }),
  };
  return { params, state: optimizer.init(params) };
};
type Model = ReturnType<typeof initial>;
const step = jit(
  ({ params, state }: Model, x: Tensor, y: Tensor) => {
    const loss = (p: Model["params"]): Tensor => nn.softmaxCrossEntropy(matmul(tanh(matmul(x, p.a)), p.b), y);
    const r = fsam(valueAndGrad(loss), { rho: 0.05 })(params),
      [updates, next] = optimizer.update(r.grad, state, params);
    return { loss: r.value, model: { params: optim.applyUpdates(params, updates), state: next } };
  },
  { donate: [0] },
);
const batch = (i: number): [Tensor, Tensor] => [
  array(Float32Array.from(numbers(32 * 8, 100 + i, -2, 2)), { shape: [32, 8] }),
  array(Int32Array.from(numbers(32, 200 + i, 0, 3.99), Math.floor)),
];
/** Losses of steps `from` to the last, into `losses`. `before` each step. */
async function train(
  model: Model,
  from: number,
  losses: number[],
  before: (i: number, m: Model) => Promise<void> = async () => {},
): Promise<void> {
  for (let i = from; i <= STEPS; i++) {
    await before(i, model);
    const r = step(model, ...batch(i));
    model = r.model as Model; // the step keeps the structure
    losses[i - 1] = await r.loss.itemAsync();
  }
}

test("a crash of the GPU process is a DeviceLostError; a new device goes on from the checkpoint, with the same curve", async () => {
  const first = await device("webgpu");
  setDefaultDevice(first);
  const want: number[] = [];
  await train(initial(), 1, want);
  assert.ok((want.at(-1) ?? NaN) < (want[0] ?? NaN), `${want[0]} -> ${want.at(-1)}`);

  const losses: number[] = [];
  let checkpoint: Uint8Array | undefined;
  const error = await train(initial(), 1, losses, async (i, model) => {
    if (i === SAVED) checkpoint = await saveSafetensors(model);
    if (i === CRASH) await ask("crash the GPU process");
  }).catch((e: unknown) => e);
  assert.instance(error, DeviceLostError);
  assert.is(losses.length, CRASH - 1);

  let second: Device | undefined;
  for (let i = 0; i < 50 && !second; i++) {
    second = await device("webgpu").catch(() => undefined); // the browser needs a moment to start another process
    if (!second) await new Promise(resolve => setTimeout(resolve, 100));
  }
  assert.ok(second && second !== first);
  setDefaultDevice(second as Device); // there is one
  const resumed = losses.slice(0, SAVED - 1);
  await train(loadSafetensors(checkpoint ?? new Uint8Array(), { like: initial() }), SAVED, resumed);
  assert.equal(resumed, want);
  await give("message", (error as Error).message); // an instance, as above
});

test.run();
