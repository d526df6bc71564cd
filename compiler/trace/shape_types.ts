// How transforms and operations change shapes, in types (dims.ts says what a shape in a type is). Whatever is not known degrades to `Dims` or `number`;
// a contradiction becomes a `Mismatch` with a sentence, which `Demand` turns into an argument that cannot be given.
import type { Dim, Dims } from "./dims.ts";
import type { Tensor } from "./tensor.ts";

/** Why shapes do not go together. */
export interface Mismatch<Why extends string> {
  readonly "~mismatch": Why;
}
/** What an argument must also be: nothing more, or, where shapes contradict each other, something that does not exist and whose name says why. Values that cannot be (`never`) have no shapes that could. */
export type Demand<R> = [R] extends [never] ? unknown : R extends Mismatch<infer Why> ? ShapeError<Why> : unknown;
/** No value has this type: its parameter is the compiler's message. */
export interface ShapeError<Why extends string> {
  readonly "shapes do not fit": Why;
}

/** The shape of an operand: a tensor's, [] for a number or a boolean. */
export type ShapeOf<X> = X extends Tensor<infer S> ? S : X extends number | boolean ? readonly [] : Dims;
/**
 * A tensor of a computed shape; a mismatch has been reported by `Demand`, so its result is any tensor. It is made of inferred names, not of `R` and `D` themselves:
 * TypeScript looks for a call's type arguments in what its result may be, and would go through all that computes them, which takes most of the time of a check.
 */
export type Shaped<R, D extends Tensor["dtype"] = Tensor["dtype"]> = R extends infer S extends Dims
  ? [D] extends [infer E extends Tensor["dtype"]]
    ? Tensor<S, E>
    : never
  : Tensor;
/** Is the number of dimensions unknown? */
export type Unranked<S extends Dims> = number extends S["length"] ? true : false;

/** A shape as it is printed. */
export type Show<S extends Dims, Out extends string = ""> = S extends readonly [infer X extends Dim, ...infer R extends Dims]
  ? Show<R, Out extends "" ? `${X}` : `${Out}, ${X}`>
  : `[${Out}]`;

/** One dimension where two must be equal. A name stays a name; `number` learns from the other. */
export type Equal<X extends Dim, Y extends Dim> = number extends X
  ? Y
  : number extends Y
    ? X
    : [X] extends [Y]
      ? X
      : X extends string
        ? Y extends number
          ? X
          : Mismatch<`${X} is not ${Y}`>
        : Y extends string
          ? Y
          : Mismatch<`${X} is not ${Y}`>;
/** One dimension of a broadcast: 1 stretches. */
export type Stretch<X extends Dim, Y extends Dim> = X extends 1 ? Y : Y extends 1 ? (number extends X ? number : X) : Equal<X, Y>;

/** NumPy's broadcast of two shapes, aligned at the right. */
export type Broadcast<A extends Dims, B extends Dims> =
  Unranked<A> extends true ? Dims : Unranked<B> extends true ? Dims : Align<A, B, A, B, readonly []>;
type Align<P extends Dims, Q extends Dims, A extends Dims, B extends Dims, Out extends Dims> = P extends readonly [
  ...infer P1 extends Dims,
  infer X extends Dim,
]
  ? Q extends readonly [...infer Q1 extends Dims, infer Y extends Dim]
    ? Stretch<X, Y> extends infer Z extends Dim
      ? Align<P1, Q1, A, B, readonly [Z, ...Out]>
      : Mismatch<`cannot broadcast ${Show<A>} with ${Show<B>}`>
    : readonly [...P, ...Out]
  : readonly [...Q, ...Out];

type Fill<N extends number, Out extends readonly unknown[] = readonly []> = Out["length"] extends N
  ? Out
  : Out["length"] extends 16
    ? never
    : Fill<N, readonly [...Out, unknown]>;
/** An axis counted from the front; `number` where it is not known. */
export type Axis<S extends Dims, N extends number> = number extends N
  ? number
  : `${N}` extends `-${infer M extends number}`
    ? S extends readonly [...infer Head, ...Fill<M>]
      ? Head["length"]
      : never
    : N;
/** The shape without the axes of a union (counted from the front), or with 1 in their place. */
export type Without<
  S extends Dims,
  Axes,
  Keep,
  Seen extends readonly unknown[] = readonly [],
  Out extends Dims = readonly [],
> = S extends readonly [infer X extends Dim, ...infer R extends Dims]
  ? Without<
      R,
      Axes,
      Keep,
      readonly [...Seen, X],
      Seen["length"] extends Axes ? (Keep extends true ? readonly [...Out, 1] : Out) : readonly [...Out, X]
    >
  : Out;
/** The shape with `X` put in before axis `N`, counted from the front. */
export type Insert<S extends Dims, N, X extends Dim, Seen extends Dims = readonly []> = Seen["length"] extends N
  ? readonly [...Seen, X, ...S]
  : S extends readonly [infer Y extends Dim, ...infer R extends Dims]
    ? Insert<R, N, X, readonly [...Seen, Y]>
    : Dims;

/** A tree with a leading dimension put in front of every tensor whose shape is known: what is mapped over, or stacked. */
export type Batched<T> =
  T extends Tensor<infer S, infer D>
    ? Unranked<S> extends true
      ? T
      : Tensor<readonly [number, ...S], D>
    : T extends (...args: never[]) => unknown
      ? T
      : T extends object
        ? { [K in keyof T]: Batched<T[K]> }
        : T;
/** A tree without the leading dimension of every tensor whose shape is known: a slice of what is scanned. */
export type Sliced<T> =
  T extends Tensor<infer S, infer D>
    ? S extends readonly [Dim, ...infer R extends Dims]
      ? Tensor<R, D>
      : T
    : T extends (...args: never[]) => unknown
      ? T
      : T extends object
        ? { [K in keyof T]: Sliced<T[K]> }
        : T;
