// Whether an operand of a product is a tensor that bulk copies bring as it lies, and which.
import { byteSize } from "../../../../runtime/dtype.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../../ir/scalar.ts";
import type { TensorBox } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import type { Produced } from "./prologue.ts";

/** An operand as a tensor: [l, outer, batch], or `across` [outer, l, batch], innermost first. */
export interface Bulk {
  readonly across: boolean;
  readonly tensor: Omit<TensorBox, "box">;
}
/** How an operand comes: copied in boxes, or computed by all threads that bring. `across`: neighbours in shared memory are rows or columns, not contracted indices. */
export type Coming = Bulk | (Produced & { readonly across: boolean; readonly tensor?: never });
/** The tensor that an operand of so many rows or columns is, if it is one: 16-bit floats at strides of 16 bytes. */
export function bulkOf(e: Expr, g: GemmKernel, outer: ExprVar, limit: number, aligned: (param: number) => number): Bulk | undefined {
  const { l, b } = g.vars;
  if (e.kind !== "load" || e.guard || (g.operands !== "bf16" && g.operands !== "f16") || g.params[e.buf]?.dtype !== g.operands)
    return undefined;
  const [cl, co, cb] = [l, outer, b].map(v => coefficient(e.index, v)),
    offset = atZero(e.index),
    whole = 16 / byteSize(g.operands);
  if (cl === undefined || co === undefined || cb === undefined || offset === undefined || (cl !== 1 && co !== 1)) return undefined;
  const across = cl !== 1,
    strides = [across ? cl : co, ...(g.batch === 1 ? [] : [cb])];
  if (aligned(e.buf) % 16 !== 0 || offset % whole !== 0 || strides.some(n => n <= 0 || n % whole !== 0)) return undefined;
  const dims = [...(across ? [limit, g.k] : [g.k, limit]), ...(g.batch === 1 ? [] : [g.batch])];
  return { across, tensor: { param: e.buf, offset, dims, strides } };
}
/** The value of a sum of products with every variable 0. */
export function atZero(e: Expr): number | undefined {
  switch (e.kind) {
    case "const":
      return e.value;
    case "var":
      return 0;
    case "binary": {
      const x = atZero(e.x),
        y = atZero(e.y);
      if (x === undefined || y === undefined) return undefined;
      return e.op === "add" ? x + y : e.op === "sub" ? x - y : e.op === "mul" ? x * y : undefined;
    }
    default:
      return undefined;
  }
}
