// Comparisons, logic and bits. Comparisons and logic give bool; bitwise functions take integers or bool and keep them.
import { dtypeInfo, isFloat } from "../../runtime/dtype.ts";
import * as p from "../../compiler/extend.ts";
import type { Operation, Tensor } from "../../compiler/extend.ts";
import { align, asTensor, promote, toDType, withWeak, type TensorLike } from "./promotion.ts";
import { comparison, promoteNumber, tested, type Binary, type Comparison, type Test, type Unary } from "./elementwise.ts";

/** x = y; false with NaN. @throws E0201 */
export const equal: Comparison = comparison("equal", p.equal, promote);
/** x ≠ y; true with NaN. @throws E0201 */
export const notEqual: Comparison = comparison("notEqual", p.notEqual, promote);
/** x < y; false with NaN. @throws E0201 */
export const less: Comparison = comparison("less", p.less, promoteNumber);
/** x ≤ y; false with NaN. @throws E0201 */
export const lessEqual: Comparison = comparison("lessEqual", p.lessEqual, promoteNumber);
/** x > y; false with NaN. @throws E0201 */
export const greater: Comparison = comparison("greater", p.greater, promoteNumber);
/** x ≥ y; false with NaN. @throws E0201 */
export const greaterEqual: Comparison = comparison("greaterEqual", p.greaterEqual, promoteNumber);

const truths = (xs: readonly TensorLike[]): { readonly xs: readonly Tensor[]; readonly dtype: "bool"; readonly weak: false } => ({
  xs: xs.map(x => toDType(x, "bool")),
  dtype: "bool",
  weak: false,
});
const logical = (name: string, f: Operation<2>): Comparison => comparison(name, f, (...xs) => truths(xs));
/** Both nonzero. @throws E0201 */
export const logicalAnd: Comparison = logical("logicalAnd", p.and);
/** One or both nonzero. @throws E0201 */
export const logicalOr: Comparison = logical("logicalOr", p.or);
/** Exactly one nonzero. @throws E0201 */
export const logicalXor: Comparison = logical("logicalXor", p.xor);
/** Is x zero? */
export const logicalNot: Test = tested(x => p.not(toDType(x, "bool")));

const bits = (name: string, f: (x: Tensor, y: Tensor) => Tensor): Binary => comparison(name, f, promote) as Binary; // the operands' dtype stays
/** Bits set in both. @throws E0201, E0204 for floats */
export const bitwiseAnd: Binary = bits("bitwiseAnd", p.and);
/** Bits set in one or both. @throws E0201, E0204 for floats */
export const bitwiseOr: Binary = bits("bitwiseOr", p.or);
/** Bits set in exactly one. @throws E0201, E0204 for floats */
export const bitwiseXor: Binary = bits("bitwiseXor", p.xor);
/** All bits flipped. @throws E0204 for floats */
export const bitwiseNot: Unary = ((x: TensorLike) => p.not(asTensor(x))) as Unary; // shape and dtype stay
/** x · 2ʸ on bits; shifts by the width or more give 0. @throws E0201, E0204 for floats */
export const shiftLeft: Binary = bits("shiftLeft", p.shiftLeft);
/** Shift right: signed integers keep their sign, unsigned fill with 0. @throws E0201, E0204 for floats */
export const shiftRight: Binary = bits("shiftRight", (x, y) =>
  dtypeInfo(x.dtype).class === "int" ? p.shiftRightArithmetic(x, y) : p.shiftRightLogical(x, y),
);

/** Is x NaN? False for integers. */
export const isNan: Test = tested(x => ofFloat(x, p.isNan, 0));
/** Is x +∞ or -∞? False for integers. */
export const isInf: Test = tested(x => ofFloat(x, t => p.equal(p.abs(t), p.fullLike(t, Infinity)), 0));
/** Is x neither NaN nor infinite? True for integers. */
export const isFinite: Test = tested(x => ofFloat(x, t => p.less(p.abs(t), p.fullLike(t, Infinity)), 1));
function ofFloat(x: TensorLike, f: (t: Tensor) => Tensor, otherwise: number): Tensor {
  const t = asTensor(x);
  return isFloat(t.dtype) ? f(t) : p.full(t.shape, otherwise, "bool");
}

/** x where `condition` is nonzero, else y; all three broadcast. Both are evaluated, and only the chosen one has a gradient. @throws E0201 */
export function where(condition: TensorLike, x: TensorLike, y: TensorLike): Tensor {
  const values = promote(x, y);
  const {
    xs: [cond, a, b],
  } = align("where", { ...values, xs: [toDType(condition, "bool"), ...values.xs] });
  return withWeak(p.select(cond as Tensor, a as Tensor, b as Tensor), values.weak); // three went in
}
/** `x` limited to [low, high]; at a limit the gradient is shared. @throws E0201 */
export function clip(x: TensorLike, low: TensorLike, high: TensorLike): Tensor {
  const {
    xs: [t, a, b],
    weak,
  } = align("clip", promoteNumber(x, low, high));
  return withWeak(p.min(p.max(t as Tensor, a as Tensor), b as Tensor), weak); // three went in
}
/** NaN and infinities replaced: by 0 and the dtype's largest and smallest numbers unless given. */
export function nanToNum(
  x: TensorLike,
  { nan = 0, posInf, negInf }: { readonly nan?: number; readonly posInf?: number; readonly negInf?: number } = {},
): Tensor {
  const t = asTensor(x);
  if (!isFloat(t.dtype)) return t;
  const most = greatest(t.dtype),
    inf = p.fullLike(t, Infinity);
  const bounded = p.select(
    p.equal(t, inf),
    p.fullLike(t, posInf ?? most),
    p.select(p.equal(t, p.neg(inf)), p.fullLike(t, negInf ?? -most), t),
  );
  return withWeak(p.select(p.isNan(t), p.fullLike(t, nan), bounded), t.weak);
}
/** The largest finite number of a float dtype. */
const greatest = (d: Tensor["dtype"]): number => {
  switch (d) {
    case "f64":
      return Number.MAX_VALUE;
    case "f16":
      return 65504;
    case "bf16":
      return 3.3895313892515355e38;
    case "f8e4m3":
      return 448;
    case "f8e5m2":
      return 57344;
    default:
      return 3.4028234663852886e38;
  }
};
