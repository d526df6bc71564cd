// Memory of a shader: the device's heap, in words, and arrays of a workgroup or of one thread. Narrow dtypes share words of the heap; elsewhere every element has a word of
// its own, but for packed arrays, whose f16 are f16 and whose bf16 are halves of words.
import { byteSize, type DType } from "../../../runtime/dtype.ts";
import { InternalError } from "../../../runtime/errors/error.ts";
import { bare, fromBits, typeOf, type Call } from "./scalar.ts";

/** Words of the heap: plain, atomic where parts of words are written, or two or four at a time. */
export type HeapKind = "words" | "atomic" | "pairs" | "vectors";
/** A buffer: a parameter, whose place in the heap is a named number of its own elements, or a named array of vectors of `width`. */
export type Place =
  | { readonly space: "heap"; readonly base: string; readonly dtype: DType }
  | { readonly space: "array"; readonly name: string; readonly dtype: DType; readonly width: number; readonly packed?: true | undefined };

/** A word of the heap, read. */
export function word(heap: HeapKind, at: string): string {
  switch (heap) {
    case "atomic":
      return `atomicLoad(&heap[${at}])`;
    case "pairs":
      return `heap[(${at}) >> 1u][(${at}) & 1u]`;
    case "vectors":
      return `heap[(${at}) >> 2u][(${at}) & 3u]`;
    case "words":
      return `heap[${at}]`;
  }
}
/** How many elements share a word. */
export const perWord = (d: DType): number => 4 / byteSize(d);
/** Is it half a word? */
export const isNarrow = (d: DType): d is "f16" | "bf16" => d === "f16" || d === "bf16";

/** An i32 index as the u32 that arrays are indexed with. */
export const index = (i: string): string => (/^\d+i$/.test(i) ? `${i.slice(0, -1)}u` : `u32(${bare(i)})`);
const at = (p: Extract<Place, { space: "heap" }>, i: string): string => (i === "0i" ? p.base : `${p.base} + ${index(i)}`);

/** The type of an array's elements. */
export function elementOf({ dtype, width, packed }: Pick<Extract<Place, { space: "array" }>, "dtype" | "width" | "packed">): string {
  const one = packed && dtype === "f16" ? "f16" : packed ? "u32" : dtype === "bool" ? "u32" : typeOf(dtype),
    count = packed && dtype === "bf16" ? width / 2 : width;
  return count === 1 ? one : `vec${count}<${one}>`;
}
const single = (p: Extract<Place, { space: "array" }>): void => {
  if (p.packed) throw new InternalError(`one element of ${p.name}, which is packed`);
};

/** The value of element `i`. */
export function load(call: Call, heap: HeapKind, p: Place, i: string): string {
  if (p.space === "array") {
    single(p);
    const element = p.width === 1 ? `${p.name}[${index(i)}]` : `${p.name}[${index(i)} / ${p.width}u][${index(i)} % ${p.width}u]`;
    return p.dtype === "bool" ? `(${element} != 0u)` : element;
  }
  return fromBits(call, p.dtype, rawOf(call, heap, p, i));
}
/** The bits of element `i` of the heap, in the low end of a word. */
export function rawOf(call: Call, heap: HeapKind, p: Extract<Place, { space: "heap" }>, i: string): string {
  const size = byteSize(p.dtype),
    where = at(p, i);
  return size === 1 ? call("load8", where) : size === 2 ? call("load16", where) : word(heap, where);
}
/** How memory takes a value: its `raw` bits in the low end of a word, as an f16 (`half`), or as it is. */
export type As = "raw" | "half" | "value";
const asIn = (p: Place): As => (p.space === "heap" ? "raw" : !p.packed ? "value" : p.dtype === "f16" ? "half" : "raw");
/** The statement that sets element `i`. */
export function store(call: Call, heap: HeapKind, p: Place, i: string, text: (as: As) => string): string {
  const value = text(asIn(p));
  if (p.space === "array") {
    single(p);
    return `${p.name}[${index(i)}] = ${p.dtype === "bool" ? `u32(${value})` : value};`;
  }
  const size = byteSize(p.dtype),
    where = at(p, i);
  if (size < 4) return `${call(size === 1 ? "store8" : "store16", where, value)};`;
  return heap === "atomic" ? `atomicStore(&heap[${where}], ${value});` : `heap[${where}] = ${value};`;
}

/** Neighbouring elements: a vector, and the values of its elements once it has a name. */
export interface Vector {
  readonly text: string;
  element(name: string, q: number): string;
}
const plus = (q: number): string => (q === 0 ? "" : ` + ${q}u`);
const component = (name: string, q: number): string => `${name}.${"xyzw"[q]}`;
const plain = (text: string): Vector => ({ text, element: component });
const vector = (type: string, parts: readonly string[]): string =>
  parts.length === 1 ? (parts[0] ?? "") : `vec${parts.length}<${type}>(${parts.join(", ")})`;
