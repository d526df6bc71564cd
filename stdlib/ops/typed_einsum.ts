// The shape of an einsum in types: letters of the specification bound to dimensions, left to right. Types only; ellipses and spaces degrade.
import type { Dim, Dims, Equal, Mismatch, ShapeOf, Show, Unranked } from "../../compiler/extend.ts";

/** The result's shape of `einsum(Spec, ...Xs)`, or a mismatch. */
export type Einsum<Spec extends string, Xs extends readonly unknown[]> = string extends Spec
  ? Dims
  : Spec extends `${string}${"." | " "}${string}`
    ? Dims
    : AllRanked<Xs> extends true
      ? Spec extends `${infer Left}->${infer Right}`
        ? BindAll<Left, Xs, Record<never, never>> extends infer E
          ? E extends Mismatch<string>
            ? E
            : Read<Right, E>
          : never
        : Dims
      : Dims;
type AllRanked<Xs extends readonly unknown[]> = Xs extends readonly [infer X, ...infer R]
  ? Unranked<ShapeOf<X>> extends true
    ? false
    : AllRanked<R>
  : number extends Xs["length"]
    ? false
    : true;
type BindAll<Left extends string, Xs, E> = Xs extends readonly [infer X, ...infer R]
  ? Left extends `${infer G},${infer Rest}`
    ? Then<Bind<G, ShapeOf<X>, E, G, ShapeOf<X>>, Rest, R>
    : R extends readonly []
      ? Bind<Left, ShapeOf<X>, E, Left, ShapeOf<X>>
      : Mismatch<`more operands than groups of letters`>
  : Mismatch<`more groups of letters than operands`>;
type Then<E, Rest extends string, R> = E extends Mismatch<string> ? E : BindAll<Rest, R, E>;
type Bind<G extends string, S extends Dims, E, Whole extends string, All extends Dims> = G extends `${infer L}${infer More}`
  ? S extends readonly [infer X extends Dim, ...infer R extends Dims]
    ? L extends keyof E
      ? Equal<E[L] & Dim, X> extends infer Z extends Dim
        ? Bind<More, R, Omit<E, L> & Record<L, Z>, Whole, All>
        : Mismatch<`${L} is ${E[L] & Dim} and ${X}`>
      : Bind<More, R, E & Record<L, X>, Whole, All>
    : Mismatch<`"${Whole}" names more dimensions than ${Show<All>} has`>
  : S extends readonly []
    ? E
    : Mismatch<`"${Whole}" names fewer dimensions than ${Show<All>} has`>;
type Read<Right extends string, E, Out extends Dims = readonly []> = Right extends `${infer L}${infer More}`
  ? L extends keyof E
    ? Read<More, E, readonly [...Out, E[L] & Dim]>
    : Mismatch<`"${L}" is in no operand`>
  : Out;
