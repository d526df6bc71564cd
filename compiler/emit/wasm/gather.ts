// Operands that a product gathers while packing: an element's address is a sum of a part of its batch, a part of its row and a part of its column (windows of a
// convolution, permuted dimensions). The parts of rows and columns become tables, filled by a launch before the product; the generator adds their entries.
// It refuses guarded reads: what lies outside of an input must be padding in memory.
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { dependsOn, separate } from "../../lower/indexing.ts";
import type { FuncBuilder, FuncRef, Local } from "./encoder/function.ts";
import { ExprEmitter } from "./expr.ts";
import type { IndexedSource } from "./gemm/spec.ts";
import type { KernelContext } from "./loops.ts";

/** A matrix over two axes of known lengths, read at `index` of memory whose elements are `bytes` large. */
export interface Gathered {
  readonly index: Expr;
  readonly bytes: number;
  readonly batch: ExprVar;
  readonly row: ExprVar;
  readonly col: ExprVar;
  readonly rows: number;
  readonly cols: number;
  /** Pushes the byte address of element `index`, for a batch. */
  readonly address: (index: Expr) => (f: FuncBuilder, batch: Local) => void;
}
interface Table {
  readonly v: ExprVar;
  readonly part: Expr;
  readonly bytes: number;
  readonly length: number;
  readonly at: number;
}

/** The tables of one product, in scratch memory that all threads share. */
export class Tables {
  private readonly c: KernelContext;
  private readonly base: (f: FuncBuilder) => void;
  private readonly tables: Table[] = [];
  /** Bytes so far, a multiple of 64. */
  size = 0;
  /** `base` pushes the address of `size` bytes. */
  constructor(c: KernelContext, base: (f: FuncBuilder) => void) {
    this.c = c;
    this.base = base;
  }
  /** `g` as an operand of the generator, with tables of its own; undefined when its index does not come apart. `lanes`: elements of a vector. */
  source(g: Gathered, lanes: number): IndexedSource | undefined {
    const parts = separate(g.index, [g.batch, g.row, g.col]);
    if (!parts) return undefined;
    const [origin, row, col] = parts as [Expr, Expr, Expr]; // three variables
    const table = (v: ExprVar, part: Expr, length: number): ((f: FuncBuilder) => void) => {
      const { at } = this.add({ v, part, length, bytes: g.bytes });
      return f => {
        this.base(f);
        f.plus(at);
      };
    };
    const contiguous = stepOf(row, g.row, lanes).by === 1 ? "row" : stepOf(col, g.col, lanes).by === 1 ? "col" : undefined;
    return {
      kind: "indexed",
      batched: dependsOn(origin, g.batch),
      base: g.address(origin),
      rowTable: table(g.row, row, g.rows),
      colTable: table(g.col, col, g.cols),
      ...(contiguous && { contiguous }),
    };
  }
  private add(t: Omit<Table, "at">): Table {
    const placed = { ...t, at: this.size };
    this.tables.push(placed);
    this.size += Math.ceil((4 * t.length) / 64) * 64;
    return placed;
  }
  /** How many there are: the grid of `emit`. */
  get count(): number {
    return this.tables.length;
  }
  /** The function (begin, end) that fills tables begin .. end - 1. */
  emit(name: string): FuncRef {
    const f = this.c.module.func(name, ["i32", "i32"]),
      t = f.param(0),
      i = f.local("i32"),
      to = f.local("i32");
    f.for_({ index: t, from: t, to: f.param(1) }, () =>
      this.tables.forEach(({ v, part, bytes, length, at }, n) =>
        f
          .get(t)
          .i32(n)
          .op("i32.eq")
          .if_(() => {
            this.base(f);
            f.plus(at).set(to);
            f.for_({ index: i, from: 0, to: length }, () => {
              const e = new ExprEmitter(f, [], this.c.routines, this.c.fma);
              e.bindVar(v, i);
              const entry = e.scalar(part);
              f.get(to).get(entry).times(bytes).mem("i32.store").advance(to, 4);
            });
          }),
      ),
    );
    return f;
  }
}

/** How `e` changes from one value of `v` to the next within a group of `lanes` that starts at a multiple of that: by a constant, or unknown. `aligned`: it is a multiple of
 *  `lanes` where a group starts, and grows by 1. */
function stepOf(e: Expr, v: ExprVar, lanes: number): { readonly by: number | undefined; readonly aligned: boolean } {
  const by = (n: number | undefined, aligned = false): { readonly by: number | undefined; readonly aligned: boolean } => ({
    by: n,
    aligned,
  });
  if (e.kind === "var") return e.id === v.id ? by(1, true) : by(0);
  if (!dependsOn(e, v)) return by(0);
  if (e.kind !== "binary") return by(undefined);
  const x = stepOf(e.x, v, lanes),
    y = stepOf(e.y, v, lanes);
  if (x.by === 0 && y.by === 0) return by(0);
  if (x.by === undefined || y.by === undefined) return by(undefined);
  const c = e.y.kind === "const" ? e.y.value : undefined;
  switch (e.op) {
    case "add":
      return by(x.by + y.by);
    case "sub":
      return by(x.by - y.by);
    case "mul":
      return by(c === undefined ? undefined : x.by * c);
    case "div":
      return by(x.aligned && c !== undefined && c > 0 && c % lanes === 0 ? 0 : undefined);
    case "rem":
      return x.aligned && c !== undefined && c > 0 && c % lanes === 0 ? by(1, true) : by(undefined);
    default:
      return by(undefined);
  }
}
