// Attention on tensor cores as PTX on the interpreter, with the race detector, under two schedules, at the widest tiles and at small ones. And the mutation check: without any one barrier, wait or
// commit the interpreter says that something is wrong.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../runtime/artifact.ts";
import { allowed, distanceOf, runsOf } from "./heads.ts";
import { compiledFor } from "./matrix.ts";
import { noticesAll, SCHEDULES, type Schedule } from "./mutation.ts";

test("attention and its gradient agree with the reference and race nowhere, on the widest tiles and on small ones", () => {
  for (const [processors, c] of [
    [1, { dtype: "bf16", causal: true, t: 100, s: 100, d: 32 }],
    [1, { dtype: "f16", causal: false, t: 70, s: 40, d: 128 }],
    [108, { dtype: "bf16", causal: true, t: 20, s: 75, d: 64 }],
    [1, { dtype: "f32", causal: true, t: 70, s: 80, d: 32 }],
    [108, { dtype: "f32", causal: false, t: 20, s: 40, d: 64 }],
  ] as const)
    for (const run of runsOf(c)) {
      const artifact = compiledFor(run.f, 80, processors);
      assert.match(artifact.text, /mma\.sync/);
      for (const schedule of SCHEDULES) {
        const off = distanceOf(run, artifact, schedule);
        assert.ok(off <= allowed(c.dtype), `${JSON.stringify(c)} ${schedule}: ${off}`);
      }
    }
});
test("deleting any one barrier, wait or commit from attention's kernels is noticed", () => {
  let all = 0;
  for (const c of [
    { dtype: "bf16", causal: true, t: 70, s: 70, d: 16 },
    { dtype: "f16", causal: false, t: 36, s: 70, d: 80 },
    { dtype: "f32", causal: true, t: 36, s: 36, d: 16 },
  ] as const)
    for (const run of runsOf(c)) {
      const right = (a: PtxArtifact, schedule: Schedule): boolean => distanceOf(run, a, schedule) <= allowed(c.dtype),
        n = noticesAll(JSON.stringify(c), compiledFor(run.f, 80, 1), right);
      assert.ok(n >= 4, `${n} lines that order something`);
      all += n;
    }
  console.log(`${all} of ${all} deletions were noticed`);
});

test.run();
