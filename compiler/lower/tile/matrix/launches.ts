// Whether a product goes to matrix units, and the launches that it then is: one, or two where its sum is split.
import { isFloat8 } from "../../../../runtime/dtype.ts";
import type { FragmentDType } from "../../../ir/fragment.ts";
import type { GemmKernel, Kernel } from "../../../ir/kernel.ts";
import type { Precision } from "../../../../runtime/precision.ts";
import type { Tiled } from "../builder.ts";
import type { MatrixUnits, TileTarget } from "../target.ts";
import { bulkOf } from "./boxes.ts";
import { bulkCut, bulkTile } from "./bulk.ts";
import { cutProduct } from "./cut.ts";
import { wayOf } from "./operand.ts";
import { matrixTile } from "./product.ts";
import { addParts, partsTime } from "./split.ts";

/** A product on matrix units. `rest` follows it and has its parameters, workspace too. */
export interface MatrixProduct {
  readonly tiled: Tiled;
  readonly rest?: Kernel;
}
/** Workspace begins at a multiple of so many bytes. */
const WORKSPACE_ALIGNED = 256;
/** What the product's operands are multiplied as on matrix units; undefined where other ways are wanted, or exact. */
function multipliedAs(
  { operands, dtype }: GemmKernel,
  precision: Precision,
): { readonly dtype: FragmentDType; readonly terms: 1 | 2 } | undefined {
  if (dtype !== "f32") return undefined;
  if (operands === "f16" || operands === "bf16") return { dtype: operands, terms: 1 };
  if (isFloat8(operands)) return { dtype: "f16", terms: 1 }; // which holds all of them
  return operands !== "f32" || precision === "highest" ? undefined : { dtype: "f32", terms: precision === "tensorfloat32" ? 1 : 2 };
}
/** The product on matrix units, if the target has them and it is one for them. `aligned`: bytes of which the address of each parameter is a multiple. */
export function matrixProduct(g: GemmKernel, target: TileTarget, aligned: (param: number) => number): MatrixProduct | undefined {
  const { matrix } = target,
    as = matrix && multipliedAs(g, g.precision ?? matrix.precision);
  if (!matrix || !as || g.k === 0 || g.batch * g.m * g.n === 0) return undefined;
  const lhs = wayOf(g.lhs, g, g.vars.i, as.dtype, aligned),
    rhs = wayOf(g.rhs, g, g.vars.j, as.dtype, aligned);
  const cut = cutProduct({ batch: g.batch, m: g.m, n: g.n, k: g.k, operands: as.dtype, direct: lhs.count * rhs.count > 0 }, matrix);
  const alignment = (p: number): number => (p < g.params.length ? aligned(p) : WORKSPACE_ALIGNED),
    bulk = inBulk(g, cut.time / cut.parts + partsTime(g, cut.parts, matrix.processors), matrix, alignment, target);
  if (bulk) return bulk;
  const tiled = matrixTile(g, { ...as, cut, lhs, rhs, aligned: alignment }, target);
  return cut.parts === 1 ? { tiled } : { tiled, rest: addParts(g, cut.parts) };
}
/** By bulk copies, where there are such, both operands are tensors, and it takes less than `time`. */
function inBulk(
  g: GemmKernel,
  time: number,
  units: MatrixUnits,
  aligned: (param: number) => number,
  target: TileTarget,
): MatrixProduct | undefined {
  const lhs = units.bulk ? bulkOf(g.lhs, g, g.vars.i, g.m, aligned) : undefined,
    rhs = lhs && bulkOf(g.rhs, g, g.vars.j, g.n, aligned),
    cut = bulkCut(g, units);
  if (!lhs || !rhs || cut.time >= time) return undefined;
  const tiled = bulkTile(g, lhs, rhs, cut, aligned, units, target);
  return cut.parts === 1 ? { tiled } : { tiled, rest: addParts(g, cut.parts) };
}
