// The gradient of a GPT of 124M parameters under mixed precision, lowered for a card with tensor cores and not run: how many launches and bytes it is, with operands computed inside of their products and with all of them stored.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cardTarget } from "../../../compiler/compile.ts";
import type { Aval } from "../../../compiler/ir/aval.ts";
import type { Step } from "../../../compiler/ir/schedule.ts";
import { gpuTemplates, templateOf } from "../../../compiler/lower/attention.ts";
import { lowerFunc } from "../../../compiler/lower/lower.ts";
import { prologueOf } from "../../../compiler/lower/tile/matrix/prologue.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { byteSize } from "../../../runtime/dtype.ts";
import { grad, type Tensor } from "../../../stdlib/index.ts";
import { slice } from "../../../compiler/extend.ts";
import * as nn from "../../../stdlib/nn/index.ts";
import { mixed } from "../../../stdlib/precision.ts";
import { program } from "./harness.ts";

const [layers, dim, heads, tokens, batch, vocabulary] = [12, 768, 12, 1024, 8, 50304];
const f32 = (...shape: number[]): Aval => ({ dtype: "f32", shape });
/** Launches, and bytes of all their operands and results, loops included. */
function traffic(steps: readonly Step[], times = 1): { launches: number; bytes: number } {
  let [launches, bytes] = [0, 0];
  for (const s of steps) {
    if (s.kind === "loop") {
      const inner = traffic(s.body, times * s.count);
      launches += inner.launches;
      bytes += inner.bytes;
    } else if (s.kind === "launch") {
      launches += times;
      for (const p of s.kernel.params) bytes += times * p.elements * byteSize(p.dtype) * (p.access === "update" ? 2 : 1);
    }
  }
  return { launches, bytes };
}

test("operands computed inside of their products save launches and bytes of a GPT's gradient in bf16", () => {
  const step = program(
    (embed, pos, lnf, ln1, wq, wk, wv, wo, ln2, up, down, ids) => {
      const p = { embed, pos, lnf, layers: { ln1, wq, wk, wv, wo, ln2, up, down } } as nn.Decoder, // one parameter each
        loss = (q: nn.Decoder, x: Tensor): Tensor =>
          nn.softmaxCrossEntropy(
            nn.decoder(q, slice(x, { start: [0, 0], limit: [batch, tokens] }), { heads }),
            slice(x, { start: [0, 1], limit: [batch, tokens + 1] }),
          ),
        g = grad(mixed(loss, { compute: "bf16" }))(p, ids as Tensor) as nn.Decoder; // the gradient of a tree is one
      return [g.embed, g.pos, g.lnf, ...Object.values(g.layers as unknown as Record<string, Tensor>)]; // a record of tensors
    },
    f32(vocabulary, dim),
    f32(tokens, dim),
    f32(dim),
    f32(layers, dim),
    ...Array.from({ length: 4 }, () => f32(layers, dim, dim)),
    f32(layers, dim),
    f32(layers, dim, 4 * dim),
    f32(layers, 4 * dim, dim),
    { dtype: "i32", shape: [batch, tokens + 1] },
  );
  const target = cardTarget({ capability: 90, threads: 1024, sharedBytes: 49152, sharedBytesOptIn: 232448, processors: 132 }),
    templates = gpuTemplates(target),
    ready = optimize(step, e => templateOf(e, templates) !== undefined);
  const [stored, inside] = [undefined, prologueOf(target)].map(prologue =>
    traffic(lowerFunc(ready, { donate: [], products: "fused", templates, prologue }).steps),
  ) as [ReturnType<typeof traffic>, ReturnType<typeof traffic>]; // two
  const told = ({ launches, bytes }: typeof stored): string => `${launches} launches, ${(bytes / 1e9).toFixed(2)} GB`;
  console.log(`all operands stored: ${told(stored)}; computed inside: ${told(inside)}`);
  assert.ok(inside.launches <= stored.launches - 2 * layers && inside.bytes < 0.97 * stored.bytes);
});

test.run();
