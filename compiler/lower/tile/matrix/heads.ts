// What the passes of attention on matrix units share: a group's own rows of a head, strips of the other side that travel through two stages of shared memory, products of both as blocks of 16 x 16
// sums, and what is known of their rows and columns.
import { byteSize } from "../../../../runtime/dtype.ts";
import { InternalError } from "../../../../runtime/errors/error.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import { alongExpr, BLOCK, fragment, SUMS, type Fragment } from "../../../ir/fragment.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { hidden } from "../../../primitives/attention.ts";
import { coefficient } from "../../indexing.ts";
import { arith, int, less, TileBuilder, when, type Tiled } from "../builder.ts";
import { STAGES, type HeadsCut } from "./heads_cut.ts";
import { divisor } from "./divisor.ts";
import { Staged, wayOf } from "./operand.ts";

const WARP = 32;
/** Blocks of sums, each 8 variables of a thread: [block of rows][block of columns][sum]. */
export type Sums = readonly (readonly (readonly ExprVar[])[])[];
/** Own rows in shared memory: the subgroup's block `r`, `x` blocks into the head, is a fragment. `held` after they were loaded for good. */
export interface Own {
  readonly staged: Staged;
  readonly held: readonly (readonly Fragment[])[] | undefined;
}
/** What is copied for a strip, or for the own rows. */
export interface Copied {
  copy(stage: Expr, first: Expr): TiledStmt[];
}
/** A strip in shared memory: the stage that it is in, its first row. */
export interface Turn {
  readonly stage: Expr;
  readonly start: Expr;
}
/** Everything by [block of rows][half of its rows]: a thread has a row of each. */
export type PerRow<T> = readonly (readonly T[])[];

/** One kernel that is being made. */
export class Heads {
  readonly b: TileBuilder = new TileBuilder();
  readonly k: AttentionKernel;
  readonly cut: HeadsCut;
  readonly dtype: "f16" | "bf16";
  private readonly aligned: (param: number) => number;
  private readonly head = exprVar("head", "i32");
  private readonly first = exprVar("first", "i32"); // the group's first row
  private readonly top = exprVar("top", "i32"); // the subgroup's
  private readonly above = exprVar("above", "i32"); // where that is in shared memory
  private readonly quad = exprVar("quad", "i32"); // the thread's place in its subgroup: lane / 4 and lane % 4
  private readonly place = exprVar("place", "i32");
  /** The thread's rows. */
  readonly rows: PerRow<ExprVar>;
  private readonly bounds: PerRow<ExprVar>; // keys from here on are hidden from a query; queries before it from a key
  constructor(k: AttentionKernel, cut: HeadsCut, aligned: (param: number) => number) {
    this.k = k;
    this.cut = cut;
    this.dtype = k.operands as "f16" | "bf16"; // cutHeads takes no others
    this.aligned = aligned;
    this.rows = this.perRow(() => exprVar("row", "i32"));
    this.bounds = this.perRow(() => exprVar("bound", "i32"));
  }
  private get threads(): number {
    return this.cut.warps * WARP;
  }
  /** Blocks along a head. */
  get depth(): number {
    return this.k.d / BLOCK;
  }
  private get shift(): number {
    return this.k.s - this.k.t;
  }
  perRow<T>(make: (r: number, half: number) => T): PerRow<T> {
    return Array.from({ length: this.cut.blocks }, (_, r) => [make(r, 0), make(r, 1)]);
  }

  /** The kernel of a body. Where a causal group has more to do than others it is among the first. */
  finish(body: readonly TiledStmt[]): Tiled {
    const { k, b, cut } = this,
      { group, lane } = b,
      blocks = Math.ceil(cut.own / cut.rows),
      block = arith("rem", group, int(blocks)),
      warp = arith("div", lane, int(WARP)),
      within = arith("rem", lane, int(WARP));
    const places: TiledStmt[] = [
      { kind: "let", v: this.head, value: arith("div", group, int(blocks)) },
      {
        kind: "let",
        v: this.first,
        value: arith("mul", k.causal && !cut.byKey ? arith("sub", int(blocks - 1), block) : block, int(cut.rows)),
      },
      { kind: "let", v: this.top, value: arith("add", this.first, arith("mul", warp, int(cut.blocks * BLOCK))) },
      { kind: "let", v: this.above, value: arith("mul", warp, int(cut.blocks * BLOCK * cut.pitch)) },
      { kind: "let", v: this.quad, value: arith("div", within, int(4)) },
      { kind: "let", v: this.place, value: arith("rem", within, int(4)) },
      ...this.rows.flatMap((both, r) =>
        both.map((v, half): TiledStmt => ({
          kind: "let",
          v,
          value: arith("add", this.top, arith("add", this.quad, int(r * BLOCK + half * 8))),
        })),
      ),
      ...(k.causal
        ? this.bounds.flatMap((both, r) =>
            both.map((v, half): TiledStmt => ({ kind: "let", v, value: this.boundOf(this.rows[r]?.[half] ?? missing()) })),
          )
        : []),
    ];
    return b.finish(k.name, k.params, this.threads, k.n * blocks, [...places, ...body]);
  }
  private boundOf(row: Expr): Expr {
    if (this.cut.byKey) return arith("sub", row, int(this.shift));
    return arith("min", arith("add", row, int(this.shift + 1)), int(this.k.s));
  }

