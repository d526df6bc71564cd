// Operations that are the identity when a program runs and mean something to transforms.
import { definePrimitive, type Operation } from "./define.ts";
import { perOperand } from "./rules.ts";
import type { Tensor } from "../trace/tensor.ts";

/** x, with derivative zero. */
export const stopGradient: Operation<1> = definePrimitive<1>({
  name: "stopGradient",
  aval: ([x]) => x,
  lower: { kind: "erase" },
  jvp: [null],
  batch: ([x]) => [stopGradient(x)],
});

/** The name by which a value is found, and its role: "primal", "tangent", "cotangent", then a path such as "cotangent.tangent". */
export type MarkParams = { readonly name: string; readonly role: string };
/** x, named for reap and plant. Differentiation marks the tangent, transposition the cotangent. */
export const markOp: Operation<1, MarkParams> = definePrimitive<1, MarkParams>({
  name: "mark",
  aval: ([x]) => x,
  lower: { kind: "erase" },
  linear: "jointly",
  jvp: [(dx, _x, { name, role }) => markOp(dx, { name, role: roleAfter(role, "tangent") })],
  transpose: perOperand<1, MarkParams>((ct, _x, { name, role }) => markOp(ct, { name, role: roleAfter(role, "cotangent") })),
  batch: ([x], _at, p) => [markOp(x, p)],
});

/** The role of what a transform makes of a marked value. The cotangent of a value is that of its tangent map; from there on roles are paths. */
export const roleAfter = (role: string, step: "tangent" | "cotangent"): string =>
  role === "primal" || (role === "tangent" && step === "cotangent") ? step : `${role}.${step}`;

/** Name a value: the identity, findable by reap, plant and fsam. */
export const mark = (name: string, x: Tensor): Tensor => markOp(x, { name, role: "primal" });
