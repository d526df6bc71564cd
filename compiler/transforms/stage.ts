// From a user's function of trees to a Func of its leaves, and back. It promotes numbers and booleans to tensors, and names the leaf in every error.
import { PullbackError } from "../../runtime/errors/error.ts";
import { isFloat } from "../../runtime/dtype.ts";
import { sameAval, showAval, type Aval } from "../ir/aval.ts";
import { freshVar, type Func, type Var } from "../ir/func.ts";
import { flatten, leafPaths, unflatten, type TreeDef } from "../support/tree.ts";
import { lit } from "../trace/builder.ts";
import { isTensor, type Tensor } from "../trace/tensor.ts";
import { trace } from "../trace/trace.ts";

/** The tree `T` with a Tensor for every number and boolean: what gradients, tangents and results of transforms look like. */
export type Tensors<T> = T extends number | boolean
  ? Tensor
  : T extends Tensor
    ? T
    : T extends (...args: never[]) => unknown
      ? T
      : T extends object
        ? { [K in keyof T]: Tensors<T[K]> }
        : T;
/** Any function of trees. */
export type AnyFunction<A extends readonly unknown[] = readonly unknown[], R = unknown> = (...args: A) => R;

/** A tree of tensors: its leaves and its structure. */
export interface Leaves {
  readonly leaves: readonly Tensor[];
  readonly def: TreeDef;
}
/** A traced function of trees. */
export interface Staged {
  /** captured tensors, then the arguments' leaves -> the output's leaves. */
  readonly func: Func;
  readonly captured: readonly Tensor[];
  readonly outDef: TreeDef;
  /** Output leaves that are JavaScript numbers: their dtype gives way. */
  readonly outWeak: readonly boolean[];
}

/** A leaf as a tensor: numbers become weak f32 scalars, booleans bool scalars. @throws E0104 for anything else; `path` names it */
export function toTensor(x: unknown, path: string): Tensor {
  if (isTensor(x)) return x;
  if (typeof x === "number") return lit(x, "f32", true);
  if (typeof x === "boolean") return lit(x ? 1 : 0, "bool");
  throw new PullbackError("E0104", `${path} is ${describe(x)}, not a tensor, number or boolean`, {
    help: "close over it, or pass it as a static argument",
  });
}

/** The leaves of an argument tree as tensors. `what` begins the paths in errors. @throws E0104 */
export function tensorLeaves(tree: unknown, what: string): Leaves {
  const { leaves, def } = flatten(tree);
  if (leaves.every(isTensor)) return { leaves, def };
  const paths = leafPaths(def);
  return { leaves: leaves.map((x, i) => toTensor(x, join(what, paths[i] ?? ""))), def };
}

/** Trace `f` at the avals of `args`, whose leaves become parameters. `what` names the transform in errors. @throws E0105 when it returns something else than tensors */
export function stage(f: AnyFunction, args: Leaves, what: string): Staged {
  return stageAt(
    f,
    args.def,
    args.leaves.map(x => x.aval),
    args.leaves.map(x => x.weak),
    what,
  );
}

/** The same from abstract values: `def` is the structure of the argument list. */
export function stageAt(f: AnyFunction, def: TreeDef, avals: readonly Aval[], weak: readonly boolean[], what: string): Staged {
  let outDef: TreeDef | undefined;
  let outWeak: readonly boolean[] = [];
  const { func, captured } = trace(
    (...xs) => {
      const out = flatten(f(...(unflatten(def, xs) as readonly unknown[]))); // the argument list is an array
      outDef = out.def;
      const tensors = out.leaves.map((x, i) => outputTensor(x, () => join("output", leafPaths(out.def)[i] ?? ""), what));
      outWeak = tensors.map(t => t.weak);
      return tensors;
    },
    avals,
    weak,
  );
  return { func, captured, outDef: outDef ?? def, outWeak };
}

/** Give several traced functions the same leading parameters: all tensors that any of them captured. */
export function shareCaptured(staged: readonly Staged[]): { readonly captured: readonly Tensor[]; readonly funcs: readonly Func[] } {
  const identity = (x: Tensor): object => (x.storage.kind === "staged" ? x.storage.atom : x);
  const all = new Map<object, Tensor>();
  for (const s of staged) for (const x of s.captured) if (!all.has(identity(x))) all.set(identity(x), x);
  const captured = [...all.values()];
  const funcs = staged.map(s => {
    const own = new Map<object, Var>(s.captured.map((x, i) => [identity(x), s.func.params[i] as Var])); // captured tensors are the leading parameters
    return {
      ...s.func,
      params: [...captured.map(x => own.get(identity(x)) ?? freshVar(x.aval)), ...s.func.params.slice(s.captured.length)],
    };
  });
  return { captured, funcs };
}

function outputTensor(x: unknown, path: () => string, what: string): Tensor {
  if (isTensor(x) || typeof x === "number" || typeof x === "boolean") return toTensor(x, "");
  throw new PullbackError("E0105", `the function given to ${what} returned ${describe(x)} at ${path()}`, {
    help: "return tensors, numbers, or trees (arrays, objects) of them",
  });
}

/** Leaves of `tree`, which must have the structure and the types of `like`. `names` are the two, as in "the tangents and the primals". @throws E0103 */
export function leavesLike(
  tree: unknown,
  like: Leaves | { readonly leaves: readonly { readonly aval: Aval }[]; readonly def: TreeDef },
  names: readonly [string, string],
): readonly Tensor[] {
  const { leaves, def } = tensorLeaves(tree, names[0]);
  if (def.key !== like.def.key) throw treeMismatch(def, like.def, names);
  const paths = leafPaths(def);
  return leaves.map((x, i) => {
    const want = like.leaves[i]?.aval;
    if (!want || sameAval(x.aval, want)) return x;
    const fits =
      x.weak &&
      isFloat(want.dtype) &&
      x.shape.length === 0 &&
      want.shape.length === 0 &&
      x.storage.kind === "staged" &&
      x.storage.atom.kind === "lit";
    if (fits && x.storage.atom.kind === "lit") return lit(x.storage.atom.value, want.dtype);
    throw new PullbackError(
      "E0103",
      `${join(names[0], paths[i] ?? "")} is ${showAval(x.aval)}, ${join(names[1], paths[i] ?? "")} is ${showAval(want)}`,
      { help: `${names[0]} need the shapes and dtypes of ${names[1]}` },
    );
  });
}
const treeMismatch = (a: TreeDef, b: TreeDef, [first, second]: readonly [string, string]): PullbackError =>
  new PullbackError(
    "E0103",
    `${first} and ${second} have different structures: leaves [${leafPaths(a).join(", ")}] and [${leafPaths(b).join(", ")}]`,
    { help: `give ${first} the structure of ${second}` },
  );

/** A path for messages: `params` and `layers[0].w` make `params.layers[0].w`. */
export const join = (base: string, path: string): string => (path === "" ? base : path.startsWith("[") ? base + path : `${base}.${path}`);
/** How a value is called in a message. */
export function describe(x: unknown): string {
  if (x === undefined) return "undefined";
  if (typeof x === "function") return `a function${x.name ? ` (${x.name})` : ""}`;
  if (typeof x === "string") return `the string ${JSON.stringify(x)}`;
  if (typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype) {
    const names = Object.keys(x);
    return names.length === 0 ? "an empty object" : `an object with ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}`;
  }
  if (typeof x === "object" && x !== null) return `an instance of ${x.constructor?.name ?? "an unnamed class"}`;
  return `a ${typeof x}`;
}
