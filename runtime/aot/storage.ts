// Typed arrays by dtype: the part of runtime/dtype.ts that a launcher needs, as one table.
import type { DType, HostArray } from "../dtype.ts";

interface Arrays {
  f32: Float32Array;
  f64: Float64Array;
  f16: Uint16Array;
  bf16: Uint16Array;
  f8e4m3: Uint8Array;
  f8e5m2: Uint8Array;
  i32: Int32Array;
  u32: Uint32Array;
  i8: Int8Array;
  u8: Uint8Array;
  bool: Uint8Array;
}
/** The typed array that holds tensors of a dtype: raw bit patterns for floats of 16 and 8 bits, bytes 0 and 1 for bool. */
export type ArrayOf<D extends DType> = Arrays[D];

interface Constructor<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (elements: number): A;
  new (buffer: ArrayBuffer, at: number, elements: number): A;
}
/** Constructors by dtype. */
export const arrayOf: { readonly [D in DType]: Constructor<HostArray> } = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  f8e4m3: Uint8Array,
  f8e5m2: Uint8Array,
  i32: Int32Array,
  u32: Uint32Array,
  i8: Int8Array,
  u8: Uint8Array,
  bool: Uint8Array,
};
/** Bytes of an element. */
export const widthOf = (dtype: DType = "u8"): number => arrayOf[dtype].BYTES_PER_ELEMENT;
/** Elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
/** `f32[2,3]`. */
export const showLeaf = (x: { readonly dtype: DType; readonly shape: readonly number[] }): string => `${x.dtype}[${x.shape.join()}]`;
