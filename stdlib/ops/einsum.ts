// Einstein summation: any sum of products by names of dimensions. It becomes contractions, sums and transposes; the order of contraction is the cheapest
// next pair, again and again.
import * as p from "../../compiler/extend.ts";
import type { Demand, Shaped, Tensor } from "../../compiler/extend.ts";
import type { Einsum } from "./typed_einsum.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { promoteNumber } from "./elementwise.ts";
import { broadcastTo, type TensorLike } from "./promotion.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const all = (groups: readonly Labelled[]): string[] => groups.flatMap(g => g.labels);
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

/** An einsum with how exactly its f32 products are wanted, where hardware offers less for more speed. */
export interface PreciseSpec<Spec extends string = string> {
  readonly spec: Spec;
  readonly precision: p.Precision;
}
/** Einstein summation: `einsum("bthd,bshd->bhts", q, k)`. A letter repeated in one operand takes its diagonal; letters absent from the result are summed; `...`
 *  stands for leading dimensions, which broadcast. Without `->` the result has, in alphabetical order, the letters that occur once. A precision goes with the spec: `einsum({ spec: "ij,jk->ik", precision: "highest" }, a, b)`. @throws E0201, E0202, E0205 */
export function einsum<const Spec extends string, const Xs extends readonly TensorLike[]>(
  spec: Spec & Demand<Einsum<Spec, Xs>>,
  ...xs: Xs
): Shaped<Einsum<Spec, Xs>>;
export function einsum<const Spec extends string, const Xs extends readonly TensorLike[]>(
  spec: PreciseSpec<Spec & Demand<Einsum<Spec, Xs>>>,
  ...xs: Xs
): Shaped<Einsum<Spec, Xs>>;
export function einsum(given: string | PreciseSpec, ...xs: readonly TensorLike[]): Tensor {
  const spec = typeof given === "string" ? given : given.spec,
    precision = typeof given === "string" ? undefined : given.precision;
  const refuse = (fact: string): PullbackError =>
    new PullbackError("E0205", `einsum "${spec}": ${fact}`, {
      help: "write one group of letters for each operand and, after ->, the letters of the result",
    });
  const [left = "", right, more] = spec.replace(/\s/g, "").split("->"),
    groups = left.split(",");
  if (more !== undefined || groups.length !== xs.length) throw refuse(`${xs.length} operands, ${groups.length} groups`);
  const odd = [...groups, right ?? ""].find(g => !/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(g));
  if (odd !== undefined) throw refuse(`"${odd}" is not a group of letters`);
  const tensors = promoteNumber(...xs).xs;
  const operands = tensors.map((x, i): Labelled => {
    const group = groups[i] ?? "",
      letters = group.replace("...", "").length,
      hidden = x.ndim - letters;
    if (hidden < 0 || (hidden > 0 && !group.includes("...")))
      throw refuse(`"${group}" names ${letters} dimensions of ${p.showAval(x.aval)}`);
    return { x, labels: expand(group, hidden) };
  });
  const dots = Math.max(0, ...operands.map(o => o.labels.filter(isDot).length));
  const sizes = sizesOf(operands, spec),
    ready = operands.map(o => diagonal(stretchDots(o, sizes)));
  const out = right === undefined ? [...expand("...", dots), ...implied(all(operands))] : expand(right, dots);
  if (new Set(out).size !== out.length || out.some(l => !sizes.has(l)))
    throw refuse(`"${right ?? ""}" must name each letter of the operands at most once`);
  const { x, labels } = sumAway(contractAll(ready, new Set(out), sizes, precision), new Set(out));
  return p.permute(
    x,
    out.map(l => labels.indexOf(l)),
  );
}
/** Letters of a group, with one label for each dimension that "..." stands for, counted from the right: ".2", ".1", ".0". */
function expand(group: string, hidden: number): string[] {
  const [before = "", after = ""] = group.split("...");
  return group.includes("...") ? [...before, ...range(hidden).map(i => `.${hidden - 1 - i}`), ...after] : [...group];
}
const isDot = (label: string): boolean => label.startsWith(".");
const implied = (labels: readonly string[]): string[] =>
  [...new Set(labels)].filter(l => !isDot(l) && labels.indexOf(l) === labels.lastIndexOf(l)).toSorted();

