// Attention by rows: a few neighbouring threads own a query (or a key) with all that belongs to it in variables, and walk over the other side in strips that the group fetches into shared
// memory. Sums of exponentials are kept online, so scores are never stored. Strips that a causal group cannot see are not walked.
import { InternalError } from "../../../../runtime/errors/error.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { hidden } from "../../../primitives/attention.ts";
import { expander } from "../../elementary/expand.ts";
import { AHEAD, cutAttention, PAIR, passOf, TOGETHER, type AttentionCut, type Strip } from "./cut.ts";
import { arith, int, less, load, scoped, TileBuilder, when, type Tiled } from "../builder.ts";
import type { TileTarget } from "../target.ts";

const real = (x: number): Expr => s.const(x, "f32"),
  add = (x: Expr, y: Expr): Expr => s.binary("add", x, y),
  mul = (x: Expr, y: Expr): Expr => s.binary("mul", x, y);

/** The kernel: its own rows are queries (`forward`, `query`) or keys. */
export const attentionTile = (k: AttentionKernel, target: TileTarget): Tiled => new Heads(k, target).tile();

class Heads {
  private readonly k: AttentionKernel;
  private readonly cut: AttentionCut;
  private readonly b = new TileBuilder();
  private readonly expand: (e: Expr) => Expr;
  private readonly head = exprVar("head", "i32");
  private readonly first = exprVar("first", "i32"); // the group's first row
  private readonly place = exprVar("place", "i32"); // the thread's row, perhaps past the end
  private readonly row = exprVar("row", "i32"); // its row, or the last
  private readonly part = exprVar("part", "i32"); // its place among those that share the row
  private readonly strips: Strip[] = [];
  constructor(k: AttentionKernel, target: TileTarget) {
    this.k = k;
    this.cut = cutAttention(k, target);
    this.expand = expander(target);
  }

