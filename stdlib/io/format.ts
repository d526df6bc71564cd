// The safetensors format: named arrays as bytes and back. A file may come from anybody, so everything is checked before anything is allocated. It
// knows nothing of trees (tree.ts) nor of the file system (atomic.ts).  @see https://github.com/huggingface/safetensors#format
import { byteSize, dtypes, hostView, type DType, type HostArray } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { crc32 } from "./crc32.ts";
import { JsonError, parseJson, type Json } from "./json.ts";

/** One array of a file: storage format as everywhere (f16 and bf16 are 16-bit patterns, bool is 0 or 1), row-major. */
export interface NamedArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: HostArray;
}
/** What a file holds. `tensors` by name, in file order; `metadata` is free text by key. */
export interface Contents {
  readonly tensors: ReadonlyMap<string, NamedArray>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Largest header that is read or written, as the reference implementation's. */
export const maxHeaderBytes = 100_000_000;
const maxRank = 64;
/** Metadata key under which the checksum of the data section travels, as 8 hexadecimal digits. */
export const checksumKey = "pullback.crc32";

const names: { readonly [D in DType]: string } = {
  f32: "F32",
  f64: "F64",
  f16: "F16",
  bf16: "BF16",
  f8e4m3: "F8_E4M3",
  f8e5m2: "F8_E5M2",
  i32: "I32",
  u32: "U32",
  i8: "I8",
  u8: "U8",
  bool: "BOOL",
};
const byName: ReadonlyMap<string, DType> = new Map(dtypes.map(d => [names[d], d]));
const foreign = new Set(["I16", "U16", "I64", "U64", "F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "C64"]); // of the format, not of ours

const help = "the file is torn or was not written by a safetensors writer: fetch or write it again";
const malformed = (fact: string, cause?: unknown): PullbackError =>
  new PullbackError("E0901", `safetensors: ${fact}`, { help, ...(cause === undefined ? {} : { cause }) });
const show = (s: string): string => JSON.stringify(s.length > 80 ? `${s.slice(0, 80)}...` : s);

/** The bytes of a file with these arrays. Wide dtypes first and a header padded to 8 bytes, so that every array is aligned; the data section's
 *  checksum goes into the metadata. Same contents, same bytes. @throws E0904 for the reserved name __metadata__ or a header over 100 MB */
export function encode(contents: Contents): Uint8Array {
  const entries = [...contents.tensors].sort(([a, x], [b, y]) => byteSize(y.dtype) - byteSize(x.dtype) || (a < b ? -1 : 1));
  if (contents.tensors.has("__metadata__"))
    throw new PullbackError("E0904", "safetensors: a tensor is named __metadata__", {
      help: "rename it: the format keeps this name for itself",
    });
  let end = 0;
  const placed = entries.map(([name, x]) => ({ name, x, begin: end, end: (end += x.data.byteLength) }));
  const data = new Uint8Array(end);
  for (const { x, begin } of placed) data.set(new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength), begin); // little-endian, as every machine JavaScript runs on today
  const metadata = [...contents.metadata]
    .filter(([k]) => k !== checksumKey)
    .concat([[checksumKey, crc32(data).toString(16).padStart(8, "0")]]);
  const parts = placed.map(
    ({ name, x, begin, end }) =>
      `${JSON.stringify(name)}:{"dtype":"${names[x.dtype]}","shape":[${x.shape.join(",")}],"data_offsets":[${begin},${end}]}`,
  );
  const text = `{${[`"__metadata__":{${metadata.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(",")}}`, ...parts].join(",")}}`;
  const unpadded = new TextEncoder().encode(text);
  const size = Math.ceil(unpadded.length / 8) * 8;
  if (size > maxHeaderBytes)
    throw new PullbackError("E0904", `safetensors: the header would take ${size} bytes, the format allows ${maxHeaderBytes}`, {
      help: "save fewer tensors a file",
    });
  const bytes = new Uint8Array(8 + size + end).fill(0x20, 8, 8 + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(size), true);
  bytes.set(unpadded, 8);
  bytes.set(data, 8 + size);
  return bytes;
}

/** The arrays of a file, copied out of `bytes`. @throws E0901 when the file is malformed or its checksum is wrong, E0902 for a dtype that pullback lacks */
export function decode(bytes: Uint8Array): Contents {
  if (bytes.length < 8) throw malformed(`${bytes.length} bytes, a file has at least 8`);
  const declared = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (declared > BigInt(maxHeaderBytes)) throw malformed(`the header claims ${declared} bytes, at most ${maxHeaderBytes} are allowed`);
  const size = Number(declared);
  if (size > bytes.length - 8) throw malformed(`the header claims ${size} bytes, the file has ${bytes.length - 8} after its length field`);
  const header = parseHeader(bytes.subarray(8, 8 + size));
  const data = bytes.subarray(8 + size);

  const metadata = new Map<string, string>(),
    entries: Entry[] = [];
  for (const [name, value] of header) {
    if (name === "__metadata__") for (const [k, v] of readMetadata(value)) metadata.set(k, v);
    else entries.push(readEntry(name, value));
  }
  requireContiguous(entries, data.length);
  const sum = metadata.get(checksumKey),
    actual = crc32(data).toString(16).padStart(8, "0");
  if (sum !== undefined && sum !== actual) throw malformed(`the data's checksum is ${actual}, the header says ${show(sum)}`);
  return { metadata, tensors: new Map(entries.map(e => [e.name, copyOut(e, data)])) };
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly elements: number;
  readonly begin: number;
  readonly end: number;
}

function parseHeader(bytes: Uint8Array): ReadonlyMap<string, Json> {
  if (bytes[0] !== 0x7b) throw malformed("the header does not start with {");
  let value: Json;
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), 4);
  } catch (error) {
    throw malformed(
      error instanceof JsonError ? `the header is not JSON at character ${error.at}: ${error.message}` : "the header is not UTF-8",
      error,
    );
  }
  if (!(value instanceof Map)) throw malformed("the header is not an object");
  return value;
}

