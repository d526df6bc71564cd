// Products of matrices by NumPy's rules, and diagonals. Each product is one contraction. Sums of products by name are in einsum.ts.
import * as p from "../../compiler/extend.ts";
import type { Demand, Shaped, ShapeOf, Tensor } from "../../compiler/extend.ts";
import type { Dot, MatMul, NumberDType } from "./typed.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { promoteNumber } from "./elementwise.ts";
import { asTensor, broadcastShapes, broadcastTo, normalizeAxis, type TensorLike } from "./promotion.ts";
import { sum } from "./reduce.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** How exactly an f32 product is wanted, where hardware offers less for more speed. */
export interface ProductOptions {
  readonly precision?: p.Precision;
}
const asked = ({ precision }: ProductOptions): ProductOptions => (precision === undefined ? {} : { precision });

/** Matrix product: [..., m, k] · [..., k, n] -> [..., m, n]; leading dimensions broadcast; one-dimensional operands are rows and columns. @throws E0202 */
export function matmul<X extends TensorLike, Y extends TensorLike>(
  x: X,
  y: Y & Demand<MatMul<ShapeOf<X>, ShapeOf<Y>>>,
  options?: ProductOptions,
): Shaped<MatMul<ShapeOf<X>, ShapeOf<Y>>, NumberDType<X, Y>>;
export function matmul(x: TensorLike, y: TensorLike, options: ProductOptions = {}): Tensor {
  const [a, b] = promoteNumber(x, y).xs as readonly [Tensor, Tensor]; // two went in
  const k = a.shape[a.ndim - 1],
    l = b.shape[Math.max(0, b.ndim - 2)];
  if (a.ndim === 0 || b.ndim === 0 || k !== l)
    throw new PullbackError("E0202", `matmul cannot contract ${p.showAval(a.aval)} with ${p.showAval(b.aval)}`, {
      help: "the last dimension of the first must be the second-to-last of the second: transpose one of them",
    });
  if (b.ndim <= 2)
    return p.dotGeneral(a, b, {
      ...asked(options),
      lhsBatch: [],
      rhsBatch: [],
      lhsContract: [a.ndim - 1],
      rhsContract: [Math.max(0, b.ndim - 2)],
    }); // every leading dimension of a is a row
  if (a.ndim === 1)
    return p.reshape(matmul(p.reshape(a, { shape: [1, a.size] }), b, options), {
      shape: [...b.shape.slice(0, -2), b.shape[b.ndim - 1] ?? 0],
    });
  const lead = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2)),
    n = lead.length;
  const lhs = broadcastTo(a, [...lead, ...a.shape.slice(-2)]),
    rhs = broadcastTo(b, [...lead, ...b.shape.slice(-2)]);
  return p.dotGeneral(lhs, rhs, { ...asked(options), lhsBatch: range(n), rhsBatch: range(n), lhsContract: [n + 1], rhsContract: [n] });
}
/** Sum of products over the last axis of x and the second-to-last (or only) of y, as NumPy's dot. @throws E0202 */
export function dot<X extends TensorLike, Y extends TensorLike>(
  x: X,
  y: Y & Demand<Dot<ShapeOf<X>, ShapeOf<Y>>>,
  options?: ProductOptions,
): Shaped<Dot<ShapeOf<X>, ShapeOf<Y>>, NumberDType<X, Y>>;
export function dot(x: TensorLike, y: TensorLike, options: ProductOptions = {}): Tensor {
  const [a, b] = promoteNumber(x, y).xs as readonly [Tensor, Tensor]; // two went in
  if (a.ndim === 0 || b.ndim === 0)
    throw new PullbackError("E0202", `dot needs at least one dimension each, got ${p.showAval(a.aval)} and ${p.showAval(b.aval)}`, {
      help: "use mul for scalars",
    });
  const at = Math.max(0, b.ndim - 2);
  if (a.shape[a.ndim - 1] !== b.shape[at])
    throw new PullbackError("E0202", `dot cannot contract ${p.showAval(a.aval)} with ${p.showAval(b.aval)}`, {
      help: "the last dimension of the first must be the second-to-last of the second",
    });
  return p.dotGeneral(a, b, { ...asked(options), lhsBatch: [], rhsBatch: [], lhsContract: [a.ndim - 1], rhsContract: [at] });
}
/** x[i]·y[j]: all products of two flattened tensors, [size x, size y]. */
export function outer(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promoteNumber(x, y).xs as readonly [Tensor, Tensor]; // two went in
  return p.dotGeneral(p.reshape(a, { shape: [a.size] }), p.reshape(b, { shape: [b.size] }), {
    lhsBatch: [],
    rhsBatch: [],
    lhsContract: [],
    rhsContract: [],
  });
}

