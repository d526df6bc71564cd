// From a primitive to a function of the library: promote, broadcast, apply. Makers only; the functions are in the files beside.
import type { Tensor } from "../../compiler/extend.ts";
import type { Binary, Comparison, FloatBinary, FloatUnary, Test, Unary } from "./typed.ts";
import { align, promote, promoteFloat, toDType, withWeak, type Promoted, type TensorLike } from "./promotion.ts";

export type { Binary, Comparison, FloatBinary, FloatUnary, Test, Unary } from "./typed.ts";

/** What a maker makes; the shapes in its type (typed.ts) are a claim about what promotion and broadcasting do. */
type One = (x: TensorLike) => Tensor;
type Two = (x: TensorLike, y: TensorLike) => Tensor;

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
export const numeric = (f: (x: Tensor) => Tensor): Unary => ((x: TensorLike) => apply(f, promoteNumber(x))) satisfies One as Unary; // shapes and dtypes stay
/** A function of floats: integers and bool go to f32. */
export const float = (f: (x: Tensor) => Tensor): FloatUnary => ((x: TensorLike) => apply(f, promoteFloat(x))) satisfies One as FloatUnary; // shapes stay
/** A truth value an element. */
export const tested = (f: (x: TensorLike) => Tensor): Test => f as Test; // shapes stay
function apply(f: (x: Tensor) => Tensor, { xs: [x], weak }: Promoted): Tensor {
  return withWeak(f(x as Tensor), weak); // one went in
}
const two =
  (name: string, f: (x: Tensor, y: Tensor) => Tensor, operands: (...xs: readonly TensorLike[]) => Promoted): Two =>
  (a, b) => {
    const { x, y, weak } = pair(name, operands(a, b));
    return withWeak(f(x, y), weak);
  };
/** A binary function of numbers; bool counts as i32. */
export const numeric2 = (name: string, f: (x: Tensor, y: Tensor) => Tensor): Binary => two(name, f, promoteNumber) as Binary; // operands broadcast
/** A binary function of floats; integers and bool go to f32. */
export const float2 = (name: string, f: (x: Tensor, y: Tensor) => Tensor): FloatBinary => two(name, f, promoteFloat) as FloatBinary; // operands broadcast
/** A comparison: bool, never weak. */
export const comparison = (
  name: string,
  f: (x: Tensor, y: Tensor) => Tensor,
  operands: (...xs: readonly TensorLike[]) => Promoted,
): Comparison =>
  ((a: TensorLike, b: TensorLike) => {
    const { x, y } = pair(name, operands(a, b));
    return f(x, y);
  }) satisfies Two as Comparison; // operands broadcast
