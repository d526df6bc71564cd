// Two values of which a condition chooses one, when the condition is a tensor: trees are chosen leaf by leaf, and both leaves must have one type. It plans
// (what a cond has to return); choose.ts emits.
import { flatten, isTensor, showAval, showTree, unflatten, type Aval, type Tensor } from "../../compiler/extend.ts";
import type { DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { logicalNot } from "../ops/compare.ts";
import { zeros } from "../ops/creation.ts";
import { resultType, toDType, type TensorLike } from "../ops/promotion.ts";
import { describe } from "./arithmetic.ts";

/** A leaf that no path reads: it takes the other side's type. */
export const hole: unique symbol = Symbol("hole");
/** What may stand on one side of a choice. */
export type Side = TensorLike | typeof hole;
/** One result of a cond: what it is on each path, in the type where they meet. */
export interface Slot extends Aval {
  readonly sides: readonly [Side, Side];
  readonly weak: boolean;
}
/** Collects slots while trees are merged. */
export type Slots = Slot[];
/** A merged tree, once the results of the cond are known. `test` is what the cond chooses by. */
export type Merged = (outs: readonly Tensor[], test: Tensor) => unknown;

/** Is `x` a tensor, number or boolean? */
export const isLeaf = (x: unknown): x is TensorLike => isTensor(x) || typeof x === "number" || typeof x === "boolean";
/** What an operand is as a tensor. */
export interface LeafType extends Aval {
  readonly weak: boolean;
}
/** The type of an operand. */
export const typeOf = (x: TensorLike): LeafType =>
  isTensor(x)
    ? { ...x.aval, weak: x.weak }
    : typeof x === "number"
      ? { dtype: "f32", shape: [], weak: true }
      : { dtype: "bool", shape: [], weak: false };
/** How a value is called in a message: its type, or its structure. */
export function show(x: unknown): string {
  if (isTensor(x)) return showAval(x.aval);
  if (typeof x === "number" || typeof x === "boolean") return `the ${typeof x} ${x}`;
  if (x === undefined) return "undefined";
  const { leaves, def } = flatten(x);
  return leaves.length === 1 && leaves[0] === x ? describe(x) : showTree(def);
}

/** `x` on the first path, `y` on the second; `hole` where a path never reads it. `what` names the value. @throws E1123 types differ, E1124 no types to compare */
export function merge(x: unknown, y: unknown, what: string, slots: Slots): Merged {
  if (Object.is(x, y)) return () => x;
  const holes = x === hole || y === hole;
  const fx = flatten(x === hole ? y : x),
    fy = flatten(y === hole ? x : y);
  if (fx.def.key !== fy.def.key) throw unlike(x, y, what);
  const parts = fx.leaves.map((l, i): Merged => {
    const a = x === hole ? hole : l,
      b = y === hole ? hole : fy.leaves[i];
    if (Object.is(a, b)) return () => l;
    const known = a === hole ? b : a;
    if (holes && !isTensor(known)) return () => known; // a constant can stand for what is never read
    if ((a !== hole && !isLeaf(a)) || (b !== hole && !isLeaf(b))) throw unlike(a, b, what);
    if (typeof a === "boolean" && typeof b === "boolean") return (_, test) => (a ? test : logicalNot(test)); // they differ
    const slot = slots.push(meet(a, b, what)) - 1;
    return outs => outs[slot];
  });
  return (outs, test) =>
    unflatten(
      fx.def,
      parts.map(p => p(outs, test)),
    );
}
const unlike = (x: unknown, y: unknown, what: string): PullbackError =>
  new PullbackError("E1124", `a condition on tensors decides whether ${what} is ${show(x)} or ${show(y)}`, {
    help: "give it a tensor, a number, or a tree of one structure on every path; declare variables that one path needs inside it",
  });

/** The type in which two sides meet. */
function meet(a: Side, b: Side, what: string): Slot {
  const sides = [a, b] as const,
    first = a === hole ? b : a,
    second = b === hole ? a : b;
  if (first === hole || second === hole) return { sides, dtype: "f32", shape: [], weak: true };
  const s = typeOf(first),
    t = typeOf(second);
  const { dtype, weak } =
    s.dtype === t.dtype
      ? { dtype: s.dtype, weak: s.weak && t.weak }
      : (s.weak || t.weak) && s.dtype !== "bool" && t.dtype !== "bool"
        ? resultType(first, second)
        : { dtype: undefined, weak: false };
  if (dtype === undefined || s.shape.length !== t.shape.length || s.shape.some((d, i) => d !== t.shape[i]))
    throw new PullbackError("E1123", `a condition on tensors decides whether ${what} is ${showAval(s)} or ${showAval(t)}`, {
      help: "convert (x.astype) or broadcast (broadcastTo) to one type before, or in both branches",
    });
  return { sides, dtype, shape: s.shape, weak };
}
/** A side of a slot as a tensor of the slot's type. */
export const fill = (side: unknown, slot: { readonly dtype: DType; readonly shape: Aval["shape"] }): Tensor =>
  side === hole ? zeros(slot.shape, { dtype: slot.dtype }) : toDType(side as TensorLike, slot.dtype); // sides are leaves
