// Exponentials and logarithms, element by element, on floats. Each stands beside its derivative.
import { floats } from "./check.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import type { Operation } from "./define.ts";
import { fullLike } from "./fill.ts";
import { unaryMap } from "./rules.ts";

/** eˣ. */
export const exp: Operation<1> = unaryMap("exp", floats, (dx, _x, out) => mul(dx, out));
/** 2ˣ. */
export const exp2: Operation<1> = unaryMap("exp2", floats, (dx, _x, out) => mul(dx, mul(out, fullLike(out, Math.LN2))));
/** eˣ - 1, exact near 0. */
export const expm1: Operation<1> = unaryMap("expm1", floats, (dx, _x, out) => mul(dx, add(out, fullLike(out, 1))));
/** Natural logarithm; NaN below 0, -∞ at 0. */
export const log: Operation<1> = unaryMap("log", floats, (dx, x) => div(dx, x));
/** Logarithm to base 2. */
export const log2: Operation<1> = unaryMap("log2", floats, (dx, x) => div(dx, mul(x, fullLike(x, Math.LN2))));
/** log(1 + x), exact near 0. */
export const log1p: Operation<1> = unaryMap("log1p", floats, (dx, x) => div(dx, add(x, fullLike(x, 1))));
/** The logistic function 1 / (1 + e⁻ˣ). */
export const sigmoid: Operation<1> = unaryMap("sigmoid", floats, (dx, _x, out) => mul(dx, mul(out, sub(fullLike(out, 1), out))));
