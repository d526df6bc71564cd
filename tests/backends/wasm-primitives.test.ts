// Every primitive on the Wasm device against the reference evaluator. The number of threads may not change a bit.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { WasmDevice } from "../../runtime/wasm/device.ts";
import { sizeOf } from "../../compiler/ir/aval.ts";
import { primitiveSamples } from "../../compiler/primitives/samples.ts";
import { programOf, runOn, showSample, valuesFor } from "./conform.ts";
import { primitiveSuite } from "./suite.ts";

const one = new WasmDevice({ threads: 1 }),
  two = new WasmDevice({ threads: 2 });
primitiveSuite({ device: one });

test("two threads give the bits of one thread, at every large sample", async () => {
  const large = primitiveSamples.filter(s => s.avals.some(a => sizeOf(a.shape) >= 9000));
  assert.ok(large.length > 50, `${large.length} large samples`);
  for (const s of large) {
    const f = programOf(s),
      args = valuesFor(s.avals, 5, s.domain);
    assert.equal(await runOn(two, f, args), await runOn(one, f, args), showSample(s));
  }
});

test.run();
