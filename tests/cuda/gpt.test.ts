// A tiny GPT trained by AdamW, SAM and Functional-SAM on the CUDA device (a driver without a card, an interpreter of PTX): the losses and parameters of the Wasm
// device, nothing traced twice, memory flat.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../runtime/device.ts";
import { jit, setDefaultDevice, valueAndGrad, wasm, type Tensor } from "../../stdlib/index.ts";
import { slice } from "../../compiler/extend.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { fsam, sam } from "../../stdlib/sharpness/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { closes, paper } from "./paper.ts";

const STEPS = 4;
type Gradient = typeof valueAndGrad<readonly [nn.Decoder, Tensor], Tensor>;
const methods = {
  AdamW: (g: ReturnType<Gradient>) => g,
  SAM: (g: ReturnType<Gradient>) => sam(g, { rho: 0.05 }),
  "Functional-SAM": (g: ReturnType<Gradient>) => fsam(g, { rho: 0.05 }),
} as const;

interface Run {
  readonly losses: readonly number[];
  readonly params: readonly number[];
  readonly live: readonly number[];
}
/** Some steps on `device`: batches and parameters are the same for every device. */
async function run(device: Device, method: keyof typeof methods): Promise<Run> {
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
  const gradient = methods[method](valueAndGrad(loss));
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

for (const method of Object.keys(methods) as (keyof typeof methods)[])
  // exactly its keys
  test(`${method} on a card trains as on the Wasm device`, async () => {
    const card = paper({ bytes: 2 ** 24 }),
      got = await run(card.device, method),
      want = await run(wasm({ threads: 1 }), method);
    want.losses.forEach((x, i) => assert.ok(Math.abs(x - (got.losses[i] ?? NaN)) < 1e-4, `loss ${i}: ${got.losses[i]}, on Wasm ${x}`));
    assert.ok((want.losses.at(-1) ?? NaN) < (want.losses[0] ?? NaN) - 0.1, "it learns");
    assert.is(got.params.length, want.params.length);
    const worst = Math.max(...want.params.map((x, i) => Math.abs(x - (got.params[i] ?? NaN))));
    assert.ok(worst < 2e-3, `parameters differ by up to ${worst}`);
    assert.ok((got.live.at(-1) ?? Infinity) <= (got.live[1] ?? 0), `memory grows: ${got.live.join(", ")}`);
    assert.ok(card.driver.launches.graphs >= STEPS - 1, "steps are replayed as graphs");
    closes(card);
  });

test.run();
