// Which leaves of a parameter tree something applies to: said once, as a tree of booleans or as a question about a leaf's path. Decided while tracing.
import type { Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as tree from "../tree.ts";

/** A tree of booleans like the parameters, or a question: `(path, leaf)`, path as in layers[0].w. */
export type Mask = ((path: string, leaf: Tensor) => boolean) | { readonly [key: string]: unknown } | readonly unknown[];

/** One boolean per leaf of `params`, in order. No mask means every leaf. @throws E0801 when the mask has another structure or other leaves than booleans */
export function maskLeaves(mask: Mask | undefined, params: unknown): readonly boolean[] {
  const { leaves, def } = tree.flatten(params);
  if (mask === undefined) return leaves.map(() => true);
  if (typeof mask === "function") {
    const paths = tree.paths(params);
    return leaves.map((x, i) => mask(paths[i] ?? "", x as Tensor)); // parameters are trees of tensors
  }
  const given = tree.flatten(mask);
  if (given.def.key !== def.key)
    throw new PullbackError(
      "E0801",
      `a mask has ${given.leaves.length} leaves in another structure than the parameters, which have ${leaves.length}`,
      { help: "give a tree of booleans with the structure of the parameters, or a function of (path, leaf)" },
    );
  return given.leaves.map((x, i) => {
    if (typeof x !== "boolean")
      throw new PullbackError("E0801", `a mask has ${typeof x} at ${tree.paths(mask)[i] ?? "its top"}, not true or false`, {
        help: "masks are decided while tracing: use plain booleans",
      });
    return x;
  });
}
