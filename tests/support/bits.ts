// Programs whose bits are compared between engines, devices and numbers of threads: training steps of a GPT with Functional-SAM, and kernels of each kind that are large enough to be split
// between threads. Nothing here reads with dataSync, so that it runs on a page's main thread.
import {
  add,
  exp,
  fori,
  jit,
  matmul,
  scan,
  setDefaultDevice,
  sort,
  sum,
  take,
  tanh,
  valueAndGrad,
  type Device,
  type Tensor,
} from "../../stdlib/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { fsam } from "../../stdlib/sharpness/index.ts";
import * as tree from "../../stdlib/tree.ts";

/** The bits of a tree of tensors, 64 of them that stand for all (FNV-1a), as text. */
export async function digest(t: unknown): Promise<string> {
  let h = 0xcbf29ce484222325n;
  for (const leaf of tree.leaves(t)) {
    const data = await (leaf as Tensor).data(); // a tree of tensors
    for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      h = BigInt.asUintN(64, (h ^ BigInt(byte)) * 0x100000001b3n);
  }
  return h.toString(16).padStart(16, "0");
}

/** A GPT of a page's size, learning by Functional-SAM and AdamW. */
export function gpt({
  dim = 64,
  layers = 2,
  batch = 8,
}: { readonly dim?: number; readonly layers?: number; readonly batch?: number } = {}): { step(): Promise<number>; params(): unknown } {
  const heads = 4,
    init = jit(() => nn.initDecoder(random.key(0), { vocabulary: 50, dim, layers, context: 32 }));
  const loss = (p: nn.Decoder, x: Tensor, y: Tensor): Tensor => nn.softmaxCrossEntropy(nn.decoder(p, x, { heads }), y);
  const optimizer = optim.adamw({ lr: 1e-2 });
  const train = jit(
    (p: nn.Decoder, s: ReturnType<typeof optimizer.init>, x: Tensor, y: Tensor) => {
      const { value, grad } = fsam(valueAndGrad(loss), { rho: 0.05 })(p, x, y),
        [updates, state] = optimizer.update(grad, s, p);
      return { value, params: optim.applyUpdates(p, updates), state };
    },
    { donate: [0, 1] },
  );
  const x = random.randint(random.key(1), [batch, 32], 0, 50),
    y = random.randint(random.key(2), [batch, 32], 0, 50);
  let params = init() as nn.Decoder, // jit keeps the structure
    state = optimizer.init(params);
  return {
    async step() {
      const r = train(params, state, x, y);
      params = r.params as nn.Decoder; // the step keeps the structure
      state = r.state as typeof state;
      using value = r.value;
      return (await value.data())[0] ?? NaN;
    },
    params: () => params,
  };
}

/** Digests of every program's results on `device`, by name. */
export async function digests(device: Device): Promise<Record<string, string>> {
  setDefaultDevice(device);
  const model = gpt(),
    losses: number[] = [];
  for (let i = 0; i < 4; i++) losses.push(await model.step());
  const a = random.normal(random.key(3), [300, 257]),
    b = random.normal(random.key(4), [257, 301]),
    v = random.normal(random.key(5), [100_001]);
  const programs: Record<string, () => unknown> = {
    product: jit(() => matmul(a, b)),
    elementwise: jit(() => tanh(add(exp(v), v))),
    sums: jit(() => [sum(v), sum(a, { axis: 0 }), sum(a, { axis: 1 })]),
    order: jit(() => take(v, sort(random.randint(random.key(6), [5000], 0, 100_001)))),
    loops: jit(() => [
      scan((c: Tensor, x: Tensor) => [add(tanh(c), x), c], sum(b, { axis: 0 }), matmul(a, b)),
      fori(0, 9, (_, x: Tensor) => tanh(add(x, x)), a),
    ]),
  };
  const out: Record<string, string> = { losses: losses.join(" "), gpt: await digest(model.params()) };
  for (const [name, program] of Object.entries(programs)) out[name] = await digest(program());
  return out;
}
