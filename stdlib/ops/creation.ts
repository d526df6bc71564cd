// Tensors from nothing and from host data. Inside a traced function constants stay literals: no buffer is filled on the host.
import { fromHost, toStorage, type HostArray } from "../../compiler/index.ts";
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import type { DType } from "../../runtime/dtype.ts";
import { isFloat } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { asTensor, toDType, type TensorLike } from "./promotion.ts";

/** `dtype` of what is made; f32 unless said otherwise. */
export interface DTypeOption { readonly dtype?: DType }
/** Numbers and booleans, nested as deep as the tensor has dimensions. */
export type Nested = number | boolean | readonly Nested[];

const natural: readonly (readonly [new (n: number) => HostArray, DType])[] = [[Float32Array, "f32"], [Float64Array, "f64"], [Int32Array, "i32"], [Uint32Array, "u32"], [Int8Array, "i8"], [Uint8Array, "u8"]];

/** A tensor from nested arrays, a number, or a typed array (with `shape`, else one dimension). Nested booleans give bool. @throws E0205 for ragged data or a wrong size */
export function array(data: Nested | HostArray, { dtype, shape }: DTypeOption & { readonly shape?: Shape } = {}): Tensor {
  if (ArrayBuffer.isView(data)) {
    const own = natural.find(([c]) => data instanceof c)?.[1] ?? "f32", d = dtype ?? own;
    return fromHost(d, shape ?? [data.length], d === own ? data : toStorage(d, data));
  }
  const flat: number[] = [], sizes: number[] = [];
  let booleans = true;
  const walk = (x: Nested, depth: number, at: string): void => {
    if (typeof x === "number" || typeof x === "boolean") {
      if (depth !== sizes.length) throw new PullbackError("E0205", `array: data${at} is a number where ${sizes.length - depth} more levels were expected`, { help: "every row needs the same depth" });
      if (typeof x === "number") booleans = false;
      flat.push(Number(x));
      return;
    }
    if (flat.length === 0 && depth === sizes.length) sizes.push(x.length);
    if (sizes[depth] !== x.length) throw new PullbackError("E0205", `array: data${at} has ${x.length} entries, others have ${sizes[depth] ?? 0}`, { help: "every row needs the same length" });
    x.forEach((y, i) => walk(y, depth + 1, `${at}[${i}]`));
  };
  walk(data, 0, "");
  const d = dtype ?? (booleans && flat.length > 0 ? "bool" : "f32");
  return fromHost(d, shape ?? sizes, toStorage(d, flat));
}

/** `value` everywhere. */
export const full = (shape: Shape, value: number | boolean, { dtype = typeof value === "boolean" ? "bool" : "f32" }: DTypeOption = {}): Tensor => p.full(shape, Number(value), dtype);
/** Zeros. */
export const zeros = (shape: Shape, { dtype = "f32" }: DTypeOption = {}): Tensor => p.full(shape, 0, dtype);
/** Ones. */
export const ones = (shape: Shape, { dtype = "f32" }: DTypeOption = {}): Tensor => p.full(shape, 1, dtype);
/** `value` in the shape and dtype of `x`. */
export const fullLike = (x: TensorLike, value: number): Tensor => p.fullLike(asTensor(x), value);
/** Zeros in the shape and dtype of `x`. */
export const zerosLike = (x: TensorLike): Tensor => fullLike(x, 0);
/** Ones in the shape and dtype of `x`. */
export const onesLike = (x: TensorLike): Tensor => fullLike(x, 1);
/** start, start + step, ... below stop: [ceil((stop - start) / step)]; `arange(n)` counts from 0. i32 unless a bound is no integer. @throws E0205 for step 0 */
export function arange(start: number, stop?: number, { step = 1, dtype }: DTypeOption & { readonly step?: number } = {}): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0) throw new PullbackError("E0205", "arange got step 0", { help: "the step is positive or negative" });
  const n = Math.max(0, Math.ceil((to - from) / step)), d = dtype ?? ([from, step].every(Number.isInteger) ? "i32" : "f32");
  const i = p.iota({ dtype: isFloat(d) ? d : "i32", shape: [n], axis: 0 });
  const scaled = step === 1 ? i : p.mul(i, p.fullLike(i, step));
  return toDType(from === 0 ? scaled : p.add(scaled, p.fullLike(scaled, from)), d);
}
/** `n` numbers from start to stop, both included: [n]. */
export function linspace(start: number, stop: number, n: number, { dtype = "f32" }: DTypeOption = {}): Tensor {
  const i = p.iota({ dtype, shape: [n], axis: 0 });
  return p.add(p.mul(i, p.fullLike(i, n > 1 ? (stop - start) / (n - 1) : 0)), p.fullLike(i, start));
}
/** Row index against column index + k, for eye and triangles: bool [n, m]. */
const below = (n: number, m: number, k: number, strict: boolean): Tensor => {
  const shape = [n, m], row = p.iota({ dtype: "i32", shape, axis: 0 }), col = p.iota({ dtype: "i32", shape, axis: 1 }), shifted = p.add(row, p.fullLike(row, k));
  return strict ? p.equal(shifted, col) : p.greaterEqual(shifted, col);
};
/** Ones on the k-th diagonal: [n, m]. */
export const eye = (n: number, m: number = n, { k = 0, dtype = "f32" }: DTypeOption & { readonly k?: number } = {}): Tensor => p.convert(below(n, m, k, true), { dtype });
/** Ones at and below the k-th diagonal: [n, m]. */
export const tri = (n: number, m: number = n, { k = 0, dtype = "f32" }: DTypeOption & { readonly k?: number } = {}): Tensor => (dtype === "bool" ? below(n, m, k, false) : p.convert(below(n, m, k, false), { dtype }));
