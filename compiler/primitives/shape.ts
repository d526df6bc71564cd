// The same elements in another order or grouping. All are views: none computes, and each is the transpose of one of its kind.
import { aval, sameShape, showAval, sizeOf, type Shape } from "../ir/aval.ts";
import type { Expr, ScalarOps } from "../ir/scalar.ts";
import type { Tensor } from "../trace/tensor.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { needAxes, needParam, needSizes, nth, range, without } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { avalOf, perOperand } from "./rules.ts";

/** The new shape, complete: no -1 here. */
export type ReshapeParams = { readonly shape: Shape };
/** The same elements in row-major order under another shape. @throws E0205 when the number of elements changes */
export const reshape: Operation<1, ReshapeParams> = definePrimitive<1, ReshapeParams>({
  name: "reshape",
  aval([x], { shape }) {
    needSizes("reshape", shape);
    needParam(
      sizeOf(shape) === sizeOf(x.shape),
      () => `cannot reshape ${showAval(x)} (${sizeOf(x.shape)} elements) into [${shape.join(",")}] (${sizeOf(shape)})`,
      "reshape keeps the number of elements",
    );
    return aval(x.dtype, shape);
  },
  lower: { kind: "view", source: (s, out, { shape }, x) => regroup(s, out, shape, x.shape) },
  linear: "jointly",
  transpose: perOperand<1, ReshapeParams>((ct, [x]) => reshape(ct, { shape: avalOf(x).shape })),
  batch: ([x], _at, { shape }, { size }) => [reshape(x, { shape: [size, ...shape] })],
  simplify: ([x], { shape }) => (sameShape(x.shape, shape) ? [x] : undefined),
});

/** The index into `to` of the element at index `out` of `from`. Both shapes are cut into the smallest runs of dimensions with equal
 *  products, so that divisions appear only where dimensions really merge or split. */
function regroup(s: ScalarOps, out: readonly Expr[], from: Shape, to: Shape): readonly Expr[] {
  const int = (v: number): Expr => s.const(v, "i32");
  if (sizeOf(to) === 0) return to.map(() => int(0));
  const source: Expr[] = [];
  for (let i = 0, j = 0; i < from.length || j < to.length;) {
    const [i0, j0] = [i, j];
    let [m, n] = [1, 1];
    if (i < from.length) m *= from[i++] ?? 1;
    if (j < to.length) n *= to[j++] ?? 1;
    while (m !== n) {
      if (m < n) m *= from[i++] ?? 1;
      else n *= to[j++] ?? 1;
    }
    if (i - i0 === 1 && j - j0 === 1) {
      source.push(nth(out, i0));
      continue;
    }
    let linear: Expr | undefined;
    for (let d = i0; d < i; d++) {
      const size = from[d] ?? 1;
      if (size === 1) continue;
      linear = linear ? s.binary("add", s.binary("mul", linear, int(size)), nth(out, d)) : nth(out, d);
    }
    let rest = linear ?? int(0);
    let below = n;
    for (let d = j0; d < j; d++) {
      below /= to[d] ?? 1;
      if ((to[d] ?? 1) === 1) {
        source.push(int(0));
        continue;
      }
      source.push(below === 1 ? rest : s.binary("div", rest, int(below)));
      if (below > 1) rest = s.binary("rem", rest, int(below));
    }
  }
  return source;
}

/** `perm[i]` is the input dimension that output dimension i shows. */
export type TransposeParams = { readonly perm: readonly number[] };
/** Reorder the dimensions: out.shape[i] = x.shape[perm[i]]. @throws E0203 unless `perm` is a permutation */
export const transpose: Operation<1, TransposeParams> = definePrimitive<1, TransposeParams>({
  name: "transpose",
  aval([x], { perm }) {
    const fits = perm.length === x.shape.length && range(perm.length).every(d => perm.includes(d));
    if (!fits)
      throw new PullbackError("E0203", `transpose got the permutation [${perm.join(",")}] for ${showAval(x)}`, {
        help: `name each of the ${x.shape.length} axes once`,
      });
    return aval(
      x.dtype,
      perm.map(d => nth(x.shape, d)),
    );
  },
  lower: { kind: "view", source: (_s, out, { perm }) => inverse(perm).map(d => nth(out, d)) },
  linear: "jointly",
  transpose: perOperand<1, TransposeParams>((ct, _x, { perm }) => transpose(ct, { perm: inverse(perm) })),
  batch: ([x], _at, { perm }) => [transpose(x, { perm: [0, ...perm.map(d => d + 1)] })],
  simplify: ([x], { perm }) => (perm.every((d, i) => d === i) ? [x] : undefined),
});
const inverse = (perm: readonly number[]): number[] => range(perm.length).map(d => perm.indexOf(d));
/** `transpose(x, { perm })` under a name that does not sound like the transform. */
export const permute = (x: Tensor, perm: readonly number[]): Tensor => transpose(x, { perm });
/** Move one axis to another position; the others keep their order. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const rest = without(range(x.ndim), [from]);
  return permute(x, [...rest.slice(0, to), from, ...rest.slice(to)]);
}

/** The axes that run backwards. */
export type ReverseParams = { readonly axes: readonly number[] };
/** Reverse the order of the elements along `axes`. @throws E0203 */
export const reverse: Operation<1, ReverseParams> = definePrimitive<1, ReverseParams>({
  name: "reverse",
  aval([x], { axes }) {
    needAxes("reverse", axes, x);
    return x;
  },
  lower: {
    kind: "view",
    source: (s, out, { axes }, x) => out.map((o, d) => (axes.includes(d) ? s.binary("sub", s.const(nth(x.shape, d) - 1, "i32"), o) : o)),
  },
  linear: "jointly",
  transpose: perOperand<1, ReverseParams>((ct, _x, p) => reverse(ct, p)),
  batch: ([x], _at, { axes }) => [reverse(x, { axes: axes.map(d => d + 1) })],
  simplify: ([x], { axes }) => (axes.length === 0 ? [x] : undefined),
});

/** Remove dimensions of size 1. @throws E0203, E0205 */
export function squeeze(x: Tensor, axes: readonly number[]): Tensor {
  needAxes("squeeze", axes, x.aval);
  needParam(
    axes.every(d => x.shape[d] === 1),
    () => `squeeze got axes [${axes.join(",")}] of ${showAval(x.aval)}`,
    "only dimensions of size 1 can be removed",
  );
  return reshape(x, { shape: without(x.shape, axes) });
}
/** Insert a dimension of size 1 so that it becomes dimension `axis` of the result. */
export const expandDims = (x: Tensor, axis: number): Tensor =>
  reshape(x, { shape: [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)] });
