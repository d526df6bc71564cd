// The scalar expression language: what one element of a kernel computes. Every backend implements exactly these operations;
// elementary functions may be expanded first into arithmetic (lower/elementary). Expressions are immutable DAGs shared by identity.
import type { DType } from "../../runtime/dtype.ts";

/** One operand. Elementary functions are total: NaN propagates, domain errors give NaN. */
export type UnaryOp =
  | "neg"
  | "abs"
  | "sign"
  | "floor"
  | "ceil"
  | "trunc"
  | "round"
  | "sqrt"
  | "rsqrt"
  | "cbrt"
  | "exp"
  | "exp2"
  | "expm1"
  | "log"
  | "log2"
  | "log1p"
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "tanh"
  | "asinh"
  | "acosh"
  | "atanh"
  | "erf"
  | "erfc"
  | "erfInv"
  | "lgamma"
  | "digamma"
  | "sigmoid"
  | "not"
  | "popcount"
  | "clz"
  | "isNan";
/** Two operands of one dtype. `min`/`max` propagate NaN; integer `div` truncates (x/0 = -1 or all ones, as XLA), `rem` has the dividend's sign. Shifts by >= 32 give 0 (or the sign). */
export type BinaryOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "rem"
  | "min"
  | "max"
  | "pow"
  | "atan2"
  | "nextAfter"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr"
  | "sar";
/** Two operands of one dtype, bool result. Comparisons with NaN are false, except `ne`. */
export type CompareOp = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/** A scalar expression. `dtype` is the result's; `bool` is a truth value. Storage dtypes (f16, bf16, i8, u8) appear only at `load` and `convert`. */
export type Expr =
  | { readonly kind: "const"; readonly dtype: DType; readonly value: number }
  | { readonly kind: "var"; readonly dtype: DType; readonly id: number; readonly name: string }
  | { readonly kind: "unary"; readonly op: UnaryOp; readonly dtype: DType; readonly x: Expr }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly dtype: DType; readonly x: Expr; readonly y: Expr }
  | { readonly kind: "compare"; readonly op: CompareOp; readonly dtype: "bool"; readonly x: Expr; readonly y: Expr }
  /** x*y + z, fused where the target has it, rounded twice where it does not. */
  | { readonly kind: "fma"; readonly dtype: DType; readonly x: Expr; readonly y: Expr; readonly z: Expr }
  /** Both sides are evaluated (no effects, no traps): loads inside must be in bounds or guarded themselves. */
  | { readonly kind: "select"; readonly dtype: DType; readonly cond: Expr; readonly x: Expr; readonly y: Expr }
  /** Value conversion: float -> int truncates and saturates, NaN -> 0 (as XLA); int -> int wraps; anything -> bool is `!= 0`. */
  | { readonly kind: "convert"; readonly dtype: DType; readonly x: Expr }
  /** Reinterpret the bits; equal sizes. */
  | { readonly kind: "bitcast"; readonly dtype: DType; readonly x: Expr }
  /** Element `index` (i32, in elements) of kernel buffer `buf`. With `guard` false nothing is read and `otherwise` is the value. */
  | {
      readonly kind: "load";
      readonly dtype: DType;
      readonly buf: number;
      readonly index: Expr;
      readonly guard?: Expr;
      readonly otherwise?: Expr;
    };

/** A named scalar: a loop counter, a `let`, an accumulator. */
export type ExprVar = Extract<Expr, { kind: "var" }>;

/** What lowering rules write expressions with. Operands of a binary operation have equal dtypes; the result's dtype follows. */
export interface ScalarOps {
  const(value: number, dtype: DType): Expr;
  unary(op: UnaryOp, x: Expr): Expr;
  binary(op: BinaryOp, x: Expr, y: Expr): Expr;
  compare(op: CompareOp, x: Expr, y: Expr): Expr;
  fma(x: Expr, y: Expr, z: Expr): Expr;
  select(cond: Expr, x: Expr, y: Expr): Expr;
  convert(x: Expr, dtype: DType): Expr;
  bitcast(x: Expr, dtype: DType): Expr;
}

let nextVar = 0;
/** A scalar variable that no kernel holds yet. */
export const exprVar = (name: string, dtype: DType): ExprVar => ({ kind: "var", dtype, id: nextVar++, name });

/** The plain constructors: no simplification, so that what a rule writes is what it gets. Index arithmetic has its own simplifier (lower/indexing). */
export const scalarOps: ScalarOps = {
  const: (value, dtype) => ({ kind: "const", dtype, value: dtype === "f32" ? Math.fround(value) : value }), // a number of its dtype, for interpreters too
  unary: (op, x) => ({ kind: "unary", op, dtype: op === "isNan" ? "bool" : x.dtype, x }),
  binary: (op, x, y) => ({ kind: "binary", op, dtype: x.dtype, x, y }),
  compare: (op, x, y) => ({ kind: "compare", op, dtype: "bool", x, y }),
  fma: (x, y, z) => ({ kind: "fma", dtype: x.dtype, x, y, z }),
  select: (cond, x, y) => ({ kind: "select", dtype: x.dtype, cond, x, y }),
  convert: (x, dtype) => (x.dtype === dtype ? x : { kind: "convert", dtype, x }),
  bitcast: (x, dtype) => (x.dtype === dtype ? x : { kind: "bitcast", dtype, x }),
};
