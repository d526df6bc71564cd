// Memory of a shader: the device's heap, in words, and arrays of a workgroup or of one thread. Narrow dtypes share words of the heap; elsewhere every element has a word of
// its own.
import { byteSize, type DType } from "../../../runtime/dtype.ts";
import { bare, fromBits, toBits, typeOf, type Call } from "./scalar.ts";

/** Words of the heap: plain, atomic where parts of words are written, or four at a time. */
export type HeapKind = "words" | "atomic" | "vectors";
/** A buffer: a parameter, whose place in the heap is a named number of its own elements, or a named array. */
export type Place =
  | { readonly space: "heap"; readonly base: string; readonly dtype: DType }
  | { readonly space: "array"; readonly name: string; readonly dtype: DType; readonly width: number };

/** A word of the heap, read. */
export function word(heap: HeapKind, at: string): string {
  return heap === "atomic" ? `atomicLoad(&heap[${at}])` : heap === "vectors" ? `heap[(${at}) >> 2u][(${at}) & 3u]` : `heap[${at}]`;
}
/** How many elements share a word. */
export const perWord = (d: DType): number => 4 / byteSize(d);

/** An i32 index as the u32 that arrays are indexed with. */
export const index = (i: string): string => (/^\d+i$/.test(i) ? `${i.slice(0, -1)}u` : `u32(${bare(i)})`);
const at = (p: Extract<Place, { space: "heap" }>, i: string): string => (i === "0i" ? p.base : `${p.base} + ${index(i)}`);

/** The value of element `i`. */
export function load(call: Call, heap: HeapKind, p: Place, i: string): string {
  if (p.space === "array") {
    const element = p.width === 1 ? `${p.name}[${index(i)}]` : `${p.name}[${index(i)} / ${p.width}u][${index(i)} % ${p.width}u]`;
    return p.dtype === "bool" ? `(${element} != 0u)` : element;
  }
  const size = byteSize(p.dtype),
    where = at(p, i);
  return fromBits(call, p.dtype, size === 1 ? call("load8", where) : size === 2 ? call("load16", where) : word(heap, where));
}
/** The statement that sets element `i`. */
export function store(call: Call, heap: HeapKind, p: Place, i: string, value: string): string {
  if (p.space === "array") return `${p.name}[${index(i)}] = ${p.dtype === "bool" ? `u32(${value})` : value};`;
  const size = byteSize(p.dtype),
    where = at(p, i),
    raw = toBits(call, p.dtype, value);
  if (size < 4) return `${call(size === 1 ? "store8" : "store16", where, raw)};`;
  return heap === "atomic" ? `atomicStore(&heap[${where}], ${raw});` : `heap[${where}] = ${raw};`;
}
/** `n` neighbouring elements from `i` on, a multiple of `n`, as one vector. */
export function loadVector(heap: HeapKind, p: Place, i: string, n: number): string {
  const t = typeOf(p.dtype);
  if (p.space === "array" && p.width === n) return `${p.name}[${index(i)} / ${n}u]`;
  if (p.space === "heap" && heap === "vectors" && n === 4) return `bitcast<vec4<${t}>>(heap[(${at(p, i)}) / 4u])`;
  const one = (q: number): string =>
    p.space === "array" ? `${p.name}[${index(i)} + ${q}u]` : `bitcast<${t}>(${word(heap, `${at(p, i)} + ${q}u`)})`;
  return `vec${n}<${t}>(${Array.from({ length: n }, (_, q) => one(q)).join(", ")})`;
}
/** The statements that set `n` neighbouring elements. */
export function storeVector(call: Call, heap: HeapKind, p: Place, i: string, values: readonly string[]): string[] {
  const t = typeOf(p.dtype),
    n = values.length,
    vector = `vec${n}<${t}>(${values.join(", ")})`;
  if (p.space === "array" && p.width === n) return [`${p.name}[${index(i)} / ${n}u] = ${vector};`];
  if (p.space === "heap" && heap === "vectors" && n === 4) return [`heap[(${at(p, i)}) / 4u] = bitcast<vec4<u32>>(${vector});`];
  return values.map((v, q) => store(call, heap, p, q === 0 ? i : `${i} + ${q}i`, v));
}
