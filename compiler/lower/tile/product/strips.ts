// How an operand of a product without matrix units comes into shared memory, strip by strip: element (outer, l) of a strip at l * size + outer. Threads take pieces of four neighbours in `outer`, so that
// shared memory is only written and read in fours; where the operand itself lies in fours in memory it is read so, and turned round in registers if its neighbours are along l.
import { byteSize } from "../../../../runtime/dtype.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { arith, int, less, load, when, type TileBuilder } from "../builder.ts";
import { followsL } from "./follows.ts";
import { divisor } from "../matrix/divisor.ts";
import type { Packed } from "../target.ts";

/** Elements of the operand are neighbours along the contracted index or the other; `fours`: plain, at multiples of four and of as many bytes as four take. */
export interface Lie {
  readonly along: "l" | "outer";
  readonly fours: boolean;
}
/** How an operand lies whose other index is `outer`, below `limit`. `aligned`: bytes of which a parameter's address is a multiple. */
export function lieOf(e: Expr, g: GemmKernel, outer: ExprVar, limit: number, aligned: (param: number) => number): Lie {
  const { l } = g.vars,
    along = followsL(e, l, outer) ? "l" : "outer",
    [v, extent] = along === "l" ? [l, g.k] : [outer, limit];
  const from = e.kind === "load" && !e.guard && e.dtype === g.dtype ? g.params[e.buf]?.dtype : undefined,
    plain = from !== undefined && ((from === e.dtype && byteSize(from) === 4) || from === "f16" || from === "bf16");
  const fours =
    plain &&
    e.kind === "load" &&
    extent % 4 === 0 &&
    coefficient(e.index, v) === 1 &&
    divisor(e.index, new Map([[v.id, 4]])) % 4 === 0 &&
    aligned(e.buf) % (4 * byteSize(from)) === 0;
  return { along, fours };
}

/** One operand: `size` rows or columns from `start` on, `limit` in all, strips `depth` deep. `ready`: expands and shares expressions. */
export interface Operand {
  readonly g: GemmKernel;
  readonly value: Expr;
  readonly outer: ExprVar;
  readonly lie: Lie;
  readonly size: number;
  readonly start: Expr;
  readonly limit: number;
  readonly depth: number;
  readonly threads: number;
  readonly batch: Expr;
  readonly buffers: number;
  readonly packed?: Packed;
  readonly ready: (e: Expr) => Expr;
}
/** A value that is rounded to `dtype` in the end, as what is kept in 16 bits must be. */
const roundedTo = (dtype: Packed, e: Expr, { params }: Pick<GemmKernel, "params">): Expr =>
  (e.kind === "load" && params[e.buf]?.dtype === dtype) || (e.kind === "convert" && e.x.dtype === dtype)
    ? e
    : s.convert(s.convert(e, dtype), e.dtype);
/** Four contracted neighbours a piece, or one; each with four neighbours in `outer`. */
interface Piece {
  readonly cond: Expr | undefined;
  readonly given: readonly TiledStmt[];
  readonly before: readonly TiledStmt[];
  readonly values: readonly (readonly Expr[])[];
  readonly places: readonly Expr[];
}
/** Quads side by side that neighbouring threads take before they go along l: stores then meet different banks, and reads whole sectors. */
const ACROSS = 8;

/** An operand in shared memory. */
export class Strips {
  readonly buf: number;
  private readonly o: Operand;
  private readonly b: TileBuilder;
  private readonly value: Expr;
  constructor(o: Operand, b: TileBuilder) {
    this.o = o;
    this.b = b;
    this.value = o.ready(o.packed ? roundedTo(o.packed, o.value, o.g) : o.value);
    this.buf = b.memory("shared", o.packed ?? o.g.dtype, o.buffers * o.size * o.depth, o.packed && { packed: true });
  }
  /** Fetch the strip from `first` on into a buffer. */
  bring(first: Expr, buffer: Expr): TiledStmt[] {
    return this.pieces(first).map(p => when(p.cond, [...p.given, ...p.before, ...this.put(p, p.values, buffer)]));
  }
  /** The same in two steps: into variables, from there into a buffer; `given` introduces the variables. */
  ahead(first: Expr): {
    readonly given: readonly TiledStmt[];
    readonly get: readonly TiledStmt[];
    readonly put: (buffer: Expr) => TiledStmt[];
  } {
    const held = this.pieces(first).map(p => ({ p, vars: p.values.map(row => row.map(() => exprVar("ahead", this.o.g.dtype))) }));
    return {
      given: held.flatMap(({ vars }) => vars.flat().map((v): TiledStmt => ({ kind: "let", v, value: s.const(0, v.dtype) }))),
      get: held.map(({ p, vars }) =>
        when(p.cond, [
          ...p.given,
          ...p.before,
          ...vars.flatMap((row, q) => row.map((v, x): TiledStmt => ({ kind: "set", v, value: p.values[q]?.[x] ?? v }))),
        ]),
      ),
      put: buffer => held.map(({ p, vars }) => when(p.cond, [...p.given, ...this.put(p, vars, buffer)])),
    };
  }
  /** Elements of `buffer` for contracted index `kk`, from row or column `at` on, in a run of fours or twos. */
  read(into: readonly ExprVar[], buffer: Expr, kk: Expr, at: Expr): TiledStmt[] {
    const { size, depth, g } = this.o,
      line = arith("add", arith("mul", buffer, int(depth)), kk),
      index = arith("add", arith("mul", line, int(size)), at);
    return g.dtype === "f64" || into.length === 1
      ? into.map((v, q): TiledStmt => ({ kind: "let", v, value: load(this.buf, g.dtype, arith("add", index, int(q))) }))
      : [{ kind: "loadVector", into, buf: this.buf, index }];
  }

