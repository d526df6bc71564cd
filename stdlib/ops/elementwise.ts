// From a primitive to a function of the library: promote, broadcast, apply. Makers only; the functions are in the files beside.
import type { Operation, Tensor } from "../../compiler/extend.ts";
import { align, promote, promoteFloat, toDType, withWeak, type Promoted, type TensorLike } from "./promotion.ts";

/** A function of one operand. */
export type Unary = (x: TensorLike) => Tensor;
/** A function of two operands that broadcast against each other. */
export type Binary = (x: TensorLike, y: TensorLike) => Tensor;

/** Operands as numbers: bool counts as i32. */
export function promoteNumber(...xs: readonly TensorLike[]): Promoted {
  const o = promote(...xs);
  return o.dtype === "bool" ? { xs: o.xs.map(x => toDType(x, "i32")), dtype: "i32", weak: false } : o;
}
/** The two operands of a binary function, promoted and broadcast. @throws E0201 */
export function pair(name: string, operands: Promoted): { readonly x: Tensor; readonly y: Tensor; readonly weak: boolean } {
  const {
    xs: [x, y],
    weak,
  } = align(name, operands);
  return { x: x as Tensor, y: y as Tensor, weak }; // two went in
}
/** A function of numbers: integers keep their dtype, bool counts as i32. */
export const numeric =
  (f: (x: Tensor) => Tensor): Unary =>
  x =>
    apply(f, promoteNumber(x));
/** A function of floats: integers and bool go to f32. */
export const float =
  (f: (x: Tensor) => Tensor): Unary =>
  x =>
    apply(f, promoteFloat(x));
function apply(f: (x: Tensor) => Tensor, { xs: [x], weak }: Promoted): Tensor {
  return withWeak(f(x as Tensor), weak); // one went in
}
/** A binary function of numbers; bool counts as i32. */
export const numeric2 =
  (name: string, f: (x: Tensor, y: Tensor) => Tensor): Binary =>
  (a, b) => {
    const { x, y, weak } = pair(name, promoteNumber(a, b));
    return withWeak(f(x, y), weak);
  };
/** A binary function of floats; integers and bool go to f32. */
export const float2 =
  (name: string, f: (x: Tensor, y: Tensor) => Tensor): Binary =>
  (a, b) => {
    const { x, y, weak } = pair(name, promoteFloat(a, b));
    return withWeak(f(x, y), weak);
  };
/** A comparison: bool, never weak. */
export const comparison =
  (name: string, f: Operation<2>, operands: (...xs: readonly TensorLike[]) => Promoted): Binary =>
  (a, b) => {
    const { x, y } = pair(name, operands(a, b));
    return f(x, y);
  };
