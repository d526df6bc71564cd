// Random programs cut for a GPU, run thread by thread.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { fromHost } from "../../../../compiler/index.ts";
import type { TileTarget } from "../../../../compiler/lower/tile/target.ts";
import { hostTensor } from "../../../../compiler/reference/evaluate.ts";
import { jit, type Tensor } from "../../../../stdlib/index.ts";
import { dataOf, programs, run } from "../../../fuzz/generate.ts";
import { fuzzSettings } from "../../../support/fuzz.ts";
import { differences, targets } from "./harness.ts";

const settings = fuzzSettings(60);
test(`${settings.numRuns} random programs, cut for a GPU, agree with the reference`, () => {
  fc.assert(
    fc.property(programs, p => {
      const data = dataOf(p),
        inputs = p.shapes.map((s, i) =>
          fromHost(p.dtype, s, p.dtype === "f32" ? Float32Array.from(data[i] ?? []) : Float64Array.from(data[i] ?? [])),
        );
      if (run(p, inputs).length === 0) return;
      const { func } = jit((xs: readonly Tensor[]) => run(p, xs)).lower(inputs),
        args = p.shapes.map((s, i) => hostTensor(p.dtype, s, data[i] ?? []));
      const found = differences(func, args, targets[p.seed % targets.length] as TileTarget); // never empty
      assert.is(found.length, 0, found.join("; "));
    }),
    settings,
  );
});

test.run();
