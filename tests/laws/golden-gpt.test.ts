// The whole GPT against JAX, on the CPU device, in f64 to 1e-10 of the values' size and in f32.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jit, type Tensor } from "../../stdlib/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import { lambdaMax } from "../../stdlib/sharpness/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { slice } from "../../compiler/extend.ts";
import { goldenAt, loadGolden, type Golden } from "../goldens/load.ts";
import { numbers, tensors } from "../support/numbers.ts";
import { gptGoldens } from "./gpt.ts";

const golden = loadGolden("gpt");
type Params = nn.Decoder;
gptGoldens("f64", 2.5e-11);
gptGoldens("f32", 2e-4);
test("the largest eigenvalue of the Hessian by power iteration", () => {
  const at = (name: string): Golden => goldenAt(golden, "f64", name),
    params = tensors(at("params")) as Params,
    tokens = tensors(at("tokens")) as Tensor,
    [b, t] = tokens.shape as readonly [number, number]; // the file's layout
  const ids = slice(tokens, { start: [0, 0], limit: [b, t - 1] }),
    targets = slice(tokens, { start: [0, 1], limit: [b, t] });
  const f = lambdaMax((p: Params) => nn.softmaxCrossEntropy(nn.decoder(p, ids, { heads: 2 }), targets), {
    iterations: 400,
    key: random.key(1),
  });
  const found = numbers(jit(f)(params))[0] ?? NaN,
    want = Number(goldenAt(golden, "hessian_f64", "lambda_max"));
  assert.ok(Math.abs(found - want) < 1e-4 * want, `${found} and ${want}`);
});

test.run();
