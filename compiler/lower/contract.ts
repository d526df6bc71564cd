// A contraction becomes a matrix product over flattened batch, row, column and contracted indices. Transposes, windows and other re-indexings of the operands
// stay expressions; an operand whose address is neither affine in those four nor a sum of parts that depend on one of them each is copied first.
import { computeDType, isFloat, type DType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import { sizeOf, type Aval } from "../ir/aval.ts";
import type { Atom, Eqn } from "../ir/func.ts";
import type { Kernel, Stmt } from "../ir/kernel.ts";
import { exprVar, type Expr, type ExprVar } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { coefficient, IndexOps, ravel, separate, unravel } from "./indexing.ts";
import { elementKernel, inRows, type Launch } from "./loops.ts";
import { KernelScope, placesAt, type Places } from "./scope.ts";
import type { Target } from "./reduce.ts";
import type { Member } from "./rows.ts";

/** What a backend's products can do beside summing, and beside gathering operands at separable positions. `plain`: they take f32 and f64, and store rows of contiguous sums. `fused`: they take
 *  narrow floats too, store with any strides, and do element-wise work on the sums. */
export type Products = "plain" | "fused";
/** Can the product generator take it? */
export function isProduct(e: Eqn, products: Products): boolean {
  const dtype = e.outs[0]?.aval.dtype ?? "bool";
  return (
    [...e.ins, ...e.outs].every(a => a.aval.dtype === dtype) &&
    (dtype === "f32" || dtype === "f64" || (products === "fused" && isFloat(dtype)))
  );
}
/** Which operands, of lhs and rhs, a product computes as it fetches them. */
export type Inside = readonly [boolean, boolean];
/** A product that is still open: element-wise equations on its result may join it as an epilogue. */
export class Product {
  readonly kind = "product";
  private readonly name: string;
  private readonly e: Eqn;
  private readonly target: Target;
  private readonly view: Eqn | undefined;
  private readonly places: Places;
  private readonly position: number;
  private readonly products: Products;
  private readonly split: Split;
  private readonly inside: Inside;
  private readonly members: Member[] = [];

  /** The product that `e` means, stored in `target`: its own result, or what the permutation `view` makes of it. `inside`: operands that it computes. */
  constructor(
    name: string,
    e: Eqn,
    target: Target,
    { view, split, inside }: Layout & { readonly inside: Inside },
    places: Places,
    position: number,
    products: Products,
  ) {
    this.name = name;
    this.e = e;
    this.target = target;
    this.view = view;
    this.places = places;
    this.position = position;
    this.products = products;
    this.split = split;
    this.inside = inside;
  }
  /** Take an element-wise equation in, if it follows the result element for element. */
  join(m: Member): boolean {
    if (
      this.products === "plain" ||
      m.e.prim.lower.kind === "reduce" || // a fold over axes of size 1 has as many results as the product
      this.members.length >= EPILOGUE ||
      sizeOf(m.e.outs[0]?.aval.shape ?? []) !== sizeOf(this.target.aval.shape)
    )
      return false;
    this.members.push(m);
    if (this.epilogue(() => true)) return true;
    this.members.pop();
    return false;
  }
  /** The kernel, after the copies of operands that cannot be read in place. `fresh` makes temporary memory; `kept`: is that memory read by anybody else? */
  launches(fresh: (a: Aval) => SlotRef, kept: (ref: SlotRef) => boolean): readonly AnyLaunch[] {
    const { name } = this,
      places = placesAt(this.places, this.position),
      copies: Launch[] = [];
    const done = this.epilogue(kept);
    if (!done) throw new InternalError(`${name}: an equation no longer fits its epilogue`);
    const { s, flat, b, i, j, l, acc, statements } = done,
      { ops } = s,
      { batch, m, n, k, dtype, operands } = flat,
      given = this.e.ins[0]?.aval.dtype ?? dtype; // of both
    const probe = new KernelScope(places),
      at = (sizes: readonly number[]): ExprVar[] => sizes.map((d, q) => probe.loop(`p${q}`, d));
    const [pb, pi, pj, pl] = at([batch, m, n, k]) as [ExprVar, ExprVar, ExprVar, ExprVar]; // four sizes
    const tried = operands(probe, pb, pi, pj, pl);
    /** Operand `side` over its row and column: in place where the backend can read its addresses, else copied to [batch, rows, columns]. */
    const read = (side: 0 | 1, vars: readonly [ExprVar, ExprVar], probed: readonly ExprVar[], sizes: readonly [number, number]): Expr => {
      if (this.inside[side] || readable(tried[side], probed)) return operands(s, b, i, j, l)[side];
      const a: Aval = { dtype: given, shape: [batch, ...sizes] },
        ref = fresh(a);
      copies.push(
        elementKernel(`${name}_${side === 0 ? "lhs" : "rhs"}`, places, a.shape, 2, (c, [cb, cr, cc]) => {
          const zero = c.ops.int(0),
            [row, col] = [cr ?? zero, cc ?? zero];
          return [
            {
              ref,
              aval: a,
              value: c.ops.convert(
                (side === 0 ? operands(c, cb ?? zero, row, zero, col) : operands(c, cb ?? zero, zero, col, row))[side],
                given,
              ),
            },
          ];
        }),
      );
      return ops.load(s.buffer(ref, a, "read"), dtype, ravel(ops, [b, ...vars], a.shape));
    };
    const lhs = read(0, [i, l], [pi, pl], [m, k]),
      rhs = read(1, [l, j], [pl, pj], [k, n]);
    const { lower } = this.e.prim,
      precision = lower.kind === "contract" ? lower.dims(this.e.params).precision : undefined;
    const common = {
        kind: "gemm",
        name,
        params: s.params,
        batch,
        k,
        dtype,
        operands: given,
        ...(precision && { precision }),
        epilogue: statements,
      } as const,
      { args } = s;
    if (!done.flipped) return [...copies, { kernel: { ...common, m, n, vars: { b, i, j, l, acc }, lhs, rhs }, args }];
    return [...copies, { kernel: { ...common, m: n, n: m, vars: { b, i: j, j: i, l, acc }, lhs: rhs, rhs: lhs }, args }]; // (xy)ᵀ = yᵀxᵀ
  }
  /** What happens to the sums; undefined when that does not follow them, or the backend cannot do it. */
  private epilogue(kept: (ref: SlotRef) => boolean): Epilogue | undefined {
    const { e, target, view, products } = this,
      flat = flatten(e, this.split),
      { batch, m, n, k, dtype } = flat,
      acc = exprVar("acc", dtype);
    const values = new Map<SlotRef, Expr>();
    let foreign = false;
    const visible: Places = {
      get: v => {
        const p = this.places.get(v);
        return p?.kind === "buffer" && p.writer >= this.position && !values.has(p.ref) ? p.inline : p;
      },
    };
    const s = new KernelScope(visible, (ref, _dtype, linear) => {
        const x = values.get(ref);
        if (x && linear !== place) foreign = true;
        return x;
      }),
      { ops } = s;
    const b = s.loop("b", batch),
      i = s.loop("i", m),
      j = s.loop("j", n),
      l = s.loop("l", k);
    const sums = flat.place(ops, b, i, j),
      place = view ? permuted(ops, view, sums) : sums;
    const row = coefficient(place, i),
      col = coefficient(place, j),
      flipped = view !== undefined && row === 1 && (col !== 1 || products === "plain");
    if (row === undefined || col === undefined || (products === "plain" && view !== undefined && !inOrder(row, col, m))) return undefined;
    const statements: Stmt[] = [],
      store = ({ ref, aval }: Target, value: Expr): void => {
        statements.push({ kind: "store", buf: s.buffer(ref, aval, "write"), index: place, value: ops.convert(value, aval.dtype) });
      };
    values.set(target.ref, s.toStorage(acc, target.aval.dtype));
    if (kept(target.ref) || this.members.length === 0) store(target, acc);
    for (const { e: q, into } of this.members) {
      const shape = q.outs[0]?.aval.shape ?? [],
        results = s.compute(q, unravel(ops, place, shape));
      if (foreign) return undefined;
      into.forEach((t, x) => {
        const value = results[x] as Expr; // one target an output
        values.set(t.ref, value);
        if (kept(t.ref)) store(t, value);
      });
    }
    return { s, flat, b, i, j, l, acc, statements, flipped };
  }
}
/** Most equations of one epilogue. */
const EPILOGUE = 6;
interface Epilogue {
  readonly s: KernelScope;
  readonly flat: Flat;
  readonly b: ExprVar;
  readonly i: ExprVar;
  readonly j: ExprVar;
  readonly l: ExprVar;
  readonly acc: ExprVar;
  readonly statements: readonly Stmt[];
  readonly flipped: boolean;
}
type AnyLaunch = { readonly kernel: Kernel; readonly args: readonly SlotRef[] };

/** Can the generator store rows or columns of sums, contiguous? */
const inOrder = (row: number, col: number, m: number): boolean => col === 1 || (row === 1 && col === m);

/** How a product is laid out: the permutation that shows its result, if that is what it stores, and what counts as batch. */
export interface Layout {
  readonly view: Eqn | undefined;
  readonly split: Split;
}
/** How many leading free dimensions of each operand count as batch dimensions: it may be that an operand or the result is affine in the others alone. */
export interface Split {
  readonly lhs: number;
  readonly rhs: number;
}
const WHOLE: Split = { lhs: 0, rhs: 0 };
/** Fewer rows or columns than this are not worth a product each. */
const LEAST_SIDE = 16;

/** The layout that needs the fewest copies; then one that stores the result as `view` (its only reader) shows it, then the simplest. Operands have their places. */
export function layoutOf(e: Eqn, view: Eqn | undefined, places: Places, products: Products): Layout {
  const readAll = (split: Split): boolean => {
    const { batch, m, n, k, operands } = flatten(e, split),
      s = new KernelScope(places);
    const [b, i, j, l] = [batch, m, n, k].map((d, q) => s.loop(`p${q}`, d)) as [ExprVar, ExprVar, ExprVar, ExprVar]; // four sizes
    const [x, y] = operands(s, b, i, j, l);
    return readable(x, [b, i, l]) && readable(y, [b, l, j]);
  };
  const stored = (split: Split): boolean => view !== undefined && storesAs(e, view, products, split),
    whole = { view: stored(WHOLE) ? view : undefined, split: WHOLE };
  if (products === "fused" || (whole.view === view && readAll(WHOLE))) return whole;
  const better = splits(e).filter(readAll),
    storing = better.find(stored);
  if (storing) return { view, split: storing };
  const [first] = better;
  return first && !readAll(WHOLE) ? { view: undefined, split: first } : whole;
}
/** Splits that leave enough rows and columns. */
function splits(e: Eqn): Split[] {
  const { ms, ns } = dimensions(e),
    counts = (sizes: readonly number[]): number[] => sizes.map((_, d) => d).filter(d => d === 0 || sizeOf(sizes.slice(d)) >= LEAST_SIDE);
  return counts(ms).flatMap(lhs => counts(ns).flatMap(rhs => (lhs + rhs > 0 ? [{ lhs, rhs }] : [])));
}

/** Can a product store its result as `view` shows it? */
function storesAs(e: Eqn, view: Eqn, products: Products, split: Split): boolean {
  const out = view.outs[0];
  if (
    view.prim.lower.kind !== "view" ||
    !out ||
    sizeOf(out.aval.shape) !== sizeOf(e.outs[0]?.aval.shape ?? []) ||
    permutation(view) === undefined
  )
    return false;
  const { batch, m, n, place: sums } = flatten(e, split),
    ops = new IndexOps();
  const [b, i, j] = [batch, m, n].map((d, q) => ops.declare(exprVar(`p${q}`, "i32"), d)) as [ExprVar, ExprVar, ExprVar]; // three sizes
  const place = permuted(ops, view, sums(ops, b, i, j)),
    row = coefficient(place, i),
    col = coefficient(place, j);
  return row !== undefined && col !== undefined && (products === "fused" ? row === 1 || col === 1 : inOrder(row, col, m));
}
/** For each dimension of a view's operand, the dimension of its result that it is; undefined when the view is not a permutation. */
function permutation(view: Eqn): readonly number[] | undefined {
  const { lower } = view.prim,
    shape = view.outs[0]?.aval.shape ?? [],
    source = view.ins[0]?.aval;
  if (lower.kind !== "view" || !source || source.shape.length !== shape.length) return undefined;
  const ops = new IndexOps(),
    index: Expr[] = shape.map((d, q) => ops.declare(exprVar(`o${q}`, "i32"), d)),
    from = lower.source(ops, index, view.params, source);
  const dims = from.map(x => index.indexOf(x));
  return dims.every(d => d >= 0) && new Set(dims).size === shape.length ? dims : undefined;
}
/** The position in a permutation's result of the element that its operand has at `linear`. */
function permuted(ops: IndexOps, view: Eqn, linear: Expr): Expr {
  const dims = permutation(view),
    out = view.outs[0]?.aval.shape ?? [],
    index = unravel(ops, linear, view.ins[0]?.aval.shape ?? []);
  if (!dims) throw new InternalError(`${view.prim.name} is not a permutation`);
  return ravel(
    ops,
    out.map((_, d) => index[dims.indexOf(d)] ?? ops.int(0)),
    out,
  );
}

/** The same for the other dtypes: a fold for each result. */
export function foldContraction(name: string, e: Eqn, places: Places, target: Target): Launch {
  const { batch, m, n, k, dtype, operands } = flatten(e),
    s = new KernelScope(places),
    { ops } = s;
  const row = s.loop("row", batch * m * n),
    l = s.loop("l", k),
    acc = exprVar("acc", dtype),
    p = exprVar("a", dtype),
    q = exprVar("b", dtype);
  const [lhs, rhs] = operands(
    s,
    ops.binary("div", row, ops.int(Math.max(1, m * n))),
    ops.binary("rem", ops.binary("div", row, ops.int(Math.max(1, n))), ops.int(Math.max(1, m))),
    ops.binary("rem", row, ops.int(Math.max(1, n))),
    l,
  );
  const [times, plus] = dtype === "bool" ? (["and", "or"] as const) : (["mul", "add"] as const);
  const { grid, stmts } = inRows(ops, row, batch * m * n, 2 * k, [
    {
      kind: "fold",
      v: l,
      begin: ops.int(0),
      end: ops.int(k),
      folds: [{ acc, init: ops.const(0, dtype) }],
      body: [],
      values: [ops.binary(times, lhs, rhs)],
      a: [p],
      b: [q],
      combine: [ops.binary(plus, p, q)],
    },
    { kind: "store", buf: s.buffer(target.ref, target.aval, "write"), index: row, value: ops.convert(acc, target.aval.dtype) },
  ]);
  return { kernel: { kind: "loop", name, params: s.params, scratch: [], grid, body: stmts }, args: s.args };
}

/** A contraction over flattened indices: sizes, and the operands' elements at (batch, row, column, contracted). */
export interface Flat {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: DType;
  operands(s: KernelScope, b: Expr, i: Expr, j: Expr, l: Expr): readonly [Expr, Expr];
  /** Where the sum at (batch, row, column) is in the result. */
  place(ops: IndexOps, b: Expr, i: Expr, j: Expr): Expr;
}
/** The dimensions of a contraction's operands by what they are for, and their sizes: batch, free of each, contracted. */
function dimensions(e: Eqn) {
  const { lower } = e.prim,
    [x, y] = e.ins;
  if (lower.kind !== "contract" || !x || !y) throw new InternalError(`${e.prim.name} is not a contraction of two operands`);
  const dims = lower.dims(e.params),
    { lhsBatch, rhsBatch, lhsContract, rhsContract } = dims;
  const free = (a: Atom, used: readonly number[]): number[] => a.aval.shape.map((_, d) => d).filter(d => !used.includes(d));
  const lf = free(x, [...lhsBatch, ...lhsContract]),
    rf = free(y, [...rhsBatch, ...rhsContract]);
  const pick = (a: Atom, of: readonly number[]): number[] => of.map(d => a.aval.shape[d] ?? 0);
  return { x, y, ...dims, lf, rf, bs: pick(x, lhsBatch), ms: pick(x, lf), ns: pick(y, rf), ks: pick(x, lhsContract) };
}
/** The product that a contraction is. */
export function flatten(e: Eqn, split: Split = WHOLE): Flat {
  const { x, y, lhsBatch, rhsBatch, lhsContract, rhsContract, lf, rf, bs, ms, ns, ks } = dimensions(e);
  const [mb, mi, nb, nj] = [ms.slice(0, split.lhs), ms.slice(split.lhs), ns.slice(0, split.rhs), ns.slice(split.rhs)],
    batches = [...bs, ...mb, ...nb];
  /** The batch, row and column indices taken apart: batch dimensions, free ones of each operand. */
  const apart = (ops: IndexOps, b: Expr, i: Expr, j: Expr): readonly [readonly Expr[], readonly Expr[], readonly Expr[]] => {
    const at = unravel(ops, b, batches),
      rows = bs.length + mb.length;
    return [at.slice(0, bs.length), [...at.slice(bs.length, rows), ...unravel(ops, i, mi)], [...at.slice(rows), ...unravel(ops, j, nj)]];
  };
  const gather = (s: KernelScope, a: Atom, groups: readonly (readonly [readonly number[], readonly Expr[]])[]): Expr => {
    const index = new Array<Expr>(a.aval.shape.length).fill(s.ops.int(0));
    for (const [dims, at] of groups)
      dims.forEach((d, q) => {
        index[d] = at[q] ?? s.ops.int(0);
      });
    return s.read(a, index);
  };
  return {
    batch: sizeOf(batches),
    m: sizeOf(mi),
    n: sizeOf(nj),
    k: sizeOf(ks),
    dtype: computeDType(e.outs[0]?.aval.dtype ?? "f32"),
    place(ops, b, i, j) {
      const [bi, ii, ji] = apart(ops, b, i, j);
      return ravel(ops, [...bi, ...ii, ...ji], [...bs, ...ms, ...ns]);
    },
    operands(s, b, i, j, l) {
      const [bi, ii, ji] = apart(s.ops, b, i, j),
        ki = unravel(s.ops, l, ks);
      return [
        gather(s, x, [
          [lhsBatch, bi],
          [lf, ii],
          [lhsContract, ki],
        ]),
        gather(s, y, [
          [rhsBatch, bi],
          [rf, ji],
          [rhsContract, ki],
        ]),
      ];
    },
  };
}
/** Can a product read an operand, over its batch, row and column, where it lies? */
const readable = (e: Expr, vars: readonly ExprVar[]): boolean =>
  strided(e, vars.slice(1)) || (e.kind === "load" && !e.guard && separate(e.index, vars) !== undefined);
/** Is `e` one unguarded load with an address affine in `vars`? */
const strided = (e: Expr, vars: readonly ExprVar[]): boolean =>
  e.kind === "load" && !e.guard && vars.every(v => (coefficient(e.index, v) ?? -1) >= 0);
