// What operations do to shapes and dtypes in types. Types only. Shapes appear only where the user put them: operations on plain tensors give plain tensors.
// What cannot be known (a size at run time, a list of unknown length) degrades; a contradiction is a `Mismatch`, which `Demand` makes a type error.
import type {
  Axis,
  Broadcast,
  Demand,
  Dim,
  Dims,
  Equal,
  Insert,
  Mismatch,
  Shape,
  Shaped,
  ShapeOf,
  Show,
  Tensor,
  Unranked,
  Without,
} from "../../compiler/extend.ts";
import type { DType, Float8 } from "../../runtime/dtype.ts";
import type { TensorLike } from "./promotion.ts";

type Floats = "f16" | "bf16" | "f32" | "f64" | Float8;
type DTypeOf<X> = X extends Tensor<infer _, infer D> ? D : X extends boolean ? "bool" : never;
type Counted<D extends DType> = DType extends D ? DType : D extends "bool" ? "i32" : D;
type Floating<D extends DType> = DType extends D ? DType : D extends Floats ? D : "f32";
/** The dtype where two operands meet, when both have one dtype or the other is a number beside a float. */
type Met<X, Y> = [DTypeOf<X>] extends [DTypeOf<Y>]
  ? [DTypeOf<Y>] extends [DTypeOf<X>]
    ? DTypeOf<X>
    : [DTypeOf<X>] extends [never]
      ? BesideNumber<DTypeOf<Y>>
      : DType
  : [DTypeOf<Y>] extends [never]
    ? BesideNumber<DTypeOf<X>>
    : DType;
type BesideNumber<D extends DType> = D extends Floats ? D : DType;
/** The shape where two operands meet, or a mismatch. Numbers alone give a plain tensor. */
export type Meet<X, Y> = X extends Tensor ? Broadcast<ShapeOf<X>, ShapeOf<Y>> : Y extends Tensor ? Broadcast<ShapeOf<X>, ShapeOf<Y>> : Dims;

/** The same shape; the dtype too, where it is kept. */
export type Like<X> = X extends Tensor<infer S, infer D> ? Tensor<S, Counted<D>> : Tensor;
/** The same shape, as floats. */
export type FloatLike<X> = X extends Tensor<infer S, infer D> ? Tensor<S, Floating<D>> : Tensor;
/** The same shape in dtype `D`. */
export type As<X, D extends DType> = X extends Tensor<infer S> ? (Unranked<S> extends true ? Tensor : Tensor<S, D>) : Tensor;
/** A function of one operand, element by element. */
export interface Unary {
  <X extends TensorLike>(x: X): Like<X>;
}
/** A function of one operand that gives floats. */
export interface FloatUnary {
  <X extends TensorLike>(x: X): FloatLike<X>;
}
/** A function of one operand that gives truth values. */
export interface Test {
  <X extends TensorLike>(x: X): As<X, "bool">;
}
/** The dtype of two operands as numbers. */
export type NumberDType<X, Y> = Counted<Met<X, Y>>;
/** Two operands as numbers. */
export type NumberMeet<X, Y> = Shaped<Meet<X, Y>, NumberDType<X, Y>>;
/** Two operands as floats. */
export type FloatMeet<X, Y> = Shaped<Meet<X, Y>, Floating<Met<X, Y>>>;
/** Two operands compared. */
export type TruthMeet<X, Y> = Meet<X, Y> extends infer R extends Dims ? (Unranked<R> extends true ? Tensor : Tensor<R, "bool">) : Tensor;
/** A function of two operands that broadcast against each other. */
export interface Binary {
  <X extends TensorLike, Y extends TensorLike>(x: X, y: Y & Demand<Meet<X, Y>>): NumberMeet<X, Y>;
}
/** Likewise, giving floats. */
export interface FloatBinary {
  <X extends TensorLike, Y extends TensorLike>(x: X, y: Y & Demand<Meet<X, Y>>): FloatMeet<X, Y>;
}
/** Likewise, giving truth values. */
export interface Comparison {
  <X extends TensorLike, Y extends TensorLike>(x: X, y: Y & Demand<Meet<X, Y>>): TruthMeet<X, Y>;
}

/** The shape of `zeros(shape)`: known when the list is a tuple (`[2, 3] as const`). */
export type Literal<S extends Shape> = Unranked<S> extends true ? Tensor : Tensor<S>;

