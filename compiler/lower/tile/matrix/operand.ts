// How an operand of a product comes into shared memory, strip by strip: copied as it lies, in pieces of up to 16 bytes while other work goes on, where its elements are neighbours in memory
// and need no work; else loaded and computed into registers before a strip is multiplied and stored after it, also in pieces where that is possible.
import { byteSize } from "../../../../runtime/dtype.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import type { FragmentDType } from "../../../ir/fragment.ts";
import type { GemmKernel, KernelParam } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { Swizzle, TiledStmt } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { arith, int, less, when, type TileBuilder } from "../builder.ts";
import { followsL } from "../product/follows.ts";
import { divisor } from "./divisor.ts";
import { pieceOf, togetherOf } from "./pieces.ts";

/** Elements of the operand are neighbours along `l` (the contracted index) or `outer`; `count` of them are one piece of a copy, 0 where it passes through registers, `together` (1) at a time. */
export interface Way {
  readonly along: "l" | "outer";
  readonly count: number;
  readonly together?: number;
}
/** The way for an operand over its row or column `outer`. `aligned`: bytes of which a parameter's address is a multiple. */
export function wayOf(
  e: Expr,
  { vars: { l }, params }: Pick<GemmKernel, "params"> & { readonly vars: Pick<GemmKernel["vars"], "l"> },
  outer: ExprVar,
  dtype: FragmentDType,
  aligned: (param: number) => number,
): Way {
  const size = byteSize(dtype),
    slow: Way = { along: followsL(e, l, outer) ? "l" : "outer", count: 0 };
  if (e.kind !== "load" || e.guard || params[e.buf]?.dtype !== dtype) return slow;
  const [cl, co] = [coefficient(e.index, l), coefficient(e.index, outer)];
  const along = cl === 1 && co !== undefined ? "l" : co === 1 && cl !== undefined ? "outer" : undefined;
  if (!along) return slow;
  for (const bytes of [16, 8, 4]) {
    const count = bytes / size,
      steps = new Map([[(along === "l" ? l : outer).id, count]]);
    if (aligned(e.buf) % bytes === 0 && divisor(e.index, steps) % count === 0) return { along, count };
  }
  return slow;
}
/** How an operand that passes through registers is walked: along whichever side more of its neighbours are loaded at once. `limits`: how many there are along `l` and `outer`. */
export function computedWay(
  e: Expr,
  { vars: { l }, params, k }: Pick<GemmKernel, "params" | "k"> & { readonly vars: Pick<GemmKernel["vars"], "l"> },
  outer: ExprVar,
  limit: number,
  dtype: FragmentDType,
  aligned: (param: number) => number,
): Way {
  const ways = (["l", "outer"] as const).map((along): Way & { readonly together: number } => {
    const [v, n] = along === "l" ? [l, k] : [outer, limit];
    return { along, count: 0, together: togetherOf(e, v, n, params, dtype, aligned) };
  });
  const [first, second] = (followsL(e, l, outer) ? ways : ways.toReversed()) as [(typeof ways)[number], (typeof ways)[number]]; // two
  return second.together > first.together ? second : first;
}

/** One operand of one product: `size` rows or columns of a tile from `start` on, `limit` in all; strips are `depth` deep, `of` in all. */
export interface Side {
  readonly side: "lhs" | "rhs";
  readonly value: Expr;
  readonly outer: ExprVar;
  readonly way: Way;
  readonly dtype: FragmentDType;
  readonly size: number;
  readonly start: Expr;
  readonly limit: number;
  /** Fragments of f32 that lie across the contracted index are paired. */
  readonly paired?: boolean;
}
/** What both operands share. `ready`: expands and shares expressions. `params`: what is loaded in pieces. */
export interface Strips {
  readonly b: TileBuilder;
  readonly l: ExprVar;
  readonly batch: { readonly v: ExprVar; readonly value: Expr };
  readonly threads: number;
  readonly depth: number;
  readonly k: number;
  readonly stages: number;
  readonly ready: (e: Expr) => Expr;
  readonly params?: readonly KernelParam[];
}

