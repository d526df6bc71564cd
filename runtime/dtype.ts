// Element types, shared by the compiler and every device. It knows sizes, classes and storage arrays, and nothing about operations.

/** The 8-bit floats of the Open Compute Project (MX 1.0), storage types as f16 is: f8e4m3 (3 bits of mantissa, no infinities, up to 448; JAX's float8_e4m3fn) and f8e5m2 (2 bits, up to 57344). */
export type Float8 = "f8e4m3" | "f8e5m2";
/** An element type. f16, bf16 and the 8-bit floats are storage types (arithmetic happens in f32), i8 and u8 likewise (arithmetic in i32/u32); bool is stored as one byte, 0 or 1. */
export type DType = "f32" | "f64" | "f16" | "bf16" | Float8 | "i32" | "u32" | "i8" | "u8" | "bool";
/** What kind of number an element is. */
export type NumberClass = "float" | "int" | "uint" | "bool";
/** The typed arrays that hold tensor data on the host. f16, bf16 and 8-bit floats are raw bit patterns. */
export type HostArray = Float32Array | Float64Array | Uint16Array | Int32Array | Uint32Array | Int8Array | Uint8Array;

/** Facts about one element type. */
export interface DTypeInfo {
  readonly bytes: number;
  readonly class: NumberClass;
  readonly bits: number;
}

const table: { readonly [D in DType]: DTypeInfo } = {
  f32: { bytes: 4, class: "float", bits: 32 },
  f64: { bytes: 8, class: "float", bits: 64 },
  f16: { bytes: 2, class: "float", bits: 16 },
  bf16: { bytes: 2, class: "float", bits: 16 },
  f8e4m3: { bytes: 1, class: "float", bits: 8 },
  f8e5m2: { bytes: 1, class: "float", bits: 8 },
  i32: { bytes: 4, class: "int", bits: 32 },
  u32: { bytes: 4, class: "uint", bits: 32 },
  i8: { bytes: 1, class: "int", bits: 8 },
  u8: { bytes: 1, class: "uint", bits: 8 },
  bool: { bytes: 1, class: "bool", bits: 8 },
};

/** All element types, in table order. */
export const dtypes: readonly DType[] = Object.keys(table) as DType[]; // the table's keys are exactly DType
/** Size and class of `d`. */
export const dtypeInfo = (d: DType): DTypeInfo => table[d];
/** Bytes of one element. */
export const byteSize = (d: DType): number => table[d].bytes;
/** Is `d` one of f32, f64, f16, bf16 and the 8-bit floats? */
export const isFloat = (d: DType): boolean => table[d].class === "float";
/** Is `d` an 8-bit float? */
export const isFloat8 = (d: DType): d is Float8 => d === "f8e4m3" || d === "f8e5m2";
/** Is `d` a signed or unsigned integer (bool is not)? */
export const isInteger = (d: DType): boolean => table[d].class === "int" || table[d].class === "uint";

/** The dtype that arithmetic on `d` happens in: narrow floats -> f32; i8 -> i32; u8 -> u32; others are their own. */
export const computeDType = (d: DType): DType => (isFloat(d) && d !== "f64" ? "f32" : d === "i8" ? "i32" : d === "u8" ? "u32" : d);

/** A fresh zeroed host array of `n` elements. */
export function hostArray(d: DType, n: number): HostArray {
  switch (d) {
    case "f32":
      return new Float32Array(n);
    case "f64":
      return new Float64Array(n);
    case "f16":
    case "bf16":
      return new Uint16Array(n);
    case "i32":
      return new Int32Array(n);
    case "u32":
      return new Uint32Array(n);
    case "i8":
      return new Int8Array(n);
    case "u8":
    case "bool":
    case "f8e4m3":
    case "f8e5m2":
      return new Uint8Array(n);
    default:
      return d satisfies never;
  }
}

/** A typed view of `n` elements of `d` at byte offset `at` of `buffer` (which must be aligned for `d`). No copy. */
export function hostView(d: DType, buffer: ArrayBufferLike, at: number, n: number): HostArray {
  switch (d) {
    case "f32":
      return new Float32Array(buffer, at, n);
    case "f64":
      return new Float64Array(buffer, at, n);
    case "f16":
    case "bf16":
      return new Uint16Array(buffer, at, n);
    case "i32":
      return new Int32Array(buffer, at, n);
    case "u32":
      return new Uint32Array(buffer, at, n);
    case "i8":
      return new Int8Array(buffer, at, n);
    case "u8":
    case "bool":
    case "f8e4m3":
    case "f8e5m2":
      return new Uint8Array(buffer, at, n);
    default:
      return d satisfies never;
  }
}
