// The asynchronous Wasm device: held to the reference evaluator like the synchronous one, and to its bits.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { WasmDevice } from "../../runtime/wasm/device.ts";
import { printFunc } from "../../compiler/ir/print.ts";
import { runOn, valuesFor } from "./conform.ts";
import { controlledPrograms } from "./controlled.ts";
import { fuzzSettings } from "../support/fuzz.ts";
import { programsOver, traced } from "./random.ts";
import { primitiveSuite, programSuite } from "./suite.ts";

const sync = new WasmDevice({ threads: 1 }),
  one = new WasmDevice({ dispatch: "async", threads: 1 }),
  two = new WasmDevice({ dispatch: "async", threads: 2 });
primitiveSuite({ device: two, sample: 3 });
programSuite({ device: two, runs: 60 });

test("100 random programs give the bits of the synchronous device, on one thread or two, donated or not", async () => {
  await fc.assert(
    fc.asyncProperty(programsOver(["f32", "f64", "i32", "u32", "i8", "u8", "bool"]), async p => {
      const f = traced(p),
        args = valuesFor(p.avals, p.seed),
        all = f.params.map(() => true),
        want = await runOn(sync, f, args);
      for (const device of [one, two]) {
        assert.equal(await runOn(device, f, args), want, `${device.name}: ${printFunc(f)}`);
        assert.equal(await runOn(device, { ...f }, args, all), want, `${device.name}, donated: ${printFunc(f)}`); // another object: compiled anew
      }
    }),
    fuzzSettings(100),
  );
});
for (const { what, avals, program } of controlledPrograms())
  test(`${what}: the bits of the synchronous device`, async () => {
    for (const seed of [1, 2]) {
      const args = valuesFor(avals, seed);
      assert.equal(await runOn(two, program, args), await runOn(sync, program, args));
    }
  });
test("when all is read, nothing is left of the programs' memory but the programs", async () => {
  for (const device of [one, two]) {
    await device.sync();
    assert.is(device.memory().arrays, 0);
  }
});

test.run();
