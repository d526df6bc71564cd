// What is known about a value before running: element type and shape. No names, no values.
import type { DType } from "../../runtime/dtype.ts";
import { byteSize } from "../../runtime/dtype.ts";

/** Sizes of the dimensions, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];
/** An abstract value (JAX's ShapedArray). */
export interface Aval {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** An Aval from its parts. */
export const aval = (dtype: DType, shape: Shape): Aval => ({ dtype, shape });
/** Number of elements of a shape; 1 for a scalar. */
export const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);
/** Bytes of a tightly packed tensor. */
export const bytesOf = (a: Aval): number => sizeOf(a.shape) * byteSize(a.dtype);
/** Are two shapes equal? */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);
/** Are two abstract values equal? */
export const sameAval = (a: Aval, b: Aval): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);
/** `f32[2,3]`; a scalar prints as `f32[]`. */
export const showAval = (a: Aval): string => `${a.dtype}[${a.shape.join(",")}]`;
/** Row-major strides in elements. */
export function stridesOf(shape: Shape): readonly number[] {
  const strides = new Array<number>(shape.length);
  let s = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = s;
    s *= shape[d] ?? 1;
  }
  return strides;
}
