// The gradient of attention by bulk copies and products out of shared memory (sm_90a) as PTX on the interpreter, with the race detector, under two schedules: both passes, heads of both sizes, sizes around
// tiles and strips, tile after tile, batches of heads. And the mutation check.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../runtime/artifact.ts";
import type { Aval } from "../../compiler/ir/aval.ts";
import { vjp, type Tensor } from "../../stdlib/index.ts";
import { dotProductAttention } from "../../stdlib/nn/attention.ts";
import { program } from "../compiler/lower/harness.ts";
import { allowed, distanceOf, kernelOf, resultsOf, runsOf, type Case } from "./heads.ts";
import { compiledFor } from "./matrix.ts";
import { noticesAll, SCHEDULES, type Schedule } from "./mutation.ts";

const cases: readonly (readonly [what: string, processors: number, c: Case])[] = [
  ["one strip that ends inside", 1, { dtype: "bf16", causal: false, t: 70, s: 70, d: 64 }],
  ["masks over both sets, heads of two lines", 1, { dtype: "f16", causal: true, t: 70, s: 130, d: 128 }],
  ["tile after tile, batches of heads", 2, { dtype: "bf16", causal: false, t: 70, s: 130, d: 64, h: 2, b: 2 }],
  ["tiles of which the first sees more, or the last", 1, { dtype: "bf16", causal: true, t: 150, s: 150, d: 64 }],
];
for (const [what, processors, c] of cases)
  test(`gradient: ${what}`, () => {
    const [, run] = runsOf(c),
      artifact = compiledFor(run.f, 90, processors);
    assert.equal(
      artifact.kernels.map(k => k.tensors?.length),
      [4, 4],
    );
    for (const schedule of SCHEDULES) {
      const off = distanceOf(run, artifact, schedule, 90);
      assert.ok(off <= allowed(c.dtype), `${schedule}: ${off}`);
    }
  });

test("a gradient is three launches after the forward one: sums of rows, queries, keys with values", () => {
  const x: Aval = { dtype: "bf16", shape: [2, 256, 4, 64] },
    f = program(
      (q, k, v, ct) => vjp((a: Tensor, b: Tensor, c: Tensor) => dotProductAttention(a, b, c), q, k, v)[1](ct) as Tensor[], // a cotangent an argument
      x,
      x,
      x,
      x,
    ),
    { kernels, steps, text } = compiledFor(f, 90, 4);
  assert.ok(steps.length <= 4, kernels.map(k => k.entry).join(" "));
  assert.is(kernels.filter(k => k.tensors).length, 3);
  assert.not.match(text, /mma\.sync/);
});
test("bits do not depend on the order in which groups and subgroups run", () => {
  const [, run] = runsOf({ dtype: "bf16", causal: true, t: 70, s: 130, d: 64, h: 2 }),
    artifact = compiledFor(run.f, 90, 2),
    [one, other] = SCHEDULES.map(schedule => resultsOf(run, artifact, schedule, 90));
  assert.equal(one, other);
});
test("heads of other sizes, small launches and other cards are left to fragments", () => {
  for (const [d, t, processors, capability] of [
    [32, 200, 1, 90],
    [80, 200, 1, 90],
    [64, 40, 132, 90],
    [64, 200, 1, 100],
  ] as const) {
    const { text } = compiledFor(runsOf({ dtype: "bf16", causal: true, t, s: t, d })[1].f, capability, processors);
    assert.match(text, /mma\.sync/);
    assert.not.match(text, /wgmma/);
  }
});
for (const [kernel, name, bytes, c] of [
  [0, "queries", 110_000, { dtype: "bf16", causal: true, t: 70, s: 270, d: 64, h: 2 }],
  [1, "keys", 75_000, { dtype: "bf16", causal: true, t: 140, s: 140, d: 64, h: 2 }],
] as const)
  test(`deleting any one barrier, wait, commit, arrival, fence or signal from the pass of ${name} is noticed, where a ring of two stages goes round`, () => {
    const [, gradient] = runsOf(c),
      [run, artifact] = kernelOf(gradient, compiledFor(gradient.f, 90, 1, bytes), kernel),
      right = (a: PtxArtifact, schedule: Schedule): boolean => distanceOf(run, a, schedule, 90) <= allowed(c.dtype),
      all = noticesAll(JSON.stringify(c), artifact, right);
    assert.match(artifact.text, /wgmma\.mma_async/);
    console.log(`${all} of ${all} deletions were noticed`);
  });

test.run();
