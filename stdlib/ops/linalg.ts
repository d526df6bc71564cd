// Products: matmul by NumPy's rules, and einsum, which says any sum of products. Both become one contraction, with transposes only where the
// order of the result asks for them.
import * as p from "../../compiler/extend.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { promoteNumber } from "./elementwise.ts";
import { broadcastShapes, broadcastTo, type TensorLike } from "./promotion.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Matrix product: [..., m, k] · [..., k, n] -> [..., m, n]; leading dimensions broadcast; one-dimensional operands are rows and columns. @throws E0202 */
export function matmul(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promoteNumber(x, y).xs as readonly [Tensor, Tensor]; // two went in
  const k = a.shape[a.ndim - 1], l = b.shape[Math.max(0, b.ndim - 2)];
  if (a.ndim === 0 || b.ndim === 0 || k !== l) throw new PullbackError("E0202", `matmul cannot contract ${p.showAval(a.aval)} with ${p.showAval(b.aval)}`, { help: "the last dimension of the first must be the second-to-last of the second: transpose one of them" });
  if (b.ndim <= 2) return p.dotGeneral(a, b, { lhsBatch: [], rhsBatch: [], lhsContract: [a.ndim - 1], rhsContract: [Math.max(0, b.ndim - 2)] }); // every leading dimension of a is a row
  if (a.ndim === 1) return p.reshape(matmul(p.reshape(a, { shape: [1, a.size] }), b), { shape: [...b.shape.slice(0, -2), b.shape[b.ndim - 1] ?? 0] });
  const lead = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2)), n = lead.length;
  const lhs = broadcastTo(a, [...lead, ...a.shape.slice(-2)]), rhs = broadcastTo(b, [...lead, ...b.shape.slice(-2)]);
  return p.dotGeneral(lhs, rhs, { lhsBatch: range(n), rhsBatch: range(n), lhsContract: [n + 1], rhsContract: [n] });
}
/** Sum of products over the last axis of x and the second-to-last (or only) of y, as NumPy's dot. @throws E0202 */
export function dot(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promoteNumber(x, y).xs as readonly [Tensor, Tensor]; // two went in
  if (a.ndim === 0 || b.ndim === 0) throw new PullbackError("E0202", `dot needs at least one dimension each, got ${p.showAval(a.aval)} and ${p.showAval(b.aval)}`, { help: "use mul for scalars" });
  const at = Math.max(0, b.ndim - 2);
  if (a.shape[a.ndim - 1] !== b.shape[at]) throw new PullbackError("E0202", `dot cannot contract ${p.showAval(a.aval)} with ${p.showAval(b.aval)}`, { help: "the last dimension of the first must be the second-to-last of the second" });
  return p.dotGeneral(a, b, { lhsBatch: [], rhsBatch: [], lhsContract: [a.ndim - 1], rhsContract: [at] });
}
/** x[i]·y[j]: all products of two flattened tensors, [size x, size y]. */
export function outer(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promoteNumber(x, y).xs as readonly [Tensor, Tensor]; // two went in
  return p.dotGeneral(p.reshape(a, { shape: [a.size] }), p.reshape(b, { shape: [b.size] }), { lhsBatch: [], rhsBatch: [], lhsContract: [], rhsContract: [] });
}

interface Labelled { readonly x: Tensor; readonly labels: readonly string[] }
/** Einstein summation: `einsum("bthd,bshd->bhts", q, k)`. Repeated letters of one operand take its diagonal, letters absent from the result are summed,
 *  `...` stands for leading dimensions. Operands are contracted pairwise from the left. @throws E0202, E0205 */
