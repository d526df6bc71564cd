// The arithmetic of numbers, element by element: equal shapes and dtypes, no broadcasting, no promotion.
import type { Tensor } from "../trace/tensor.ts";
import { floats, numbers } from "./check.ts";
import { equal, select } from "./compare.ts";
import type { Operation } from "./define.ts";
import { fullLike } from "./fill.ts";
import { binaryMap, isLiteral, known, perOperand, unaryMap } from "./rules.ts";

/** x + y. */
export const add: Operation<2> = binaryMap("add", "add", numbers, [dx => dx, dy => dy], {
  linear: "jointly",
  transpose: perOperand(
    ct => ct,
    ct => ct,
  ),
});
/** x - y. */
export const sub: Operation<2> = binaryMap("sub", "sub", numbers, [dx => dx, dy => neg(dy)], {
  linear: "jointly",
  transpose: perOperand(
    ct => ct,
    ct => neg(ct),
  ),
  simplify: ([x, y]) => (isLiteral(y, 0) ? [x] : undefined),
});
/** x · y. */
export const mul: Operation<2> = binaryMap("mul", "mul", numbers, [(dx, _x, y) => mul(dx, y), (dy, x) => mul(x, dy)], {
  linear: "each",
  transpose: perOperand<2, Record<never, never>>(
    (ct, [, y]) => mul(ct, known(y)),
    (ct, [x]) => mul(known(x), ct),
  ),
  simplify: ([x, y]) => (isLiteral(x, 1) ? [y] : isLiteral(y, 1) ? [x] : undefined),
});
/** x / y. Integers truncate; an integer divided by 0 is all ones. */
export const div: Operation<2> = binaryMap(
  "div",
  "div",
  numbers,
  [(dx, _x, y) => div(dx, y), (dy, _x, y, out) => neg(mul(dy, div(out, y)))],
  {
    linear: [0],
    transpose: perOperand<2, Record<never, never>>((ct, [, y]) => div(ct, known(y)), null),
    simplify: ([x, y]) => (isLiteral(y, 1) ? [x] : undefined),
  },
);
/** Remainder with the sign of the dividend, as C and JavaScript. */
export const rem: Operation<2> = binaryMap("rem", "rem", numbers, [dx => dx, (dy, x, y) => neg(mul(dy, trunc(div(x, y))))]);
/** -x. */
export const neg: Operation<1> = unaryMap("neg", numbers, dx => neg(dx), { linear: "jointly", transpose: perOperand(ct => neg(ct)) });
/** |x|; the derivative at 0 is 0. */
export const abs: Operation<1> = unaryMap("abs", numbers, (dx, x) => mul(dx, sign(x)));
/** -1, 0 or 1; NaN stays NaN. */
export const sign: Operation<1> = unaryMap("sign", numbers, null);

/** 1 where x is the one chosen, 1/2 where both are, else 0. */
function share(x: Tensor, other: Tensor, out: Tensor): Tensor {
  const one = fullLike(x, 1);
  return div(select(equal(x, out), one, fullLike(x, 0)), select(equal(other, out), fullLike(x, 2), one));
}
/** The smaller; NaN wins. Equal operands share the derivative. */
export const min: Operation<2> = binaryMap("min", "min", numbers, [
  (dx, x, y, out) => mul(dx, share(x, y, out)),
  (dy, x, y, out) => mul(dy, share(y, x, out)),
]);
/** The larger; NaN wins. Equal operands share the derivative. */
export const max: Operation<2> = binaryMap("max", "max", numbers, [
  (dx, x, y, out) => mul(dx, share(x, y, out)),
  (dy, x, y, out) => mul(dy, share(y, x, out)),
]);

/** Largest integer ≤ x. */
export const floor: Operation<1> = unaryMap("floor", floats, null);
/** Smallest integer ≥ x. */
export const ceil: Operation<1> = unaryMap("ceil", floats, null);
/** Nearest integer, halves to even. */
export const round: Operation<1> = unaryMap("round", floats, null);
/** Integer part, towards zero. */
export const trunc: Operation<1> = unaryMap("trunc", floats, null);

/** x². */
export const square = (x: Tensor): Tensor => mul(x, x);
/** 1/x for floats. */
export const reciprocal = (x: Tensor): Tensor => div(fullLike(x, 1), x);
