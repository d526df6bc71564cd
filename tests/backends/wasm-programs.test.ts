// Programs of many operations on the Wasm device against the reference evaluator: random ones over every kind of dtype, loops and branches. The
// number of threads and donation may not change a bit. A failure prints fast-check's seed and the shrunk program.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { WasmDevice } from "../../runtime/wasm/device.ts";
import { printFunc } from "../../compiler/ir/print.ts";
import { runOn, valuesFor } from "./conform.ts";
import { controlledPrograms } from "./controlled.ts";
import { fuzzSettings } from "../support/fuzz.ts";
import { programsOver, traced } from "./random.ts";
import { programSuite } from "./suite.ts";

const one = new WasmDevice({ threads: 1 }),
  two = new WasmDevice({ threads: 2 });
programSuite({ device: one });

test("neither donation of every input nor a second thread changes a bit of 100 random programs", async () => {
  await fc.assert(
    fc.asyncProperty(programsOver(["f32", "f64", "i32", "u32", "i8", "u8", "bool"]), async p => {
      const f = traced(p),
        args = valuesFor(p.avals, p.seed),
        want = await runOn(one, f, args);
      assert.equal(await runOn(two, f, args), want, printFunc(f));
      assert.equal(
        await runOn(
          one,
          { ...f },
          args,
          f.params.map(() => true),
        ),
        want,
        `donated: ${printFunc(f)}`,
      ); // another object: compiled anew, with donation
    }),
    fuzzSettings(100),
  );
});
for (const { what, avals, program } of controlledPrograms())
  test(`${what}: the same bits donated or not, on one thread or two`, async () => {
    for (const seed of [1, 2, 3, 4]) {
      const args = valuesFor(avals, seed),
        want = await runOn(one, program, args);
      assert.equal(
        await runOn(
          one,
          { ...program },
          args,
          avals.map(() => true),
        ),
        want,
        "donated",
      ); // another object: compiled anew
      assert.equal(await runOn(two, program, args), want, "two threads");
    }
  });

test.run();
