// Tensors from nothing and from host data. Inside a traced function constants stay literals: no buffer is filled on the host.
import { fromHost, toStorage, type Device, type HostArray } from "../../compiler/index.ts";
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import type { Literal } from "./typed.ts";
import type { DType } from "../../runtime/dtype.ts";
import { isFloat } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { asTensor, broadcastTo, normalizeAxis, toDType, type TensorLike } from "./promotion.ts";

/** `dtype` of what is made; f32 unless said otherwise. */
export interface DTypeOption {
  readonly dtype?: DType;
}
/** Numbers and booleans, nested as deep as the tensor has dimensions. */
export type Nested = number | boolean | readonly Nested[];

const natural: readonly (readonly [new (n: number) => HostArray, DType])[] = [
  [Float32Array, "f32"],
  [Float64Array, "f64"],
  [Int32Array, "i32"],
  [Uint32Array, "u32"],
  [Int8Array, "i8"],
  [Uint8Array, "u8"],
];

/** A tensor from nested arrays, a number, or a typed array (with `shape`, else one dimension; numbers, also for f16 and bf16). Nested booleans give bool. It lies on
 *  `device`, the default one unless given. @throws E0205 for ragged data or a wrong size */
export function array(
  data: Nested | HostArray,
  { dtype, shape, device }: DTypeOption & { readonly shape?: Shape; readonly device?: Device } = {},
): Tensor {
  if (ArrayBuffer.isView(data)) {
    const own = natural.find(([c]) => data instanceof c)?.[1] ?? "f32",
      d = dtype ?? own;
    return fromHost(d, shape ?? [data.length], d === own ? data : toStorage(d, data), device);
  }
  const flat: number[] = [],
    sizes: number[] = [];
  let booleans = true;
  const walk = (x: Nested, depth: number, at: string): void => {
    if (typeof x === "number" || typeof x === "boolean") {
      if (depth !== sizes.length)
        throw new PullbackError("E0205", `array: data${at} is a number where ${sizes.length - depth} more levels were expected`, {
          help: "every row needs the same depth",
        });
      if (typeof x === "number") booleans = false;
      flat.push(Number(x));
      return;
    }
    if (flat.length === 0 && depth === sizes.length) sizes.push(x.length);
    if (sizes[depth] !== x.length)
      throw new PullbackError("E0205", `array: data${at} has ${x.length} entries, others have ${sizes[depth] ?? 0}`, {
        help: "every row needs the same length",
      });
    x.forEach((y, i) => walk(y, depth + 1, `${at}[${i}]`));
  };
  walk(data, 0, "");
  const d = dtype ?? (booleans && flat.length > 0 ? "bool" : "f32");
  return fromHost(d, shape ?? sizes, toStorage(d, flat), device);
}

/** `value` everywhere. */
export const full = (
  shape: Shape,
  value: number | boolean,
  { dtype = typeof value === "boolean" ? "bool" : "f32" }: DTypeOption = {},
): Tensor => p.full(shape, Number(value), dtype);
/** Zeros. The type knows the shape of a tuple: zeros([2, 3] as const). */
export function zeros<S extends Shape>(shape: S, options?: DTypeOption): Literal<S>;
export function zeros(shape: Shape, { dtype = "f32" }: DTypeOption = {}): Tensor {
  return p.full(shape, 0, dtype);
}
/** Ones. */
export function ones<S extends Shape>(shape: S, options?: DTypeOption): Literal<S>;
export function ones(shape: Shape, { dtype = "f32" }: DTypeOption = {}): Tensor {
  return p.full(shape, 1, dtype);
}
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
  const n = Math.max(0, Math.ceil((to - from) / step)),
    d = dtype ?? ([from, step].every(Number.isInteger) ? "i32" : "f32");
  const i = p.iota({ dtype: isFloat(d) ? d : "i32", shape: [n], axis: 0 });
  const scaled = step === 1 ? i : p.mul(i, p.fullLike(i, step));
  return toDType(from === 0 ? scaled : p.add(scaled, p.fullLike(scaled, from)), d);
}
/** `n` numbers from start to stop, both included: [n]. @throws E0204 for an integer dtype, E0205 */
export function linspace(start: number, stop: number, n: number, { dtype = "f32" }: DTypeOption = {}): Tensor {
  if (!isFloat(dtype))
    throw new PullbackError("E0204", `linspace got the dtype ${dtype}`, {
      help: 'make floats and convert them: linspace(0, 9, 4).astype("i32")',
    });
  const i = p.iota({ dtype, shape: [n], axis: 0 }),
    end = p.fullLike(i, stop);
  const line = p.add(p.mul(i, p.fullLike(i, n > 1 ? (stop - start) / (n - 1) : 0)), p.fullLike(i, start));
  return n > 1 ? p.select(p.equal(i, p.fullLike(i, n - 1)), end, line) : line; // the last is `stop` exactly
}
/** Row index against column index + k, for eye and triangles: bool [n, m]. */
const below = (n: number, m: number, k: number, strict: boolean): Tensor => {
  const shape = [n, m],
    row = p.iota({ dtype: "i32", shape, axis: 0 }),
    col = p.iota({ dtype: "i32", shape, axis: 1 }),
    shifted = p.add(row, p.fullLike(row, k));
  return strict ? p.equal(shifted, col) : p.greaterEqual(shifted, col);
};
/** Ones on the k-th diagonal: [n, m]. */
export const eye = (n: number, m: number = n, { k = 0, dtype = "f32" }: DTypeOption & { readonly k?: number } = {}): Tensor =>
  p.convert(below(n, m, k, true), { dtype });
/** Ones at and below the k-th diagonal: [n, m]. */
export const tri = (n: number, m: number = n, { k = 0, dtype = "f32" }: DTypeOption & { readonly k?: number } = {}): Tensor =>
  dtype === "bool" ? below(n, m, k, false) : p.convert(below(n, m, k, false), { dtype });
/** `x` with zeros above the k-th diagonal of its last two dimensions. @throws E0205 for less than two dimensions */
export const tril = (x: TensorLike, { k = 0 }: { readonly k?: number } = {}): Tensor =>
  triangle("tril", asTensor(x), k, (t, keep) => p.select(keep, t, p.fullLike(t, 0)));
/** `x` with zeros below the k-th diagonal of its last two dimensions. @throws E0205 for less than two dimensions */
export const triu = (x: TensorLike, { k = 0 }: { readonly k?: number } = {}): Tensor =>
  triangle("triu", asTensor(x), k - 1, (t, keep) => p.select(keep, p.fullLike(t, 0), t));
function triangle(name: string, t: Tensor, k: number, choose: (t: Tensor, keep: Tensor) => Tensor): Tensor {
  const [n = 0, m = 0] = t.shape.slice(-2);
  if (t.ndim < 2)
    throw new PullbackError("E0205", `${name} got ${p.showAval(t.aval)}, which has no two dimensions`, {
      help: "give a matrix, or a stack of them",
    });
  return choose(t, broadcastTo(below(n, m, k, false), t.shape));
}
/** The position along `axis` at every place: out[.., i, ..] = i. i32 unless said otherwise. @throws E0203, E0205 */
export const iota = (shape: Shape, { axis = 0, dtype = "i32" }: DTypeOption & { readonly axis?: number } = {}): Tensor =>
  p.iota({ dtype, shape, axis: normalizeAxis("iota", axis, shape.length) });
