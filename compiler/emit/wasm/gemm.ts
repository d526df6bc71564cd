// GemmKernel -> functions of the product generator. Operands are plain strided loads (lowering saw to that); their addresses for a batch are evaluated
// from the kernel's own index expressions.
import { InternalError } from "../../../runtime/errors/error.ts";
import type { WasmFeatures } from "../../../runtime/artifact.ts";
import type { GemmKernel } from "../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { coefficient, dependsOn } from "../../lower/indexing.ts";
import { substitute } from "../../lower/reduce.ts";
import type { FuncBuilder, FuncRef, GlobalRef, Local } from "./encoder/function.ts";
import { ExprEmitter } from "./expr.ts";
import { emitGemm } from "./gemm/emit.ts";
import { planGemm } from "./gemm/plan.ts";
import type { StridedSource } from "./gemm/spec.ts";
import type { KernelContext } from "./loops.ts";
import { elementBytes } from "./types.ts";

/** One launch of a product: its function (args, begin, end) and grid. */
export interface GemmLaunch { readonly func: FuncRef; readonly extent: number }
/** A product's launches in order, and the memory they want. The argument block is the kernel's parameters, then the address of `shared` bytes. */
export interface GemmProgram { readonly launches: readonly GemmLaunch[]; readonly shared: number; readonly perThread: number }

/** Add a product to the module. `args` is a mutable global: the argument block of the running launch. */
export function emitProduct(c: KernelContext, k: GemmKernel, features: WasmFeatures, args: GlobalRef): GemmProgram {
  const { b, i, j, l } = k.vars, [store] = k.epilogue;
  if ((k.dtype !== "f32" && k.dtype !== "f64") || store?.kind !== "store") throw new InternalError(`${k.name}: not a plain floating-point product`);
  const plan = planGemm({ dtype: k.dtype, batch: k.batch, m: k.m, n: k.n, k: k.k, a: source(c, k, k.lhs, b, i, l, args), b: source(c, k, k.rhs, b, l, j, args), out: { kind: "plain", base: address(c, k, store.buf, atOrigin(store.index, [i, j]), b, args) } }, features);
  const shared = (f: FuncBuilder): void => { f.getGlobal(args).mem("i32.load", 4 * k.params.length); };
  const { pack, main } = emitGemm(c.module, k.name, plan, { shared, perThread: f => { f.getGlobal(c.scratch); } });
  const wrap = (inner: FuncRef, suffix: string): FuncRef => {
    const f = c.module.func(`${k.name}${suffix}`, ["i32", "i32", "i32"]);
    f.get(f.param(0)).setGlobal(args).get(f.param(1)).get(f.param(2)).call(inner);
    return f;
  };
  const launches = [...(pack ? [{ func: wrap(pack, ".pack.args"), extent: plan.packGrid }] : []), { func: wrap(main, ".args"), extent: plan.gemmGrid }];
  return { launches, shared: plan.scratchShared, perThread: plan.scratchPerThread };
}

function source(c: KernelContext, k: GemmKernel, e: Expr, b: ExprVar, row: ExprVar, col: ExprVar, args: GlobalRef): StridedSource {
  if (e.kind !== "load") throw new InternalError(`${k.name}: an operand is not a load`);
  return { kind: "strided", batched: dependsOn(e.index, b), row: coefficient(e.index, row) ?? 0, col: coefficient(e.index, col) ?? 0, base: address(c, k, e.buf, atOrigin(e.index, [row, col]), b, args) };
}
/** An index with some variables 0. */
const atOrigin = (index: Expr, vars: readonly ExprVar[]): Expr => substitute(index, new Map<Expr, Expr>(vars.map(v => [v, { kind: "const", dtype: "i32", value: 0 }])));
/** Pushes the byte address of element `index` for a batch. */
function address(c: KernelContext, k: GemmKernel, buf: number, index: Expr, b: ExprVar, args: GlobalRef): (f: FuncBuilder, batch: Local) => void {
  const bytes = elementBytes(k.params[buf]?.dtype ?? "f32");
  return (f, batch) => {
    const e = new ExprEmitter(f, [], c.half, c.host, c.fma);
    e.bindVar(b, batch);
    f.get(e.scalar(index)).i32(Math.log2(bytes)).op("i32.shl").getGlobal(args).mem("i32.load", 4 * buf).op("i32.add");
  };
}
