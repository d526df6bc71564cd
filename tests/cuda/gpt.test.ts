// A tiny GPT on the CUDA device (a driver without a card, an interpreter of PTX) and on the Wasm device: the same losses and parameters, nothing traced twice,
// memory flat, steps replayed as graphs.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasm } from "../../stdlib/index.ts";
import { methodNames, sameRun, STEPS, train } from "./gpt.ts";
import { closes, paper } from "./paper.ts";

for (const method of methodNames)
  test(`${method} on a card trains as on the Wasm device`, async () => {
    const card = paper({ bytes: 2 ** 24 });
    sameRun(await train(card.device, method), await train(wasm({ threads: 1 }), method));
    assert.ok(card.driver.launches.graphs >= STEPS - 1, "steps are replayed as graphs");
    closes(card);
  });

test.run();
