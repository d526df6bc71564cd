// Row fusion: folds over the trailing part of an index space and the element-wise work before and after them, in one kernel whose items are rows. A
// row's loops run one after another: each member takes the first loop in which what it reads is there. What only this kernel reads stays in scratch.
import { byteSize, computeDType, type DType } from "../../runtime/dtype.ts";
import { sizeOf, type Shape } from "../ir/aval.ts";
import type { Eqn } from "../ir/func.ts";
import type { LoopKernel, Scratch, Stmt } from "../ir/kernel.ts";
import { exprVar, type Expr, type ExprVar } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { unravel } from "./indexing.ts";
import { affineIn, inRows, type Launch } from "./loops.ts";
import type { Target } from "./reduce.ts";
import { mapBuffers } from "./statements.ts";
import { KernelScope, type Places } from "./scope.ts";

/** An index space cut in two: `rows` times `n` elements, row-major. */
export interface RowSplit {
  readonly rows: number;
  readonly n: number;
}
/** An equation (a `map`, `view`, `index` or `reduce`) whose outputs the kernel computes, and the memory each would have. */
export interface Member {
  readonly e: Eqn;
  readonly into: readonly Target[];
}

/** A row kept in scratch takes at most this much. */
const SCRATCH = 64 * 1024;
/** The row split of a reduction over trailing axes; undefined when its axes are not trailing or there is nothing to gain. */
export function splitOf(e: Eqn): RowSplit | undefined {
  const { lower } = e.prim;
  if (lower.kind !== "reduce") return undefined;
  const shape = e.ins[0]?.aval.shape ?? [],
    axes = lower.axes(e.params),
    long = shape.map((_, d) => d).filter(d => shape[d] !== 1);
  const reduced = long.filter(d => axes.includes(d)),
    kept = long.filter(d => !axes.includes(d));
  if (reduced.length === 0 || reduced.some(d => kept.some(q => q > d))) return undefined;
  const n = sizeOf(reduced.map(d => shape[d] ?? 0)),
    rows = sizeOf(kept.map(d => shape[d] ?? 0));
  return n > 1 && rows > 0 ? { rows, n } : undefined;
}

/** Thrown where a value is not there yet, or belongs to another row. One object: its stack does not matter. */
const absent = new Error("absent");
/** A value computed by this kernel. Loop k runs at time 2k + 1, what is computed once a row between loops k - 1 and k at time 2k. */
type Local =
  | { readonly kind: "row"; readonly from: number; readonly value: Expr }
  | { readonly kind: "full"; readonly loop: number; readonly value: Expr; readonly linear: Expr; readonly target: Target };
/** One fold of a row: `total` (one variable an accumulator) starts at `init`; see `Stmt`. */
export interface FoldPart {
  readonly total: readonly ExprVar[];
  readonly init: readonly Expr[];
  readonly values: readonly Expr[];
  readonly a: readonly ExprVar[];
  readonly b: readonly ExprVar[];
  readonly combine: readonly Expr[];
}
/** A loop over a row's elements. */
export interface Loop {
  readonly kind: "fold" | "store";
  readonly j: ExprVar;
  readonly folds: FoldPart[];
  readonly stores: { readonly target: Target; readonly value: Expr }[];
}
/** A name for a value that is computed once a row. */
export interface Let {
  readonly v: ExprVar;
  readonly value: Expr;
}

/** What a row's kernel is made of: before loop k `lets[k]` and the stores that are `at` k, after the last loop those that are left. `place`: where element `linear` of a full value is. */
export interface RowParts {
  readonly split: RowSplit;
  readonly scope: KernelScope;
  readonly rowVar: ExprVar;
  readonly loops: readonly Loop[];
  readonly lets: readonly (readonly Let[])[];
  readonly stores: readonly { readonly at: number; readonly target: Target; readonly value: Expr }[];
  readonly kept: (ref: SlotRef) => boolean;
  readonly place: (target: Target, j: Expr) => { readonly buf: number; readonly at: Expr };
}

/** A kernel over rows that is being filled, member by member. `kept(ref)`: is that memory read by anybody else? */
export class RowKernel {
  readonly split: RowSplit;
  readonly members: Member[] = [];
  private readonly scope: KernelScope;
  private readonly rowVar: ExprVar;
  private readonly row: Expr;
  private readonly kept: (ref: SlotRef) => boolean;
  private readonly apart: boolean;
  private readonly loops: Loop[] = [];
  private readonly lets: Let[][] = [[]];
  private readonly stores: { readonly at: number; readonly target: Target; readonly value: Expr }[] = [];
  private readonly locals = new Map<SlotRef, Local>();
  private readonly scratch: (Scratch & { readonly ref: SlotRef })[] = [];

