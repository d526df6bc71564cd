// Matrices of subgroups as WGSL's experimental subgroup matrices (Dawn's `chromium-experimental-subgroup-matrix`). They load from and store to arrays of scalars in workgroup memory, at indices that the
// shader's compiler can see to be the subgroup's: it knows that of the builtin `subgroup_id` and of what is computed from it.
import { InternalError } from "../../../runtime/errors/error.ts";
import type { Matrix, SubgroupStmt } from "../../ir/subgroup_matrix.ts";
import { index, type Place } from "./memory.ts";

/** What a module with such matrices begins with. */
export const ENABLED = "enable chromium_experimental_subgroup_matrix;";
/** The type: columns come before rows. */
export function typeOfMatrix({ role, dtype, rows, cols }: Matrix): string {
  const side = { lhs: "left", rhs: "right", sums: "result" }[role];
  return `subgroup_matrix_${side}<${dtype}, ${cols}, ${rows}>`;
}
/** The statement. `name` gives the name of a matrix, a fresh one where it is told to; `value` an index. */
export function subgroupStatement(
  s: SubgroupStmt,
  place: (buf: number) => Place,
  name: (m: Matrix, fresh?: true) => string,
  value: () => string,
): string {
  const array = (buf: number): string => {
    const p = place(buf);
    if (p.space !== "array" || p.width !== 1) throw new InternalError("matrices load from arrays of scalars");
    return `&${p.name}`;
  };
  switch (s.kind) {
    case "clearMatrix":
      return `var ${name(s.into, true)} = ${typeOfMatrix(s.into)}();`;
    case "loadMatrix":
      return `let ${name(s.into, true)} = subgroupMatrixLoad<${typeOfMatrix(s.into)}, ${orderOf(s)}>(${array(s.buf)}, ${index(value())}, ${strideOf(s)}u);`;
    case "storeMatrix":
      return `subgroupMatrixStore<${orderOf(s)}>(${array(s.buf)}, ${index(value())}, ${name(s.from)}, ${strideOf(s)}u);`;
    case "multiplyMatrices":
      return `${name(s.sums)} = subgroupMatrixMultiplyAccumulate(${name(s.lhs)}, ${name(s.rhs)}, ${name(s.sums)});`;
  }
}
type Steps = Pick<Extract<SubgroupStmt, { kind: "loadMatrix" }>, "rows" | "cols">;
const orderOf = ({ cols }: Steps): string => (cols === 1 ? "row_major" : "col_major");
const strideOf = ({ rows, cols }: Steps): number => (cols === 1 ? rows : cols);
