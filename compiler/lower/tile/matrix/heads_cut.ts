// Which attention goes to matrix units, and how it is cut for them: rows of a group, of a subgroup, of a strip. Decided from sizes alone, so that equal programs are equal code.
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { BLOCK, type Fragment } from "../../../ir/fragment.ts";
import type { Expr } from "../../../ir/scalar.ts";
import { byteSize } from "../../../../runtime/dtype.ts";
import { onMatrixUnits } from "../../attention.ts";
import { powerOfTwo, type MatrixUnits, type TileTarget } from "../target.ts";
import { multipliedAs } from "./multiplied.ts";
import { wayOf } from "./operand.ts";
import { LINE } from "./prologue.ts";
import type { RowsCut } from "./rows.ts";
import { SET_ROWS, SETS } from "./sets.ts";

/** A group of `warps` subgroups. Operands are multiplied as `terms` numbers of `dtype`; a row of a head lies in `pitch` elements of shared memory. `held`: own operands stay in registers as fragments; else
 *  they are loaded again for every strip. */
export interface HeadsCut extends RowsCut, Pick<Fragment, "dtype" | "terms"> {
  readonly warps: number;
  readonly pitch: number;
  readonly held: boolean;
}
/** A group by bulk copies, whose sets own 64 rows each: `stages` strips are in shared memory at a time. */
export interface BulkHeadsCut extends RowsCut {
  readonly dtype: "bf16" | "f16";
  readonly stages: number;
}
/** Strips in shared memory: one is multiplied while the next is on its way. */
export const STAGES = 2;
const WARPS = 4,
  LONGEST = 64,
  SHORTEST = BLOCK;
/** Scales that leave scores, and what hides them, numbers. */
const LEAST_SCALE = 2 ** -60,
  MOST_SCALE = 2 ** 60;
/** By bulk copies: rows of a group; the most stages; bytes for signals, and for memory to begin at a multiple of 1024. */
export const BULK_ROWS: number = SET_ROWS * SETS;
const BULK_STAGES = 4,
  SIGNALS = 2048;
/** How much faster rows are there than those of fragments (a guess until a card has been measured). */
const BULK_RATE = 2.5;
/** Registers of a thread for results, scores, and those of them that are operands: where long strips would take more, strips are short. */
const KEPT = 192;

/** The operands of a pass that are a head wide, each with the variable of its rows. */
export function operandsOf({ q, k, v, saved, vars }: AttentionKernel): readonly (readonly [Expr, AttentionKernel["vars"]["i"]])[] {
  return [[q, vars.i], [k, vars.j], [v, vars.j], ...(saved ? [[saved.ct, vars.i] as const] : [])];
}
/** The cut of an attention that matrix units are for: heads of whole blocks, of 16-bit floats or of f32 as tf32 terms, operands that are copied as they lie. Undefined for others, and where weights, which
 *  are f32, are not to be rounded before they are multiplied. `aligned`: bytes of which the address of each parameter is a multiple. */
export function cutHeads(k: AttentionKernel, { matrix }: TileTarget, aligned: (param: number) => number): HeadsCut | undefined {
  const { operands, d, scale, pass, vars, params, t, s, n } = k,
    precision = k.precision ?? matrix?.precision ?? "highest",
    as = multipliedAs(k, precision);
  if (!matrix || !as || pass === "backward" || n * t * s === 0 || !onMatrixUnits(operands, d, precision)) return undefined;
  if (!(scale > LEAST_SCALE && scale < MOST_SCALE)) return undefined;
  for (const [value, row] of operandsOf(k)) {
    const way = wayOf(value, { vars: { l: row }, params }, vars.e, as.dtype, aligned);
    if (way.along !== "outer" || way.count === 0) return undefined;
  }
  return cutOf(k, as, matrix);
}
function cutOf(
  { pass, n, t, s, d }: AttentionKernel,
  as: Pick<HeadsCut, "dtype" | "terms">,
  { processors, sharedBytes }: MatrixUnits,
): HeadsCut | undefined {
  const byKey = pass === "keys",
    [own, other] = byKey ? [s, t] : [t, s],
    pitch = powerOfTwo(d),
    size = byteSize(as.dtype),
    single = as.dtype === "f32";
  const wide = pass === "forward" && n * Math.ceil(own / (2 * BLOCK * WARPS)) >= processors, // each fragment of a strip is loaded for twice as many products
    blocks = wide ? 2 : 1,
    warps = Math.min(WARPS, Math.ceil(own / (blocks * BLOCK))),
    rows = warps * blocks * BLOCK;
  const longest = LONGEST / (d > 64 ? 2 : 1) / (single ? (pass === "forward" ? 2 : 4) : 1),
    strip = Math.max(SHORTEST, Math.min(longest, powerOfTwo(other))),
    held = single ? d <= 32 : d <= 64 || (pass !== "keys" && !wide);
  const bytes = pitch * size * ((pass === "forward" ? 1 : 2) * rows + 2 * STAGES * strip) + 2 * STAGES * strip * 4;
  return bytes > sharedBytes ? undefined : { ...as, byKey, own, other, warps, blocks, rows, strip, pitch, held };
}
/** The cut for bulk copies and products out of shared memory: for heads of whole lines of 16-bit floats, where that is estimated to take less time than by fragments. */
export function cutBulkHeads({ pass, n, d }: AttentionKernel, cut: HeadsCut, units: MatrixUnits): BulkHeadsCut | undefined {
  const { byKey, own, other, dtype } = cut;
  if (units.bulk !== true || dtype === "f32" || d % LINE !== 0) return undefined;
  const time = (rows: number, rate: number): number => (Math.ceil((n * Math.ceil(own / rows)) / units.processors) * rows) / rate;
  if (time(BULK_ROWS, BULK_RATE) >= time(cut.rows, 1)) return undefined;
  const results = (byKey ? 2 : 1) * d,
    scores = pass === "forward" ? 1 : 2,
    fits = (strip: number): boolean => (results + scores * strip) / 2 + strip / 4 <= KEPT,
    strip = other > SET_ROWS && fits(2 * SET_ROWS) ? 2 * SET_ROWS : SET_ROWS;
  const kept = 2 * scores * BULK_ROWS * d,
    stage = 4 * strip * d + (byKey ? 8 * strip : 0),
    stages = Math.min(BULK_STAGES, Math.floor((units.sharedBytes - kept - SIGNALS) / stage));
  return stages < 2 ? undefined : { byKey, own, other, blocks: 1, rows: BULK_ROWS, strip, dtype, stages };
}
