// Lines of a tensor along an axis, as sorts and scans see them: their number, and where their elements lie.
import { computeDType } from "../../../../runtime/dtype.ts";
import type { BufRef } from "../../../ir/kernel.ts";
import { scalarOps, type Expr } from "../../../ir/scalar.ts";
import { arith, int, load } from "../builder.ts";

/** `count` lines of `n` elements, `stride` elements apart. */
export interface Lines {
  readonly count: number;
  readonly n: number;
  readonly stride: number;
  /** The index of an element by its line and its position there. */
  place(line: Expr, position: Expr): Expr;
}
/** The lines along `axis` of a row-major tensor. */
export function linesAlong(shape: readonly number[], axis: number): Lines {
  const product = (sizes: readonly number[]): number => sizes.reduce((x, y) => x * y, 1),
    n = shape[axis] ?? 1,
    stride = product(shape.slice(axis + 1));
  return {
    count: product(shape.slice(0, axis)) * stride,
    n,
    stride,
    place: (line, position) =>
      stride === 1
        ? arith("add", arith("mul", line, int(n)), position)
        : arith(
            "add",
            arith("add", arith("mul", arith("div", line, int(stride)), int(n * stride)), arith("rem", line, int(stride))),
            arith("mul", position, int(stride)),
          ),
  };
}
/** Element `at` of an operand, which may be one value everywhere. */
export const elementOf = (x: BufRef, at: Expr): Expr =>
  x.value === undefined ? load(x.buf, computeDType(x.dtype), at) : scalarOps.const(x.value, computeDType(x.dtype));
