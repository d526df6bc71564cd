// Trees of arguments and results, and what may stand for a tensor.
import type { HostArray } from "../dtype.ts";
import type { ErrorCode } from "../errors/codes.ts";
import { LaunchError } from "./error.ts";
import type { Leaf, Tree } from "./format.ts";
import { arrayOf, showLeaf, sizeOf } from "./storage.ts";
import { DeviceTensor } from "./tensor.ts";

type Fields<T> = Readonly<Record<string, T>>;
/** What stands at the leaves of `value`, in order. What is null or undefined counts as absent. @throws E0103 where the structure is another */
export function flatten(tree: Tree, value: unknown, path: string, leaves: unknown[] = []): unknown[] {
  if (typeof tree === "number") leaves[tree] = value;
  else {
    const wanted = keysOf(tree),
      given = keysOf(value);
    if (Array.isArray(tree) !== Array.isArray(value) || String(wanted) !== String(given))
      throw new LaunchError("E0103", `${path} has [${given.join()}], and was compiled for [${wanted.join()}]`);
    for (const k of wanted) flatten((tree as Fields<Tree>)[k] as Tree, (value as Fields<unknown>)[k], `${path}.${k}`, leaves); // both have these keys
  }
  return leaves;
}
const keysOf = (x: unknown): string[] =>
  typeof x === "object" && x && !ArrayBuffer.isView(x)
    ? Object.keys(x)
        .filter(k => ((x as Fields<unknown>)[k] ?? null) !== null) // an object, seen by keys
        .sort()
    : [];
/** The tree with `leaves` in their places. */
export function build(tree: Tree, leaves: readonly unknown[]): unknown {
  if (typeof tree === "number") return leaves[tree];
  if (Array.isArray(tree)) return (tree as readonly Tree[]).map(t => build(t, leaves)); // isArray does not say so of readonly ones
  return tree && Object.fromEntries(Object.entries(tree).map(([k, t]) => [k, build(t as Tree, leaves)])); // the same
}

/** What was given for a tensor: one on a device, or numbers to upload. @throws E0103, E0104, E0205 */
export function leafOf(x: unknown, leaf: Leaf & { readonly path: string }, name: string): DeviceTensor | HostArray {
  const { dtype, shape, path } = leaf;
  const wrong = (code: ErrorCode, what: string): LaunchError =>
    new LaunchError(code, `${name}: ${path} is ${what}, and was compiled for ${showLeaf(leaf)}`);
  if (x instanceof DeviceTensor) {
    if (showLeaf(x) === showLeaf(leaf)) return x;
    throw wrong("E0103", showLeaf(x));
  }
  const number = (typeof x === "number" || typeof x === "boolean") && !/f(16|8)/.test(dtype), // a narrow float is a bit pattern
    data = number ? new arrayOf[dtype](1).fill(+x) : x;
  if (!(data instanceof arrayOf[dtype])) throw wrong("E0104", typeof x === "object" && x ? `a ${x.constructor.name}` : String(x));
  if (data.length !== sizeOf(shape)) throw wrong("E0205", `${data.length} numbers`);
  return data;
}