  /** `places`, read at `position`: own results are found only once they are computed here, and computed again before that. `apart`: rows are not kept in scratch. */
  constructor(places: Places, position: number, split: RowSplit, kept: (ref: SlotRef) => boolean, apart: boolean) {
    this.split = split;
    this.kept = kept;
    this.apart = apart;
    const visible: Places = {
      get: v => {
        const p = places.get(v);
        return p?.kind === "buffer" && p.writer >= position && !this.locals.has(p.ref) ? p.inline : p;
      },
    };
    this.scope = new KernelScope(visible, (ref, dtype, linear, guard, otherwise) => this.own(ref, dtype, linear, guard, otherwise));
    this.rowVar = this.scope.loop("row", split.rows);
    this.row = split.rows === 1 ? this.scope.ops.int(0) : this.rowVar;
  }

  /** Take `m` in; false (and nothing changes) when its values do not follow this kernel's rows. */
  add(m: Member): boolean {
    const { lower } = m.e.prim,
      size = sizeOf(m.e.outs[0]?.aval.shape ?? []),
      { rows, n } = this.split;
    const done =
      lower.kind === "reduce" ? this.addFold(m) : size === rows * n && n >= 8 ? this.addFull(m) : size === rows ? this.addRow(m) : false;
    if (done) this.members.push(m);
    return done;
  }

  private addFold(m: Member): boolean {
    const { e } = m,
      { ops } = this.scope,
      mine = splitOf(e),
      lower = e.prim.lower;
    if (lower.kind !== "reduce" || !mine || mine.rows !== this.split.rows || mine.n !== this.split.n) return false;
    const shape = e.ins[0]?.aval.shape ?? [],
      axes = lower.axes(e.params),
      keptDims = shape.map((_, d) => d).filter(d => !axes.includes(d));
    const redShape = axes.map(d => shape[d] ?? 0),
      keptIndex = unravel(
        ops,
        this.row,
        keptDims.map(d => shape[d] ?? 0),
      );
    const values = this.inLoop("fold", j => {
      const red = unravel(ops, j, redShape),
        index = shape.map((_, d) => (axes.includes(d) ? red[axes.indexOf(d)] : keptIndex[keptDims.indexOf(d)]) as Expr); // every dimension is one or the other
      const read = e.ins.map(a => this.scope.read(a, index));
      return redShape.filter(d => d !== 1).length < 2 || read.every(x => affineIn(x, j)) ? read : undefined;
    });
    if (!values) return false;
    const { loop, at, result } = values,
      dtypes = e.ins.map(x => computeDType(x.aval.dtype));
    const a = dtypes.map((d, k) => exprVar(`a${k}`, d)),
      b = dtypes.map((d, k) => exprVar(`b${k}`, d)),
      total = dtypes.map((d, k) => exprVar(`total${k}`, d));
    const init = lower
      .init(
        e.params,
        e.ins.map(x => x.aval),
      )
      .map((x, k) => ops.const(x, dtypes[k] ?? "f32"));
    loop.folds.push({ total, init, values: result, a, b, combine: lower.combine(ops, a, b, e.params) });
    m.into.forEach((target, k) => this.rowValue(target, this.scope.toStorage(total[k] as Expr, target.aval.dtype), at + 1)); // one target per operand
    return true;
  }
  private addFull(m: Member): boolean {
    const { e } = m,
      { ops } = this.scope,
      shape = e.outs[0]?.aval.shape ?? [],
      cut = prefix(shape, this.split.rows);
    if (cut === undefined) return false;
    const values = this.inLoop("store", j => {
      const read = this.scope.compute(e, [...unravel(ops, this.row, shape.slice(0, cut)), ...unravel(ops, j, shape.slice(cut))]);
      return shape.slice(cut).filter(d => d !== 1).length < 2 || read.every(x => affineIn(x, j)) ? read : undefined;
    });
    if (!values) return false;
    const { loop, at, result } = values,
      linear = this.linear(loop.j);
    m.into.forEach((target, k) => {
      const value = result[k] as Expr; // one value an output
      loop.stores.push({ target, value });
      this.locals.set(target.ref, { kind: "full", loop: at, value, linear, target });
    });
    return true;
  }
  private addRow(m: Member): boolean {
    const { ops } = this.scope,
      index = unravel(ops, this.row, m.e.outs[0]?.aval.shape ?? []);
    for (let at = 0; at < this.lets.length; at++) {
      const values = this.attempt(2 * at, () => this.scope.compute(m.e, index));
      if (!values) continue;
      m.into.forEach((target, k) => {
        const v = exprVar("r", computeDType(target.aval.dtype));
        this.lets[at]?.push({ v, value: values[k] as Expr }); // one value an output
        this.rowValue(target, v, at);
      });
      return true;
    }
    return false;
  }
  private rowValue(target: Target, value: Expr, at: number): void {
    this.locals.set(target.ref, { kind: "row", from: 2 * at, value });
    this.stores.push({ at, target, value });
  }
  /** `body` in the first loop of its kind where all it reads is there, or in a new one at the end; undefined where `body` says so or nothing fits. */
  private inLoop<T>(
    kind: Loop["kind"],
    body: (j: ExprVar) => T | undefined,
  ): { readonly loop: Loop; readonly at: number; readonly result: T } | undefined {
    for (let at = 0; at <= this.loops.length; at++) {
      const loop = this.loops[at] ?? { kind, j: this.scope.loop("j", this.split.n), folds: [], stores: [] };
      if (loop.kind !== kind) continue;
      const result = this.attempt(2 * at + 1, () => body(loop.j));
      if (result === undefined) continue;
      if (at === this.loops.length) {
        this.loops.push(loop);
        this.lets.push([]);
      }
      return { loop, at, result };
    }
    return undefined;
  }
  private attempt<T>(time: number, body: () => T): T | undefined {
    this.scope.time = time;
    try {
      return body();
    } catch (x) {
      if (x === absent) return undefined;
      throw x;
    }
  }
  /** See `Own`. */
  private own(ref: SlotRef, dtype: DType, linear: Expr, guard?: Expr, otherwise?: Expr): Expr | undefined {
    const local = this.locals.get(ref),
      { ops, time } = this.scope;
    if (!local) return undefined;
    const guarded = (x: Expr): Expr => (guard ? ops.select(guard, x, otherwise ?? ops.const(0, x.dtype)) : x);
    if (local.kind === "row") {
      if (time < local.from || linear !== this.row) throw absent;
      return guarded(local.value);
    }
    const written = 2 * local.loop + 1;
    if (time === written && linear === local.linear) return guarded(local.value);
    if (time <= written || ops.binary("div", linear, ops.int(this.split.n)) !== this.row) throw absent;
    const { buf, at } = this.memory(local.target, linear, "read");
    return ops.load(buf, computeDType(dtype), at, guard, otherwise);
  }
  private linear(j: Expr): Expr {
    const { ops } = this.scope;
    return ops.binary("add", ops.binary("mul", this.row, ops.int(this.split.n)), j);
  }
  /** Where element `linear` of a full value is: its memory, or scratch (numbered from -1 down until the parameters are known). */
  private memory({ ref, aval }: Target, linear: Expr, access: "read" | "write"): { readonly buf: number; readonly at: Expr } {
    const { ops } = this.scope,
      { n } = this.split;
    if (this.apart || this.kept(ref) || n * byteSize(aval.dtype) > SCRATCH)
      return { buf: this.scope.buffer(ref, aval, access), at: linear };
    let k = this.scratch.findIndex(s => s.ref === ref);
    if (k < 0) k = this.scratch.push({ ref, dtype: aval.dtype, elements: n }) - 1;
    return { buf: -1 - k, at: ops.binary("sub", linear, ops.binary("mul", this.row, ops.int(n))) };
  }

