// The types of methods whose result's shape is known from the tensor's own, which they take as `this`: so a tensor's type holds no shape but its own.
import type { Demand, Shape, Shaped, ShapeOf, Tensor } from "../../compiler/extend.ts";
import type { DType } from "../../runtime/dtype.ts";
import type { TensorLike } from "./promotion.ts";
import type { CumulativeOptions, ReduceOptions } from "./reduce.ts";
import type {
  As,
  Dot,
  Expanded,
  FloatLike,
  FloatMeet,
  Like,
  MatMul,
  Meet,
  NumberDType,
  NumberMeet,
  Permuted,
  Reduced,
  Reshaped,
  Squeezed,
  TruthMeet,
} from "./typed.ts";

type Each<K extends string, F> = { readonly [N in K]: F };
type Unary = <X extends Tensor>(this: X) => Like<X>;
type FloatUnary = <X extends Tensor>(this: X) => FloatLike<X>;
type Test = <X extends Tensor>(this: X) => As<X, "bool">;
type Binary = <X extends Tensor, Y extends TensorLike>(this: X, y: Y & Demand<Meet<X, Y>>) => NumberMeet<X, Y>;
type FloatBinary = <X extends Tensor, Y extends TensorLike>(this: X, y: Y & Demand<Meet<X, Y>>) => FloatMeet<X, Y>;
type Compare = <X extends Tensor, Y extends TensorLike>(this: X, y: Y & Demand<Meet<X, Y>>) => TruthMeet<X, Y>;
type Reduction = <X extends Tensor, const O extends ReduceOptions = Record<never, never>>(
  this: X,
  options?: O,
) => Shaped<Reduced<ShapeOf<X>, O>>;
type Running = <X extends Tensor>(this: X, options?: CumulativeOptions) => Like<X>;
type Row = <X extends Tensor>(this: X, options?: { readonly axis?: number }) => FloatLike<X>;

/** Methods that keep, broadcast, fold or rearrange the shape of `this`. See the functions of the same names. */
export interface ShapedMethods
  extends
    Each<"neg" | "abs" | "sign" | "square" | "floor" | "ceil" | "round" | "trunc" | "relu", Unary>,
    Each<
      | "reciprocal"
      | "sqrt"
      | "rsqrt"
      | "cbrt"
      | "exp"
      | "exp2"
      | "expm1"
      | "log"
      | "log2"
      | "log10"
      | "log1p"
      | "sin"
      | "cos"
      | "tan"
      | "sinh"
      | "cosh"
      | "tanh"
      | "erf"
      | "sigmoid"
      | "silu"
      | "softplus",
      FloatUnary
    >,
    Each<"logicalNot" | "isNan" | "isInf" | "isFinite", Test>,
    Each<"add" | "sub" | "mul" | "floorDiv" | "mod" | "rem" | "minimum" | "maximum" | "pow", Binary>,
    Each<"div", FloatBinary>,
    Each<"equal" | "notEqual" | "less" | "lessEqual" | "greater" | "greaterEqual" | "logicalAnd" | "logicalOr" | "logicalXor", Compare>,
    Each<"sum" | "prod" | "mean" | "max" | "min" | "any" | "all" | "logsumexp" | "norm", Reduction>,
    Each<"cumsum" | "cumprod" | "cummax" | "cummin", Running>,
    Each<"softmax" | "logSoftmax", Row> {
  astype<X extends Tensor, const D extends DType>(this: X, dtype: D): As<X, D>;
  gelu<X extends Tensor>(this: X, options?: { readonly exact?: boolean }): FloatLike<X>;
  clip<X extends Tensor>(this: X, low: TensorLike, high: TensorLike): Tensor;
  reshape<X extends Tensor, const T extends Shape>(this: X, shape: T): Shaped<Reshaped<ShapeOf<X>, T>>;
  transpose<X extends Tensor, const P extends readonly number[] | undefined = undefined>(
    this: X,
    perm?: P,
  ): Shaped<Permuted<ShapeOf<X>, P>>;
  expandDims<X extends Tensor, const A extends number | readonly number[]>(this: X, axis: A): Shaped<Expanded<ShapeOf<X>, A>>;
  squeeze<X extends Tensor, const A extends number | readonly number[] | undefined = undefined>(
    this: X,
    axis?: A,
  ): Shaped<Squeezed<ShapeOf<X>, A>>;
  matmul<X extends Tensor, Y extends TensorLike>(
    this: X,
    y: Y & Demand<MatMul<ShapeOf<X>, ShapeOf<Y>>>,
  ): Shaped<MatMul<ShapeOf<X>, ShapeOf<Y>>, NumberDType<X, Y>>;
  dot<X extends Tensor, Y extends TensorLike>(
    this: X,
    y: Y & Demand<Dot<ShapeOf<X>, ShapeOf<Y>>>,
  ): Shaped<Dot<ShapeOf<X>, ShapeOf<Y>>, NumberDType<X, Y>>;
}
