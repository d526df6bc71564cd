// The operators that compare. With a tensor on one side and a tensor, number or boolean on the other they compare element by element; everything else
// (strings, null, undefined, objects) is JavaScript's comparison, so `x === undefined` works on tensors too.
import { isTensor, type Tensor } from "../../compiler/extend.ts";
import * as c from "../ops/compare.ts";
import type { TensorLike } from "../ops/promotion.ts";
import type { TruthMeet } from "../ops/typed.ts";
import { operands, type Fits } from "./arithmetic.ts";
import { truthy } from "./truth.ts";

/** An ordering: true or false for plain values, bool tensors for tensors. @throws E1121, E0201 */
export interface OrderOperator {
  <X, Y>(x: X, y: Y & Fits<X, Y>): Compared<X, Y>;
}
type Compared<X, Y> = X extends Tensor ? TruthMeet<X, Y> : Y extends Tensor ? TruthMeet<X, Y> : boolean;
/** An equality. Tensors are compared by their elements, never by identity. @throws E0201 */
export interface EqualityOperator {
  <X, Y>(x: X, y: Y & Fits<X, Y>): [X, Y] extends [TensorLike, TensorLike] ? Compared<X, Y> : boolean;
}

function order(sign: string, plain: (x: number, y: number) => boolean, onTensors: (x: TensorLike, y: TensorLike) => Tensor): OrderOperator {
  const operator = (x: unknown, y: unknown): unknown =>
    isTensor(x) || isTensor(y) ? onTensors(...operands(sign, x, y)) : plain(x as number, y as number); // JavaScript's operators take whatever comes
  return operator as OrderOperator; // the overloads say what each kind of operand gives
}
const comparable = (x: unknown): x is TensorLike => isTensor(x) || typeof x === "number" || typeof x === "boolean";
function equality(plain: (x: unknown, y: unknown) => boolean, onTensors: (x: TensorLike, y: TensorLike) => Tensor): EqualityOperator {
  const operator = (x: unknown, y: unknown): unknown =>
    (isTensor(x) || isTensor(y)) && comparable(x) && comparable(y) ? onTensors(x, y) : plain(x, y);
  return operator as EqualityOperator; // as above
}

/** x < y. */
export const $lt: OrderOperator = order("<", (x, y) => x < y, c.less);
/** x <= y. */
export const $le: OrderOperator = order("<=", (x, y) => x <= y, c.lessEqual);
/** x > y. */
export const $gt: OrderOperator = order(">", (x, y) => x > y, c.greater);
/** x >= y. */
export const $ge: OrderOperator = order(">=", (x, y) => x >= y, c.greaterEqual);
/** x === y. */
export const $eq: EqualityOperator = equality((x, y) => x === y, c.equal);
/** x !== y. */
export const $ne: EqualityOperator = equality((x, y) => x !== y, c.notEqual);
// oxlint-disable-next-line eqeqeq -- this is what the user wrote
/** x == y. */ export const $looseEq: EqualityOperator = equality((x, y) => x == y, c.equal);
// oxlint-disable-next-line eqeqeq -- as above
/** x != y. */ export const $looseNe: EqualityOperator = equality((x, y) => x != y, c.notEqual);

/** !x: a boolean, or a bool tensor. */
export const $not: { (x: Tensor): Tensor; (x: unknown): boolean } = ((x: unknown): unknown =>
  isTensor(x) ? c.logicalNot(truthy(x)) : !x) as { (x: Tensor): Tensor; (x: unknown): boolean }; // the overloads say which gives which
