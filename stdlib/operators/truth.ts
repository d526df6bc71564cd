// Truth values: what JavaScript's conditions mean for a tensor. Falsy are 0, NaN and false, as for numbers. It chooses nothing.
import { isTensor, showAval, type Tensor } from "../../compiler/extend.ts";
import { isFloat } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { abs } from "../ops/arithmetic.ts";
import { greater, logicalNot, logicalOr, notEqual } from "../ops/compare.ts";

/** A truth value that is known now, or one that the program will compute (bool). */
export type Truth = boolean | Tensor;

/** Which elements JavaScript would call truthy: bool, of x's shape. */
export const truthy = (x: Tensor): Tensor => (x.dtype === "bool" ? x : isFloat(x.dtype) ? greater(abs(x), 0) : notEqual(x, 0));

/** The one boolean that `what` chooses by. @throws E1122 for more than one element */
export function oneTruth(x: Tensor, what: string): Tensor {
  if (x.ndim > 0)
    throw new PullbackError("E1122", `${what} chooses by ${showAval(x.aval)}, which is not one value`, {
      help: "reduce it: .all() or .any(); for a choice per element write a ? b : c, or where",
    });
  return truthy(x);
}

/** The truth of any value, for a statement that runs or does not. @throws E1122 */
export const truthOf = (x: unknown, what: string): Truth => (isTensor(x) ? oneTruth(x, what) : Boolean(x));
/** One or both. */
export const either = (a: Truth, b: Truth): Truth =>
  a === true || b === true ? true : a === false ? b : b === false ? a : logicalOr(a, b);
/** The opposite. */
export const not = (a: Truth): Truth => (typeof a === "boolean" ? !a : logicalNot(a));