  tile(): Tiled {
    const { k, b, cut } = this,
      { group, lane } = b,
      blocks = int(Math.max(1, cut.blocks));
    const block: TiledStmt[] = [
      { kind: "let", v: this.head, value: arith("div", group, blocks) },
      { kind: "let", v: this.first, value: arith("mul", arith("rem", group, blocks), int(cut.rows)) },
      { kind: "let", v: this.place, value: arith("add", this.first, arith("div", lane, int(cut.share))) },
      { kind: "let", v: this.part, value: arith("rem", lane, int(cut.share)) },
      { kind: "let", v: this.row, value: cut.own % cut.rows === 0 ? this.place : arith("min", this.place, int(cut.own - 1)) }, // threads past the end repeat the last row, and store nothing
    ];
    return b.finish(k.name, k.params, cut.threads, k.n * cut.blocks, [
      ...block,
      ...passOf(k, { forward: () => this.forward(), query: () => this.query(), keys: () => this.keys() }),
    ]);
  }
  /** The online softmax. `peak`: the largest score so far; `sum`: of exponentials below it; `out`: of values times those. */
  private forward(): TiledStmt[] {
    const { k } = this,
      q = this.vector("q"),
      out = this.vector("out"),
      peak = exprVar("peak", "f32"),
      sum = exprVar("sum", "f32"),
      done = exprVar("done", "f32");
    const keys = this.strip(k.k, this.cut.wide),
      values = this.strip(k.v, this.cut.wide);
    const names = (name: string): ExprVar[] => Array.from({ length: TOGETHER }, () => exprVar(name, "f32"));
    const turn = (at: Expr, j: Expr): TiledStmt[] => {
      const score = names("score"),
        weight = names("weight"),
        next = exprVar("next", "f32"),
        shrink = exprVar("shrink", "f32");
      return [
        ...score.flatMap((v, r) => [
          ...this.dot(v, q, keys, arith("add", at, int(r))),
          { kind: "set", v, value: this.masked(v, arith("add", j, int(r))) } as const,
        ]),
        { kind: "let", v: next, value: score.reduce<Expr>((x, y) => s.binary("max", x, y), peak) },
        { kind: "let", v: shrink, value: this.exp(s.binary("sub", peak, next)) },
        ...weight.map((v, r): TiledStmt => ({
          kind: "let",
          v,
          value: this.present(this.exp(s.binary("sub", score[r] as Expr, next)), arith("add", j, int(r))),
        })), // a score each
        { kind: "set", v: peak, value: next },
        { kind: "set", v: sum, value: weight.reduce<Expr>((x, y) => add(x, y), mul(sum, shrink)) },
        ...out.map((v): TiledStmt => ({ kind: "set", v, value: mul(v, shrink) })),
        ...weight.flatMap((w, r) => this.accumulate(out, w, values, arith("add", at, int(r)))),
      ];
    };
    return [
      ...this.own(q, k.q, k.scale),
      ...zeros(out),
      { kind: "let", v: peak, value: real(-3e38) },
      { kind: "let", v: sum, value: real(0) },
      ...this.walk(TOGETHER, turn),
      { kind: "let", v: done, value: s.binary("div", real(1), sum) },
      this.store(
        0,
        out.map(v => mul(v, done)),
      ),
      this.storeOne(1, this.expand(add(peak, s.unary("log", sum)))),
    ];
  }
  /** Cotangents of queries: weights are computed again from the saved sums. */
  private query(): TiledStmt[] {
    const { k } = this,
      saved = this.saved,
      [q, ct, dq] = ["q", "ct", "dq"].map(x => this.vector(x)) as [ExprVar[], ExprVar[], ExprVar[]], // three names
      lse = exprVar("lse", "f32"),
      delta = exprVar("delta", "f32");
    const keys = this.strip(k.k, this.cut.wide),
      values = this.strip(k.v, this.cut.wide);
    return [
      ...this.own(q, k.q, k.scale),
      ...this.own(ct, saved.ct, 1),
      { kind: "let", v: lse, value: this.mine(saved.lse) },
      { kind: "let", v: delta, value: this.mine(saved.delta) },
      ...zeros(dq),
      ...this.oneByOne((at, j) => {
        const w = exprVar("w", "f32"),
          slope = exprVar("slope", "f32");
        return [
          ...this.weight(w, q, keys, at, j, lse),
          ...this.slope(slope, w, ct, values, at, delta),
          ...this.accumulate(dq, slope, keys, at),
        ];
      }),
      this.store(0, dq),
    ];
  }
  /** Cotangents of keys and values. */
  private keys(): TiledStmt[] {
    const { k } = this,
      saved = this.saved,
      [key, value, dk, dv] = ["k", "v", "dk", "dv"].map(x => this.vector(x)) as [ExprVar[], ExprVar[], ExprVar[], ExprVar[]]; // four names
    const queries = this.strip(k.q, this.cut.wide),
      cts = this.strip(saved.ct, this.cut.wide),
      lse = this.strip(saved.lse, 1),
      delta = this.strip(saved.delta, 1);
    return [
      ...this.own(key, k.k, k.scale),
      ...this.own(value, k.v, 1),
      ...zeros(dk),
      ...zeros(dv),
      ...this.oneByOne((at, i) => {
        const w = exprVar("w", "f32"),
          slope = exprVar("slope", "f32");
        return [
          ...this.weight(w, key, queries, at, i, load(lse.buf, "f32", at)),
          ...this.slope(slope, w, value, cts, at, load(delta.buf, "f32", at)),
          ...this.accumulate(dk, slope, queries, at),
          ...this.accumulate(dv, w, cts, at),
        ];
      }),
      this.store(0, dk),
      this.store(1, dv),
    ];
  }
  /** let w = e^(score - lse). */
  private weight(w: ExprVar, mine: readonly ExprVar[], theirs: Strip, at: Expr, far: Expr, lse: Expr): TiledStmt[] {
    const score = exprVar("score", "f32");
    return [
      ...this.dot(score, mine, theirs, at),
      { kind: "let", v: w, value: this.present(this.exp(s.binary("sub", this.masked(score, far), lse)), far) },
    ];
  }
  /** let slope = w (ct · v - delta) scale. */
  private slope(slope: ExprVar, w: Expr, mine: readonly ExprVar[], theirs: Strip, at: Expr, delta: Expr): TiledStmt[] {
    return [
      ...this.dot(slope, mine, theirs, at),
      { kind: "set", v: slope, value: mul(mul(w, s.binary("sub", slope, delta)), real(this.k.scale)) },
    ];
  }
  private get saved(): NonNullable<AttentionKernel["saved"]> {
    if (!this.k.saved) throw new InternalError(`${this.k.name} has no saved rows`);
    return this.k.saved;
  }

