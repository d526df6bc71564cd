// Small makers for the rules of records, so that a record shows only its mathematics. They know no primitive by name.
import { InternalError } from "../../runtime/errors/error.ts";
import { aval, type Aval } from "../ir/aval.ts";
import type { Params } from "../ir/func.ts";
import type { Arity, LinearIn, MaybeZero, Of, Primitive, TransposeRule } from "../ir/primitive.ts";
import type { BinaryOp, CompareOp, UnaryOp } from "../ir/scalar.ts";
import type { Tensor } from "../trace/tensor.ts";
import { needDType, needEqualDTypes, needEqualShapes, type Accepts } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";

/** The value of an operand that a transpose rule needs known. */
export function known(x: LinearIn): Tensor {
  if (x.kind === "known") return x.value;
  throw new InternalError("a transpose rule needs an operand that is itself being differentiated: the primitive is not linear in both");
}
/** The transpose of a primitive with one output: `rules[k]` gives the cotangent of operand k from that of the output. Operands without a rule get none. */
export function perOperand<N extends Arity, P extends Params>(
  ...rules: readonly (((ct: Tensor, ins: Of<N, LinearIn>, p: P) => Tensor) | null)[]
): TransposeRule<N, P> {
  return ([ct], ins, p) => (ins as readonly LinearIn[]).map((x, k) => (x.kind === "hole" && ct ? (rules[k]?.(ct, ins, p) ?? null) : null)); // Of<N, _> is a list for every N
}
/** The aval of the operand that a transpose rule is asked about. */
export const avalOf = (x: LinearIn): Aval => (x.kind === "hole" ? x.aval : x.value.aval);
/** Is `x` the literal scalar `value`? Only literals show their value while tracing. */
export const isLiteral = (x: Tensor, value: number): boolean =>
  x.storage.kind === "staged" && x.storage.atom.kind === "lit" && x.storage.atom.value === value;

/** Shape rule of element-wise operations: equal shapes, equal dtypes in `accepts`, the result like the operands (or of `result` dtype). */
export function elementwiseAval(name: string, accepts: Accepts, ins: readonly Aval[], result?: Aval["dtype"]): Aval {
  const first = ins[0];
  if (!first) throw new InternalError(`${name} without operands`);
  needEqualDTypes(name, ins);
  needDType(name, accepts, first);
  needEqualShapes(name, ins);
  return result === undefined ? first : aval(result, first.shape);
}

/** What an element-wise record may add to its maker. */
export type Extras<N extends Arity> = Partial<Pick<Primitive<N>, "linear" | "transpose" | "simplify">>;
/** An element-wise operation of one operand. `derivative(dx, x, out)` is its tangent; null: zero everywhere; `null` is also for what has no tangent at all (integers, bool). */
export function unaryMap(
  op: UnaryOp,
  accepts: Accepts,
  derivative: ((dx: Tensor, x: Tensor, out: Tensor) => Tensor) | null,
  extras: Extras<1> = {},
): Operation<1> {
  return definePrimitive<1>({
    name: op,
    aval: ins => elementwiseAval(op, accepts, ins),
    lower: { kind: "map", scalar: (s, [x]) => s.unary(op, x) },
    jvp: [derivative && ((dx, [x], _p, out) => derivative(dx, x, out))],
    ...extras,
  });
}
/** A derivative in one operand of a binary operation: `(dx, x, y, out) => dout`. */
export type Partial2 = ((d: Tensor, x: Tensor, y: Tensor, out: Tensor) => Tensor) | null;
/** An element-wise operation of two operands with its two partial derivatives (both null: none). */
export function binaryMap(
  name: string,
  op: BinaryOp,
  accepts: Accepts,
  partials: readonly [Partial2, Partial2],
  extras: Extras<2> = {},
): Operation<2> {
  return definePrimitive<2>({
    name,
    aval: ins => elementwiseAval(name, accepts, ins),
    lower: { kind: "map", scalar: (s, [x, y]) => s.binary(op, x, y) },
    jvp: partials.map(f => f && ((d, [x, y], _p, out) => f(d, x, y, out))),
    ...extras,
  });
}
/** A comparison: equal shapes and dtypes to bool. Its derivative is zero. */
export function comparison(name: string, op: CompareOp, accepts: Accepts): Operation<2> {
  return definePrimitive<2>({
    name,
    aval: ins => elementwiseAval(name, accepts, ins, "bool"),
    lower: { kind: "map", scalar: (s, [x, y]) => s.compare(op, x, y) },
    jvp: [null, null],
  });
}

/** A tangent of the general form, as a list of one. */
export const only = (dx: MaybeZero): readonly MaybeZero[] => [dx];
