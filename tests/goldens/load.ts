// Reads the goldens: JSON trees whose arrays are base64. It decodes and finds; it never compares, and it knows no tolerance.
import { readFileSync } from "node:fs";
import { byteSize, dtypes, hostView } from "../../runtime/dtype.ts";
import type { DType, HostArray } from "../../runtime/dtype.ts";

/** An array of a golden file. f16 and bf16 hold their bits, bool holds 0 and 1; u16 and u64 occur only as random bits. */
export type GoldenArray =
  | { readonly kind: "array"; readonly dtype: DType | "u16"; readonly shape: readonly number[]; readonly data: HostArray }
  | { readonly kind: "array"; readonly dtype: "u64"; readonly shape: readonly number[]; readonly data: BigUint64Array };
/** A decoded golden file or a part of it: plain JSON with arrays at some leaves. */
export type Golden = null | boolean | number | string | GoldenArray | readonly Golden[] | { readonly [key: string]: Golden };

/** The whole of `<name>.json` beside this file, arrays decoded. Keys are in README.md. @throws if there is no such file. */
export function loadGolden(name: string): Golden {
  return decode(JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), "utf8")));
}

/** The part of `tree` at `path` (keys and list positions). @throws RangeError naming the step that is missing. */
export function goldenAt(tree: Golden, ...path: readonly (string | number)[]): Golden {
  let here = tree;
  for (const [i, step] of path.entries()) {
    const next: Golden | undefined =
      here === null || typeof here !== "object"
        ? undefined
        : Object.hasOwn(here, step)
          ? (here as { readonly [key: string]: Golden })[step]
          : undefined; // own key of a record or a list: a Golden
    if (next === undefined) throw new RangeError(`golden has no ${path.slice(0, i + 1).join(".")}`);
    here = next;
  }
  return here;
}

/** The array at `path`. @throws RangeError if something else is there. */
export function goldenArray(tree: Golden, ...path: readonly (string | number)[]): GoldenArray {
  const found = goldenAt(tree, ...path);
  if (!isGoldenArray(found)) throw new RangeError(`golden has no array at ${path.join(".")}`);
  return found;
}

/** The cases (a list of records) at `path`. @throws RangeError if something else is there. */
export function goldenCases(tree: Golden, ...path: readonly (string | number)[]): readonly { readonly [key: string]: Golden }[] {
  const found = goldenAt(tree, ...path);
  if (!isList(found) || !found.every(isRecord)) throw new RangeError(`golden has no list of cases at ${path.join(".")}`);
  return found as readonly { readonly [key: string]: Golden }[]; // every element passed isRecord
}

/** Is this node an array? */
export const isGoldenArray = (node: Golden): node is GoldenArray =>
  isRecord(node) && node["kind"] === "array" && ArrayBuffer.isView(node["data"]);

const isList = (node: unknown): node is readonly Golden[] => Array.isArray(node);
const isRecord = (node: unknown): node is { readonly [key: string]: unknown } =>
  typeof node === "object" && node !== null && !Array.isArray(node);

function decode(node: unknown): Golden {
  if (node === null || typeof node === "boolean" || typeof node === "number" || typeof node === "string") return node;
  if (Array.isArray(node)) return node.map(decode);
  if (!isRecord(node)) throw new TypeError(`a golden file holds JSON, got ${typeof node}`);
  const { dtype, shape, data } = node;
  if (typeof dtype === "string" && typeof data === "string" && Array.isArray(shape)) return decodeArray(dtype, shape.map(Number), data);
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, decode(value)]));
}

/** `data` is base64 of little-endian bytes; the hosts this runs on are little-endian. */
function decodeArray(dtype: string, shape: readonly number[], data: string): GoldenArray {
  const bytes = Uint8Array.from(Buffer.from(data, "base64")); // a copy: its buffer starts at 0, so it is aligned
  const n = shape.reduce((a, b) => a * b, 1);
  const known = dtypes.find(d => d === dtype);
  const width = known !== undefined ? byteSize(known) : dtype === "u16" ? 2 : dtype === "u64" ? 8 : 0;
  if (width === 0) throw new TypeError(`a golden array has an unknown dtype ${dtype}`);
  if (bytes.byteLength !== n * width)
    throw new RangeError(`a golden ${dtype}[${shape.join()}] needs ${n * width} bytes, got ${bytes.byteLength}`);
  if (known !== undefined) return { kind: "array", dtype: known, shape, data: hostView(known, bytes.buffer, 0, n) };
  if (dtype === "u16") return { kind: "array", dtype, shape, data: new Uint16Array(bytes.buffer) };
  return { kind: "array", dtype: "u64", shape, data: new BigUint64Array(bytes.buffer) };
}
