// Attention on tensor cores as PTX on the interpreter, with the race detector, under two schedules, at the widest tiles and at small ones. And the mutation check: without any one barrier, wait or
// commit the interpreter says that something is wrong.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../runtime/artifact.ts";
import type { DType } from "../../runtime/dtype.ts";
import { fromStorage, toStorage } from "../../compiler/host.ts";
import { aval, sizeOf } from "../../compiler/ir/aval.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { attention, attentionGrad } from "../../compiler/primitives/attention.ts";
import { evaluate, hostTensor, type HostTensor } from "../../compiler/reference/evaluate.ts";
import type { Tensor } from "../../compiler/trace/tensor.ts";
import { program } from "../compiler/lower/harness.ts";
import { toleranceOf } from "../backends/tolerance.ts";
import { numbers } from "../compiler/transforms/numeric.ts";
import { compiledFor } from "./matrix.ts";
import { missedBy, SCHEDULES, type Schedule } from "./mutation.ts";
import { ProgramDevice } from "./programs.ts";

interface Case {
  readonly dtype: DType;
  readonly causal: boolean;
  readonly t: number;
  readonly s: number;
  readonly d: number;
}
/** A program, what it is run on, and what it should give. */
interface Run {
  readonly f: Func;
  readonly args: readonly HostTensor[];
  readonly want: readonly HostTensor[];
}
/** Attention of one head with its row sums, and its gradient. */
function runsOf({ dtype, causal, t, s, d }: Case): readonly [forward: Run, gradient: Run] {
  const q = aval(dtype, [1, t, 1, d]),
    k = aval(dtype, [1, s, 1, d]),
    rows = aval("f32", [1, 1, t]),
    p = { causal, scale: 0.25 },
    forward = program((...xs) => attention.all(...(xs as [Tensor, Tensor, Tensor]), p), q, k, k), // three parameters
    gradient = program((...xs) => attentionGrad.all(...xs, p), q, k, k, q, rows, rows),
    args = gradient.params.map(({ aval: a }, i) => hostTensor(a.dtype, a.shape, numbers(sizeOf(a.shape), 3 + 31 * i, -1, 1))),
    first = evaluate(forward, args.slice(0, 3)),
    saved = args.map((x, i) => (i === 4 ? (first[1] ?? x) : x));
  return [
    { f: forward, args: args.slice(0, 3), want: first },
    { f: gradient, args: saved, want: evaluate(gradient, saved) },
  ];
}
/** The largest difference of any result from the reference, relative to the largest there is; infinite where it is no number. @throws PtxFault */
function distanceOf({ args, want }: Run, artifact: PtxArtifact, schedule: Schedule): number {
  const device = new ProgramDevice({ bytes: 1 << 21, capability: 80, races: true, schedule, limit: 20_000_000 }),
    outs = device.load(artifact).run(args.map(x => device.upload(x.dtype, toStorage(x.dtype, x.data))));
  return Math.max(
    ...want.map((w, k) => {
      const got = fromStorage(w.dtype, outs[k]?.readSync() ?? toStorage(w.dtype, [])),
        scale = Math.max(...Array.from(w.data, Math.abs));
      return w.data.reduce((worst: number, y, i) => {
        const off = Math.abs(y - (got[i] ?? NaN)) / scale;
        return Number.isNaN(off) ? Infinity : Math.max(worst, off);
      }, 0);
    }),
  );
}
const allowed = (dtype: DType): number => (dtype === "f32" ? toleranceOf("attention", "exact")(dtype) : 0.015);

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
        artifact = compiledFor(run.f, 80, 1);
      assert.ok(SCHEDULES.every(schedule => right(artifact, schedule)));
      const { all: n, missed } = missedBy(artifact, right);
      all += n;
      assert.ok(n >= 4, `${n} lines that order something`);
      assert.equal(missed, [], JSON.stringify(c));
    }
  console.log(`${all} of ${all} deletions were noticed`);
});

test.run();