const parts = (n: number, part: (q: number) => string): string[] => Array.from({ length: n }, (_, q) => part(q));
/** So many words from element `i` on. */
function words(heap: HeapKind, p: Extract<Place, { space: "heap" }>, i: string, count: number): string {
  const size = byteSize(p.dtype),
    per = perWord(p.dtype),
    start = at(p, i);
  if (heap === "vectors" && count === 4) return `heap[(${start}) / ${16 / size}u]`;
  if (heap === "pairs" && count > 1) {
    const pair = (q: number): string => `heap[(${start}) / ${8 / size}u${plus(q)}]`;
    return count === 2 ? pair(0) : `vec4<u32>(${pair(0)}, ${pair(1)})`;
  }
  const first = per === 1 ? start : `(${start}) / ${per}u`;
  return vector(
    "u32",
    parts(count, q => word(heap, `${first}${plus(q)}`)),
  );
}
/** `n` (2 or 4) neighbouring elements from `i` on, a multiple of `n`. */
export function loadVector(call: Call, heap: HeapKind, p: Place, i: string, n: number): Vector {
  const t = typeOf(p.dtype);
  if (p.space === "heap") {
    if (isNarrow(p.dtype)) return halves(call, p.dtype, words(heap, p, i, n / 2), n);
    return plain(`bitcast<vec${n}<${t}>>(${words(heap, p, i, n)})`);
  }
  const vectors = parts(
    n / p.width,
    q => `${p.name}[${index(i)}${p.width === 1 ? "" : ` / ${p.width}u`}${n === p.width ? "" : ` + ${q}u`}]`,
  );
  if (!p.packed) return plain(n === p.width ? (vectors[0] ?? "") : vector(t, vectors));
  if (p.dtype === "bf16")
    return halves(call, "bf16", vectors.length === 1 ? (vectors[0] ?? "") : `vec${n / 2}<u32>(${vectors.join(", ")})`, n);
  return plain(`vec${n}<f32>(${vectors.length === 1 ? vectors[0] : `vec${n}<f16>(${vectors.join(", ")})`})`);
}
/** Values out of words of two halves each. */
function halves(call: Call, d: "f16" | "bf16", text: string, n: number): Vector {
  return {
    text,
    element: (name, q) => {
      const w = n === 2 ? name : component(name, q >> 1);
      if (d === "bf16") return q % 2 === 0 ? `bitcast<f32>(${w} << 16u)` : `bitcast<f32>(${w} & 0xffff0000u)`;
      return fromBits(call, d, q % 2 === 0 ? `${w} & 0xffffu` : `${w} >> 16u`);
    },
  };
}
/** Two or four f16 of the heap as they are. */
export const loadHalves = (heap: HeapKind, p: Extract<Place, { space: "heap" }>, i: string, n: number): Vector =>
  plain(`bitcast<vec${n}<f16>>(${words(heap, p, i, n / 2)})`);

/** Words of the raw halves of neighbours. */
const packed = (raw: readonly string[]): string[] => parts(raw.length / 2, q => `(${raw[2 * q]} | (${raw[2 * q + 1]} << 16u))`);
/** The statements that set `n` (2 or 4) neighbouring elements. */
export function storeVector(call: Call, heap: HeapKind, p: Place, i: string, n: number, text: (q: number, as: As) => string): string[] {
  const values = parts(n, q => text(q, asIn(p))),
    each = (q: number): string => store(call, heap, p, q === 0 ? i : `${i} + ${q}i`, () => values[q] ?? "");
  if (p.space === "array") {
    if (!p.packed && p.width !== n) return parts(n, each);
    const all = p.packed && p.dtype === "bf16" ? packed(values) : values,
      type = !p.packed ? typeOf(p.dtype) : p.dtype === "f16" ? "f16" : "u32",
      some = all.length / (n / p.width),
      where = `${index(i)}${p.width === 1 ? "" : ` / ${p.width}u`}`;
    return parts(n / p.width, q => `${p.name}[${where}${plus(q)}] = ${vector(type, all.slice(q * some, (q + 1) * some))};`);
  }
  const narrow = isNarrow(p.dtype),
    all = narrow ? packed(values) : values,
    start = at(p, i),
    size = byteSize(p.dtype);
  if (heap === "vectors" && all.length === 4) return [`heap[(${start}) / ${16 / size}u] = vec4<u32>(${all.join(", ")});`];
  if (heap === "pairs" && all.length > 1)
    return parts(all.length / 2, q => `heap[(${start}) / ${8 / size}u${plus(q)}] = vec2<u32>(${all[2 * q]}, ${all[2 * q + 1]});`);
  if (!narrow) return parts(n, each);
  const put = (where: string, v: string): string => (heap === "atomic" ? `atomicStore(&heap[${where}], ${v});` : `heap[${where}] = ${v};`);
  return all.map((v, q) => put(`(${start}) / 2u${plus(q)}`, v));
}
