// Attention by bulk copies and products out of shared memory (sm_90a) as PTX on the interpreter, with the race detector, under two schedules: heads of both sizes, sizes around tiles and strips, tile
// after tile, batches of heads. And the mutation check.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../runtime/artifact.ts";
import { allowed, distanceOf, runsOf, type Case } from "./heads.ts";
import { compiledFor } from "./matrix.ts";
import { noticesAll, SCHEDULES, type Schedule } from "./mutation.ts";

const cases: readonly (readonly [what: string, processors: number, c: Case])[] = [
  ["one strip that ends inside", 1, { dtype: "bf16", causal: false, t: 70, s: 40, d: 64 }],
  ["two strips, the second masked, heads of two lines", 1, { dtype: "f16", causal: true, t: 130, s: 200, d: 128 }],
  ["strips that all see, tile after tile, batches of heads", 2, { dtype: "bf16", causal: false, t: 70, s: 384, d: 64, h: 2, b: 2 }],
  ["a mask over both sets of queries", 2, { dtype: "bf16", causal: true, t: 150, s: 150, d: 64, h: 2 }],
];
for (const [what, processors, c] of cases)
  test(`forward: ${what}`, () => {
    const [run] = runsOf(c),
      artifact = compiledFor(run.f, 90, processors);
    assert.match(artifact.text, /wgmma\.mma_async/);
    assert.is(artifact.kernels[0]?.tensors?.length, 3);
    for (const schedule of SCHEDULES) {
      const off = distanceOf(run, artifact, schedule, 90);
      assert.ok(off <= allowed(c.dtype), `${schedule}: ${off}`);
    }
  });
test("heads of other sizes, odd strides and small launches are left to fragments", () => {
  for (const [d, t, processors] of [
    [32, 200, 1],
    [80, 200, 1],
    [64, 40, 132],
  ] as const)
    assert.not.match(compiledFor(runsOf({ dtype: "bf16", causal: true, t, s: t, d })[0].f, 90, processors).text, /wgmma/);
});
test("deleting any one barrier, wait, commit, arrival, fence or signal is noticed", () => {
  const c: Case = { dtype: "bf16", causal: true, t: 70, s: 400, d: 64, h: 2 },
    [run] = runsOf(c),
    right = (a: PtxArtifact, schedule: Schedule): boolean => distanceOf(run, a, schedule, 90) <= allowed(c.dtype),
    all = noticesAll(JSON.stringify(c), compiledFor(run.f, 90, 1), right);
  console.log(`${all} of ${all} deletions were noticed`);
});

test.run();
