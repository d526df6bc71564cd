// Attention of 16-bit floats on the CUDA device, from `grad` down to tensor cores: a driver without a card over the interpreter of PTX, races detected. Results and gradients are those of f32 attention
// of the same numbers on the Wasm device, up to the rounding of weights.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../runtime/device.ts";
import { array, astype, grad, jit, mul, setDefaultDevice, sum, wasm, type Tensor } from "../../stdlib/index.ts";
import { dotProductAttention } from "../../stdlib/nn/index.ts";
import { numbers } from "../compiler/transforms/numeric.ts";
import { closes, paper } from "./paper.ts";

type Heads = { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor };
interface Case {
  readonly dtype: "bf16" | "f16";
  readonly causal: boolean;
  readonly q: readonly [b: number, t: number, h: number, d: number];
  readonly keys: number;
}
/** The result, and the cotangents of q, k and v of its sum with weights, computed in `dtype` from numbers that bf16 and f16 have. */
async function run(device: Device, { q: [b, t, h, d], keys, causal }: Case, dtype: "bf16" | "f16" | "f32"): Promise<number[][]> {
  setDefaultDevice(device);
  const make = (seed: number, rows: number): Tensor => {
    const shape = [b, rows, h, d] as const,
      data = numbers(b * rows * h * d, seed, -1, 1).map(x => Math.round(x * 64) / 64);
    return array(Float32Array.from(data), { dtype, shape });
  };
  const heads: Heads = { q: make(1, t), k: make(2, keys), v: make(3, keys) },
    weights = make(4, t);
  const of = ({ q, k, v }: Heads): Tensor => dotProductAttention(q, k, v, { causal });
  const both = jit((p: Heads, w: Tensor) => ({ out: of(p), grads: grad((x: Heads) => sum(astype(mul(of(x), w), "f32")))(p) }));
  if (dtype !== "f32") assert.match(both.lower(heads, weights).text("ptx"), /mma\.sync.*\n[^]*ex2\.approx/);
  const { out, grads } = both(heads, weights);
  return Promise.all([out, grads.q, grads.k, grads.v].map(async x => Array.from(await astype(x, "f32").data())));
}

for (const dtype of ["bf16", "f16"] as const)
  for (const causal of [false, true])
    test(`${causal ? "causal " : ""}attention of ${dtype} and its gradient on tensor cores agree with f32 on the Wasm device`, async () => {
      const card = paper({ bytes: 2 ** 24 }),
        cases: readonly Case[] = [
          { dtype, causal, q: [2, 20, 2, 32], keys: 20 },
          { dtype, causal, q: [1, 70, 1, 64], keys: 75 },
        ];
      for (const c of cases) {
        const got = await run(card.device, c, dtype),
          want = await run(wasm({ threads: 1 }), c, "f32");
        want.forEach((w, k) => {
          const most = (dtype === "bf16" ? 1.5e-2 : 2e-3) * Math.max(...w.map(Math.abs)),
            worst = Math.max(...w.map((y, i) => Math.abs(y - (got[k]?.[i] ?? NaN))));
          assert.ok(worst <= most, `${c.q} result ${k}: off by ${worst}, allowed ${most}`);
        });
      }
      closes(card);
    });

test.run();
