// The GPT written with operators is the GPT written with functions: equal programs, equal bits after training.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rewrite } from "../../compiler/frontend/rewrite.ts";
import { step } from "../../examples/10-gpt-operators/functions.ts";
import { init, type Gpt } from "../../examples/10-gpt-operators/parameters.ts";
import { jit, type Tensor } from "../../stdlib/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as random from "../../stdlib/random/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { moduleOf } from "../compiler/frontend/load.ts";

const source = readFileSync(new URL("../../examples/10-gpt-operators/operators.tensor.ts", import.meta.url), "utf8");
const { code, diagnostics } = rewrite(source, "operators.tensor.ts");
const withOperators = moduleOf(code, { "pullback/nn": nn, "pullback/tree": tree })["step"] as typeof step; // both files declare the same function

const start = init(3, { vocabulary: 11, dim: 16, tokens: 8, blocks: 2 });
const batch = (i: number): Tensor => random.randint(random.foldIn(random.key(5), i), [4, 9], 0, 11);
const bits = (p: unknown): number[] => tree.leaves(p).flatMap(x => [...new Uint32Array((x as Tensor).dataSync().slice().buffer)]); // f32 leaves

test("both are the same program, printed", () => {
  assert.equal(diagnostics, []);
  const text = (f: typeof step): string => jit(f).lower(start, batch(0)).text("func");
  assert.is(text(withOperators), text(step));
  assert.ok(text(step).split("\n").length > 300);
});
test("both train to the same bits, and learn", () => {
  const train = (f: typeof step): { params: Gpt; losses: number[] } => {
    const compiled = jit(f),
      losses: number[] = [];
    let params = start;
    for (let i = 0; i < 12; i++) {
      const out = compiled(params, batch(i % 3));
      params = out.params as Gpt; // the step keeps the structure
      losses.push(out.loss.item());
    }
    return { params, losses };
  };
  const [a, b] = [train(withOperators), train(step)];
  assert.equal(bits(a.params), bits(b.params));
  assert.equal(a.losses, b.losses);
  assert.ok((a.losses.at(-1) ?? NaN) < (a.losses[0] ?? NaN), `${a.losses[0]} to ${a.losses.at(-1)}`);
});
test.run();
