// A contraction becomes a matrix product over flattened batch, row, column and contracted indices. Transposes and other re-indexings of the operands
// stay expressions; an operand whose address is not affine in those four is copied first.
import { computeDType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import { sizeOf } from "../ir/aval.ts";
import type { Atom, Eqn } from "../ir/func.ts";
import type { GemmKernel } from "../ir/kernel.ts";
import { exprVar, type Expr, type ExprVar } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { coefficient, unravel } from "./indexing.ts";
import { KernelScope, type Places } from "./scope.ts";
import type { Target } from "./reduce.ts";

/** The product that `e` means, its result row-major in `target`. `force` is asked to put an operand in memory when it cannot be read in place. */
export function gemmKernel(name: string, e: Eqn, places: Places, target: Target, force: (a: Atom) => void): { readonly kernel: GemmKernel; readonly args: readonly SlotRef[] } {
  const { lower } = e.prim, [x, y] = e.ins;
  if (lower.kind !== "contract" || !x || !y) throw new InternalError(`${e.prim.name} is not a contraction of two operands`);
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = lower.dims(e.params);
  const free = (a: Atom, used: readonly number[]): number[] => a.aval.shape.map((_, d) => d).filter(d => !used.includes(d));
  const lf = free(x, [...lhsBatch, ...lhsContract]), rf = free(y, [...rhsBatch, ...rhsContract]);
  const pick = (a: Atom, dims: readonly number[]): number[] => dims.map(d => a.aval.shape[d] ?? 0);
  const bs = pick(x, lhsBatch), ms = pick(x, lf), ns = pick(y, rf), ks = pick(x, lhsContract);
  const batch = sizeOf(bs), m = sizeOf(ms), n = sizeOf(ns), k = sizeOf(ks), dtype = computeDType(e.outs[0]?.aval.dtype ?? "f32");
  for (let attempt = 0; ; attempt++) {
    const s = new KernelScope(places), { ops } = s;
    const b = s.loop("b", batch), i = s.loop("i", m), j = s.loop("j", n), l = s.loop("l", k), acc = exprVar("acc", dtype);
    const bi = unravel(ops, b, bs), mi = unravel(ops, i, ms), ni = unravel(ops, j, ns), ki = unravel(ops, l, ks);
    const index = (a: Atom, groups: readonly (readonly [readonly number[], readonly Expr[]])[]): Expr[] => {
      const out = new Array<Expr>(a.aval.shape.length).fill(ops.int(0));
      for (const [dims, at] of groups) dims.forEach((d, q) => { out[d] = at[q] ?? ops.int(0); });
      return out;
    };
    const lhs = s.read(x, index(x, [[lhsBatch, bi], [lf, mi], [lhsContract, ki]])), rhs = s.read(y, index(y, [[rhsBatch, bi], [rf, ni], [rhsContract, ki]]));
    const fits = [strided(lhs, [i, l]), strided(rhs, [l, j])];
    if (attempt === 0 && fits.includes(false)) {
      if (!fits[0]) force(x);
      if (!fits[1]) force(y);
      continue;
    }
    const at = ops.binary("add", ops.binary("mul", ops.binary("add", ops.binary("mul", b, ops.int(m)), i), ops.int(n)), j);
    const epilogue = [{ kind: "store", buf: s.buffer(target.ref, target.aval, "write"), index: at, value: ops.convert(acc, target.aval.dtype) }] as const;
    return { kernel: { kind: "gemm", name, params: s.params, batch, m, n, k, dtype, vars: { b, i, j, l, acc }, lhs, rhs, epilogue }, args: s.args };
  }
}
/** Is `e` one unguarded load with an address affine in `vars`? */
const strided = (e: Expr, vars: readonly ExprVar[]): boolean => e.kind === "load" && !e.guard && vars.every(v => (coefficient(e.index, v) ?? -1) >= 0);