/** Σ x·y over all elements of two tensors of one size, flattened: a scalar. @throws E0202 */
export function vdot(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promoteNumber(x, y).xs as readonly [Tensor, Tensor]; // two went in
  if (a.size !== b.size)
    throw new PullbackError("E0202", `vdot needs as many elements on both sides, got ${p.showAval(a.aval)} and ${p.showAval(b.aval)}`, {
      help: "flatten or slice them to one size",
    });
  return p.dotGeneral(p.reshape(a, { shape: [a.size] }), p.reshape(b, { shape: [b.size] }), {
    lhsBatch: [],
    rhsBatch: [],
    lhsContract: [0],
    rhsContract: [0],
  });
}
/** Sum of products over pairs of axes: the last `axes` of x with the first of y, or the pairs [axes of x, axes of y]. The rest of x, then of y, remain. @throws E0202, E0203 */
export function tensordot(x: TensorLike, y: TensorLike, axes: number | readonly [readonly number[], readonly number[]] = 2): Tensor {
  const [a, b] = promoteNumber(x, y).xs as readonly [Tensor, Tensor]; // two went in
  const lhs = typeof axes === "number" ? range(axes).map(i => a.ndim - axes + i) : axes[0].map(d => normalizeAxis("tensordot", d, a.ndim));
  const rhs = typeof axes === "number" ? range(axes) : axes[1].map(d => normalizeAxis("tensordot", d, b.ndim));
  if (lhs.length !== rhs.length || lhs.some((d, i) => d < 0 || a.shape[d] !== b.shape[rhs[i] ?? -1])) {
    throw new PullbackError(
      "E0202",
      `tensordot cannot contract axes [${lhs.join(",")}] of ${p.showAval(a.aval)} with [${rhs.join(",")}] of ${p.showAval(b.aval)}`,
      { help: "name as many axes of each, with equal sizes" },
    );
  }
  return p.dotGeneral(a, b, { lhsBatch: [], rhsBatch: [], lhsContract: lhs, rhsContract: rhs });
}
/** Elements [i, i + k] of a matrix, as a list; or, of a list, the matrix with it on its k-th diagonal. @throws E0205 for other ranks */
export function diag(x: TensorLike, { k = 0 }: { readonly k?: number } = {}): Tensor {
  const t = asTensor(x),
    n = t.shape[0] ?? 0;
  if (t.ndim === 1) return spreadDiagonal(t, n, k);
  if (t.ndim === 2) return diagonal(t, { k });
  throw new PullbackError("E0205", `diag got ${p.showAval(t.aval)}`, {
    help: "give a list or a matrix; diagonal(x) takes the last two dimensions of more",
  });
}
function spreadDiagonal(t: Tensor, n: number, k: number): Tensor {
  const shape = [n + Math.abs(k), n + Math.abs(k)],
    row = p.iota({ dtype: "i32", shape, axis: 0 }),
    column = p.iota({ dtype: "i32", shape, axis: 1 });
  const padded = p.pad(t, p.lit(0, t.dtype), { low: [Math.max(0, -k)], high: [Math.max(0, k)], interior: [0] });
  const wide = p.broadcastInDim(padded, { shape, dims: [0] });
  return p.select(p.equal(p.add(row, p.fullLike(row, k)), column), wide, p.fullLike(wide, 0));
}
/** Elements [.., i, i + k] of the last two dimensions: [.., m, n] -> [.., length of the diagonal]. @throws E0205 for less than two dimensions */
export function diagonal(x: TensorLike, { k = 0 }: { readonly k?: number } = {}): Tensor {
  const t = asTensor(x);
  if (t.ndim < 2)
    throw new PullbackError("E0205", `diagonal got ${p.showAval(t.aval)}, which has no two dimensions`, {
      help: "give a matrix, or diag of a list",
    });
  const lead = t.shape.slice(0, -2),
    [m = 0, n = 0] = t.shape.slice(-2),
    rows = Math.max(0, -k),
    count = Math.max(0, Math.min(m - rows, n - Math.max(0, k)));
  const flat = p.reshape(t, { shape: [...lead, m * n] }),
    from = rows * n + Math.max(0, k); // each step is one row and one column
  return p.slice(flat, {
    start: [...lead.map(() => 0), count === 0 ? 0 : from],
    limit: [...lead, count === 0 ? 0 : from + (count - 1) * (n + 1) + 1],
    strides: [...lead.map(() => 1), n + 1],
  });
}
/** Sum of the diagonal of the last two dimensions. @throws E0205 */
export const trace = (x: TensorLike, o: { readonly k?: number } = {}): Tensor => {
  const d = diagonal(x, o);
  return sum(d, { axis: d.ndim - 1 });
};
