// Trees of tensors as safetensors files and back. A leaf's name is its path, layers.0.w, as PyTorch writes it. Nothing here trusts a name: nested
// objects are built from Maps, and prototype keys are refused.
import { fromHost, readSync, Tensor, type HostArray } from "../../compiler/index.ts";
import { sameShape } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as tree from "../tree.ts";
import { decode, encode, type NamedArray } from "./format.ts";

/** What a file gives without a tree to fill: objects by name; an object whose keys are exactly 0 .. n-1 is an array. */
export type Loaded = Tensor | readonly Loaded[] | { readonly [key: string]: Loaded };
/** Options of `loadSafetensors`. `like`: the tree to fill; its leaves give names, dtypes and shapes. `extra`: what to do with tensors of the file that `like` lacks. */
export interface LoadOptions<T> {
  readonly like: T;
  readonly extra?: "error" | "ignore";
}

/** The bytes of a safetensors file holding the concrete tensors of `x`. Numbers are stored as f64 scalars, booleans as bool. null is not stored.
 *  `metadata` is free text by key. @throws E0904 for a traced tensor, a bare leaf or two leaves of one name */
export function saveSafetensors(x: unknown, { metadata = {} }: { readonly metadata?: Readonly<Record<string, string>> } = {}): Uint8Array {
  const { leaves } = tree.flatten(x),
    tensors = new Map<string, NamedArray>();
  for (const [i, name] of namesOf(x).entries()) {
    if (name === "")
      throw new PullbackError("E0904", "a bare tensor has no name to be saved under", { help: "save an object: { weights: x }" });
    if (tensors.has(name))
      throw new PullbackError("E0904", `two leaves of the tree have the name ${JSON.stringify(name)}`, {
        help: "avoid dots and brackets in keys",
      });
    tensors.set(name, toHost(leaves[i], name));
  }
  return encode({ tensors, metadata: new Map(Object.entries(metadata)) });
}

/** The tensors of a safetensors file: nested objects by dotted names, or the structure of `like`. Leaves of `like` that are numbers or booleans come
 *  back as such. @throws E0901 malformed, E0902 foreign dtype, E0903 when the names, dtypes or shapes do not form the tree */
export function loadSafetensors(bytes: Uint8Array): Loaded;
export function loadSafetensors<T>(bytes: Uint8Array, options: LoadOptions<T>): T;
export function loadSafetensors<T>(bytes: Uint8Array, options?: LoadOptions<T>): Loaded | T {
  const { tensors } = decode(bytes);
  return options ? fill(tensors, options) : nest(tensors);
}

/** Dotted names of the leaves: `layers[0].w` is layers.0.w. */
const namesOf = (x: unknown): string[] => tree.paths(x).map(path => path.replace(/\[(\d+)\]/g, ".$1").replace(/^\./, ""));

function toHost(leaf: unknown, name: string): NamedArray {
  if (typeof leaf === "number") return { dtype: "f64", shape: [], data: Float64Array.of(leaf) };
  if (typeof leaf === "boolean") return { dtype: "bool", shape: [], data: Uint8Array.of(leaf ? 1 : 0) };
  if (!(leaf instanceof Tensor))
    throw new PullbackError("E0904", `${name} is a ${typeof leaf}, not a tensor, number or boolean`, {
      help: "put text into { metadata }",
    });
  let data: HostArray;
  try {
    data = readSync(leaf);
  } catch (error) {
    throw new PullbackError("E0904", `${name} cannot be saved: it has no values to read`, {
      help: "save outside jit and grad, before the tensor is disposed or donated",
      cause: error,
    });
  }
  return { dtype: leaf.dtype, shape: leaf.shape, data };
}

function fill<T>(tensors: ReadonlyMap<string, NamedArray>, { like, extra = "error" }: LoadOptions<T>): T {
  const { leaves, def } = tree.flatten(like),
    names = namesOf(like);
  if (extra === "error") {
    const known = new Set(names),
      stray = [...tensors.keys()].find(name => !known.has(name));
    if (stray !== undefined)
      throw new PullbackError("E0903", `the file holds ${JSON.stringify(stray)}, the tree to fill does not`, {
        help: 'pass { extra: "ignore" } to leave it out',
      });
  }
  return tree.unflatten(
    def,
    names.map((name, i) => {
      const found = tensors.get(name),
        want = leaves[i];
      if (!found)
        throw new PullbackError("E0903", `the tree to fill needs ${JSON.stringify(name)}, the file does not hold it`, {
          help: `the file holds ${[...tensors.keys()].slice(0, 8).join(", ") || "nothing"}`,
        });
      const type = want instanceof Tensor ? want : { dtype: typeof want === "boolean" ? "bool" : "f64", shape: [] };
      if (found.dtype !== type.dtype || !sameShape(found.shape, type.shape)) {
        throw new PullbackError(
          "E0903",
          `${name} is ${found.dtype}[${found.shape.join(",")}] in the file, ${type.dtype}[${type.shape.join(",")}] in the tree to fill`,
          { help: "load without { like } and convert it" },
        );
      }
      if (want instanceof Tensor) return fromHost(found.dtype, found.shape, found.data);
      return typeof want === "boolean" ? found.data[0] === 1 : found.data[0];
    }),
  ) as T; // like's own structure and kinds of leaves
}

type Folder = Map<string, Folder | NamedArray>;
const refused = new Set(["__proto__", "constructor", "prototype"]);

function nest(tensors: ReadonlyMap<string, NamedArray>): Loaded {
  const root: Folder = new Map();
  const conflict = (name: string): PullbackError =>
    new PullbackError("E0903", `the name ${JSON.stringify(name)} is both a tensor and a folder of others`, {
      help: "load with { like }, or decodeSafetensors for the plain names",
    });
  for (const [name, x] of tensors) {
    const steps = name.split(".");
    const bad = steps.find(s => refused.has(s));
    if (bad !== undefined)
      throw new PullbackError("E0903", `the name ${JSON.stringify(name)} has the part ${bad}, which no tree may have`, {
        help: "decodeSafetensors gives the plain names",
      });
    if (steps.length > 64)
      throw new PullbackError("E0903", `a name has ${steps.length} parts, at most 64 are allowed`, {
        help: "decodeSafetensors gives the plain names",
      });
    let folder = root;
    for (const step of steps.slice(0, -1)) {
      const next = folder.get(step) ?? new Map<string, Folder | NamedArray>();
      if (!(next instanceof Map)) throw conflict(name);
      folder.set(step, next);
      folder = next;
    }
    const last = steps.at(-1) ?? "";
    if (folder.has(last)) throw conflict(name);
    folder.set(last, x);
  }
  const build = (f: Folder | NamedArray): Loaded => {
    if (!(f instanceof Map)) return fromHost(f.dtype, f.shape, f.data);
    const isList = f.size > 0 && Array.from({ length: f.size }, (_, i) => String(i)).every(k => f.has(k));
    if (isList) return Array.from({ length: f.size }, (_, i) => build(f.get(String(i)) as Folder | NamedArray)); // every index has just been found
    return Object.fromEntries([...f].map(([k, v]) => [k, build(v)]));
  };
  return build(root);
}