  private put(p: Piece, values: readonly (readonly Expr[])[], buffer: Expr): TiledStmt[] {
    const { size, depth, g } = this.o,
      base = arith("mul", buffer, int(size * depth));
    return values.flatMap((row, q): TiledStmt[] => {
      const index = arith("add", base, p.places[q] as Expr); // one a row
      return g.dtype === "f64"
        ? row.map((value, x) => ({ kind: "store", buf: this.buf, index: arith("add", index, int(x)), value }))
        : [{ kind: "storeVector", values: row, buf: this.buf, index }];
    });
  }
  private pieces(first: Expr): Piece[] {
    const { size, depth, lie, threads } = this.o,
      deep = lie.fours && lie.along === "l" ? 4 : 1,
      quads = size / 4,
      across = lie.along === "l" ? Math.min(ACROSS, quads) : quads,
      turns = depth / deep,
      count = quads * turns;
    return Array.from({ length: Math.ceil(count / threads) }, (_, r) => {
      const place = arith("add", this.b.lane, int(r * threads)),
        near = arith("rem", place, int(across)),
        rest = arith("div", place, int(across));
      const o = exprVar("o", "i32"),
        k = exprVar("k", "i32"),
        quad = arith("add", near, arith("mul", arith("div", rest, int(turns)), int(across)));
      return this.piece(
        first,
        o,
        k,
        [
          { kind: "let", v: o, value: arith("mul", quad, int(4)) },
          { kind: "let", v: k, value: arith("mul", arith("rem", rest, int(turns)), int(deep)) },
        ],
        (r + 1) * threads <= count ? undefined : less(place, int(count)),
        deep,
      );
    });
  }
  private piece(first: Expr, o: ExprVar, k: ExprVar, given: readonly TiledStmt[], cond: Expr | undefined, deep: number): Piece {
    const { g, size, depth, start, limit, lie } = this.o,
      x = exprVar("x", "i32"),
      y = exprVar("y", "i32"),
      ragged = limit % size !== 0,
      short = g.k % depth !== 0,
      dtype = g.dtype;
    const before: TiledStmt[] = [
      { kind: "let", v: x, value: arith("add", start, o) },
      { kind: "let", v: y, value: arith("add", first, k) },
    ];
    const kept = (value: Expr): Expr => (short ? s.select(less(y, int(g.k)), value, s.const(0, dtype)) : value), // rows and columns past the edge are never stored
      row = (q: number): Expr => (ragged ? arith("min", arith("add", x, int(q)), int(limit - 1)) : arith("add", x, int(q))),
      at = (e: Expr, outer: Expr, l: Expr): Expr =>
        replaceVars(
          e,
          new Map([
            [g.vars.b.id, this.o.batch],
            [this.o.outer.id, outer],
            [g.vars.l.id, l],
          ]),
        );
    const places = Array.from({ length: deep }, (_, q) => arith("add", arith("mul", arith("add", k, int(q)), int(size)), o)),
      plain = this.o.value;
    const inner = short ? arith("min", y, int(g.k - deep)) : y;
    if (!lie.fours || plain.kind !== "load")
      return { cond, given, before, places, values: [[0, 1, 2, 3].map(q => kept(at(this.value, row(q), inner)))] };
    const fours = (outer: Expr): ExprVar[] => {
      const into = [0, 1, 2, 3].map(() => exprVar("four", dtype));
      before.push({ kind: "loadVector", into, buf: plain.buf, index: at(plain.index, outer, inner) });
      return into;
    };
    if (lie.along === "outer")
      return { cond, given, before, places, values: [fours(ragged ? arith("min", x, int(limit - 4)) : x).map(kept)] };
    const rows = [0, 1, 2, 3].map(q => fours(row(q)));
    return { cond, given, before, places, values: places.map((_, l) => rows.map(r => kept(r[l] as Expr))) }; // four a row
  }
}
