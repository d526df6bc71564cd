// Loop kernels on plain arrays: bounds-checked, one statement at a time. The reference evaluator runs authors' kernels with it.
import { InternalError, unreachable } from "../../runtime/errors/error.ts";
import type { Aval } from "../ir/aval.ts";
import { sizeOf } from "../ir/aval.ts";
import type { AttentionKernel, BufRef, GemmKernel, Kernel, KernelBuilder, LoopKernel, Stmt } from "../ir/kernel.ts";
import type { Expr } from "../ir/scalar.ts";
import { buildKernels } from "../lower/builder.ts";
import { runAttention } from "./attention.ts";
import { evaluateNode, type Reads } from "./expr.ts";
import { round } from "./scalar.ts";

/** A tensor's numbers with its type. */
interface Numbers extends Aval {
  readonly data: Float64Array;
}

/** Results of an author's kernel on `ins`. */
export function runAuthorKernel(
  name: string,
  build: (b: KernelBuilder, ins: readonly BufRef[], outs: readonly BufRef[]) => void,
  ins: readonly Numbers[],
  outs: readonly Aval[],
): Numbers[] {
  const results = outs.map(o => ({ dtype: o.dtype, shape: o.shape, data: new Float64Array(sizeOf(o.shape)) }));
  for (const k of buildKernels(name, build, ins, outs))
    runKernel(
      k,
      [...ins, ...results].map(x => x.data),
    );
  return results;
}

/** Run a kernel on its parameters. @throws InternalError on any access out of bounds */
export function runKernel(k: LoopKernel, params: readonly Float64Array[]): void {
  for (let item = 0; item < k.grid.extent; item++) {
    const run = new Run(k, [...params, ...k.scratch.map(s => new Float64Array(s.elements).fill(NaN))]);
    run.vars.set(k.grid.v.id, item);
    run.block(k.body);
  }
}

/** Run a product on its parameters: sums in order, rounded at the end. @throws InternalError on any access out of bounds */
export function runGemm(k: GemmKernel, params: readonly Float64Array[]): void {
  const { b, i, j, l, acc } = k.vars;
  for (let at = 0, n = k.batch * k.m * k.n; at < n; at++) {
    const run = new Run(k, params);
    run.vars
      .set(b.id, Math.floor(at / (k.m * k.n)))
      .set(i.id, Math.floor(at / k.n) % k.m)
      .set(j.id, at % k.n);
    let sum = 0;
    for (let q = 0; q < k.k; q++) {
      run.vars.set(l.id, q);
      sum += run.fresh(k.lhs) * run.fresh(k.rhs);
    }
    run.vars.set(acc.id, round(k.dtype, sum));
    run.block(k.epilogue);
  }
}

/** Run attention on its parameters. @throws InternalError on any access out of bounds */
export function runHeads(k: AttentionKernel, params: readonly Float64Array[]): void {
  const run = new Run(k, params);
  runAttention(k, params, (e, vars) => {
    vars.forEach((v, id) => run.vars.set(id, v));
    return run.fresh(e);
  });
}

class Run {
  readonly vars: Map<number, number> = new Map();
  private readonly kernel: Kernel;
  private readonly bufs: readonly Float64Array[];
  private memo = new Map<Expr, number>();
  private readonly reads: Reads;
  constructor(kernel: Kernel, bufs: readonly Float64Array[]) {
    this.kernel = kernel;
    this.reads = {
      kernel: kernel.name,
      value: e => this.value(e),
      variables: this.vars,
      load: (b, index) => {
        const { buf, at } = this.element(b, index);
        return buf[at] ?? NaN;
      },
    };
    this.bufs = bufs;
  }

  /** The value of `e` with the variables as they are now. */
  fresh(e: Expr): number {
    this.memo = new Map();
    return this.value(e);
  }
  block(stmts: readonly Stmt[]): void {
    for (const s of stmts) {
      this.memo = new Map();
      this.statement(s);
    }
  }
  private statement(s: Stmt): void {
    switch (s.kind) {
      case "let":
      case "set":
        this.vars.set(s.v.id, this.value(s.value));
        break;
      case "store": {
        if (s.guard && this.value(s.guard) === 0) break;
        const { buf, at } = this.element(s.buf, s.index);
        buf[at] = round(
          [...this.kernel.params, ...(this.kernel.kind === "loop" ? this.kernel.scratch : [])][s.buf]?.dtype ?? "f64",
          this.value(s.value),
        );
        break;
      }
      case "for":
        for (let i = this.value(s.begin), end = this.value(s.end); i < end; i++) {
          this.vars.set(s.v.id, i);
          this.block(s.body);
        }
        break;
      case "fold": {
        for (const { acc, init } of s.folds) this.vars.set(acc.id, this.value(init));
        for (let i = this.value(s.begin), end = this.value(s.end); i < end; i++) {
          this.vars.set(s.v.id, i);
          this.block(s.body);
          this.memo = new Map();
          const values = s.values.map(v => this.value(v));
          s.folds.forEach(({ acc }, k) => {
            this.vars.set(s.a[k]?.id ?? -1, this.vars.get(acc.id) ?? NaN);
            this.vars.set(s.b[k]?.id ?? -1, values[k] ?? NaN);
          });
          this.memo = new Map();
          const next = s.combine.map(c => this.value(c));
          s.folds.forEach(({ acc }, k) => this.vars.set(acc.id, next[k] ?? NaN));
          this.memo = new Map();
        }
        break;
      }
      case "while":
        for (;;) {
          this.memo = new Map();
          if (this.value(s.cond) === 0) break;
          this.block(s.body);
        }
        break;
      case "if":
        this.block(this.value(s.cond) !== 0 ? s.yes : s.no);
        break;
      default:
        unreachable(s);
    }
  }
  private element(b: number, index: Expr): { readonly buf: Float64Array; readonly at: number } {
    const buf = this.bufs[b],
      at = this.value(index);
    if (!buf || !(at >= 0 && at < buf.length))
      throw new InternalError(`${this.kernel.name} touches element ${at} of buffer ${b}, which has ${buf?.length ?? 0}`);
    return { buf, at };
  }
  private value(e: Expr): number {
    const known = this.memo.get(e);
    if (known !== undefined) return known;
    const v = evaluateNode(e, this.reads);
    this.memo.set(e, v);
    return v;
  }
}
