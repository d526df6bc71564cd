// What the compiler emits for CUDA, run on the interpreter: a part of every primitive's samples, random programs, loops and branches agree with the reference
// evaluator under a random schedule, with the race detector on. (The whole suite runs on the driver that is built on the interpreter.)
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { primitiveSamples } from "../../compiler/primitives/samples.ts";
import { differences, programOf, showSample, valuesFor } from "../backends/conform.ts";
import { controlledPrograms } from "../backends/controlled.ts";
import { programsOver, traced } from "../backends/random.ts";
import { chain, controlChain, toleranceOf, type Tolerance } from "../backends/tolerance.ts";
import { ProgramDevice } from "./programs.ts";

/** Sums are taken in another order than the oracle's. */
const loose: Tolerance = d => (d === "f32" ? 2e-5 : toleranceOf("", "exact")(d));

test("one sample in eleven agrees with the oracle, blocks and warps in random order", async () => {
  const device = new ProgramDevice({ capability: 90, bytes: 1 << 24, schedule: { seed: 1 }, races: true }),
    failures: string[] = [];
  for (const [i, s] of primitiveSamples.entries()) {
    if (i % 11 !== 0) continue;
    for (const d of await differences(device, programOf(s), valuesFor(s.avals, i, s.domain), loose))
      failures.push(`${showSample(s)}: ${d}`);
  }
  assert.equal(failures, []);
  assert.ok(device.ptx.statistics.instructions > 10_000);
});
test("random programs agree with the oracle, the last block and warp first", async () => {
  const device = new ProgramDevice({ capability: 80, bytes: 1 << 24, schedule: "reverse", races: true });
  await fc.assert(
    fc.asyncProperty(programsOver(["f32", "f64", "i32", "u32", "i8", "u8", "bool"]), async p => {
      assert.equal(await differences(device, traced(p), valuesFor(p.avals, p.seed), chain), []);
    }),
    { numRuns: 15, seed: 8, includeErrorInReport: true },
  );
});
test("loops and branches agree with the oracle", async () => {
  const device = new ProgramDevice({ capability: 75, bytes: 1 << 24, races: true });
  for (const { what, avals, program } of controlledPrograms())
    assert.equal(await differences(device, program, valuesFor(avals, 1), controlChain), [], what);
});
test.run();