function readMetadata(value: Json): [string, string][] {
  if (!(value instanceof Map)) throw malformed("__metadata__ is not an object");
  const entries = value as ReadonlyMap<string, Json>; // a Map of the JSON reader
  return [...entries].map(([k, v]) => {
    if (typeof v !== "string") throw malformed(`__metadata__ has a value that is not a string, at ${show(k)}`);
    return [k, v];
  });
}

function readEntry(name: string, value: Json): Entry {
  const at = `tensor ${show(name)}`;
  if (!(value instanceof Map)) throw malformed(`${at} is not described by an object`);
  const fields: ReadonlyMap<string, Json> = value,
    type = fields.get("dtype");
  if (typeof type !== "string") throw malformed(`${at} has no dtype`);
  const dtype = byName.get(type);
  if (dtype === undefined) {
    if (!foreign.has(type)) throw malformed(`${at} has the unknown dtype ${show(type)}`);
    throw new PullbackError("E0902", `safetensors: ${at} has the dtype ${type}; pullback has ${dtypes.map(d => names[d]).join(", ")}`, {
      help: "convert the tensor with the program that wrote the file",
    });
  }
  const shape = sizes(fields.get("shape"), `${at}: shape`),
    offsets = sizes(fields.get("data_offsets"), `${at}: data_offsets`);
  if (shape.length > maxRank) throw malformed(`${at} has ${shape.length} dimensions, at most ${maxRank} are allowed`);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2 || begin > end)
    throw malformed(`${at}: data_offsets is [${offsets.join(", ")}], not a begin and an end`);
  const elements = shape.reduce((n, d) => BigInt(d) * n, 1n); // exact: products of safe integers overflow a double
  if (elements * BigInt(byteSize(dtype)) !== BigInt(end - begin))
    throw malformed(
      `${at}: ${type} of shape [${shape.join(",")}] takes ${elements * BigInt(byteSize(dtype))} bytes, its data_offsets hold ${end - begin}`,
    );
  return { name, dtype, shape, elements: Number(elements), begin, end };
}

function sizes(value: Json | undefined, what: string): readonly number[] {
  if (!Array.isArray(value)) throw malformed(`${what} is not a list`);
  const list = value as readonly Json[]; // Array.isArray does not narrow readonly arrays
  return list.map(d => {
    if (typeof d !== "number" || !Number.isSafeInteger(d) || d < 0)
      throw malformed(`${what} has an entry that is not a size: ${show(String(d))}`);
    return d;
  });
}

/** Every byte belongs to exactly one tensor: no holes to hide data in, no two tensors on the same bytes. */
function requireContiguous(entries: readonly Entry[], length: number): void {
  let at = 0;
  for (const e of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (e.begin !== at) throw malformed(`tensor ${show(e.name)} begins at byte ${e.begin} of the data, the one before it ends at ${at}`);
    at = e.end;
  }
  if (at !== length) throw malformed(`the tensors take ${at} bytes, the file has ${length} of data`);
}

function copyOut(e: Entry, data: Uint8Array): NamedArray {
  const bytes = new Uint8Array(data.subarray(e.begin, e.end)); // a copy, also of Node's Buffer, whose own slice is none
  const wrong = e.dtype === "bool" ? bytes.findIndex(b => b > 1) : -1;
  if (wrong >= 0) throw malformed(`tensor ${show(e.name)}: element ${wrong} is ${bytes[wrong]}, a bool is 0 or 1`);
  return { dtype: e.dtype, shape: e.shape, data: hostView(e.dtype, bytes.buffer, 0, e.elements) };
}
