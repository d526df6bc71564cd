// The operators that compute: on plain values JavaScript's own, on tensors the library's operation. Nothing here decides what runs.
import { isTensor, showAval, type Demand, type Tensor } from "../../compiler/extend.ts";
import { isInteger } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as a from "../ops/arithmetic.ts";
import * as c from "../ops/compare.ts";
import type { TensorLike } from "../ops/promotion.ts";
import type { Like, Meet, NumberMeet } from "../ops/typed.ts";

/** A binary operator: plain values keep JavaScript's meaning, and with a tensor on either side it is the library's function. @throws E1121, E0201 */
export interface BinaryOperator {
  <X, Y>(x: X, y: Y & Fits<X, Y>): Computed<X, Y>;
}
/** What the second operand must also be: shapes in types do not contradict each other. */
export type Fits<X, Y> = [X, Y] extends [TensorLike, TensorLike] ? Demand<Meet<X, Y>> : unknown;
type Computed<X, Y> = X extends Tensor
  ? NumberMeet<X, Y>
  : Y extends Tensor
    ? NumberMeet<X, Y>
    : X extends bigint
      ? bigint
      : X extends string
        ? string
        : Y extends string
          ? string
          : number;
/** A unary operator. */
export interface UnaryOperator {
  <X>(x: X): X extends Tensor ? Like<X> : X extends bigint ? bigint : number;
}

const isOperand = (x: unknown): x is TensorLike => isTensor(x) || typeof x === "number" || typeof x === "boolean";
/** How an operand is called in a message. */
export const describe = (x: unknown): string =>
  isTensor(x)
    ? `a tensor ${showAval(x.aval)}`
    : x === null
      ? "null"
      : Array.isArray(x)
        ? "an array"
        : typeof x === "object"
          ? "an object"
          : typeof x;
/** Two operands of which one is a tensor. @throws E1121 when the other is no number */
export function operands(sign: string, x: unknown, y: unknown): readonly [TensorLike, TensorLike] {
  if (isOperand(x) && isOperand(y)) return [x, y];
  throw new PullbackError("E1121", `${sign} got ${describe(x)} and ${describe(y)}`, {
    help: "beside a tensor stands a tensor, a number or a boolean; to print a tensor, read it first: x.item(), x.tolist()",
  });
}

function binary(sign: string, plain: (x: never, y: never) => unknown, onTensors: (x: TensorLike, y: TensorLike) => Tensor): BinaryOperator {
  const operator = (x: unknown, y: unknown): unknown =>
    isTensor(x) || isTensor(y) ? onTensors(...operands(sign, x, y)) : plain(x as never, y as never); // JavaScript's operators take whatever comes
  return operator as BinaryOperator; // the overloads say what each kind of operand gives
}
function unary(plain: (x: never) => unknown, onTensor: (x: TensorLike) => Tensor): UnaryOperator {
  const operator = (x: unknown): unknown => (isTensor(x) ? onTensor(x) : plain(x as never)); // as above
  return operator as UnaryOperator; // as above
}

/** x + y. */
export const $add: BinaryOperator = binary("+", (x: number, y: number) => x + y, a.add);
/** x - y. */
export const $sub: BinaryOperator = binary("-", (x: number, y: number) => x - y, a.sub);
/** x * y. */
export const $mul: BinaryOperator = binary("*", (x: number, y: number) => x * y, a.mul);
/** x / y; integer tensors divide as f32. */
export const $div: BinaryOperator = binary("/", (x: number, y: number) => x / y, a.div);
/** x % y, with the sign of x. */
export const $rem: BinaryOperator = binary("%", (x: number, y: number) => x % y, a.rem);
/** x ** y. */
export const $pow: BinaryOperator = binary("**", (x: number, y: number) => x ** y, a.pow);
/** x & y; on tensors of integers or bool. */
export const $bitAnd: BinaryOperator = binary("&", (x: number, y: number) => x & y, c.bitwiseAnd);
/** x | y. */
export const $bitOr: BinaryOperator = binary("|", (x: number, y: number) => x | y, c.bitwiseOr);
/** x ^ y. */
export const $bitXor: BinaryOperator = binary("^", (x: number, y: number) => x ^ y, c.bitwiseXor);
/** x << y. */
export const $shl: BinaryOperator = binary("<<", (x: number, y: number) => x << y, c.shiftLeft);
/** x >> y: signed tensors keep their sign. */
export const $shr: BinaryOperator = binary(">>", (x: number, y: number) => x >> y, c.shiftRight);
/** x >>> y, which on tensors takes unsigned integers. @throws E1121 for a signed one */
export const $ushr: BinaryOperator = binary(
  ">>>",
  (x: number, y: number) => x >>> y,
  (x, y) => {
    if (isTensor(x) && isInteger(x.dtype) && x.dtype.startsWith("u")) return c.shiftRight(x, y);
    throw new PullbackError("E1121", `>>> got ${describe(x)}`, { help: 'it shifts unsigned integers: x.astype("u32"), or use >>' });
  },
);

/** -x. */
export const $neg: UnaryOperator = unary((x: number) => -x, a.neg);
/** +x: a number, or the tensor as it is (bool as i32). */
export const $pos: UnaryOperator = unary(
  (x: number) => +x,
  x => (isTensor(x) && x.dtype === "bool" ? a.astype(x, "i32") : (x as Tensor)), // a unary operator hands on tensors only
);
/** ~x. */
export const $bitNot: UnaryOperator = unary((x: number) => ~x, c.bitwiseNot);
/** x + 1, as ++ does. */
export const $inc: UnaryOperator = unary(
  (x: number) => ++x,
  x => a.add(x, 1),
);
/** x - 1, as -- does. */
export const $dec: UnaryOperator = unary(
  (x: number) => --x,
  x => a.sub(x, 1),
);
/** The value of x++ : x before, as a number. The second argument is the assignment, which has happened by then. */
export const $before = <T>(x: T, _assigned: unknown): T => (isTensor(x) || typeof x === "bigint" ? x : (Number(x) as T)); // ++ turns what it meets into a number