  /** Own rows of an operand. */
  own(value: Expr): Own {
    const staged = this.staged(value, this.cut.byKey ? this.k.vars.j : this.k.vars.i, this.cut.own, this.cut.rows, 1);
    return { staged, held: this.cut.held ? this.fragments() : undefined };
  }
  /** Strips of an operand of the other side. */
  strips(value: Expr): Staged {
    return this.staged(value, this.cut.byKey ? this.k.vars.i : this.k.vars.j, this.cut.other, this.cut.strip, STAGES);
  }
  private staged(value: Expr, row: ExprVar, limit: number, rows: number, stages: number): Staged {
    const { k, b, dtype, cut } = this,
      way = wayOf(value, { vars: { l: row }, params: k.params }, k.vars.e, dtype, this.aligned);
    return new Staged(
      { side: "rhs", value, outer: k.vars.e, way, dtype, size: cut.pitch, start: int(0), limit: k.d },
      { b, l: row, batch: { v: k.vars.n, value: this.head }, threads: this.threads, depth: rows, k: limit, stages, ready: e => e },
    );
  }
  /** Strips of numbers, one a row of the other side: their memory, zeros past the end. */
  numbers(value: Expr): Copied & { readonly buf: number } {
    const { k, b, cut } = this,
      row = cut.byKey ? k.vars.i : k.vars.j,
      buf = b.memory("shared", "f32", STAGES * cut.strip);
    const plain = value.kind === "load" && !value.guard && k.params[value.buf]?.dtype === "f32" ? value : undefined;
    const one = (stage: Expr, first: Expr, at: Expr): TiledStmt => {
      const far = arith("add", first, at),
        whole = cut.other % cut.strip === 0,
        inside = less(far, int(cut.other)),
        here = this.at(plain?.index ?? value, [row, whole || plain ? far : arith("min", far, int(cut.other - 1))], int(0)),
        to = arith("add", arith("mul", stage, int(cut.strip)), at);
      return plain
        ? {
            kind: "copyAsync",
            into: buf,
            to,
            buf: plain.buf,
            from: here,
            count: 1,
            ...(!whole && { present: s.select(inside, int(1), int(0)) }),
          }
        : { kind: "store", buf, index: to, value: whole ? here : s.select(inside, here, s.const(0, "f32")) };
    };
    const copy = (stage: Expr, first: Expr): TiledStmt[] =>
      Array.from({ length: Math.ceil(cut.strip / this.threads) }, (_, r) => {
        const at = arith("add", b.lane, int(r * this.threads));
        return when((r + 1) * this.threads <= cut.strip ? undefined : less(at, int(cut.strip)), [one(stage, first, at)]);
      });
    return { buf, copy };
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
  private at(e: Expr, [row, where]: readonly [ExprVar, Expr], element: Expr): Expr {
    return replaceVars(
      e,
      new Map([
        [this.k.vars.n.id, this.head],
        [row.id, where],
        [this.k.vars.e.id, element],
      ]),
    );
  }

  /** `turn` for every strip that the group sees, in order, while the next one is on its way; `before` once the own rows are there and held. */
  walk(own: readonly Own[], others: readonly Copied[], turn: (at: Turn) => TiledStmt[]): TiledStmt[] {
    const { k, cut, shift } = this,
      begin = exprVar("begin", "i32"),
      end = exprVar("end", "i32"),
      step = exprVar("step", "i32"),
      next = exprVar("next", "i32"),
      stage = exprVar("stage", "i32"),
      start = exprVar("start", "i32");
    const all = Math.ceil(cut.other / cut.strip),
      last = arith("min", arith("add", this.first, int(cut.rows)), int(cut.own));
    const copy = (which: Expr): TiledStmt[] => [
      ...others.flatMap(o => o.copy(arith("rem", which, int(STAGES)), arith("mul", which, int(cut.strip)))),
      { kind: "commitCopies" },
    ];
    const held = own.flatMap(o =>
      (o.held ?? []).flatMap((row, r) => row.map((into, x): TiledStmt => ({ kind: "loadFragment", into, ...this.lhs(o.staged, r, x) }))),
    );
    return [
      {
        kind: "let",
        v: begin,
        value: k.causal && cut.byKey ? arith("div", s.binary("max", arith("sub", this.first, int(shift)), int(0)), int(cut.strip)) : int(0),
      },
      {
        kind: "let",
        v: end,
        value: k.causal && !cut.byKey ? arith("div", arith("add", last, int(shift + cut.strip - 1)), int(cut.strip)) : int(all),
      },
      ...own.flatMap(o => o.staged.copy(int(0), this.first)),
      ...(held.length > 0 ? [{ kind: "commitCopies" } as const] : []),
      ...copy(begin),
      ...(held.length > 0 ? [{ kind: "waitCopies", pending: 1 } as const, { kind: "barrier" } as const, ...held] : []),
      {
        kind: "for",
        v: step,
        begin,
        end,
        body: [
          { kind: "waitCopies", pending: 0 },
          { kind: "barrier" },
          { kind: "let", v: next, value: arith("add", step, int(1)) },
          when(less(next, end), copy(next)),
          { kind: "let", v: stage, value: arith("rem", step, int(STAGES)) },
          { kind: "let", v: start, value: arith("mul", step, int(cut.strip)) },
          ...turn({ stage, start }),
        ],
      },
    ];
  }

  private fragments(): readonly (readonly Fragment[])[] {
    return Array.from({ length: this.cut.blocks }, () => Array.from({ length: this.depth }, () => fragment("lhs", this.dtype)));
  }
  private lhs(
    staged: Staged,
    r: number,
    x: number,
  ): { readonly buf: number; readonly index: Expr; readonly rows: number; readonly cols: number } {
    const { pitch } = this.cut;
    return { buf: staged.buf, index: arith("add", this.above, int(r * BLOCK * pitch + x * BLOCK)), rows: pitch, cols: 1 };
  }
  /** Blocks of sums, so many columns wide. */
  sums(name: string, columns: number): Sums {
    return Array.from({ length: this.cut.blocks }, () => Array.from({ length: columns }, () => SUMS.map(() => exprVar(name, "f32"))));
  }
  /** let sums = own rows times the rows of a strip, over the head: [own row][strip row]. */
  scores(name: string, own: Own, strip: Staged, { stage }: Turn): readonly [Sums, TiledStmt[]] {
    const { cut, dtype } = this,
      { pitch, blocks } = cut,
      columns = cut.strip / BLOCK,
      sums = this.sums(name, columns),
      from = exprVar("from", "i32"),
      out: TiledStmt[] = [{ kind: "let", v: from, value: strip.first(stage, int(0)) }, ...zeros(sums)];
    for (let x = 0; x < this.depth; x++) {
      const lhs = Array.from({ length: blocks }, (_, r) => own.held?.[r]?.[x] ?? fragment("lhs", dtype));
      if (!own.held) out.push(...lhs.map((into, r): TiledStmt => ({ kind: "loadFragment", into, ...this.lhs(own.staged, r, x) })));
      for (let c = 0; c < columns; c++) {
        const rhs = fragment("rhs", dtype),
          index = arith("add", from, int(c * BLOCK * pitch + x * BLOCK));
        out.push({ kind: "loadFragment", into: rhs, buf: strip.buf, index, rows: 1, cols: pitch });
        lhs.forEach((f, r) => out.push({ kind: "multiply", sums: sums[r]?.[c] ?? [], lhs: f, rhs }));
      }
    }
    return [sums, out];
  }
  /** out += weights times the rows of a strip: sums become operands where they lie. */
  weighted(out: Sums, weights: Sums, strip: Staged, { stage }: Turn): TiledStmt[] {
    const { dtype } = this,
      { pitch, strip: rows } = this.cut,
      from = exprVar("from", "i32"),
      body: TiledStmt[] = [{ kind: "let", v: from, value: strip.first(stage, int(0)) }];
    for (let c = 0; c < rows / BLOCK; c++) {
      const lhs = weights.map(blocks => {
        const into = fragment("lhs", dtype);
        body.push({ kind: "packFragment", into, values: blocks[c] ?? [] });
        return into;
      });
      for (let x = 0; x < this.depth; x++) {
        const rhs = fragment("rhs", dtype),
          index = arith("add", from, int(c * BLOCK * pitch + x * BLOCK));
        body.push({ kind: "loadFragment", into: rhs, buf: strip.buf, index, rows: pitch, cols: 1 });
        lhs.forEach((f, r) => body.push({ kind: "multiply", sums: out[r]?.[x] ?? [], lhs: f, rhs }));
      }
    }
    return body;
  }
  /** The column that sum `e` of block `c` is in, from the strip's first row on. */
  column(c: number, e: number): Expr {
    return arith("add", alongExpr(SUMS[e]?.col ?? missing(), this.quad, this.place), int(c * BLOCK));
  }
  /** Scores that the mask or the end of the keys hides. Most strips have none, which all of a subgroup see alike. */
  hide(scores: Sums, { start }: Turn): TiledStmt[] {
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
            off = s.const(hidden, "f32");
          return { kind: "set", v, value: cut.byKey ? s.select(less(far, bound), off, v) : s.select(less(far, bound), v, off) };
        }),
      ),
    );
    return [when(some, sets)];
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
const missing = (): never => {
  throw new InternalError("attention on matrix units has fewer parts than it uses");
};
