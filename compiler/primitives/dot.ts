// The general contraction: sums of products over paired dimensions. matmul, einsum and convolution are spellings of it.
import { aval, showAval, type Aval } from "../ir/aval.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import type { ContractDims } from "../ir/primitive.ts";
import type { Tensor } from "../trace/tensor.ts";
import { listAvals, needDType, needEqualDTypes, nth, numbers, range, without } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { avalOf, known, perOperand } from "./rules.ts";
import { moveAxis, permute } from "./shape.ts";

/** Dimension numbers: batch pairs are kept, contracted pairs are summed, the rest ("free") are kept. */
export type DotParams = ContractDims & { readonly [key: string]: unknown };
const freeDims = (rank: number, batch: readonly number[], contract: readonly number[]): number[] =>
  without(range(rank), [...batch, ...contract]);

/** out[batch, lhs free, rhs free] = Σ over the contracted pairs of lhs · rhs. f16 and bf16 accumulate in f32.
 *  @throws E0202 when paired sizes differ, E0203, E0204  @see XLA dot_general */
export const dotGeneral: Operation<2, DotParams> = definePrimitive<2, DotParams>({
  name: "dotGeneral",
  aval([x, y], p) {
    needEqualDTypes("dotGeneral", [x, y]);
    needDType("dotGeneral", numbers, x);
    needDims("left", x, p.lhsBatch, p.lhsContract);
    needDims("right", y, p.rhsBatch, p.rhsContract);
    needPairs("batch", x, y, p.lhsBatch, p.rhsBatch);
    needPairs("contracted", x, y, p.lhsContract, p.rhsContract);
    const sizes = (a: Aval, dims: readonly number[]): number[] => dims.map(d => nth(a.shape, d));
    return aval(x.dtype, [
      ...sizes(x, p.lhsBatch),
      ...sizes(x, freeDims(x.shape.length, p.lhsBatch, p.lhsContract)),
      ...sizes(y, freeDims(y.shape.length, p.rhsBatch, p.rhsContract)),
    ]);
  },
  lower: { kind: "contract", dims: p => p },
  linear: "each",
  transpose: perOperand<2, DotParams>(
    // ct is [batch, lhs free, rhs free]: contract it with the other operand over the other's free dimensions
    (ct, [x, y], p) => {
      const rank = avalOf(x).shape.length,
        free = freeDims(rank, p.lhsBatch, p.lhsContract),
        other = known(y);
      const otherFree = freeDims(other.ndim, p.rhsBatch, p.rhsContract),
        n = p.lhsBatch.length;
      const back = dotGeneral(ct, other, {
        ...precisionOf(p),
        lhsBatch: range(n),
        rhsBatch: p.rhsBatch,
        lhsContract: range(ct.ndim).slice(n + free.length),
        rhsContract: otherFree,
      });
      return arrange(back, [...p.lhsBatch, ...free, ...pairedInOrder(p.lhsContract, p.rhsContract)]);
    },
    (ct, [x, y], p) => {
      const rank = avalOf(y).shape.length,
        free = freeDims(rank, p.rhsBatch, p.rhsContract),
        other = known(x);
      const otherFree = freeDims(other.ndim, p.lhsBatch, p.lhsContract),
        n = p.rhsBatch.length;
      const back = dotGeneral(ct, other, {
        ...precisionOf(p),
        lhsBatch: range(n),
        rhsBatch: p.lhsBatch,
        lhsContract: range(n + otherFree.length).slice(n),
        rhsContract: otherFree,
      });
      return arrange(back, [...p.rhsBatch, ...free, ...pairedInOrder(p.rhsContract, p.lhsContract)]);
    },
  ),
  batch([x, y], [xHas, yHas], p) {
    const up = (dims: readonly number[], has: boolean): number[] => dims.map(d => (has ? d + 1 : d));
    const both = xHas && yHas ? [0] : [];
    const out = dotGeneral(x, y, {
      ...precisionOf(p),
      lhsBatch: [...both, ...up(p.lhsBatch, xHas)],
      rhsBatch: [...both, ...up(p.rhsBatch, yHas)],
      lhsContract: up(p.lhsContract, xHas),
      rhsContract: up(p.rhsContract, yHas),
    });
    if (xHas && yHas) return [out];
    // the new axis is a free dimension of its operand, the first of them
    const n = p.lhsBatch.length;
    return [moveAxis(out, xHas ? n : n + x.ndim - n - p.lhsContract.length, 0)];
  },
});

/** The precision that a contraction asks for, for what is derived from it. */
export const precisionOf = ({ precision }: Pick<ContractDims, "precision">): Pick<ContractDims, "precision"> =>
  precision === undefined ? {} : { precision };
/** `dims` of one operand, ordered as the partners `by` ascend: the order in which the other operand's dimensions stay free. */
const pairedInOrder = (dims: readonly number[], by: readonly number[]): number[] =>
  range(dims.length)
    .sort((i, j) => nth(by, i) - nth(by, j))
    .map(i => nth(dims, i));
/** `t` has the dimensions that `dims` names, in that order; put them in ascending order. */
const arrange = (t: Tensor, dims: readonly number[]): Tensor =>
  permute(
    t,
    range(dims.length).map(d => dims.indexOf(d)),
  );

function needDims(side: string, a: Aval, batch: readonly number[], contract: readonly number[]): void {
  const dims = [...batch, ...contract];
  if (dims.every(d => Number.isInteger(d) && d >= 0 && d < a.shape.length) && new Set(dims).size === dims.length) return;
  throw new PullbackError(
    "E0203",
    `dotGeneral got batch dimensions [${batch.join(",")}] and contracted dimensions [${contract.join(",")}] for its ${side} operand ${showAval(a)}`,
    { help: `name each dimension at most once, in [0, ${a.shape.length})` },
  );
}
function needPairs(what: string, x: Aval, y: Aval, left: readonly number[], right: readonly number[]): void {
  if (left.length === right.length && left.every((d, i) => x.shape[d] === y.shape[nth(right, i)])) return;
  throw new PullbackError(
    "E0202",
    `dotGeneral of ${listAvals([x, y])}: the ${what} dimensions [${left.join(",")}] and [${right.join(",")}] differ in size`,
    { help: "paired dimensions have equal sizes; transpose or reshape an operand so that they do" },
  );
}
