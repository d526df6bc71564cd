// What a product's operands are multiplied as on matrix units: known before there is a kernel.
import { isFloat8 } from "../../../../runtime/dtype.ts";
import type { Precision } from "../../../../runtime/precision.ts";
import type { FragmentDType } from "../../../ir/fragment.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";

/** What the product's operands are multiplied as on matrix units; undefined where other ways are wanted, or exact. */
export function multipliedAs(
  { operands, dtype }: Pick<GemmKernel, "operands" | "dtype">,
  precision: Precision,
): { readonly dtype: FragmentDType; readonly terms: 1 | 2 } | undefined {
  if (dtype !== "f32") return undefined;
  if (operands === "f16" || operands === "bf16") return { dtype: operands, terms: 1 };
  if (isFloat8(operands)) return { dtype: "f16", terms: 1 }; // which holds all of them
  return operands !== "f32" || precision === "highest" ? undefined : { dtype: "f32", terms: precision === "tensorfloat32" ? 1 : 2 };
}
