// How attention runs on vectors: blocks of queries against blocks of keys whose scores fit into the second-level cache, all products by the micro-kernel of matrix products.
// Data only. Sizes alone decide, so bits do not depend on the number of threads.
import { InternalError } from "../../../../runtime/errors/error.ts";
import type { WasmFeatures } from "../../../../runtime/artifact.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { VEC, type Vec } from "../gemm/vec.ts";

/** Some columns of a head, as wide as the micro-kernel's tile (the last perhaps narrower): `columns` from `at`, `width` with padding. */
export interface Slice {
  readonly at: number;
  readonly columns: number;
  readonly nv: number;
  readonly width: number;
}
/** `rows` queries a block, `keys` keys a block (a multiple of a panel's `width`), `blocks` of those. `slices` of a head, `padded` wide in all. */
export interface AttentionPlan {
  readonly vec: Vec;
  readonly fma: boolean;
  readonly nv: number;
  readonly ku: number;
  readonly width: number;
  readonly rows: number;
  readonly keys: number;
  readonly blocks: number;
  readonly slices: readonly Slice[];
  readonly padded: number;
}

/** Rows of the micro-kernel's tile. */
export const MR = 4;
/** Keys of one sweep of a product over keys: their panel stays in the first-level cache. */
export const SWEEP = 256;
/** Queries of a block; keys of a block of the backward pass; the most blocks of keys: each has its own share of the queries' cotangents, which is summed at the end. */
const ROWS = 32,
  KEYS = 512,
  BLOCKS = 4;
/** Scores of a block take about this many bytes, in rows of at least FEWEST. */
const CACHE = 256 * 1024,
  FEWEST = 8;

/** The plan of a kernel. @throws InternalError for a dtype that vectors do not hold */
export function planAttention(k: AttentionKernel, features: WasmFeatures): AttentionPlan {
  if (k.dtype !== "f32" && k.dtype !== "f64") throw new InternalError(`${k.name}: attention in ${k.dtype}`);
  const vec = VEC[k.dtype],
    nv = features.wide ? 4 : 2,
    width = nv * vec.lanes;
  const blocks = k.pass === "forward" ? 1 : Math.min(BLOCKS, Math.ceil(k.s / KEYS)),
    keys = up(Math.ceil(k.s / blocks), width);
  let rows = ROWS;
  while (rows > FEWEST && rows * keys * vec.size > CACHE) rows /= 2;
  const slices: Slice[] = [];
  for (let at = 0; at < k.d; at += width) {
    const columns = Math.min(width, k.d - at),
      vectors = up(Math.ceil(columns / vec.lanes), features.wide ? 2 : 1);
    slices.push({ at, columns, nv: vectors, width: vectors * vec.lanes });
  }
  return {
    vec,
    fma: features.fma,
    nv,
    ku: features.wide ? 4 : 1,
    width,
    rows,
    keys,
    blocks: Math.ceil(k.s / keys),
    slices,
    padded: slices.reduce((n, s) => n + s.width, 0),
  };
}
const up = (n: number, to: number): number => Math.ceil(n / to) * to;
