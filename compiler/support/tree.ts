// Nested data: flatten to leaves and a structure, and back. Objects (sorted own enumerable keys), arrays, null, registered classes; everything
// else is a leaf. It knows nothing of tensors.
import { PullbackError } from "../../runtime/errors/error.ts";

/** The structure of a tree with its leaves taken out. `key` is equal exactly when structures are equal. */
export interface TreeDef {
  readonly key: string;
  readonly leaves: number;
  readonly node: TreeNode;
}
type TreeNode =
  | { readonly kind: "leaf" }
  | { readonly kind: "null" }
  | { readonly kind: "array"; readonly items: readonly TreeNode[] }
  | { readonly kind: "object"; readonly keys: readonly string[]; readonly items: readonly TreeNode[] }
  | { readonly kind: "class"; readonly codec: ClassCodec; readonly aux: unknown; readonly items: readonly TreeNode[] };

/** How instances of a class become children and static data, and back. */
export interface ClassCodec {
  readonly name: string;
  flatten(x: object): { readonly children: readonly unknown[]; readonly aux: unknown };
  unflatten(children: readonly unknown[], aux: unknown): object;
  auxKey(aux: unknown): string;
}
const classes = new Map<object, ClassCodec>(); // by prototype; a registration, like a class declaration, is for the life of the program
/** Make instances of `ctor` tree nodes. */
export function registerTreeClass<T extends object>(
  ctor: { readonly prototype: T; readonly name: string },
  codec: {
    flatten(x: T): { readonly children: readonly unknown[]; readonly aux: unknown };
    unflatten(children: readonly unknown[], aux: unknown): T;
    auxKey?(aux: unknown): string;
  },
): void {
  classes.set(ctor.prototype, {
    name: ctor.name,
    flatten: x => codec.flatten(x as T),
    unflatten: (c, a) => codec.unflatten(c, a),
    auxKey: a => codec.auxKey?.(a) ?? String(a),
  }); // keyed by prototype: x is a T
}

const refused = new Set(["__proto__", "constructor", "prototype"]);
const leafNode: TreeNode = { kind: "leaf" };
const nullNode: TreeNode = { kind: "null" };

/** Leaves in order and the structure. `undefined` entries are dropped, as if the key were absent. @throws E0104 on a refused key. */
export function flatten(tree: unknown): { readonly leaves: unknown[]; readonly def: TreeDef } {
  const leaves: unknown[] = [];
  const walk = (x: unknown): TreeNode => {
    if (x === null || x === undefined) return nullNode;
    if (Array.isArray(x)) return { kind: "array", items: x.map(walk) };
    if (typeof x === "object") {
      const proto: unknown = Object.getPrototypeOf(x);
      const codec = proto === null ? undefined : classes.get(proto as object); // non-null prototypes are objects
      if (codec) {
        const { children, aux } = codec.flatten(x);
        return { kind: "class", codec, aux, items: children.map(walk) };
      }
      if (proto === Object.prototype || proto === null) {
        const record = x as Record<string, unknown>; // a plain object
        const keys = Object.keys(record)
          .filter(k => record[k] !== undefined)
          .sort();
        const bad = keys.find(k => refused.has(k));
        if (bad !== undefined) throw new PullbackError("E0104", `a tree has the key "${bad}"`, { help: "rename it" });
        return { kind: "object", keys, items: keys.map(k => walk(record[k])) };
      }
    }
    leaves.push(x);
    return leafNode;
  };
  const node = walk(tree);
  return { leaves, def: new Def(node, leaves.length) };
}

/** The key is made when it is asked for: most structures are only walked. */
class Def implements TreeDef {
  readonly node: TreeNode;
  readonly leaves: number;
  private made: string | undefined;
  constructor(node: TreeNode, leaves: number) {
    this.node = node;
    this.leaves = leaves;
  }
  get key(): string {
    return (this.made ??= keyOf(this.node));
  }
}
function keyOf(n: TreeNode): string {
  switch (n.kind) {
    case "leaf":
      return "*";
    case "null":
      return "n";
    case "array":
      return `[${n.items.map(keyOf).join("")}]`;
    case "object":
      return `{${n.keys.map((k, i) => `${JSON.stringify(k)}:${keyOf(n.items[i] as TreeNode)}`).join("")}}`; // keys and items run together
    case "class":
      return `<${n.codec.name}:${n.codec.auxKey(n.aux)}:${n.items.map(keyOf).join("")}>`;
    default:
      return n satisfies never;
  }
}

