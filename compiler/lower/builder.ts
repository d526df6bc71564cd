// The KernelBuilder that authors of "kernel" lowerings write with: statements are collected as they are called for; each grid is one kernel.
import { computeDType, type DType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import { sizeOf, stridesOf, type Aval } from "../ir/aval.ts";
import type { Eqn } from "../ir/func.ts";
import type { Lowering } from "../ir/primitive.ts";
import type { BufRef, Form, FormKernel, KernelBuilder, KernelParam, LoopKernel, Scratch, Stmt } from "../ir/kernel.ts";
import { exprVar, scalarOps, type Expr, type ExprVar } from "../ir/scalar.ts";

/** An operand: its type, and the value of all of its elements where they are no memory. */
export type Given = Aval & { readonly value?: number | undefined };
/** The buffers of operands and results: memory is numbered in order, values have none. */
export function buffersOf(
  ins: readonly Given[],
  outs: readonly Aval[],
): { readonly ins: readonly BufRef[]; readonly outs: readonly BufRef[] } {
  let next = 0;
  const ref = ({ dtype, shape, value }: Given): BufRef =>
    value === undefined ? { buf: next++, dtype, shape } : { buf: -1, dtype, shape, value };
  return { ins: ins.map(ref), outs: outs.map(ref) };
}
/** Run an author's `build` on operands and results of these types: one kernel a grid, all with the same parameters (operands that are memory, then results). */
export function buildKernels(
  name: string,
  build: (b: KernelBuilder, ins: readonly BufRef[], outs: readonly BufRef[]) => void,
  ins: readonly Given[],
  outs: readonly Aval[],
): LoopKernel[] {
  const all = [...ins.filter(x => x.value === undefined), ...outs],
    buffers = buffersOf(ins, outs);
  const params = (written: ReadonlySet<number>, read: ReadonlySet<number>): KernelParam[] =>
    all.map((a, i) => ({ dtype: a.dtype, elements: sizeOf(a.shape), access: !written.has(i) ? "read" : read.has(i) ? "update" : "write" }));
  const kernels: LoopKernel[] = [];
  let block: Stmt[] | undefined,
    scratch: Scratch[] = [],
    written = new Set<number>(),
    read = new Set<number>();
  const push = (s: Stmt): void => {
    if (!block) throw new InternalError(`${name}: statements belong inside grid()`);
    block.push(s);
  };
  const nested = (body: () => void): Stmt[] => {
    const before = block,
      mine: Stmt[] = [];
    block = mine;
    body();
    block = before;
    return mine;
  };
  const s = scalarOps;
  const b: KernelBuilder = {
    s,
    int: n => s.const(n, "i32"),
    at: (x, index) => {
      const strides = stridesOf(x.shape);
      return index.reduce<Expr>(
        (sum, ix, d) => s.binary("add", sum, s.binary("mul", ix, s.const(strides[d] ?? 0, "i32"))),
        s.const(0, "i32"),
      );
    },
    load(x, index) {
      if (x.value !== undefined) return s.const(x.value, computeDType(x.dtype));
      read.add(x.buf);
      return { kind: "load", dtype: computeDType(x.dtype), buf: x.buf, index };
    },
    store(x, index, value, guard) {
      written.add(x.buf);
      push({ kind: "store", buf: x.buf, index, value: s.convert(value, x.dtype), ...(guard ? { guard } : {}) });
    },
    scratch(dtype: DType, elements) {
      scratch.push({ dtype, elements });
      return { buf: all.length + scratch.length - 1, dtype, shape: [elements] };
    },
    let(label, value) {
      const v = exprVar(label, value.dtype);
      push({ kind: "let", v, value });
      return v;
    },
    set(v: ExprVar, value) {
      push({ kind: "set", v, value });
    },
    for(label, begin, end, body, options = {}) {
      const v = exprVar(label, "i32");
      push({ kind: "for", v, begin, end, parallel: options.parallel ?? false, body: nested(() => body(v)) });
    },
    while(cond, body) {
      push({ kind: "while", cond, body: nested(body) });
    },
    if(cond, then, otherwise) {
      push({ kind: "if", cond, yes: nested(then), no: otherwise ? nested(otherwise) : [] });
    },
    grid(extent, cost, body) {
      scratch = [];
      written = new Set();
      read = new Set();
      const v = exprVar("item", "i32"),
        stmts = nested(() => body(v));
      kernels.push({
        kind: "loop",
        name: kernels.length === 0 ? name : `${name}_${kernels.length}`,
        params: params(written, read),
        scratch,
        grid: { v, extent, cost },
        body: stmts,
      });
    },
  };
  build(b, buffers.ins, buffers.outs);
  return kernels;
}
/** The kernels of an equation whose meaning its author wrote: one that knows its `form` when the backend is told that, else the loops. */
export function authorKernels(
  name: string,
  lower: Extract<Lowering, { kind: "kernel" }>,
  e: Eqn,
  ins: readonly Given[],
  form: Form | undefined,
): readonly (FormKernel | LoopKernel)[] {
  const outs = e.outs.map(v => v.aval),
    loops = buildKernels(name, (b, bi, bo) => lower.build(b, bi, bo, e.params), ins, outs);
  if (loops.length === 0 || !form) return loops;
  const memory = [...ins.filter(x => x.value === undefined), ...outs];
  const params = memory.map((a, i): KernelParam => ({
    dtype: a.dtype,
    elements: sizeOf(a.shape),
    access: i < memory.length - outs.length ? "read" : "update",
  }));
  return [{ kind: "form", name, form, params, loops, ...buffersOf(ins, outs) }];
}