/** Matrix product of shapes, as NumPy's matmul. */
export type MatMul<A extends Dims, B extends Dims> =
  Unranked<A> extends true
    ? Dims
    : Unranked<B> extends true
      ? Dims
      : A extends readonly [infer K extends Dim]
        ? B extends readonly [infer L extends Dim]
          ? Contract<K, L, A, B, readonly []>
          : B extends readonly [...infer Q extends Dims, infer L extends Dim, infer N extends Dim]
            ? Contract<K, L, A, B, readonly [...Q, N]>
            : Mismatch<`cannot multiply ${Show<A>} with ${Show<B>}`>
        : A extends readonly [...infer P extends Dims, infer M extends Dim, infer K extends Dim]
          ? B extends readonly [infer L extends Dim]
            ? Contract<K, L, A, B, readonly [...P, M]>
            : B extends readonly [...infer Q extends Dims, infer L extends Dim, infer N extends Dim]
              ? Broadcast<P, Q> extends infer R extends Dims
                ? Contract<K, L, A, B, readonly [...R, M, N]>
                : Mismatch<`cannot multiply ${Show<A>} with ${Show<B>}`>
              : Mismatch<`cannot multiply ${Show<A>} with ${Show<B>}`>
          : Mismatch<`cannot multiply ${Show<A>} with ${Show<B>}`>;
/** NumPy's dot: the last axis of the first with the last but one of the second. */
export type Dot<A extends Dims, B extends Dims> =
  Unranked<A> extends true
    ? Dims
    : Unranked<B> extends true
      ? Dims
      : A extends readonly [...infer P extends Dims, infer K extends Dim]
        ? B extends readonly [infer L extends Dim]
          ? Contract<K, L, A, B, P>
          : B extends readonly [...infer Q extends Dims, infer L extends Dim, infer N extends Dim]
            ? Contract<K, L, A, B, readonly [...P, ...Q, N]>
            : Dims
        : Dims;
type Contract<K extends Dim, L extends Dim, A extends Dims, B extends Dims, Out extends Dims> =
  Equal<K, L> extends Dim ? Out : Mismatch<`cannot contract ${Show<A>} with ${Show<B>}`>;

type Positions<S extends Dims, A> = A extends number ? Axis<S, A> : A extends readonly number[] ? Axis<S, A[number]> : never;
/** What is left of a shape under `{ axis, keepdims }`. */
export type Reduced<S extends Dims, O> =
  Unranked<S> extends true
    ? Dims
    : O extends { readonly axis: infer A extends number | readonly number[] }
      ? number extends Positions<S, A>
        ? Dims
        : Without<S, Positions<S, A>, Kept<O>>
      : Kept<O> extends true
        ? { readonly [K in keyof S]: 1 }
        : readonly [];
type Kept<O> = O extends { readonly keepdims: infer K } ? (K extends true ? true : false) : false;

type Reversed<S extends Dims, Out extends Dims = readonly []> = S extends readonly [infer X extends Dim, ...infer R extends Dims]
  ? Reversed<R, readonly [X, ...Out]>
  : Out;
/** Dimensions in another order; reversed without one. */
export type Permuted<S extends Dims, P> =
  Unranked<S> extends true
    ? Dims
    : P extends readonly number[]
      ? Unranked<P> extends true
        ? Dims
        : { readonly [K in keyof P]: S[Axis<S, P[K] & number> & keyof S] & Dim }
      : Reversed<S>;
/** The shape that was asked for, where the tensor's own is known; -1 is any size. */
export type Reshaped<S extends Dims, T extends Shape> =
  Unranked<S> extends true ? Dims : Unranked<T> extends true ? Dims : { readonly [K in keyof T]: T[K] extends -1 ? number : T[K] };
/** The shape with 1 put in at `A`. */
export type Expanded<S extends Dims, A> =
  Unranked<S> extends true ? Dims : A extends number ? (number extends A ? Dims : Insert<S, Axis<readonly [...S, 1], A>, 1>) : Dims;
/** The shape without the axis `A`. */
export type Squeezed<S extends Dims, A> =
  Unranked<S> extends true ? Dims : A extends number ? (number extends A ? Dims : Without<S, Axis<S, A>, false>) : Dims;
/** Tensors joined along `A`: its size is open. */
export type Joined<Xs, A> = Xs extends readonly [infer X, ...unknown[]]
  ? Unranked<ShapeOf<X>> extends true
    ? Dims
    : A extends number
      ? number extends A
        ? Dims
        : Resize<ShapeOf<X>, Axis<ShapeOf<X>, A>>
      : Dims
  : Dims;
/** Rows of a table of shape `T` at positions of shape `I`. */
export type Looked<T extends Dims, I extends Dims> =
  Unranked<T> extends true
    ? Dims
    : Unranked<I> extends true
      ? Dims
      : T extends readonly [Dim, ...infer R extends Dims]
        ? readonly [...I, ...R]
        : Dims;
type Resize<S extends Dims, At, Seen extends Dims = readonly []> = S extends readonly [infer X extends Dim, ...infer R extends Dims]
  ? Seen["length"] extends At
    ? readonly [...Seen, number, ...R]
    : Resize<R, At, readonly [...Seen, X]>
  : Seen;
/** Tensors of one shape along a new axis `A`. */
export type Stacked<Xs, A> = Xs extends readonly [infer X, ...unknown[]]
  ? Unranked<ShapeOf<X>> extends true
    ? Dims
    : A extends number
      ? number extends A
        ? Dims
        : Insert<ShapeOf<X>, Axis<readonly [...ShapeOf<X>, 1], A>, Xs["length"] & number>
      : Dims
  : Dims;
