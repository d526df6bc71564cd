// Matrices that a subgroup holds in a way of its own, as WGSL has them: which thread has which element nobody may know, so sums are no variables of threads (`fragment.ts` is about those that are). What
// follows a product goes through shared memory.
import { exprVar, type Expr } from "./scalar.ts";

/** What a matrix is for, its elements, and its sides: `lhs` m x k, `rhs` k x n, `sums` m x n of f32. */
export interface Matrix {
  readonly id: number;
  readonly role: "lhs" | "rhs" | "sums";
  readonly dtype: "f16" | "f32";
  readonly rows: number;
  readonly cols: number;
}
/** A matrix that nothing holds yet. */
export const subgroupMatrix = (role: Matrix["role"], dtype: Matrix["dtype"], rows: number, cols: number): Matrix => ({
  id: exprVar("matrix", "i32").id,
  role,
  dtype,
  rows,
  cols,
});

/** What a target with such matrices has more (`TileTarget.subgroupMatrices`). All threads of a group reach these together, each subgroup with a place of its own. Element (r, c) of what is loaded or stored
 *  is element index + r * rows + c * cols of shared memory of the matrix's dtype; `rows` or `cols` is 1. */
export type SubgroupStmt =
  | { readonly kind: "clearMatrix"; readonly into: Matrix }
  | {
      readonly kind: "loadMatrix";
      readonly into: Matrix;
      readonly buf: number;
      readonly index: Expr;
      readonly rows: number;
      readonly cols: number;
    }
  | {
      readonly kind: "storeMatrix";
      readonly from: Matrix;
      readonly buf: number;
      readonly index: Expr;
      readonly rows: number;
      readonly cols: number;
    }
  /** sums += lhs * rhs; in which order a sum's products are added, the subgroup knows, and always the same. */
  | { readonly kind: "multiplyMatrices"; readonly sums: Matrix; readonly lhs: Matrix; readonly rhs: Matrix };
const kinds: Readonly<Record<SubgroupStmt["kind"], true>> = {
  clearMatrix: true,
  loadMatrix: true,
  storeMatrix: true,
  multiplyMatrices: true,
};
/** Is `s` one of `SubgroupStmt`? No other statements lie inside of these. */
export const isSubgroupStmt = <S extends { readonly kind: string }>(s: S): s is Extract<S, SubgroupStmt> => s.kind in kinds;
