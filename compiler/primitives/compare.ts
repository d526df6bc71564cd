// Comparisons, and the choice between two values. Comparisons give bool and have no derivative; select is linear in both its values.
import { aval } from "../ir/aval.ts";
import type { Tensor } from "../trace/tensor.ts";
import { anything, floats, needEqualShapes, needExactly, numbers } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { zeros } from "./fill.ts";
import { avalOf, comparison, elementwiseAval, known, perOperand } from "./rules.ts";

/** x = y; false with NaN. */
export const equal: Operation<2> = comparison("equal", "eq", anything);
/** x ≠ y; true with NaN. */
export const notEqual: Operation<2> = comparison("notEqual", "ne", anything);
/** x < y; false with NaN. */
export const less: Operation<2> = comparison("less", "lt", numbers);
/** x ≤ y; false with NaN. */
export const lessEqual: Operation<2> = comparison("lessEqual", "le", numbers);
/** x > y; false with NaN. */
export const greater: Operation<2> = comparison("greater", "gt", numbers);
/** x ≥ y; false with NaN. */
export const greaterEqual: Operation<2> = comparison("greaterEqual", "ge", numbers);

/** Is x NaN? Floats to bool. */
export const isNan: Operation<1> = definePrimitive<1>({
  name: "isNan",
  aval: ins => elementwiseAval("isNan", floats, ins, "bool"),
  lower: { kind: "map", scalar: (s, [x]) => s.unary("isNan", x) },
  jvp: [null],
});

/** cond ? x : y, element by element. cond: bool, all of one shape. @throws E0201, E0204 */
export const select: Operation<3> = definePrimitive<3>({
  name: "select",
  aval([cond, x, y]) {
    needExactly("select", "a condition", "bool", cond);
    const out = elementwiseAval("select", anything, [x, y]);
    needEqualShapes("select", [cond, x]);
    return aval(out.dtype, out.shape);
  },
  lower: { kind: "map", scalar: (s, [cond, x, y]) => s.select(cond, x, y) },
  linear: [1, 2],
  jvp: ([, dx, dy], [cond, x]) => [dx || dy ? select(cond, dx ?? zeros(x.aval), dy ?? zeros(x.aval)) : null],
  transpose: perOperand<3, Record<never, never>>(
    null,
    (ct, [cond, x]) => select(known(cond), ct, zeros(avalOf(x))),
    (ct, [cond, x]) => select(known(cond), zeros(avalOf(x)), ct),
  ),
  simplify: ([, x, y]) => (x === y ? [x] : undefined),
});

/** `x` limited to [low, high], all of one shape. NaN stays; the derivative at a limit is that of `x`. */
export const clamp = (x: Tensor, low: Tensor, high: Tensor): Tensor => select(less(x, low), low, select(greater(x, high), high, x));
