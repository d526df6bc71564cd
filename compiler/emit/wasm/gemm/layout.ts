// What both loop nests around a product's kernels need to know: where scratch memory is, which operand is read where it lies, how far apart results are.
import type { FuncBuilder } from "../encoder/function.ts";
import type { MatrixSource, PlainOutput, StridedSource } from "./spec.ts";

/** Where the generated functions find their scratch memory. Both push a byte address, aligned to 64. */
export interface GemmScratch {
  /** `plan.scratchShared` bytes, the same for all threads. */
  readonly shared: (f: FuncBuilder) => void;
  /** `plan.scratchPerThread` bytes of the running thread's own. */
  readonly perThread: (f: FuncBuilder) => void;
}

/** Indexed and computed sources are always packed, so only strided ones are read in place. */
export type InPlace = StridedSource | undefined;
/** The source where it lies, if it is read there. */
export const inPlace = (source: MatrixSource): InPlace => (source.kind === "strided" ? source : undefined);

/** Strides of a plain output in bytes. */
export function outStrides({ strides }: PlainOutput, n: number, size: number): { row: number; col: number } {
  return { row: (strides?.row ?? n) * size, col: (strides?.col ?? 1) * size };
}
