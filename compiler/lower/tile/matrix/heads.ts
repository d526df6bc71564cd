// What the passes of attention on matrix units by fragments share: a group's own rows of a head, strips of the other side that travel through two stages of shared memory, products of both as blocks of
// 16 x 16 sums.
import { BLOCK, depthOf, fragment, sumsAsLhs, type Fragment } from "../../../ir/fragment.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, less, when, type Tiled } from "../builder.ts";
import { STAGES, type HeadsCut } from "./heads_cut.ts";
import { Staged, wayOf } from "./operand.ts";
import { missing, Rows, zeros, type Sums } from "./rows.ts";

const WARP = 32;
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
/** One kernel that is being made. */
export class Heads extends Rows<HeadsCut> {
  private readonly first = exprVar("first", "i32"); // the group's first row
  private readonly above = exprVar("above", "i32"); // where the subgroup's is in shared memory
  private get threads(): number {
    return this.cut.warps * WARP;
  }
  /** The kernel of a body. Where a causal group has more to do than others it is among the first. */
  finish(body: readonly TiledStmt[]): Tiled {
    const { k, b, cut } = this,
      { group, lane } = b,
      blocks = Math.ceil(cut.own / cut.rows),
      block = arith("rem", group, int(blocks)),
      warp = arith("div", lane, int(WARP));
    const places: TiledStmt[] = [
      { kind: "let", v: this.first, value: this.firstOf(block) },
      { kind: "let", v: this.above, value: arith("mul", warp, int(cut.blocks * BLOCK * cut.pitch)) },
      ...this.places(
        arith("div", group, int(blocks)),
        arith("add", this.first, arith("mul", warp, int(cut.blocks * BLOCK))),
        arith("rem", lane, int(WARP)),
      ),
    ];
    return b.finish(k.name, k.params, this.threads, k.n * blocks, [...places, ...body]);
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
    const { k, b, cut } = this,
      { dtype } = cut,
      way = wayOf(value, { vars: { l: row }, params: k.params }, k.vars.e, dtype, this.aligned);
    return new Staged(
      { side: "rhs", value, outer: k.vars.e, way, dtype, size: cut.pitch, start: int(0), limit: k.d, paired: true },
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
  /** `turn` for every strip that the group sees, in order, while the next one is on its way; `before` once the own rows are there and held. */
  walk(own: readonly Own[], others: readonly Copied[], turn: (at: Turn) => TiledStmt[]): TiledStmt[] {
    const { cut } = this,
      seen = this.seenFrom(this.first),
      begin = exprVar("begin", "i32"),
      end = exprVar("end", "i32"),
      step = exprVar("step", "i32"),
      next = exprVar("next", "i32"),
      stage = exprVar("stage", "i32"),
      start = exprVar("start", "i32");
    const copy = (which: Expr): TiledStmt[] => [
      ...others.flatMap(o => o.copy(arith("rem", which, int(STAGES)), arith("mul", which, int(cut.strip)))),
      { kind: "commitCopies" },
    ];
    const held = own.flatMap(o =>
      (o.held ?? []).flatMap((row, r) => row.map((into, x): TiledStmt => ({ kind: "loadFragment", into, ...this.lhs(o.staged, r, x) }))),
    );
    return [
      { kind: "let", v: begin, value: seen.begin },
      { kind: "let", v: end, value: seen.end },
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

  private fragment(side: Fragment["side"], paired = false): Fragment {
    return fragment(side, this.cut.dtype, this.cut.terms, paired);
  }
  /** Contracted indices of a fragment: fragments lie so far apart along a head when heads are contracted. */
  private get deep(): number {
    return depthOf(this.cut.dtype);
  }
  private fragments(): readonly (readonly Fragment[])[] {
    return Array.from({ length: this.cut.blocks }, () => Array.from({ length: this.k.d / this.deep }, () => this.fragment("lhs")));
  }
  private lhs(staged: Staged, r: number, x: number): Pick<Extract<TiledStmt, { kind: "loadFragment" }>, "buf" | "index" | "rows" | "cols"> {
    const { pitch } = this.cut;
    return { buf: staged.buf, index: arith("add", this.above, int(r * BLOCK * pitch + x * this.deep)), rows: pitch, cols: 1 };
  }
  /** let sums = own rows times the rows of a strip, over the head: [own row][strip row]. */
  scores(name: string, own: Own, strip: Staged, { stage }: Turn): readonly [Sums, TiledStmt[]] {
    const { pitch, blocks, strip: rows } = this.cut,
      columns = rows / BLOCK,
      sums = this.sums(name, columns),
      from = exprVar("from", "i32"),
      out: TiledStmt[] = [{ kind: "let", v: from, value: strip.first(stage, int(0)) }, ...zeros(sums)];
    for (let x = 0; x < this.k.d / this.deep; x++) {
      const lhs = Array.from({ length: blocks }, (_, r) => own.held?.[r]?.[x] ?? this.fragment("lhs"));
      if (!own.held) out.push(...lhs.map((into, r): TiledStmt => ({ kind: "loadFragment", into, ...this.lhs(own.staged, r, x) })));
      for (let c = 0; c < columns; c++) {
        const rhs = this.fragment("rhs"),
          index = arith("add", from, int(c * BLOCK * pitch + x * this.deep));
        out.push({ kind: "loadFragment", into: rhs, buf: strip.buf, index, rows: 1, cols: pitch });
        lhs.forEach((f, r) => out.push({ kind: "multiply", sums: sums[r]?.[c] ?? [], lhs: f, rhs }));
      }
    }
    return [sums, out];
  }
  /** out += weights times the rows of a strip: sums become operands where they lie, 16 or 8 rows of the strip at a time. */
  weighted(out: Sums, weights: Sums, strip: Staged, { stage }: Turn): TiledStmt[] {
    const { pitch, strip: rows, dtype } = this.cut,
      from = exprVar("from", "i32"),
      body: TiledStmt[] = [{ kind: "let", v: from, value: strip.first(stage, int(0)) }];
    for (let c = 0; c < rows / BLOCK; c++)
      sumsAsLhs(dtype).forEach((part, p) => {
        const lhs = weights.map(blocks => {
          const into = this.fragment("lhs", true);
          body.push({ kind: "packFragment", into, values: part.map(e => blocks[c]?.[e] ?? missing()) });
          return into;
        });
        for (let x = 0; x < this.depth; x++) {
          const rhs = this.fragment("rhs", true),
            index = arith("add", from, int((c * BLOCK + p * this.deep) * pitch + x * BLOCK));
          body.push({ kind: "loadFragment", into: rhs, buf: strip.buf, index, rows: pitch, cols: 1 });
          lhs.forEach((f, r) => body.push({ kind: "multiply", sums: out[r]?.[x] ?? [], lhs: f, rhs }));
        }
      });
    return body;
  }
}
