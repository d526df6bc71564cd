// What a thread knows of its rows of a head when its sums are scores or results of attention: which rows they are, what the mask or the end hides from them, and how what belongs to them is stored.
import { byteSize } from "../../../../runtime/dtype.ts";
import { InternalError } from "../../../../runtime/errors/error.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import { alongExpr, BLOCK, SUMS } from "../../../ir/fragment.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { arith, int, less, TileBuilder, when } from "../builder.ts";
import { divisor } from "./divisor.ts";

/** Blocks of sums, each 8 variables of a thread: [block of rows][block of columns][sum]. */
export type Sums = readonly (readonly (readonly ExprVar[])[])[];
/** Everything by [block of rows][half of its rows]: a thread has a row of each. */
export type PerRow<T> = readonly (readonly T[])[];
/** `own` rows belong to groups (queries, or keys where `byKey`), `rows` to one, `blocks` blocks of 16 to each of its subgroups; `other` rows are walked, `strip` at a time. */
export interface RowsCut {
  readonly byKey: boolean;
  readonly own: number;
  readonly other: number;
  readonly blocks: number;
  readonly rows: number;
  readonly strip: number;
}

/** The rows of a thread of one kernel that is being made. */
export class Rows<C extends RowsCut = RowsCut> {
  readonly b: TileBuilder = new TileBuilder();
  readonly k: AttentionKernel;
  readonly cut: C;
  /** Bytes of which a parameter's address is a multiple. */
  protected readonly aligned: (param: number) => number;
  readonly head: ExprVar = exprVar("head", "i32");
  readonly top: ExprVar = exprVar("top", "i32"); // the subgroup's first row
  private readonly quad = exprVar("quad", "i32"); // the thread's place in its subgroup: lane / 4 and lane % 4
  private readonly place = exprVar("place", "i32");
  /** The thread's rows. */
  readonly rows: PerRow<ExprVar>;
  private readonly bounds: PerRow<ExprVar>; // keys from here on are hidden from a query; queries before it from a key
  constructor(k: AttentionKernel, cut: C, aligned: (param: number) => number) {
    this.k = k;
    this.cut = cut;
    this.aligned = aligned;
    this.rows = this.perRow(() => exprVar("row", "i32"));
    this.bounds = this.perRow(() => exprVar("bound", "i32"));
  }
  /** Blocks along a head. */
  get depth(): number {
    return this.k.d / BLOCK;
  }
  /** How many keys the first query of a causal kernel sees, less one. */
  protected get shift(): number {
    return this.k.s - this.k.t;
  }
  perRow<T>(make: (r: number, half: number) => T): PerRow<T> {
    return Array.from({ length: this.cut.blocks }, (_, r) => [make(r, 0), make(r, 1)]);
  }

  /** Blocks of sums, so many columns wide. */
  sums(name: string, columns: number): Sums {
    return Array.from({ length: this.cut.blocks }, () => Array.from({ length: columns }, () => SUMS.map(() => exprVar(name, "f32"))));
  }
  /** What the rest needs to know: the head, the subgroup's first row, the thread's number in it. */
  protected places(head: Expr, top: Expr, within: Expr): TiledStmt[] {
    const each = (vs: PerRow<ExprVar>, value: (r: number, half: number) => Expr): TiledStmt[] =>
      vs.flatMap((both, r) => both.map((v, half): TiledStmt => ({ kind: "let", v, value: value(r, half) })));
    return [
      { kind: "let", v: this.head, value: head },
      { kind: "let", v: this.top, value: top },
      { kind: "let", v: this.quad, value: arith("div", within, int(4)) },
      { kind: "let", v: this.place, value: arith("rem", within, int(4)) },
      ...each(this.rows, (r, half) => arith("add", this.top, arith("add", this.quad, int(r * BLOCK + half * 8)))),
      ...(this.k.causal ? each(this.bounds, (r, half) => this.boundOf(this.rows[r]?.[half] ?? missing())) : []),
    ];
  }
  /** The first row of a group's block of rows: where some have more to do than others those come first. */
  protected firstOf(block: Expr): Expr {
    const { k, cut } = this,
      blocks = Math.ceil(cut.own / cut.rows);
    return arith("mul", k.causal && !cut.byKey ? arith("sub", int(blocks - 1), block) : block, int(cut.rows));
  }
  /** The strips that a group whose rows begin at `first` sees. */
  protected seenFrom(first: Expr): { readonly begin: Expr; readonly end: Expr } {
    const { k, cut, shift } = this,
      last = arith("min", arith("add", first, int(cut.rows)), int(cut.own));
    return {
      begin: k.causal && cut.byKey ? arith("div", s.binary("max", arith("sub", first, int(shift)), int(0)), int(cut.strip)) : int(0),
      end:
        k.causal && !cut.byKey
          ? arith("div", arith("add", last, int(shift + cut.strip - 1)), int(cut.strip))
          : int(Math.ceil(cut.other / cut.strip)),
    };
  }
  protected boundOf(row: Expr): Expr {
    if (this.cut.byKey) return arith("sub", row, int(this.shift));
    return arith("min", arith("add", row, int(this.shift + 1)), int(this.k.s));
  }

