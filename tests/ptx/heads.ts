// Attention as compiled for tensor cores, for the tests that run it on the interpreter: programs with what they should give, and one run of an artifact whose text may have been changed.
import type { PtxArtifact } from "../../runtime/artifact.ts";
import type { DType, HostArray } from "../../runtime/dtype.ts";
import { fromStorage, toStorage } from "../../compiler/host.ts";
import { aval, sizeOf } from "../../compiler/ir/aval.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { attention, attentionGrad } from "../../compiler/primitives/attention.ts";
import { evaluate, hostTensor, type HostTensor } from "../../compiler/reference/evaluate.ts";
import type { Tensor } from "../../compiler/trace/tensor.ts";
import { toleranceOf } from "../backends/tolerance.ts";
import { program } from "../compiler/lower/harness.ts";
import { numbers } from "../compiler/transforms/numeric.ts";
import type { Schedule } from "./mutation.ts";
import { ProgramDevice } from "./programs.ts";

/** Sizes of attention of `h` heads in each of `b` batches (1 if not said). */
export interface Case {
  readonly dtype: DType;
  readonly causal: boolean;
  readonly t: number;
  readonly s: number;
  readonly d: number;
  readonly h?: number;
  readonly b?: number;
}
/** A program, what it is run on, and what it should give: of the results that are looked at. */
export interface Run {
  readonly f: Func;
  readonly args: readonly HostTensor[];
  readonly want: readonly (HostTensor | undefined)[];
}
/** Attention with its row sums, and its gradient. */
export function runsOf({ dtype, causal, t, s, d, h = 1, b = 1 }: Case): readonly [forward: Run, gradient: Run] {
  const q = aval(dtype, [b, t, h, d]),
    k = aval(dtype, [b, s, h, d]),
    rows = aval("f32", [b, h, t]),
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
/** One kernel of a program alone, and what it should give: of the results, those that it stores. */
export function kernelOf(run: Run, artifact: PtxArtifact, kernel: number): readonly [Run, PtxArtifact] {
  const entry = artifact.kernels[kernel]?.entry ?? "",
    [head = "", ...parts] = artifact.text.split(/(?=^\.(?:extern|visible) )/m),
    text = [head, ...parts.filter(x => x.includes(entry))].join(""),
    steps = artifact.steps.filter(s => s.kind === "launch" && s.kernel === kernel),
    stored = new Set(
      steps
        .flatMap(s => (s.kind === "launch" ? s.args : []))
        .flatMap(({ slot }) => {
          const home = artifact.slots[slot]?.home;
          return home?.kind === "output" ? [home.index] : [];
        }),
    );
  return [
    { ...run, want: run.want.map((w, i) => (stored.has(i) ? w : undefined)) },
    { ...artifact, text, steps },
  ];
}
/** The results of a run. @throws PtxFault */
export function resultsOf({ args }: Run, artifact: PtxArtifact, schedule: Schedule, capability = 80): readonly HostArray[] {
  const device = new ProgramDevice({ bytes: 1 << 22, capability, races: true, schedule, limit: 20_000_000 });
  return device
    .load(artifact)
    .run(args.map(x => device.upload(x.dtype, toStorage(x.dtype, x.data))))
    .map(x => x.readSync());
}
/** The largest difference of any result from the reference, relative to the largest there is; infinite where it is no number. @throws PtxFault */
export function distanceOf(run: Run, artifact: PtxArtifact, schedule: Schedule, capability = 80): number {
  const outs = resultsOf(run, artifact, schedule, capability);
  return Math.max(
    ...run.want.map((w, k) => {
      if (!w) return 0;
      const got = fromStorage(w.dtype, outs[k] ?? toStorage(w.dtype, [])),
        scale = Math.max(...Array.from(w.data, Math.abs));
      return w.data.reduce((worst: number, y, i) => {
        const off = Math.abs(y - (got[i] ?? NaN)) / scale;
        return Number.isNaN(off) ? Infinity : Math.max(worst, off);
      }, 0);
    }),
  );
}
/** How far, in terms of that: the one table's word for f32; for narrower floats what rounding weights to them makes. */
export const allowed = (dtype: DType): number => (dtype === "f32" ? toleranceOf("attention", "exact")(dtype) : 0.015);