  /** What is here so far. */
  get parts(): RowParts {
    const { split, scope, rowVar, loops, lets, stores, kept } = this;
    return { split, scope, rowVar, loops, lets, stores, kept, place: (target, j) => this.memory(target, this.linear(j), "write") };
  }
  /** The kernel; `weight` is the price of one element. */
  finish(name: string, weight: number): Launch {
    const { scope, row, rowVar, split } = this,
      { ops } = scope,
      body: Stmt[] = [];
    for (let at = 0; at < this.lets.length; at++) {
      for (const { v, value } of this.lets[at] ?? []) body.push({ kind: "let", v, value });
      for (const s of this.stores)
        if (s.at === at && this.kept(s.target.ref))
          body.push({
            kind: "store",
            buf: scope.buffer(s.target.ref, s.target.aval, "write"),
            index: row,
            value: ops.convert(s.value, s.target.aval.dtype),
          });
      const loop = this.loops[at];
      if (loop) body.push(this.statement(loop));
    }
    const { grid, stmts } = inRows(ops, rowVar, split.rows, split.n * weight, body),
      first = scope.params.length;
    const kernel: LoopKernel = {
      kind: "loop",
      name,
      params: scope.params,
      scratch: this.scratch.map(({ dtype, elements }) => ({ dtype, elements })),
      grid,
      body: mapBuffers(stmts, buf => (buf < 0 ? first - 1 - buf : buf)),
    };
    return { kernel, args: scope.args };
  }
  private statement({ kind, j, folds, stores }: Loop): Stmt {
    const { ops } = this.scope,
      begin = ops.int(0),
      end = ops.int(this.split.n);
    if (kind === "store")
      return {
        kind: "for",
        v: j,
        begin,
        end,
        parallel: true,
        body: stores.map(({ target, value }) => {
          const { buf, at } = this.memory(target, this.linear(j), "write");
          return { kind: "store", buf, index: at, value: ops.convert(value, target.aval.dtype) };
        }),
      };
    return {
      kind: "fold",
      v: j,
      begin,
      end,
      body: [],
      folds: folds.flatMap(f => f.total.map((acc, k) => ({ acc, init: f.init[k] as Expr }))), // one init per accumulator
      values: folds.flatMap(f => f.values),
      a: folds.flatMap(f => f.a),
      b: folds.flatMap(f => f.b),
      combine: folds.flatMap(f => f.combine),
    };
  }
}

/** How many leading dimensions make `rows`; undefined when none do. Trailing dimensions of size 1 are not taken. */
function prefix(shape: Shape, rows: number): number | undefined {
  let size = 1;
  for (let d = 0; d <= shape.length; d++) {
    if (size === rows) return d;
    size *= shape[d] ?? 1;
  }
  return undefined;
}