  /** A number of each of the thread's rows; past the end, of the last. */
  mine(value: Expr): PerRow<Expr> {
    const { cut, k } = this;
    return this.perRow((r, half) => {
      const row = this.rows[r]?.[half] ?? missing();
      return this.at(
        value,
        [cut.byKey ? k.vars.j : k.vars.i, cut.own % cut.rows === 0 ? row : arith("min", row, int(cut.own - 1))],
        int(0),
      );
    });
  }
  protected at(e: Expr, [row, where]: readonly [ExprVar, Expr], element: Expr): Expr {
    return replaceVars(
      e,
      new Map([
        [this.k.vars.n.id, this.head],
        [row.id, where],
        [this.k.vars.e.id, element],
      ]),
    );
  }

  /** The column that sum `e` of block `c` is in, from the strip's first row on. */
  column(c: number, e: number): Expr {
    return arith("add", alongExpr(SUMS[e]?.col ?? missing(), this.quad, this.place), int(c * BLOCK));
  }
  /** Scores that the mask or the end of the keys hides. Most strips have none, which all of a subgroup see alike; `always`: this one is known to have some. */
  hide(scores: Sums, start: Expr, always = false): TiledStmt[] {
    const { k, cut, shift } = this,
      tail = !cut.byKey && k.s % cut.strip !== 0; // past the last query everything is zero
    if (!k.causal && !tail) return [];
    const some = cut.byKey
      ? less(arith("add", start, int(shift)), arith("add", this.top, int(cut.blocks * BLOCK - 1)))
      : less(k.causal ? this.boundOf(this.top) : int(k.s), arith("add", start, int(cut.strip)));
    const sets = scores.flatMap((blocks, r) =>
      blocks.flatMap((block, c) =>
        block.map((v, e): TiledStmt => {
          const far = arith("add", start, this.column(c, e)),
            bound = k.causal ? (this.bounds[r]?.[halfOf(e)] ?? missing()) : int(k.s),
            off = s.const(-Infinity, "f32");
          return { kind: "set", v, value: cut.byKey ? s.select(less(far, bound), off, v) : s.select(less(far, bound), v, off) };
        }),
      ),
    );
    return [when(always ? undefined : some, sets)];
  }

  /** Rows of a result that exist, times a number each. */
  store(out: number, sums: Sums, times: (r: number, half: number) => Expr): TiledStmt[] {
    const { k, cut, place } = this,
      { buf, index } = k.outs[out] ?? missing(),
      row = cut.byKey ? k.vars.j : k.vars.i,
      dtype = k.params[buf]?.dtype ?? "f32",
      size = byteSize(dtype);
    const even = new Map([[k.vars.e.id, 2]]),
      pairs = coefficient(index, k.vars.e) === 1 && divisor(index, even) % 2 === 0 && this.aligned(buf) % (2 * size) === 0 && size <= 4;
    const one = (r: number, half: number): TiledStmt[] =>
      Array.from({ length: 2 * this.depth }, (_, q) => {
        const x = q >> 1,
          e = 4 * (q & 1) + 2 * half,
          values = [0, 1].map(i => s.convert(s.binary("mul", sums[r]?.[x]?.[e + i] ?? missing(), times(r, half)), dtype)),
          places = [0, 1].map(i =>
            this.at(
              index,
              [row, this.rows[r]?.[half] ?? missing()],
              arith("add", arith("mul", place, int(2)), int(x * BLOCK + 8 * (q & 1) + i)),
            ),
          );
        return pairs
          ? [{ kind: "storeVector", buf, index: places[0] ?? missing(), values } as const]
          : values.map((value, i) => ({ kind: "store", buf, index: places[i] ?? missing(), value }) as const);
      }).flat();
    return this.perRow((r, half) => this.inside(r, half, one(r, half))).flat();
  }
  /** A number of each row that exists, by one of the threads that have it. */
  storeOne(out: number, value: (r: number, half: number) => Expr): TiledStmt[] {
    const { k, cut } = this,
      { buf, index } = k.outs[out] ?? missing(),
      row = cut.byKey ? k.vars.j : k.vars.i;
    return this.perRow((r, half) =>
      when(less(this.place, int(1)), [
        this.inside(r, half, [
          { kind: "store", buf, index: this.at(index, [row, this.rows[r]?.[half] ?? missing()], int(0)), value: value(r, half) },
        ]),
      ]),
    ).flat();
  }
  private inside(r: number, half: number, body: TiledStmt[]): TiledStmt {
    const { own, rows } = this.cut;
    return when(own % rows === 0 ? undefined : less(this.rows[r]?.[half] ?? missing(), int(own)), body);
  }
  /** let v = value of `v`, combined over the threads that share a row. */
  together(v: ExprVar, combine: (x: Expr, y: Expr) => Expr): TiledStmt[] {
    return [1, 2].flatMap((mask): TiledStmt[] => {
      const other = exprVar("other", "f32");
      return [
        { kind: "shuffle", into: other, value: v, mask },
        { kind: "set", v, value: combine(v, other) },
      ];
    });
  }
}
/** Which half of a block's rows sum `e` is in. */
export const halfOf = (e: number): number => (e >> 1) & 1;
/** let each = 0. */
export const zeros = (sums: Sums): TiledStmt[] => sums.flat(2).map(v => ({ kind: "let", v, value: s.const(0, "f32") }));
/** x1 op x2 op …, in halves. */
export function inHalves(xs: readonly Expr[], combine: (x: Expr, y: Expr) => Expr): Expr {
  const half = Math.ceil(xs.length / 2);
  return xs.length <= 1 ? (xs[0] ?? missing()) : combine(inHalves(xs.slice(0, half), combine), inHalves(xs.slice(half), combine));
}
/** For what is always there. */
export const missing = (): never => {
  throw new InternalError("attention on matrix units has fewer parts than it uses");
};