  /** `turn(place in the strip, row of the other side)` for every few rows of every strip that the group can see. */
  private walk(together: number, turn: (place: Expr, far: Expr) => TiledStmt[]): TiledStmt[] {
    const { k, cut } = this,
      step = exprVar("step", "i32"),
      start = exprVar("start", "i32"),
      few = exprVar("few", "i32"),
      at = exprVar("at", "i32"),
      last = arith("min", arith("add", this.first, int(cut.rows)), int(cut.own));
    const shift = k.s - k.t,
      ends = Math.ceil(cut.other / cut.strip);
    // causal: keys up to the group's last query's, or queries from the group's first key's
    const begin =
      k.causal && cut.byKey ? arith("div", s.binary("max", int(0), arith("sub", this.first, int(shift))), int(cut.strip)) : int(0);
    const end =
      k.causal && !cut.byKey
        ? arith("min", arith("div", arith("add", last, int(shift + cut.strip - 1)), int(cut.strip)), int(ends))
        : int(ends);
    return [
      {
        kind: "for",
        v: step,
        begin,
        end,
        body: [
          { kind: "let", v: start, value: arith("mul", step, int(cut.strip)) },
          ...this.strips.flatMap(strip => this.fetch(strip, start)),
          { kind: "barrier" },
          {
            kind: "for",
            v: few,
            begin: int(0),
            end: int(cut.strip / together),
            body: [{ kind: "let", v: at, value: arith("mul", few, int(together)) }, ...turn(at, arith("add", start, at))],
          },
          { kind: "barrier" },
        ],
      },
    ];
  }
  private oneByOne(turn: (place: Expr, far: Expr) => TiledStmt[]): TiledStmt[] {
    return this.walk(PAIR, (place, far) =>
      Array.from({ length: PAIR }, (_, r) => scoped(turn(arith("add", place, int(r)), arith("add", far, int(r))))),
    );
  }
  /** Fetch a strip, so many elements a thread at a time that their latencies hide one another and registers suffice. */
  private fetch(strip: Strip, start: Expr): TiledStmt[] {
    const { k, cut, b } = this,
      count = cut.strip * strip.width,
      turns = Math.ceil(count / cut.threads),
      each = Math.min(AHEAD, turns),
      whole = turns % each === 0 && count % cut.threads === 0,
      { n, i, j, e } = k.vars;
    const turn = exprVar("turn", "i32"),
      one = (r: number): TiledStmt => {
        const flat = exprVar("flat", "i32"),
          far = exprVar("far", "i32"),
          x = exprVar("x", "i32");
        const value = replaceVars(
          strip.value,
          new Map<number, Expr>([
            [n.id, this.head],
            [cut.byKey ? i.id : j.id, far],
            [e.id, this.within(x)],
          ]),
        );
        const row = arith("add", start, arith("div", flat, int(strip.width)));
        return scoped([
          {
            kind: "let",
            v: flat,
            value: arith("add", arith("add", arith("mul", turn, int(each * cut.threads)), b.lane), int(r * cut.threads)),
          },
          { kind: "let", v: far, value: arith("min", row, int(Math.max(0, cut.other - 1))) }, // rows past the end have weight 0
          { kind: "let", v: x, value: arith("rem", flat, int(strip.width)) },
          when(whole ? undefined : less(flat, int(count)), [
            { kind: "store", buf: strip.buf, index: flat, value: this.expand(strip.width === 1 ? value : this.padded(value, x)) },
          ]),
        ]);
      };
    return [
      { kind: "for", v: turn, begin: int(0), end: int(Math.ceil(turns / each)), body: Array.from({ length: each }, (_, r) => one(r)) },
    ];
  }
  private strip(value: Expr, width: number): Strip {
    const strip = { buf: this.b.memory("shared", "f32", this.cut.strip * width), value, width };
    this.strips.push(strip);
    return strip;
  }

