// What cutting work into groups needs to know of a GPU. Numbers only: no driver, no language.
import type { SubgroupMatrices } from "../../../runtime/artifact.ts";
import type { Precision } from "../../../runtime/precision.ts";

/** `threads`: the most threads of a group. `group`: a good number of threads for independent items. `subgroup`: threads that can shuffle (1: none). `sharedBytes`: a group's shared memory. `double`: is there f64?
 *  `packs`: 16-bit floats that shared memory can hold in 16 bits. `parameters`: the most of a kernel (480: a CUDA launch has room for 4 KiB of addresses). `software`: threads run on a CPU, a subgroup as one vector: barriers are dear, a thread may do much. */
export interface TileTarget {
  readonly threads: number;
  readonly group: number;
  readonly subgroup: number;
  readonly sharedBytes: number;
  readonly double: boolean;
  readonly packs?: readonly Packed[];
  readonly parameters?: number;
  readonly software?: boolean;
  readonly matrix?: MatrixUnits;
  readonly matrices?: SubgroupUnits;
}
/** What shared memory may hold in 16 bits. */
export type Packed = "f16" | "bf16";
/** Units that multiply fragments (`ir/fragment.ts`), with copies to shared memory that run beside them; subgroups are of 32. `processors`: how many groups run side by side at least.
 *  `sharedBytes`: a group's shared memory where it asks for more than others have. `precision`: of products that do not say. `bulk`: there are copies of boxes, and products
 *  of four subgroups out of shared memory (`BulkStmt`). */
export interface MatrixUnits {
  readonly bulk?: boolean;
  readonly precision: Precision;
  readonly processors: number;
  readonly sharedBytes: number;
}

/** Matrices that subgroups multiply (`ir/subgroup_matrix.ts`). `precision`: of products that do not say. */
export interface SubgroupUnits extends SubgroupMatrices {
  readonly precision: Precision;
}

/** A power of two that is at least `n`. */
export function powerOfTwo(n: number): number {
  let p = 1;
  while (p < n) p *= 2;
  return p;
}

/** Operations in the time in which a byte comes from memory (a guess until cards have been measured, and that of `matrix/prologue.ts`); undefined where a CPU computes. See `../recompute.ts`. */
export const perByteOf = ({ software }: Pick<TileTarget, "software">): number | undefined => (software === true ? undefined : 8);
