// GemmKernel -> functions of the product generator. Operands that are plain loads at affine positions are read in place, those at separable positions are
// gathered (gather.ts), others are computed while they are packed; sums that are only stored are stored by the generator, others run through the epilogue (fused.ts).
import { InternalError } from "../../../runtime/errors/error.ts";
import type { WasmFeatures } from "../../../runtime/artifact.ts";
import type { GemmKernel } from "../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { coefficient, dependsOn } from "../../lower/indexing.ts";
import { substitute } from "../../ir/exprs.ts";
import type { FuncBuilder, FuncRef, GlobalRef, Local } from "./encoder/function.ts";
import { ExprEmitter } from "./expr.ts";
import { fusedOutput, fusedSource, type Fused } from "./fused.ts";
import { emitGemm } from "./gemm/emit.ts";
import { planGemm } from "./gemm/plan.ts";
import type { GemmSpec, MatrixSource } from "./gemm/spec.ts";
import type { KernelContext } from "./loops.ts";
import { prepare } from "../../lower/prepare.ts";
import { elementBytes } from "./types.ts";
import { Tables } from "./gather.ts";
import { isFlat } from "./vectors.ts";

/** One launch of a product: its function (args, begin, end) and grid. */
export interface GemmLaunch {
  readonly func: FuncRef;
  readonly extent: number;
}
/** A product's launches in order, and the memory they want. The argument block is the kernel's parameters, then the address of `shared` bytes. */
export interface GemmProgram {
  readonly launches: readonly GemmLaunch[];
  readonly shared: number;
  readonly perThread: number;
}

/** Add a product to the module. `args` is a mutable global: the argument block of the running launch. */
export function emitProduct(c: KernelContext, k: GemmKernel, features: WasmFeatures, args: GlobalRef): GemmProgram {
  const { i, j, l } = k.vars,
    p: Fused = { c, k, args };
  if (k.dtype !== "f32" && k.dtype !== "f64") throw new InternalError(`${k.name}: not a floating-point product`);
  const shared = (f: FuncBuilder): void => {
    f.getGlobal(args).mem("i32.load", 4 * k.params.length);
  };
  const tables = new Tables(c, f => {
    shared(f);
    f.plus(plan.scratchShared);
  });
  const a = source(p, k.lhs, { row: i, col: l, rows: k.m, cols: k.k }, tables),
    b = source(p, k.rhs, { row: l, col: j, rows: k.k, cols: k.n }, tables);
  const plan = planGemm({ dtype: k.dtype, batch: k.batch, m: k.m, n: k.n, k: k.k, a, b, out: output(p) }, features);
  const { pack, main } = emitGemm(c.module, k.name, plan, {
    shared,
    perThread: f => {
      f.getGlobal(c.scratch);
    },
  });
  const wrap = (inner: FuncRef, suffix: string): FuncRef => {
    const f = c.module.func(`${k.name}${suffix}`, ["i32", "i32", "i32"]);
    f.get(f.param(0)).setGlobal(args).get(f.param(1)).get(f.param(2)).call(inner);
    return f;
  };
  const launches = [
    ...(tables.count > 0 ? [{ func: wrap(tables.emit(`${k.name}.tables`), ".tables.args"), extent: tables.count }] : []),
    ...(pack ? [{ func: wrap(pack, ".pack.args"), extent: plan.packGrid }] : []),
    { func: wrap(main, ".args"), extent: plan.gemmGrid },
  ];
  return { launches, shared: plan.scratchShared + tables.size, perThread: plan.scratchPerThread };
}

/** The axes of an operand. */
interface Axes {
  readonly row: ExprVar;
  readonly col: ExprVar;
  readonly rows: number;
  readonly cols: number;
}
function source(p: Fused, e: Expr, axes: Axes, tables: Tables): MatrixSource {
  const { k } = p,
    { row, col } = axes,
    rows = e.kind === "load" ? coefficient(e.index, row) : undefined,
    cols = e.kind === "load" ? coefficient(e.index, col) : undefined;
  if (
    e.kind === "load" &&
    !e.guard &&
    k.params[e.buf]?.dtype === k.dtype &&
    rows !== undefined &&
    cols !== undefined &&
    rows >= 0 &&
    cols >= 0
  ) {
    return {
      kind: "strided",
      batched: dependsOn(e.index, k.vars.b),
      row: rows,
      col: cols,
      base: address(p, e.buf, atOrigin(e.index, [row, col])),
    };
  }
  if (e.kind === "load" && !e.guard && k.params[e.buf]?.dtype === k.dtype) {
    const bytes = elementBytes(k.dtype),
      { buf } = e;
    const gathered = tables.source(
      { ...axes, index: e.index, bytes, batch: k.vars.b, address: index => address(p, buf, index) },
      16 / bytes,
    );
    if (gathered) return gathered;
  }
  const [ready] = prepare([{ kind: "let", v: k.vars.acc, value: e }]);
  if (ready?.kind !== "let") throw new InternalError(`${k.name}: an operand has no value`);
  return fusedSource(p, ready.value, row, col);
}
function output(p: Fused): GemmSpec["out"] {
  const { k } = p,
    { i, j, acc } = k.vars,
    body = prepare(k.epilogue),
    [only] = body;
  if (!isFlat(body)) throw new InternalError(`${k.name}: an epilogue is a straight line`);
  if (
    body.length === 1 &&
    only?.kind === "store" &&
    !only.guard &&
    only.value.kind === "var" &&
    only.value.id === acc.id &&
    k.params[only.buf]?.dtype === k.dtype
  ) {
    const row = coefficient(only.index, i),
      col = coefficient(only.index, j);
    if (row !== undefined && col !== undefined && row >= 0 && col >= 0)
      return { kind: "plain", strides: { row, col }, base: address(p, only.buf, atOrigin(only.index, [i, j])) };
  }
  return fusedOutput(p, body);
}
/** An index with some variables 0. */
export const atOrigin = (index: Expr, vars: readonly ExprVar[]): Expr =>
  substitute(index, new Map<Expr, Expr>(vars.map(v => [v, { kind: "const", dtype: "i32", value: 0 }])));
const address = ({ c, k, args }: Fused, buf: number, index: Expr): ((f: FuncBuilder, batch: Local) => void) =>
  pushAddress({ c, params: k.params, args, batch: k.vars.b }, buf, index);
/** Whose parameters, found through which argument block, and which variable counts matrices. */
export interface Addressed {
  readonly c: KernelContext;
  readonly params: GemmKernel["params"];
  readonly args: GlobalRef;
  readonly batch: ExprVar;
}
/** Pushes the byte address of element `index` of a buffer for a batch. */
export function pushAddress({ c, params, args, batch: v }: Addressed, buf: number, index: Expr): (f: FuncBuilder, batch: Local) => void {
  const bytes = elementBytes(params[buf]?.dtype ?? "f32");
  return (f, batch) => {
    const e = new ExprEmitter(f, [], c.routines, c.fma);
    e.bindVar(v, batch);
    f.get(e.scalar(index))
      .times(bytes)
      .getGlobal(args)
      .mem("i32.load", 4 * buf)
      .op("i32.add");
  };
}
