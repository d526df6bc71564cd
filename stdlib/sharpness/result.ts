// What a gradient function gives: the gradient itself (grad), or { value, grad, aux } (valueAndGrad, grad with aux). Told apart by structure, so that
// any function of this shape can be wrapped. It differentiates nothing.
import { PullbackError } from "../../runtime/errors/error.ts";
import * as tree from "../tree.ts";

/** A gradient function: parameters first, then whatever the loss takes. It gives the gradient, or an object with the gradient as `grad`. */
export type GradientFunction<A extends readonly unknown[], R> = (...args: A) => R;

const sameStructure = (a: unknown, b: unknown): boolean => tree.structure(a).key === tree.structure(b).key;

/** The gradient in a result. @throws E0803 when it has no gradient of the parameters' structure */
export function gradOf(result: unknown, params: unknown): unknown {
  if (sameStructure(result, params)) return result;
  const inner =
    typeof result === "object" && result !== null && Object.hasOwn(result, "grad")
      ? (result as { readonly grad: unknown }).grad
      : undefined; // it has the field
  if (inner !== undefined && sameStructure(inner, params)) return inner;
  throw new PullbackError(
    "E0803",
    `a gradient function gave leaves [${tree.paths(result).join(", ")}] for parameters with leaves [${tree.paths(params).join(", ")}]`,
    {
      help: "wrap grad(loss) or valueAndGrad(loss), differentiated in the whole first argument; frozen parameters belong into another argument or a mask",
    },
  );
}
/** The same result with another gradient: value and aux stay. */
export const withGrad = <R>(result: R, params: unknown, g: unknown): R => (sameStructure(result, params) ? g : { ...result, grad: g }) as R; // the same form with another gradient
/** What a result holds beside the gradient; null for a bare gradient. */
export function besideGrad(result: unknown, params: unknown): { readonly [key: string]: unknown } | null {
  if (sameStructure(result, params)) return null;
  const { grad: _, ...rest } = result as { readonly [key: string]: unknown }; // gradOf has accepted it
  return rest;
}
