// Trees of tensors as safetensors files and back. A leaf's name is its path, layers.0.w, as PyTorch writes it. Nothing here trusts a name: nested
// objects are built from Maps, and prototype keys are refused.
import { fromHost, read, readSync, Tensor, type Device, type HostArray } from "../../compiler/index.ts";
import { lit, sameShape } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as tree from "../tree.ts";
import { decode, encode, type NamedArray } from "./format.ts";

/** What a file gives without a tree to fill: objects by name; an object whose keys are exactly 0 .. n-1 is an array. */
export type Loaded = Tensor | readonly Loaded[] | { readonly [key: string]: Loaded };
/** Where `loadSafetensors` puts tensors: on `device`, the default one unless given. */
export interface LoadPlace {
  readonly device?: Device;
}
/** Options of `loadSafetensors`. `like`: the tree to fill; its leaves give names, dtypes and shapes, and may be disposed or of a lost device. `extra`: what to do with tensors
 *  of the file that `like` lacks. */
export interface LoadOptions<T> extends LoadPlace {
  readonly like: T;
  readonly extra?: "error" | "ignore";
}

/** Options of `saveSafetensors`. `metadata`: free text by key. */
export interface SaveOptions {
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The bytes of a safetensors file holding the concrete tensors of `x`, wherever they lie. What happens to them after the call does not change what is saved: the next
 *  step may run, or be given them, meanwhile. Numbers are stored as f64 scalars, booleans as bool. null is not stored. @throws (rejects) E0904 for a traced tensor, a bare
 *  leaf or two leaves of one name, and what a device says that is lost */
export async function saveSafetensors(x: unknown, { metadata = {} }: SaveOptions = {}): Promise<Uint8Array> {
  const leaves = namedLeaves(x);
  return encodeLeaves(leaves, await Promise.all(leaves.map(({ name, leaf }) => read(leaf).catch(unreadable(name)))), metadata);
}
/** The same at once, where the thread may wait for the device. @throws likewise, and E0706 where it may not */
export function saveSafetensorsSync(x: unknown, { metadata = {} }: SaveOptions = {}): Uint8Array {
  const leaves = namedLeaves(x);
  const data = leaves.map(({ name, leaf }) => {
    try {
      return readSync(leaf);
    } catch (error) {
      return unreadable(name)(error);
    }
  });
  return encodeLeaves(leaves, data, metadata);
}

/** The tensors of a safetensors file: nested objects by dotted names, or the structure of `like`. Leaves of `like` that are numbers or booleans come
 *  back as such. @throws E0901 malformed, E0902 foreign dtype, E0903 when the names, dtypes or shapes do not form the tree */
export function loadSafetensors<T>(bytes: Uint8Array, options: LoadOptions<T>): T;
export function loadSafetensors(bytes: Uint8Array, options?: LoadPlace): Loaded;
export function loadSafetensors<T>(bytes: Uint8Array, options: LoadOptions<T> | LoadPlace = {}): Loaded | T {
  const { tensors } = decode(bytes);
  return "like" in options ? fill(tensors, options) : nest(tensors, options);
}

/** Dotted names of the leaves: `layers[0].w` is layers.0.w. */
const namesOf = (x: unknown): string[] => tree.paths(x).map(path => path.replace(/\[(\d+)\]/g, ".$1").replace(/^\./, ""));

/** What a file can hold: tensors, and numbers and booleans as tensors of their own. */
interface NamedLeaf {
  readonly name: string;
  readonly leaf: Tensor;
}
function namedLeaves(x: unknown): readonly NamedLeaf[] {
  const { leaves } = tree.flatten(x),
    seen = new Set<string>();
  return namesOf(x).map((name, i) => {
    if (name === "")
      throw new PullbackError("E0904", "a bare tensor has no name to be saved under", { help: "save an object: { weights: x }" });
    if (seen.has(name))
      throw new PullbackError("E0904", `two leaves of the tree have the name ${JSON.stringify(name)}`, {
        help: "avoid dots and brackets in keys",
      });
    seen.add(name);
    return { name, leaf: tensorOf(leaves[i], name) };
  });
}
function tensorOf(leaf: unknown, name: string): Tensor {
  if (leaf instanceof Tensor) return leaf;
  if (typeof leaf === "number") return lit(leaf, "f64");
  if (typeof leaf === "boolean") return lit(leaf ? 1 : 0, "bool");
  throw new PullbackError("E0904", `${name} is a ${typeof leaf}, not a tensor, number or boolean`, { help: "put text into { metadata }" });
}
/** A tensor that is traced, disposed or donated cannot be saved; what else a device says, that it is lost or cannot be waited for, is said as it is. */
const unreadable =
  (name: string) =>
  (error: unknown): never => {
    if (error instanceof PullbackError && error.code !== "E0101" && error.code !== "E0701") throw error;
    throw new PullbackError("E0904", `${name} cannot be saved: it has no values to read`, {
      help: "save outside jit and grad, before the tensor is disposed or donated",
      cause: error,
    });
  };
const encodeLeaves = (leaves: readonly NamedLeaf[], data: readonly HostArray[], metadata: Readonly<Record<string, string>>): Uint8Array =>
  encode({
    tensors: new Map(leaves.map(({ name, leaf }, i) => [name, { dtype: leaf.dtype, shape: leaf.shape, data: data[i] as HostArray }])), // one each
    metadata: new Map(Object.entries(metadata)),
  });

function fill<T>(tensors: ReadonlyMap<string, NamedArray>, { like, extra = "error", device }: LoadOptions<T>): T {
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
      if (want instanceof Tensor) return fromHost(found.dtype, found.shape, found.data, device);
      return typeof want === "boolean" ? found.data[0] === 1 : found.data[0];
    }),
  ) as T; // like's own structure and kinds of leaves
}

type Folder = Map<string, Folder | NamedArray>;
const refused = new Set(["__proto__", "constructor", "prototype"]);

function nest(tensors: ReadonlyMap<string, NamedArray>, { device }: LoadPlace): Loaded {
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
    if (!(f instanceof Map)) return fromHost(f.dtype, f.shape, f.data, device);
    const isList = f.size > 0 && Array.from({ length: f.size }, (_, i) => String(i)).every(k => f.has(k));
    if (isList) return Array.from({ length: f.size }, (_, i) => build(f.get(String(i)) as Folder | NamedArray)); // every index has just been found
    return Object.fromEntries([...f].map(([k, v]) => [k, build(v)]));
  };
  return build(root);
}