/** The leaves of `tree`, if its structure is `def`; else undefined. Much faster than describing it anew. */
export function leavesIf(def: TreeDef, tree: unknown): unknown[] | undefined {
  const leaves: unknown[] = [];
  const all = (nodes: readonly TreeNode[], xs: readonly unknown[]): boolean =>
    nodes.length === xs.length && nodes.every((n, i) => fits(n, xs[i]));
  const fits = (n: TreeNode, x: unknown): boolean => {
    if (n.kind === "null") return x === null || x === undefined;
    if (x === null || x === undefined) return false;
    if (n.kind === "leaf" && typeof x !== "object") return leaves.push(x) > 0;
    if (typeof x !== "object") return false;
    if (Array.isArray(x)) return n.kind === "array" && all(n.items, x);
    const proto: unknown = Object.getPrototypeOf(x);
    if (proto === Object.prototype || proto === null) {
      if (n.kind !== "object") return false;
      const record = x as Record<string, unknown>; // a plain object
      let named = 0; // entries that are undefined are not there
      for (const k in record) if (record[k] !== undefined) named++;
      return named === n.keys.length && n.keys.every((k, i) => Object.hasOwn(record, k) && fits(n.items[i] as TreeNode, record[k])); // keys and items run together
    }
    const codec = classes.get(proto as object); // non-null prototypes are objects
    if (!codec) return n.kind === "leaf" && leaves.push(x) > 0;
    if (n.kind !== "class" || n.codec !== codec) return false;
    const { children, aux } = codec.flatten(x);
    return codec.auxKey(aux) === codec.auxKey(n.aux) && all(n.items, children);
  };
  return fits(def.node, tree) ? leaves : undefined;
}

/** Put leaves back into a structure. */
export function unflatten(def: TreeDef, leaves: readonly unknown[]): unknown {
  let next = 0;
  const record = (keys: readonly string[], items: readonly TreeNode[]): Record<string, unknown> => {
    const made: Record<string, unknown> = {};
    for (let i = 0; i < keys.length; i++) made[keys[i] as string] = build(items[i] as TreeNode); // keys and items run together; flatten refuses __proto__
    return made;
  };
  const build = (n: TreeNode): unknown => {
    switch (n.kind) {
      case "leaf":
        return leaves[next++];
      case "null":
        return null;
      case "array":
        return n.items.map(build);
      case "object":
        return record(n.keys, n.items);
      case "class":
        return n.codec.unflatten(n.items.map(build), n.aux);
      default:
        return n satisfies never;
    }
  };
  return build(def.node);
}

/** The path of each leaf, for messages: `params.layers[0].w`. */
export function leafPaths(def: TreeDef): string[] {
  const paths: string[] = [];
  const walk = (n: TreeNode, at: string): void => {
    switch (n.kind) {
      case "leaf":
        paths.push(at);
        break;
      case "null":
        break;
      case "array":
      case "class":
        n.items.forEach((c, i) => walk(c, `${at}[${i}]`));
        break;
      case "object":
        n.keys.forEach((k, i) => walk(n.items[i] as TreeNode, at === "" ? k : `${at}.${k}`));
        break; // keys and items run together
      default:
        n satisfies never;
    }
  };
  walk(def.node, "");
  return paths;
}

/** `{b: *, w: [*, *]}`: the structure with stars for leaves, as error messages print it. */
export function showTree(def: TreeDef): string {
  const show = (n: TreeNode): string => {
    switch (n.kind) {
      case "leaf":
        return "*";
      case "null":
        return "null";
      case "array":
        return `[${n.items.map(show).join(", ")}]`;
      case "object":
        return `{${n.keys.map((k, i) => `${k}: ${show(n.items[i] as TreeNode)}`).join(", ")}}`; // keys and items run together
      case "class":
        return `${n.codec.name}(${n.items.map(show).join(", ")})`;
      default:
        return n satisfies never;
    }
  };
  return show(def.node);
}

/** @throws E0103 printing both structures unless they are equal. `what` names the two, "gradients and parameters". */
export function requireSameTree(a: TreeDef, b: TreeDef, what: string): void {
  if (a.key !== b.key)
    throw new PullbackError("E0103", `${what} have different structures: ${showTree(a)} and ${showTree(b)}`, {
      help: "make both trees the same shape; missing parts can be null",
    });
}