export function einsum(spec: string, ...xs: readonly TensorLike[]): Tensor {
  const refuse = (fact: string): never => { throw new PullbackError("E0205", `einsum "${spec}": ${fact}`, { help: "write one group of letters for each operand and, after ->, the letters of the result" }); };
  const [left, right, more] = spec.replace(/\s/g, "").split("->");
  const groups = (left ?? "").split(",");
  if (more !== undefined || groups.length !== xs.length || groups.some(g => !/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(g))) refuse(`${xs.length} operands, ${groups.length} groups`);
  const tensors = promoteNumber(...xs).xs, sizes = new Map<string, number>();
  const dots = Math.max(0, ...groups.map((g, i) => (g.includes("...") ? (tensors[i]?.ndim ?? 0) - (g.length - 3) : 0)));
  const expand = (g: string, rank: number): string[] => { const n = rank - (g.length - 3); return g.includes("...") ? [...(g.split("...")[0] ?? ""), ...range(n).map(i => `.${dots - n + i}`), ...(g.split("...")[1] ?? "")] : [...g]; };
  const operands = tensors.map((x, i): Labelled => {
    const labels = expand(groups[i] ?? "", x.ndim);
    if (labels.length !== x.ndim) refuse(`"${groups[i] ?? ""}" names ${labels.length} dimensions of ${p.showAval(x.aval)}`);
    labels.forEach((l, d) => {
      const n = x.shape[d] ?? 0, known = sizes.get(l);
      if (known !== undefined && known !== n) throw new PullbackError("E0202", `einsum "${spec}": ${l} is ${known} and ${n}`, { help: "dimensions of one letter have one size" });
      sizes.set(l, n);
    });
    return diagonal({ x, labels });
  });
  const all = operands.flatMap(o => o.labels);
  const out = right === undefined ? [...range(dots).map(i => `.${i}`), ...[...new Set(all)].filter(l => !l.startsWith(".") && all.filter(m => m === l).length === 1).sort()] : right.includes("...") ? expand(right, dots + right.length - 3) : [...right];
  if (new Set(out).size !== out.length || out.some(l => !sizes.has(l))) refuse(`the result names ${out.join("")}`);
  const result = operands.reduce((a, b, i) => contract(a, b, new Set([...out, ...operands.slice(i + 1).flatMap(o => o.labels)])));
  const summed = sumAway(result, new Set(out)), perm = out.map(l => summed.labels.indexOf(l));
  return perm.every((d, i) => d === i) ? summed.x : p.permute(summed.x, perm);
}
/** Repeated labels become one: the diagonal, read by a masked sum. */
function diagonal(o: Labelled): Labelled {
  const at = o.labels.findIndex((l, i) => o.labels.indexOf(l) !== i);
  if (at < 0) return o;
  const first = o.labels.indexOf(o.labels[at] ?? ""), { shape } = o.x;
  const same = p.equal(p.iota({ dtype: "i32", shape, axis: first }), p.iota({ dtype: "i32", shape, axis: at }));
  return diagonal({ x: p.reduceSum(p.select(same, o.x, p.fullLike(o.x, 0)), { axes: [at] }), labels: o.labels.filter((_, i) => i !== at) });
}
/** Labels that nobody needs are summed. */
function sumAway(o: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = range(o.labels.length).filter(d => !needed.has(o.labels[d] ?? ""));
  return axes.length === 0 ? o : { x: p.reduceSum(o.x, { axes }), labels: o.labels.filter(l => needed.has(l)) };
}
function contract(a: Labelled, b: Labelled, needed: ReadonlySet<string>): Labelled {
  const x = sumAway(a, new Set([...needed, ...b.labels])), y = sumAway(b, new Set([...needed, ...a.labels]));
  const shared = x.labels.filter(l => y.labels.includes(l)), batch = shared.filter(l => needed.has(l)), over = shared.filter(l => !needed.has(l));
  const at = (o: Labelled, ls: readonly string[]): number[] => ls.map(l => o.labels.indexOf(l));
  const out = p.dotGeneral(x.x, y.x, { lhsBatch: at(x, batch), rhsBatch: at(y, batch), lhsContract: at(x, over), rhsContract: at(y, over) });
  return { x: out, labels: [...batch, ...x.labels.filter(l => !shared.includes(l)), ...y.labels.filter(l => !shared.includes(l))] };
}