/** An operand in shared memory. */
export class Staged {
  readonly buf: number;
  /** Elements between rows or columns, and between contracted indices, of a stage; elements of a stage. */
  readonly outerStep: number;
  readonly depthStep: number;
  readonly elements: number;
  private readonly o: Side;
  private readonly s: Strips;
  private readonly value: Expr;

  constructor(o: Side, strips: Strips) {
    const { depth, b, stages } = strips,
      alongL = o.way.along === "l";
    this.o = o;
    this.s = strips;
    this.outerStep = alongL ? depth : 1;
    this.depthStep = alongL ? 1 : o.size;
    this.elements = o.size * depth;
    const swizzle = swizzleOf(alongL ? depth : o.size, o.dtype, !alongL && o.paired !== true);
    this.buf = b.memory("shared", o.dtype, stages * this.elements, swizzle && { swizzle });
    this.value = this.async ? o.value : strips.ready(rounded(o.value, o.dtype, o.way.together));
  }
  /** Is it copied beside other work? */
  get async(): boolean {
    return this.o.way.count > 0;
  }
  /** Copy the strip from `first` on into a stage. */
  copy(stage: Expr, first: Expr): TiledStmt[] {
    const { o, s: t } = this,
      { count, along } = o.way,
      pitch = along === "l" ? t.depth : o.size,
      e = this.value;
    if (e.kind !== "load") return [];
    return this.spread(count, (row, col) => {
      const [x, y] =
        along === "l" ? [arith("add", o.start, row), arith("add", first, col)] : [arith("add", o.start, col), arith("add", first, row)];
      const present = this.present(x, y);
      return [
        {
          kind: "copyAsync",
          into: this.buf,
          to: arith("add", arith("mul", stage, int(this.elements)), arith("add", arith("mul", row, int(pitch)), col)),
          buf: e.buf,
          from: this.at(e.index, x, y),
          count,
          ...(present && { present }),
        },
      ];
    });
  }
  /** How many elements of a piece exist; undefined: always all. */
  private present(x: Expr, y: Expr): Expr | undefined {
    const { o, s: t } = this,
      { count, along } = o.way,
      whole = int(count);
    const left = (at: Expr, limit: number): Expr => (limit % count === 0 ? whole : s.binary("min", s.binary("sub", int(limit), at), whole)); // positive where the piece begins inside
    const [near, far] =
      along === "l"
        ? [
            { at: y, limit: t.k, size: t.depth },
            { at: x, limit: o.limit, size: o.size },
          ]
        : [
            { at: x, limit: o.limit, size: o.size },
            { at: y, limit: t.k, size: t.depth },
          ];
    const tests = [near, far].filter(d => d.limit % d.size !== 0).map(d => less(d.at, int(d.limit)));
    if (tests.length === 0) return undefined;
    return s.select(
      tests.reduce((p, q) => s.binary("and", p, q)),
      left(near.at, near.limit),
      int(0),
    );
  }
  /** Load the strip from `first` on into variables, computed; `put` stores them into a stage. */
  load(first: Expr): { readonly get: readonly TiledStmt[]; readonly put: (stage: Expr) => TiledStmt[] } {
    const { o, s: t } = this,
      { along, together = 1 } = o.way,
      pitch = along === "l" ? t.depth : o.size,
      names: ExprVar[][] = [];
    const get = this.spread(together, (row, col) => {
      const [x, y] =
        along === "l" ? [arith("add", o.start, row), arith("add", first, col)] : [arith("add", o.start, col), arith("add", first, row)];
      const values = computed(this.value, o, t, along, together, x, y),
        mine = values.values.map(() => exprVar("x", "f32"));
      names.push(mine);
      return [...values.before, ...mine.map((v, q): TiledStmt => ({ kind: "let", v, value: values.values[q] as Expr }))]; // one for one
    });
    const put = (stage: Expr): TiledStmt[] => {
      let next = 0;
      return this.spread(together, (row, col) => {
        const index = arith("add", arith("mul", stage, int(this.elements)), arith("add", arith("mul", row, int(pitch)), col));
        return [stored(this.buf, index, names[next++] ?? [])]; // one a turn, as above
      });
    };
    return { get, put };
  }
  private at(e: Expr, x: Expr, y: Expr): Expr {
    const { batch, l } = this.s;
    return replaceVars(
      e,
      new Map([
        [batch.v.id, batch.value],
        [this.o.outer.id, x],
        [l.id, y],
      ]),
    );
  }
  /** `one(row, col)` for every piece of `count` elements of a strip, dealt out over the threads. */
  private spread(count: number, one: (row: Expr, col: Expr) => TiledStmt[]): TiledStmt[] {
    const { threads, b, depth } = this.s,
      pitch = this.o.way.along === "l" ? depth : this.o.size,
      across = pitch / count,
      pieces = this.elements / count;
    return Array.from({ length: Math.ceil(pieces / threads) }, (_, r) => {
      const place = arith("add", b.lane, int(r * threads)),
        body = one(arith("div", place, int(across)), arith("mul", arith("rem", place, int(across)), int(count)));
      return (r + 1) * threads <= pieces ? body : [when(less(place, int(pieces)), body)];
    }).flat();
  }
  /** Where row or column `outer` of a stage begins. */
  first(stage: Expr, outer: Expr): Expr {
    return arith("add", arith("mul", stage, int(this.elements)), arith("mul", outer, int(this.outerStep)));
  }
  /** A fragment's place, so many rows or columns and contracted indices behind `first`. */
  fragment(first: Expr, outer: number, depth: number): { readonly index: Expr; readonly rows: number; readonly cols: number } {
    const { outerStep, depthStep } = this,
      index = arith("add", first, int(outer * outerStep + depth * depthStep));
    return this.o.side === "lhs" ? { index, rows: outerStep, cols: depthStep } : { index, rows: depthStep, cols: outerStep };
  }
}
/** An operand's value as it is stored: what is stored in twos is rounded there. */
export function rounded(e: Expr, dtype: FragmentDType, together = 1): Expr {
  if (dtype === "f32" || e.kind === "load") return e;
  if (together === 1) return s.convert(s.convert(e, dtype), "f32");
  return e.kind === "convert" && e.x.kind === "convert" && e.x.dtype === dtype && e.x.x.dtype === "f32" ? e.x.x : e;
}
/** The values of a piece from row or column `x` and contracted index `y` on, zeros past either edge, and what is loaded before. */
export function computed(
  value: Expr,
  { outer, limit, size }: Pick<Side, "outer" | "limit" | "size">,
  { batch, l, k, depth, params = [] }: Pick<Strips, "batch" | "l" | "k" | "depth" | "params">,
  along: Way["along"],
  together: number,
  x: Expr,
  y: Expr,
): ReturnType<typeof pieceOf> {
  const step = (v: "l" | "outer"): number => (v === along ? together : 1); // the strip may be past the end, but no piece hangs over it
  const inside = [...(limit % size === 0 ? [] : [less(x, int(limit))]), ...(k % depth === 0 ? [] : [less(y, int(k))])],
    at = new Map([
      [batch.v.id, batch.value],
      [outer.id, limit % size === 0 ? x : arith("min", x, int(limit - step("outer")))],
      [l.id, arith("min", y, int(k - step("l")))],
    ]);
  const { before, values } = pieceOf(value, along === "l" ? l : outer, together, params, at);
  return { before, values: values.map(e => inside.reduceRight<Expr>((z, c) => s.select(c, z, s.const(0, "f32")), e)) };
}
/** The store of a piece. */
export const stored = (buf: number, index: Expr, values: readonly Expr[]): TiledStmt => {
  const [only] = values;
  return values.length === 1 && only ? { kind: "store", buf, index, value: only } : { kind: "storeVector", buf, index, values };
};
/** The swizzle for rows of so many elements. Fragments read 16 bytes of 8 rows side by side; of f32 across the contracted index, 8 single neighbours of 4 rows. (Paired ones take every other row, which
 *  the swizzle for 8 rows keeps apart too.) */
function swizzleOf(row: number, dtype: FragmentDType, across: boolean): Swizzle | undefined {
  const log = Math.log2(row * byteSize(dtype)),
    [wanted, base] = dtype === "f32" && across ? [2, 5] : [3, 4],
    bits = wanted - Math.max(0, 7 - log);
  return bits <= 0 ? undefined : { bits, base, shift: Math.max(7, log) };
}