  /** Variables for the thread's part of a head. */
  private vector(name: string): ExprVar[] {
    return Array.from({ length: this.cut.wide / this.cut.share }, () => exprVar(name, "f32"));
  }
  /** Which element of a head the thread's element `x` is: threads that share a row have neighbouring vectors. */
  private element(x: number): Expr {
    const { share } = this.cut;
    return arith("add", arith("mul", this.part, int(4)), int(4 * share * Math.floor(x / 4) + (x % 4)));
  }
  private within(e: Expr): Expr {
    return this.cut.wide === this.k.d ? e : arith("min", e, int(this.k.d - 1));
  }
  /** 0 past the head's last element. */
  private padded(value: Expr, e: Expr): Expr {
    return this.cut.wide === this.k.d ? value : s.select(less(e, int(this.k.d)), value, real(0));
  }
  /** An operand, or a result's index, at the own row. */
  private here(value: Expr, element: Expr): Expr {
    const { n, i, j, e } = this.k.vars,
      row = this.cut.byKey ? j : i;
    return replaceVars(
      value,
      new Map<number, Expr>([
        [n.id, this.head],
        [row.id, this.row],
        [e.id, element],
      ]),
    );
  }
  private mine(value: Expr, element: Expr = int(0)): Expr {
    return this.expand(this.here(value, element));
  }
  private own(into: readonly ExprVar[], value: Expr, scale: number): TiledStmt[] {
    return into.map((v, x): TiledStmt => {
      const e = this.element(x),
        at = this.padded(this.mine(value, this.within(e)), e);
      return { kind: "let", v, value: scale === 1 ? at : mul(at, real(scale)) };
    });
  }
  /** let v = x · row `at` of a strip, the same number in all threads that share the row. */
  private dot(v: ExprVar, x: readonly ExprVar[], strip: Strip, at: Expr): TiledStmt[] {
    const { share } = this.cut,
      out: TiledStmt[] = [
        { kind: "let", v, value: real(0) },
        ...this.inFours(strip, at, (four, first) =>
          four.map((y, f): TiledStmt => ({ kind: "set", v, value: s.fma(x[first + f] as Expr, y, v) })),
        ), // a vector is as long as the thread's part of the strip
      ];
    for (let mask = 1; mask < share; mask *= 2) {
      const other = exprVar("other", "f32");
      out.push(
        scoped([
          { kind: "shuffle", into: other, value: v, mask },
          { kind: "set", v, value: add(v, other) },
        ]),
      );
    }
    return out;
  }
  /** out += w * row `at` of a strip. */
  private accumulate(out: readonly ExprVar[], w: Expr, strip: Strip, at: Expr): TiledStmt[] {
    return this.inFours(strip, at, (four, first) =>
      four.map((y, f): TiledStmt => {
        const v = out[first + f] as ExprVar; // as above
        return { kind: "set", v, value: s.fma(w, y, v) };
      }),
    );
  }
  private inFours(strip: Strip, at: Expr, use: (four: readonly ExprVar[], first: number) => TiledStmt[]): TiledStmt[] {
    return Array.from({ length: this.cut.wide / this.cut.share / 4 }, (_, f): TiledStmt => {
      const four = Array.from({ length: 4 }, () => exprVar("y", "f32"));
      return scoped([
        { kind: "loadVector", into: four, buf: strip.buf, index: arith("add", arith("mul", at, int(strip.width)), this.element(4 * f)) },
        ...use(four, 4 * f),
      ]);
    });
  }
  /** A score as the mask leaves it. `far` is the row of the other side. */
  private masked(score: Expr, far: Expr): Expr {
    const { k, cut } = this;
    if (!k.causal) return score;
    const [query, key] = cut.byKey ? [far, this.row] : [this.row, far];
    return s.select(less(arith("add", query, int(k.s - k.t)), key), real(hidden), score);
  }
  /** 0 for rows past the end of the other side. */
  private present(weight: Expr, far: Expr): Expr {
    return this.cut.other % this.cut.strip === 0 ? weight : s.select(less(far, int(this.cut.other)), weight, real(0));
  }
  private inside(more: readonly (Expr | undefined)[]): Expr | undefined {
    const all = [this.cut.own % this.cut.rows === 0 ? undefined : less(this.place, int(this.cut.own)), ...more];
    return all.reduce<Expr | undefined>((x, y) => (x && y ? s.binary("and", x, y) : (x ?? y)), undefined);
  }
  /** The own row of a result. */
  private store(out: number, values: readonly Expr[]): TiledStmt {
    const { wide, share } = this.cut;
    return when(
      this.inside([]),
      values.map((value, x): TiledStmt => {
        const e = this.element(x),
          put = this.put(out, e, value);
        return wide !== this.k.d && 4 * share * (Math.floor(x / 4) + 1) > this.k.d ? when(less(e, int(this.k.d)), [put]) : put;
      }),
    );
  }
  /** A number of the own row, by one of those that share it. */
  private storeOne(out: number, value: Expr): TiledStmt {
    return when(this.inside([this.cut.share === 1 ? undefined : less(this.part, int(1))]), [this.put(out, int(0), value)]);
  }
  private put(out: number, element: Expr, value: Expr): TiledStmt {
    const place = this.k.outs[out];
    if (!place) throw new InternalError(`${this.k.name} has no result ${out}`);
    const dtype = this.k.params[place.buf]?.dtype ?? "f32",
      rounded = dtype === "f32" ? value : s.convert(s.convert(value, dtype), "f32");
    return { kind: "store", buf: place.buf, index: this.here(place.index, element), value: rounded };
  }
  private exp(x: Expr): Expr {
    return this.expand(s.unary("exp", x));
  }
}
const zeros = (vars: readonly ExprVar[]): TiledStmt[] => vars.map(v => ({ kind: "let", v, value: real(0) }));
