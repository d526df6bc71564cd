// Which attention goes to matrix units, and how it is cut for them: rows of a group, of a subgroup, of a strip. Decided from sizes alone, so that equal programs are equal code.
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { BLOCK } from "../../../ir/fragment.ts";
import type { Expr } from "../../../ir/scalar.ts";
import { onMatrixUnits } from "../../attention.ts";
import { powerOfTwo, type MatrixUnits, type TileTarget } from "../target.ts";
import { wayOf } from "./operand.ts";

/** `own` rows belong to groups (queries, or keys where `byKey`), `rows` to one, `blocks` blocks of 16 to each of its `warps` subgroups; `other` rows are walked, `strip` at a time. A row of a head lies in
 *  `pitch` elements of shared memory. `held`: own operands stay in registers as fragments; else they are loaded again for every strip. */
export interface HeadsCut {
  readonly byKey: boolean;
  readonly own: number;
  readonly other: number;
  readonly warps: number;
  readonly blocks: number;
  readonly rows: number;
  readonly strip: number;
  readonly pitch: number;
  readonly held: boolean;
}
/** Strips in shared memory: one is multiplied while the next is on its way. */
export const STAGES = 2;
const WARPS = 4,
  LONGEST = 64,
  SHORTEST = BLOCK;
/** Scales that leave scores, and what hides them, numbers. */
const LEAST_SCALE = 2 ** -60,
  MOST_SCALE = 2 ** 60;

/** The operands of a pass that are a head wide, each with the variable of its rows. */
export function operandsOf({ q, k, v, saved, vars }: AttentionKernel): readonly (readonly [Expr, AttentionKernel["vars"]["i"]])[] {
  return [[q, vars.i], [k, vars.j], [v, vars.j], ...(saved ? [[saved.ct, vars.i] as const] : [])];
}
/** The cut of an attention that matrix units are for: 16-bit floats, heads of whole blocks, operands that are copied as they lie. Undefined for others, and where weights, which are f32, are not to be
 *  rounded before they are multiplied. `aligned`: bytes of which the address of each parameter is a multiple. */
export function cutHeads(k: AttentionKernel, { matrix }: TileTarget, aligned: (param: number) => number): HeadsCut | undefined {
  const { operands, d, scale, pass, vars, params, t, s, n } = k;
  if (!matrix || matrix.precision === "highest" || pass === "backward" || n * t * s === 0 || !onMatrixUnits(operands, d)) return undefined;
  if (!(scale > LEAST_SCALE && scale < MOST_SCALE)) return undefined;
  for (const [value, row] of operandsOf(k)) {
    const way = wayOf(value, { vars: { l: row }, params }, vars.e, operands as "f16" | "bf16", aligned); // onMatrixUnits has tested it
    if (way.along !== "outer" || way.count === 0) return undefined;
  }
  return cutOf(k, matrix);
}
function cutOf({ pass, n, t, s, d }: AttentionKernel, { processors, sharedBytes }: MatrixUnits): HeadsCut | undefined {
  const byKey = pass === "keys",
    [own, other] = byKey ? [s, t] : [t, s],
    pitch = powerOfTwo(d);
  const wide = pass === "forward" && n * Math.ceil(own / (2 * BLOCK * WARPS)) >= processors, // each fragment of a strip is loaded for twice as many products
    blocks = wide ? 2 : 1,
    warps = Math.min(WARPS, Math.ceil(own / (blocks * BLOCK))),
    rows = warps * blocks * BLOCK;
  const longest = d > 64 ? LONGEST / 2 : LONGEST,
    strip = Math.max(SHORTEST, Math.min(longest, powerOfTwo(other))),
    held = d <= 64 || (pass !== "keys" && !wide);
  const bytes = pitch * 2 * ((pass === "forward" ? 1 : 2) * rows + 2 * STAGES * strip) + 2 * STAGES * strip * 4;
  return bytes > sharedBytes ? undefined : { byKey, own, other, warps, blocks, rows, strip, pitch, held };
}
