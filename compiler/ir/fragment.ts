// Operands of matrix products in registers: a fragment is a small matrix that the threads of a subgroup hold together, and a product adds to a 16 x 16 block of sums that
// are ordinary variables of the threads. This says which elements each thread holds; how they are packed into registers is the emitter's.
//
// lane: a thread's number in its subgroup of 32, with g = lane / 4 and t = lane % 4.
import { exprVar, scalarOps, type Expr } from "./scalar.ts";

/** What a product multiplies: 16-bit floats as they are, or f32 as one or two tf32 numbers. */
export type FragmentDType = "bf16" | "f16" | "f32";
/** An operand in registers: `lhs` is 16 rows by `depth` columns, `rhs` is `depth` rows by 16 columns. `terms`: how many tf32 numbers an f32 is the sum of (two keep 22 bits); 1 for 16-bit floats.
 *  `paired` f32: threads hold contracted indices in the order in which they hold columns of sums, for both operands of a product alike. */
export interface Fragment {
  readonly id: number;
  readonly side: "lhs" | "rhs";
  readonly dtype: FragmentDType;
  readonly terms: 1 | 2;
  readonly paired: boolean;
}
/** A fragment that nothing holds yet. */
export const fragment = (side: Fragment["side"], dtype: FragmentDType, terms: Fragment["terms"] = 1, paired = false): Fragment => ({
  id: exprVar("fragment", "i32").id,
  side,
  dtype,
  terms,
  paired,
});
/** Rows and columns of a block of sums, and the side of a fragment along them. */
export const BLOCK = 16;
/** The contracted side of a fragment. */
export const depthOf = (dtype: FragmentDType): number => (dtype === "f32" ? 8 : 16);

/** An element's row or column: g * `g` + t * `t` + `at`. */
export interface Along {
  readonly g: number;
  readonly t: number;
  readonly at: number;
}
/** Where an element is that a thread holds. */
export interface Spot {
  readonly row: Along;
  readonly col: Along;
}
const spots = (n: number, spot: (e: number) => Spot): readonly Spot[] => Array.from({ length: n }, (_, e) => spot(e));
/** The 8 sums of a thread. */
export const SUMS: readonly Spot[] = spots(8, e => ({
  row: { g: 1, t: 0, at: 8 * ((e >> 1) & 1) },
  col: { g: 0, t: 2, at: (e & 1) + 8 * (e >> 2) },
}));
const RHS_16 = spots(8, e => ({ row: { g: 0, t: 2, at: (e & 1) + 8 * ((e >> 1) & 1) }, col: { g: 1, t: 0, at: 8 * (e >> 2) } })),
  LHS_32 = spots(4, e => ({ row: { g: 1, t: 0, at: 8 * (e & 1) }, col: { g: 0, t: 1, at: 4 * (e >> 1) } })),
  RHS_32 = spots(4, e => ({ row: { g: 0, t: 1, at: 4 * (e & 1) }, col: { g: 1, t: 0, at: 8 * (e >> 1) } })),
  LHS_32_PAIRED = spots(4, e => ({ row: { g: 1, t: 0, at: 8 * (e & 1) }, col: { g: 0, t: 2, at: e >> 1 } })),
  RHS_32_PAIRED = spots(4, e => ({ row: { g: 0, t: 2, at: e & 1 }, col: { g: 1, t: 0, at: 8 * (e >> 1) } }));
/** The elements of a fragment that a thread holds. Those of a 16-bit `lhs`, and of a paired one, are where sums are: results of a product become an operand of the next where they lie. */
export function spotsOf({ side, dtype, paired }: Pick<Fragment, "side" | "dtype" | "paired">): readonly Spot[] {
  const lhs = side === "lhs";
  if (dtype !== "f32") return lhs ? SUMS : RHS_16;
  if (paired) return lhs ? LHS_32_PAIRED : RHS_32_PAIRED;
  return lhs ? LHS_32 : RHS_32;
}
/** The left operands that a thread's sums of a block are, part by part along its columns: which sums are the elements of each, in order. */
export const sumsAsLhs = (dtype: FragmentDType): readonly (readonly number[])[] =>
  dtype === "f32"
    ? [0, 4].map(at => LHS_32_PAIRED.map(({ row, col }) => at + row.at / 4 + col.at)) // sum 2 has row 8, sum 1 column 1
    : [SUMS.map((_, e) => e)];

/** The row or column of thread `lane`. */
export const along = ({ g, t, at }: Along, lane: number): number => g * (lane >> 2) + t * (lane & 3) + at;
/** The same for a kernel, given g and t. */
export function alongExpr(a: Along, g: Expr, t: Expr): Expr {
  const int = (n: number): Expr => scalarOps.const(n, "i32"),
    times = (x: Expr, n: number): Expr[] => (n === 0 ? [] : [n === 1 ? x : scalarOps.binary("mul", x, int(n))]);
  return [...times(g, a.g), ...times(t, a.t), ...(a.at === 0 ? [] : [int(a.at)])].reduce((x, y) => scalarOps.binary("add", x, y));
}
