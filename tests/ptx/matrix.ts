// Products as compiled for tensor cores, for the tests that run them on the interpreter: programs, and one run of an artifact whose text may have been changed.
import type { PtxArtifact } from "../../runtime/artifact.ts";
import type { DType } from "../../runtime/dtype.ts";
import { compile } from "../../compiler/compile.ts";
import { fromStorage, toStorage } from "../../compiler/host.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { evaluate, type HostTensor } from "../../compiler/reference/evaluate.ts";
import { traceClosed } from "../../compiler/trace/trace.ts";
import type { Tensor } from "../../compiler/trace/tensor.ts";
import { matmul, transpose } from "../../stdlib/index.ts";
import type { PtxDeviceOptions } from "./device.ts";
import { ProgramDevice } from "./programs.ts";

/** Which operands lie the other way round in memory. */
export interface Turned {
  readonly lhs?: boolean;
  readonly rhs?: boolean;
}
/** [m, k] times [k, n]. */
export const productOf = (dtype: DType, m: number, k: number, n: number, { lhs = false, rhs = false }: Turned = {}): Func =>
  traceClosed(
    (...xs) => {
      const [a, b] = xs as [Tensor, Tensor]; // two parameters
      return [matmul(lhs ? transpose(a) : a, rhs ? transpose(b) : b)];
    },
    [
      { dtype, shape: lhs ? [k, m] : [m, k] },
      { dtype, shape: rhs ? [n, k] : [k, n] },
    ],
  );
/** A program for a card with so many multiprocessors: few make tiles large. Little shared memory makes few stages. */
export const compiledFor = (
  f: Func,
  capability: number,
  processors: number,
  sharedBytesOptIn: number = capability >= 90 ? 232448 : 166912,
): PtxArtifact =>
  compile(f, { kind: "cuda", features: { capability, threads: 1024, sharedBytes: 49152, sharedBytesOptIn, processors } }) as PtxArtifact; // the target is cuda
/** The largest difference of the only result from the reference, relative to the largest there is; infinite where it is no number. @throws PtxFault */
export function distanceOf(f: Func, artifact: PtxArtifact, args: readonly HostTensor[], options: Omit<PtxDeviceOptions, "bytes">): number {
  const device = new ProgramDevice({ bytes: 1 << 21, ...options }),
    [want] = evaluate(f, args);
  if (!want) throw new RangeError("a program without a result");
  const [out] = device.load(artifact).run(args.map(x => device.upload(x.dtype, toStorage(x.dtype, x.data)))),
    got = out ? fromStorage(want.dtype, out.readSync()) : [],
    scale = Math.max(...Array.from(want.data, Math.abs));
  return want.data.reduce((worst: number, y, i) => {
    const d = Math.abs(y - (got[i] ?? NaN)) / scale;
    return Number.isNaN(d) ? Infinity : Math.max(worst, d);
  }, 0);
}
