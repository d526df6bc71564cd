// A tiny GPT trained by AdamW, SAM and Functional-SAM on any device: what a card, real or not, is compared on with the Wasm device.
import * as assert from "uvu/assert";
import type { Device } from "../../runtime/device.ts";
import { jit, setDefaultDevice, valueAndGrad, type Tensor } from "../../stdlib/index.ts";
import { slice } from "../../compiler/extend.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { fsam, sam } from "../../stdlib/sharpness/index.ts";
import * as tree from "../../stdlib/tree.ts";

/** Steps of a run. */
export const STEPS = 4;
/** A way to take the gradient. */
export type Method = "AdamW" | "SAM" | "Functional-SAM";
/** All of them. */
export const methodNames: readonly Method[] = ["AdamW", "SAM", "Functional-SAM"];

/** What a run gives: the loss and the live memory of each step, and the parameters at the end. */
export interface Run {
  readonly losses: readonly number[];
  readonly params: readonly number[];
  readonly live: readonly number[];
}
/** Some steps on `device`: batches and parameters are the same for every device. */
export async function train(device: Device, method: Method): Promise<Run> {
  setDefaultDevice(device);
  const key = random.key(3),
    tokens = random.randint(random.foldIn(key, 1), [2, 9], 0, 11);
  const loss = (p: nn.Decoder, x: Tensor): Tensor => {
    const [b, t] = x.shape as readonly [number, number]; // a batch has two dimensions
    return nn.softmaxCrossEntropy(
      nn.decoder(p, slice(x, { start: [0, 0], limit: [b, t - 1] }), { heads: 2 }),
      slice(x, { start: [0, 1], limit: [b, t] }),
    );
  };
  const optimizer = optim.adamw({ lr: 1e-2, weightDecay: 0.1 });
  const plain = valueAndGrad(loss),
    gradient = method === "AdamW" ? plain : (method === "SAM" ? sam : fsam)(plain, { rho: 0.05 });
  const step = jit(
    (p: nn.Decoder, s: ReturnType<typeof optimizer.init>, x: Tensor) => {
      const r = gradient(p, x),
        [updates, next] = optimizer.update(r.grad, s, p);
      return { loss: r.value, params: optim.applyUpdates(p, updates), state: next };
    },
    { donate: [0, 1] },
  );
  let params = nn.initDecoder(key, { vocabulary: 11, dim: 8, layers: 1, context: 8 }),
    state = optimizer.init(params);
  const losses: number[] = [],
    live: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const r = step(params, state, tokens);
    params = r.params as nn.Decoder; // the step keeps the structure
    state = r.state as typeof state;
    losses.push((await r.loss.data())[0] ?? NaN);
    r.loss.dispose();
    live.push(device.memory().live);
  }
  assert.is(step.traces, 1);
  const values = await Promise.all(tree.leaves(params).map(x => (x as Tensor).data())); // a tree of tensors
  return { losses, params: values.flatMap(x => Array.from(x)), live };
}

/** Did both learn, and learn the same? */
export function sameRun(got: Run, want: Run): void {
  want.losses.forEach((x, i) => assert.ok(Math.abs(x - (got.losses[i] ?? NaN)) < 1e-4, `loss ${i}: ${got.losses[i]}, on Wasm ${x}`));
  assert.ok((want.losses.at(-1) ?? NaN) < (want.losses[0] ?? NaN) - 0.1, "it learns");
  assert.is(got.params.length, want.params.length);
  const worst = Math.max(...want.params.map((x, i) => Math.abs(x - (got.params[i] ?? NaN))));
  assert.ok(worst < 2e-3, `parameters differ by up to ${worst}`);
  assert.ok((got.live.at(-1) ?? Infinity) <= (got.live[1] ?? 0), `memory grows: ${got.live.join(", ")}`);
}
