// Trigonometric and hyperbolic functions and their inverses, element by element, on floats, angles in radians.
import { add, div, mul, neg, reciprocal, square, sub } from "./arithmetic.ts";
import { floats } from "./check.ts";
import type { Operation } from "./define.ts";
import { fullLike } from "./fill.ts";
import { rsqrt } from "./power.ts";
import { binaryMap, unaryMap } from "./rules.ts";
import type { Tensor } from "../trace/tensor.ts";

const plus1 = (x: Tensor): Tensor => add(x, fullLike(x, 1));
const minus1 = (x: Tensor): Tensor => sub(x, fullLike(x, 1));
/** 1 - x² as (1 - x)(1 + x), which keeps its digits near ±1. */
const oneMinusSquare = (x: Tensor): Tensor => mul(sub(fullLike(x, 1), x), plus1(x));

/** Sine. */
export const sin: Operation<1> = unaryMap("sin", floats, (dx, x) => mul(dx, cos(x)));
/** Cosine. */
export const cos: Operation<1> = unaryMap("cos", floats, (dx, x) => neg(mul(dx, sin(x))));
/** Tangent. */
export const tan: Operation<1> = unaryMap("tan", floats, (dx, _x, out) => mul(dx, plus1(square(out))));
/** Inverse sine of [-1, 1]. */
export const asin: Operation<1> = unaryMap("asin", floats, (dx, x) => mul(dx, rsqrt(oneMinusSquare(x))));
/** Inverse cosine of [-1, 1]. */
export const acos: Operation<1> = unaryMap("acos", floats, (dx, x) => neg(mul(dx, rsqrt(oneMinusSquare(x)))));
/** Inverse tangent. */
export const atan: Operation<1> = unaryMap("atan", floats, (dx, x) => mul(dx, reciprocal(plus1(square(x)))));
/** The angle of the point (x, y): atan2(y, x), in (-π, π]. */
export const atan2: Operation<2> = binaryMap("atan2", "atan2", floats, [
  (dy, y, x) => mul(dy, div(x, add(square(x), square(y)))),
  (dx, y, x) => neg(mul(dx, div(y, add(square(x), square(y))))),
]);
/** Hyperbolic sine. */
export const sinh: Operation<1> = unaryMap("sinh", floats, (dx, x) => mul(dx, cosh(x)));
/** Hyperbolic cosine. */
export const cosh: Operation<1> = unaryMap("cosh", floats, (dx, x) => mul(dx, sinh(x)));
/** Hyperbolic tangent. */
export const tanh: Operation<1> = unaryMap("tanh", floats, (dx, _x, out) => mul(dx, oneMinusSquare(out)));
/** Inverse hyperbolic sine. */
export const asinh: Operation<1> = unaryMap("asinh", floats, (dx, x) => mul(dx, rsqrt(plus1(square(x)))));
/** Inverse hyperbolic cosine of [1, ∞). */
export const acosh: Operation<1> = unaryMap("acosh", floats, (dx, x) => mul(dx, mul(rsqrt(minus1(x)), rsqrt(plus1(x)))));
/** Inverse hyperbolic tangent of (-1, 1). */
export const atanh: Operation<1> = unaryMap("atanh", floats, (dx, x) => mul(dx, reciprocal(oneMinusSquare(x))));