/** The size of each letter. Hidden dimensions broadcast. */
function sizesOf(operands: readonly Labelled[], spec: string): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { x, labels } of operands) {
    labels.forEach((l, d) => {
      const n = x.shape[d] ?? 0,
        known = sizes.get(l);
      if (known !== undefined && known !== n && !(isDot(l) && (known === 1 || n === 1))) {
        throw isDot(l)
          ? new PullbackError("E0201", `einsum "${spec}": a dimension of ... is ${known} and ${n}`, {
              help: "the dimensions of ... are aligned at the right, and equal or 1",
            })
          : new PullbackError("E0202", `einsum "${spec}": ${l} is ${known} and ${n}`, { help: "dimensions of one letter have one size" });
      }
      sizes.set(l, known === undefined || known === 1 ? n : known);
    });
  }
  return sizes;
}
const stretchDots = (o: Labelled, sizes: ReadonlyMap<string, number>): Labelled => ({
  ...o,
  x: broadcastTo(
    o.x,
    o.labels.map((l, d) => (isDot(l) ? (sizes.get(l) ?? 1) : (o.x.shape[d] ?? 1))),
  ),
});
/** A repeated label becomes one: the diagonal, as a sum of the elements whose positions are equal. */
function diagonal(o: Labelled): Labelled {
  const at = o.labels.findIndex((l, i) => o.labels.indexOf(l) !== i);
  if (at < 0) return o;
  const first = o.labels.indexOf(o.labels[at] ?? ""),
    { shape } = o.x;
  const same = p.equal(p.iota({ dtype: "i32", shape, axis: first }), p.iota({ dtype: "i32", shape, axis: at }));
  return diagonal({ x: p.reduceSum(p.select(same, o.x, p.fullLike(o.x, 0)), { axes: [at] }), labels: o.labels.filter((_, i) => i !== at) });
}
/** Labels that nobody needs are summed. */
function sumAway(o: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = range(o.labels.length).filter(d => !needed.has(o.labels[d] ?? ""));
  return { x: p.reduceSum(o.x, { axes }), labels: o.labels.filter(l => needed.has(l)) };
}
/** Contract the pair that costs the fewest multiplications until one is left; of equals the first, so that two runs agree. */
function contractAll(
  operands: readonly Labelled[],
  out: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number>,
  precision: p.Precision | undefined,
): Labelled {
  const [first, ...others] = operands;
  if (first === undefined || others.length === 0) return first as Labelled; // einsum has at least one operand
  let best: { readonly i: number; readonly j: number; readonly cost: number } | undefined;
  for (const i of range(operands.length)) {
    for (let j = i + 1; j < operands.length; j++) {
      const labels = new Set(all([operands[i], operands[j]] as readonly Labelled[])); // i and j are in range
      const cost = [...labels].reduce((n, l) => n * (sizes.get(l) ?? 1), 1);
      if (best === undefined || cost < best.cost) best = { i, j, cost };
    }
  }
  const { i, j } = best ?? { i: 0, j: 1 };
  const rest = operands.filter((_, k) => k !== i && k !== j);
  const merged = contract(operands[i] as Labelled, operands[j] as Labelled, new Set([...out, ...all(rest)]), precision); // i and j are in range
  return contractAll([...rest.slice(0, i), merged, ...rest.slice(i)], out, sizes, precision);
}
function contract(a: Labelled, b: Labelled, needed: ReadonlySet<string>, precision: p.Precision | undefined): Labelled {
  const x = sumAway(a, new Set([...needed, ...b.labels])),
    y = sumAway(b, new Set([...needed, ...a.labels]));
  const shared = x.labels.filter(l => y.labels.includes(l)),
    batch = shared.filter(l => needed.has(l)),
    over = shared.filter(l => !needed.has(l));
  const at = (o: Labelled, ls: readonly string[]): number[] => ls.map(l => o.labels.indexOf(l));
  const product = p.dotGeneral(x.x, y.x, {
    ...(precision && { precision }),
    lhsBatch: at(x, batch),
    rhsBatch: at(y, batch),
    lhsContract: at(x, over),
    rhsContract: at(y, over),
  });
  return { x: product, labels: [...batch, ...x.labels.filter(l => !shared.includes(l)), ...y.labels.filter(l => !shared.includes(l))] };
}
