// x[i]: a part of a tensor, or JavaScript's property access.
import { isTensor, type Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { index, type IndexItem } from "../ops/indexing.ts";

/** x[i, j, …] for a tensor x (NumPy's rules, see `index`); for anything else x[i]. A string names a property even of a tensor. @throws E0205, E1121 */
export function $index(x: Tensor, ...at: readonly IndexItem[]): Tensor;
export function $index<X, const K extends keyof X>(x: X, at: K): X[K];
export function $index(x: unknown, ...at: readonly unknown[]): unknown;
export function $index(x: unknown, ...at: readonly unknown[]): unknown {
  const key = at.at(-1);
  if (isTensor(x) && (typeof key !== "string" || key === "...") && typeof key !== "symbol")
    return index(x, ...(at as readonly IndexItem[])); // planIndex refuses what is none
  if (isTensor(key))
    throw new PullbackError("E1121", "a JavaScript array or object was indexed by a tensor", {
      help: "stack the values into a tensor, or choose with switch_(index, [() => a, () => b])",
    });
  return (x as { readonly [key: PropertyKey]: unknown })[key as PropertyKey]; // JavaScript's own access, null and undefined throw
}
