// stopGradient on trees.
import { unflatten } from "../../support/tree.ts";
import { stopGradient as stop } from "../../primitives/identity.ts";
import { tensorLeaves, type Tensors } from "../stage.ts";

/** The same tree, with derivative zero. @throws E0104 */
export function stopGradient<T>(x: T): Tensors<T> {
  const { leaves, def } = tensorLeaves(x, "x");
  return unflatten(
    def,
    leaves.map(t => stop(t)),
  ) as Tensors<T>; // the same structure
}
