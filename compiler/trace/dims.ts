// Shapes in types: `Tensor<["batch", 784], "f32">`. Only types; nothing of it exists at run time. Shapes are optional: a plain `Tensor` may be anything, and
// may stand wherever a shaped one is wanted. A dimension is a size, a name (the same size wherever it stands), or `number` (any size); two tensors fit
// when every pair of dimensions may be equal, so a name fits any size, and two names or two sizes fit only themselves.
import type { DType } from "../../runtime/dtype.ts";

/** A dimension in a type: a size, a name, or `number` for any size. */
export type Dim = number | string;
/** A shape in a type. `Dims` itself is a shape of any rank. */
export type Dims = readonly Dim[];

/** What a name is compared as: every number fits it, no other name does. */
interface Named<N extends string> {
  readonly "~name"?: N;
  toFixed(digits?: number): string;
}
type Label<N extends Dim> = N extends string ? Named<N> : N;
/** TypeScript compares the parameters of methods in both directions: fitting either way is enough. */
interface Size<N> {
  fits(n: N): void;
}
/** What shapes and dtypes of tensors are compared by, dimension by dimension. */
export interface Typed<S extends Dims, D extends DType> {
  shape(s: { readonly [K in keyof S]: Size<Label<S[K]>> }): void;
  dtype(d: D): void;
}
