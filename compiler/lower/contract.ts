// A contraction becomes a matrix product over flattened batch, row, column and contracted indices. Transposes and other re-indexings of the operands
// stay expressions; an operand whose address is not affine in those four is copied first.
import { computeDType, type DType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import { sizeOf, type Aval } from "../ir/aval.ts";
import type { Atom, Eqn } from "../ir/func.ts";
import type { GemmKernel } from "../ir/kernel.ts";
import { exprVar, type Expr, type ExprVar } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { coefficient, ravel, unravel } from "./indexing.ts";
import { elementKernel, inRows, type Launch } from "./loops.ts";
import { KernelScope, type Places } from "./scope.ts";
import type { Target } from "./reduce.ts";

/** Can the product generator take it? Its operands and result are f32 or f64. */
export const isProduct = (e: Eqn): boolean => [...e.ins, ...e.outs].every(a => a.aval.dtype === e.outs[0]?.aval.dtype) && (e.outs[0]?.aval.dtype === "f32" || e.outs[0]?.aval.dtype === "f64");

/** The product that `e` means, its result row-major in `target`, after the copies of operands that cannot be read in place. `fresh` makes temporary memory. */
export function productKernels(name: string, e: Eqn, places: Places, target: Target, fresh: (a: Aval) => SlotRef): readonly (Launch | { readonly kernel: GemmKernel; readonly args: readonly SlotRef[] })[] {
  const { batch, m, n, k, dtype, operands } = flatten(e), s = new KernelScope(places), { ops } = s, copies: Launch[] = [];
  const b = s.loop("b", batch), i = s.loop("i", m), j = s.loop("j", n), l = s.loop("l", k), acc = exprVar("acc", dtype);
  const probe = new KernelScope(places), at = (sizes: readonly number[]): ExprVar[] => sizes.map((d, q) => probe.loop(`p${q}`, d));
  const [pb, pi, pj, pl] = at([batch, m, n, k]) as [ExprVar, ExprVar, ExprVar, ExprVar]; // four sizes
  const tried = operands(probe, pb, pi, pj, pl);
  /** Operand `side` over its row and column: in place where its address is affine in them, else copied to [batch, rows, columns]. */
  const read = (side: 0 | 1, vars: readonly [ExprVar, ExprVar], probed: readonly ExprVar[], sizes: readonly [number, number]): Expr => {
    if (strided(tried[side], probed)) return operands(s, b, i, j, l)[side];
    const a: Aval = { dtype, shape: [batch, ...sizes] }, ref = fresh(a);
    copies.push(elementKernel(`${name}_${side === 0 ? "lhs" : "rhs"}`, places, a.shape, 2, (c, [cb, cr, cc]) => {
      const zero = c.ops.int(0), [row, col] = [cr ?? zero, cc ?? zero];
      return [{ ref, aval: a, value: (side === 0 ? operands(c, cb ?? zero, row, zero, col) : operands(c, cb ?? zero, zero, col, row))[side] }];
    }));
    return ops.load(s.buffer(ref, a, "read"), dtype, ravel(ops, [b, ...vars], a.shape));
  };
  const lhs = read(0, [i, l], [pi, pl], [m, k]), rhs = read(1, [l, j], [pl, pj], [k, n]);
  const index = ravel(ops, [b, i, j], [batch, m, n]);
  const epilogue = [{ kind: "store", buf: s.buffer(target.ref, target.aval, "write"), index, value: ops.convert(acc, target.aval.dtype) }] as const;
  return [...copies, { kernel: { kind: "gemm", name, params: s.params, batch, m, n, k, dtype, vars: { b, i, j, l, acc }, lhs, rhs, epilogue }, args: s.args }];
}

/** The same for the other dtypes: a fold for each result. */
export function foldContraction(name: string, e: Eqn, places: Places, target: Target): Launch {
  const { batch, m, n, k, dtype, operands } = flatten(e), s = new KernelScope(places), { ops } = s;
  const row = s.loop("row", batch * m * n), l = s.loop("l", k), acc = exprVar("acc", dtype), p = exprVar("a", dtype), q = exprVar("b", dtype);
  const [lhs, rhs] = operands(s, ops.binary("div", row, ops.int(Math.max(1, m * n))), ops.binary("rem", ops.binary("div", row, ops.int(Math.max(1, n))), ops.int(Math.max(1, m))), ops.binary("rem", row, ops.int(Math.max(1, n))), l);
  const [times, plus] = dtype === "bool" ? (["and", "or"] as const) : (["mul", "add"] as const);
  const { grid, stmts } = inRows(ops, row, batch * m * n, 2 * k, [
    { kind: "fold", v: l, begin: ops.int(0), end: ops.int(k), folds: [{ acc, init: ops.const(0, dtype) }], body: [], values: [ops.binary(times, lhs, rhs)], a: [p], b: [q], combine: [ops.binary(plus, p, q)] },
    { kind: "store", buf: s.buffer(target.ref, target.aval, "write"), index: row, value: ops.convert(acc, target.aval.dtype) },
  ]);
  return { kernel: { kind: "loop", name, params: s.params, scratch: [], grid, body: stmts }, args: s.args };
}

/** A contraction over flattened indices: sizes, and the operands' elements at (batch, row, column, contracted). */
interface Flat { readonly batch: number; readonly m: number; readonly n: number; readonly k: number; readonly dtype: DType; operands(s: KernelScope, b: Expr, i: Expr, j: Expr, l: Expr): readonly [Expr, Expr] }
function flatten(e: Eqn): Flat {
  const { lower } = e.prim, [x, y] = e.ins;
  if (lower.kind !== "contract" || !x || !y) throw new InternalError(`${e.prim.name} is not a contraction of two operands`);
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = lower.dims(e.params);
  const free = (a: Atom, used: readonly number[]): number[] => a.aval.shape.map((_, d) => d).filter(d => !used.includes(d));
  const lf = free(x, [...lhsBatch, ...lhsContract]), rf = free(y, [...rhsBatch, ...rhsContract]);
  const pick = (a: Atom, dims: readonly number[]): number[] => dims.map(d => a.aval.shape[d] ?? 0);
  const bs = pick(x, lhsBatch), ms = pick(x, lf), ns = pick(y, rf), ks = pick(x, lhsContract);
  const gather = (s: KernelScope, a: Atom, groups: readonly (readonly [readonly number[], readonly Expr[]])[]): Expr => {
    const index = new Array<Expr>(a.aval.shape.length).fill(s.ops.int(0));
    for (const [dims, at] of groups) dims.forEach((d, q) => { index[d] = at[q] ?? s.ops.int(0); });
    return s.read(a, index);
  };
  return {
    batch: sizeOf(bs), m: sizeOf(ms), n: sizeOf(ns), k: sizeOf(ks), dtype: computeDType(e.outs[0]?.aval.dtype ?? "f32"),
    operands(s, b, i, j, l) {
      const bi = unravel(s.ops, b, bs), ki = unravel(s.ops, l, ks);
      return [gather(s, x, [[lhsBatch, bi], [lf, unravel(s.ops, i, ms)], [lhsContract, ki]]), gather(s, y, [[rhsBatch, bi], [rf, unravel(s.ops, j, ns)], [rhsContract, ki]])];
    },
  };
}
/** Is `e` one unguarded load with an address affine in `vars`? */
const strided = (e: Expr, vars: readonly ExprVar[]): boolean => e.kind === "load" && !e.guard && vars.every(v => (coefficient(e.index, v) ?? -1) >= 0);
