// Attention for adapters that compute on a CPU. A group is one vector of threads and owns a few rows. First its threads are rows of the other side: each sums its scores with the
// group's rows in registers, and weighs them one after another in memory of its own. Then threads are elements of the head: each sums its part of the results, the weights coming from one
// thread after another. Softmax is online, as in rows.ts. Nothing is shared in memory: what compiles for a CPU is slow to take barriers apart, and to clear shared memory.
import { InternalError } from "../../../../runtime/errors/error.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { hidden } from "../../../primitives/attention.ts";
import { expander } from "../../elementary/expand.ts";
import { passOf } from "./cut.ts";
import { arith, int, less, load, scoped, TileBuilder, when, type Tiled } from "../builder.ts";
import { powerOfTwo, type TileTarget } from "../target.ts";

/** Most sums that a thread keeps; most rows of a group; rows of the other side that a group takes at a time, and a thread of them. */
const SUMS = 128,
  ROWS = 8,
  STRIP = 32,
  EACH = 8;

const real = (x: number): Expr => s.const(x, "f32"),
  add = (x: Expr, y: Expr): Expr => s.binary("add", x, y),
  mul = (x: Expr, y: Expr): Expr => s.binary("mul", x, y),
  declare = (v: ExprVar, value: Expr): TiledStmt => ({ kind: "let", v, value }),
  set = (v: ExprVar, value: Expr): TiledStmt => ({ kind: "set", v, value }),
  put = (buf: number, index: Expr, value: Expr): TiledStmt => ({ kind: "store", buf, index, value }),
  range = <T>(n: number, f: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => f(i));
/** `body` for 0, 1, .. `n` - 1, once in the text: exponentials that are written out for every score take compilers seconds. */
const each = (n: number, body: (i: Expr) => readonly TiledStmt[]): TiledStmt => {
  const v = exprVar("i", "i32");
  return { kind: "for", v, begin: int(0), end: int(n), body: [...body(v)] };
};

const results = (k: AttentionKernel): number => (k.pass === "keys" ? 2 : 1);
/** Does a head fit into the registers of this target's vectors? */
export const fitsLanes = (k: AttentionKernel, target: TileTarget): boolean =>
  target.software === true && target.subgroup > 1 && results(k) * Math.ceil(k.d / target.subgroup) <= SUMS;

/** The kernel: its own rows are queries (`forward`, `query`) or keys. */
export const attentionLanes = (k: AttentionKernel, target: TileTarget): Tiled => new Lanes(k, target).tile();

class Lanes {
  private readonly k: AttentionKernel;
  private readonly b = new TileBuilder();
  private readonly expand: (e: Expr) => Expr;
  private readonly byKey: boolean;
  private readonly own: number;
  private readonly other: number;
  private readonly lanes: number;
  private readonly parts: number; // elements of a head that a thread has
  private readonly rows: number;
  private readonly each: number; // rows of a strip that a thread has
  private readonly strip: number;
  private readonly head = exprVar("head", "i32");
  private readonly first = exprVar("first", "i32"); // the group's first row
  private readonly start = exprVar("start", "i32"); // the strip's first row

  constructor(k: AttentionKernel, target: TileTarget) {
    this.k = k;
    this.expand = expander(target);
    this.byKey = k.pass === "keys";
    [this.own, this.other] = this.byKey ? [k.s, k.t] : [k.t, k.s];
    this.lanes = target.subgroup;
    this.parts = Math.ceil(k.d / this.lanes);
    this.rows = Math.max(1, Math.min(ROWS, powerOfTwo(this.own), powerOfTwo(Math.floor(SUMS / (results(k) * this.parts)) + 1) / 2));
    this.each = Math.max(1, Math.min(EACH, Math.floor(STRIP / this.lanes)));
    this.strip = this.each * this.lanes;
  }
  tile(): Tiled {
    const { k, b } = this,
      blocks = Math.ceil(this.own / this.rows);
    return b.finish(k.name, k.params, this.lanes, k.n * blocks, [
      declare(this.head, arith("div", b.group, int(Math.max(1, blocks)))),
      declare(this.first, arith("mul", arith("rem", b.group, int(Math.max(1, blocks))), int(this.rows))),
      ...passOf(k, { forward: () => this.forward(), query: () => this.query(), keys: () => this.keys() }),
    ]);
  }
  /** `peak`: the largest score of a row so far; `sum`: this thread's part of its exponentials below that; `out`: of values times those. */
  private forward(): TiledStmt[] {
    const { k, rows } = this,
      peak = this.kept(rows),
      sum = this.kept(rows),
      shrink = this.kept(rows),
      scores = this.kept(rows * this.each),
      out = this.block("out");
    const weigh = (q: Expr): TiledStmt[] => {
      const top = exprVar("top", "f32"),
        factor = exprVar("factor", "f32"),
        total = exprVar("total", "f32");
      return [
        declare(top, load(peak, "f32", q)),
        each(this.each, x => {
          const score = exprVar("score", "f32");
          return [
            declare(score, this.masked(mul(load(scores, "f32", this.pair(q, x)), real(k.scale)), q, x)),
            put(scores, this.pair(q, x), score),
            set(top, s.binary("max", top, score)),
          ];
        }),
        ...this.meet(top, (x, y) => s.binary("max", x, y)),
        declare(factor, this.exp(s.binary("sub", load(peak, "f32", q), top))),
        put(shrink, q, factor),
        put(peak, q, top),
        declare(total, mul(load(sum, "f32", q), factor)),
        each(this.each, x => {
          const weight = exprVar("weight", "f32");
          return [
            declare(weight, this.present(this.exp(s.binary("sub", load(scores, "f32", this.pair(q, x)), top)), x)),
            put(scores, this.pair(q, x), weight),
            set(total, add(total, weight)),
          ];
        }),
        put(sum, q, total),
      ];
    };
    return [
      each(rows, q => [put(peak, q, real(-3e38)), put(sum, q, real(0))]),
      ...out.flat().map(v => declare(v, real(0))),
      this.walk([
        ...this.dots(scores, k.q, k.k),
        each(rows, weigh),
        ...out.flatMap((row, q) => {
          const factor = exprVar("factor", "f32");
          return [declare(factor, load(shrink, "f32", int(q))), ...row.map(v => set(v, mul(v, factor)))];
        }),
        this.gather([{ out, weights: scores, values: k.v }]),
      ]),
      ...this.finish(out, (q, store) => {
        const total = exprVar("total", "f32"),
          done = exprVar("done", "f32");
        return [
          declare(total, load(sum, "f32", q)),
          ...this.meet(total, add),
          declare(done, s.binary("div", real(1), total)),
          when(this.inside(q), [
            store(0, v => mul(v, done)),
            when(less(this.b.lane, int(1)), [this.put(1, q, int(0), add(load(peak, "f32", q), this.expand(s.unary("log", total))))]),
          ]),
        ];
      }),
    ];
  }
  /** Cotangents of queries. */
  private query(): TiledStmt[] {
    const { k, saved } = this,
      dq = this.block("dq"),
      scores = this.kept(this.rows * this.each),
      slopes = this.kept(this.rows * this.each);
    return [
      ...dq.flat().map(v => declare(v, real(0))),
      this.walk([
        ...this.dots(scores, k.q, k.k),
        ...this.dots(slopes, saved.ct, k.v),
        each(this.rows, q => {
          const lse = exprVar("lse", "f32"),
            delta = exprVar("delta", "f32");
          return [
            declare(lse, this.mine(saved.lse, q, int(0))),
            declare(delta, this.mine(saved.delta, q, int(0))),
            each(this.each, x => this.slope(scores, slopes, q, x, lse, delta)),
          ];
        }),
        this.gather([{ out: dq, weights: slopes, values: k.k }]),
      ]),
      ...this.finish(dq, (q, store) => [when(this.inside(q), [store(0, v => v)])]),
    ];
  }
  /** Cotangents of keys and values. */
  private keys(): TiledStmt[] {
    const { k, saved } = this,
      dk = this.block("dk"),
      dv = this.block("dv"),
      scores = this.kept(this.rows * this.each),
      slopes = this.kept(this.rows * this.each);
    return [
      ...[...dk, ...dv].flat().map(v => declare(v, real(0))),
      this.walk([
        ...this.dots(scores, k.k, k.q),
        ...this.dots(slopes, k.v, saved.ct),
        each(this.each, x => {
          const lse = exprVar("lse", "f32"),
            delta = exprVar("delta", "f32");
          return [
            declare(lse, this.theirs(saved.lse, this.far(x), int(0))),
            declare(delta, this.theirs(saved.delta, this.far(x), int(0))),
            each(this.rows, q => this.slope(scores, slopes, q, x, lse, delta)),
          ];
        }),
        this.gather([
          { out: dk, weights: slopes, values: k.q },
          { out: dv, weights: scores, values: saved.ct },
        ]),
      ]),
      ...[dk, dv].flatMap((out, result) => this.finish(out, (q, store) => [when(this.inside(q), [store(result, v => v)])])),
    ];
  }
  /** Plain sums become weights, e^(score - lse), and slopes, w (sum - delta) scale. */
  private slope(scores: number, slopes: number, q: Expr, x: Expr, lse: Expr, delta: Expr): TiledStmt[] {
    const w = exprVar("w", "f32"),
      pair = this.pair(q, x),
      score = this.masked(mul(load(scores, "f32", pair), real(this.k.scale)), q, x);
    return [
      declare(w, this.present(this.exp(s.binary("sub", score, lse)), x)),
      put(scores, pair, w),
      put(slopes, pair, mul(mul(w, s.binary("sub", load(slopes, "f32", pair), delta)), real(this.k.scale))),
    ];
  }
  private get saved(): NonNullable<AttentionKernel["saved"]> {
    if (!this.k.saved) throw new InternalError(`${this.k.name} has no saved rows`);
    return this.k.saved;
  }

  /** `body` for every strip that the group can see. */
  private walk(body: readonly TiledStmt[]): TiledStmt {
    const { k, strip, first, rows, own, other } = this,
      step = exprVar("step", "i32"),
      shift = k.s - k.t,
      ends = Math.ceil(other / strip);
    const begin = k.causal && this.byKey ? arith("div", s.binary("max", int(0), arith("sub", first, int(shift))), int(strip)) : int(0);
    const last = arith("add", arith("min", arith("add", first, int(rows)), int(own)), int(shift + strip - 1)),
      end = k.causal && !this.byKey ? arith("min", arith("div", last, int(strip)), int(ends)) : int(ends);
    return { kind: "for", v: step, begin, end, body: [declare(this.start, arith("mul", step, int(strip))), ...body] };
  }
  /** Products of the group's rows with the thread's rows of the strip, summed over the head, into `kept`. */
  private dots(kept: number, mine: Expr, theirs: Expr): TiledStmt[] {
    const e = exprVar("e", "i32"),
      sums = range(this.rows, () => range(this.each, () => exprVar("sum", "f32"))),
      far = range(this.each, () => exprVar("far", "f32")),
      near = range(this.rows, () => exprVar("near", "f32"));
    const body = [
      ...far.map((v, x) => declare(v, this.theirs(theirs, this.far(int(x)), e))),
      ...near.map((v, q) => declare(v, this.mine(mine, int(q), e))),
      ...sums.flatMap((row, q) => row.map((v, x) => set(v, s.fma(nth(near, q), nth(far, x), v)))),
    ];
    return [
      ...sums.flat().map(v => declare(v, real(0))),
      { kind: "for", v: e, begin: int(0), end: int(this.k.d), body },
      ...sums.flatMap((row, q) => row.map((v, x) => put(kept, this.pair(int(q), int(x)), v))),
    ];
  }
  /** out += weights times the strip's values: threads are elements of the head. */
  private gather(
    sums: readonly { readonly out: readonly (readonly ExprVar[])[]; readonly weights: number; readonly values: Expr }[],
  ): TiledStmt {
    return each(this.each, x => {
      const turn = exprVar("turn", "i32"),
        row = this.clamped(arith("add", arith("add", this.start, turn), arith("mul", x, int(this.lanes))), this.other, this.strip),
        own = sums.map(() => range(this.rows, () => exprVar("weight", "f32")));
      const body = sums.map(({ out, values }, r) => {
        const value = range(this.parts, () => exprVar("value", "f32"));
        return scoped([
          ...value.map((v, c) => declare(v, this.theirs(values, row, this.clamped(this.element(int(c)), this.k.d, this.lanes)))),
          ...out.flatMap((sumsOf, q): TiledStmt[] => {
            const w = exprVar("w", "f32");
            return [
              { kind: "shuffle", into: w, value: nth(nth(own, r), q), mask: 0, of: turn },
              ...sumsOf.map((v, c) => set(v, s.fma(w, nth(value, c), v))),
            ];
          }),
        ]);
      });
      return [
        ...sums.flatMap(({ weights }, r) => nth(own, r).map((v, q) => declare(v, load(weights, "f32", this.pair(int(q), x))))),
        { kind: "for", v: turn, begin: int(0), end: int(this.lanes), body },
      ];
    });
  }
  /** What becomes of the rows of `out`, row by row; `store` writes the thread's part of one to a result. */
  private finish(
    out: readonly (readonly ExprVar[])[],
    row: (q: Expr, store: (result: number, f: (v: Expr) => Expr) => TiledStmt) => TiledStmt[],
  ): TiledStmt[] {
    const kept = this.kept(this.rows * this.parts),
      place = (q: Expr, c: Expr): Expr => arith("add", arith("mul", q, int(this.parts)), c);
    const store = (result: number, q: Expr, f: (v: Expr) => Expr): TiledStmt =>
      each(this.parts, c => [
        when(this.k.d % this.lanes === 0 ? undefined : less(this.element(c), int(this.k.d)), [
          this.put(result, q, this.element(c), f(load(kept, "f32", place(q, c)))),
        ]),
      ]);
    return [
      ...out.flatMap((sums, q) => sums.map((v, c) => put(kept, place(int(q), int(c)), v))),
      each(this.rows, q => row(q, (result, f) => store(result, q, f))),
    ];
  }
  /** Every thread's `v` combined, in all of them. */
  private meet(v: ExprVar, combine: (x: Expr, y: Expr) => Expr): TiledStmt[] {
    return range(Math.log2(this.lanes), bit => {
      const other = exprVar("other", "f32");
      return scoped([{ kind: "shuffle", into: other, value: v, mask: 2 ** bit }, set(v, combine(v, other))]);
    });
  }

  /** Numbers of the thread that loops reach by their place. */
  private kept(n: number): number {
    return this.b.memory("local", "f32", n);
  }
  private pair(q: Expr, x: Expr): Expr {
    return arith("add", arith("mul", q, int(this.each)), x);
  }
  private block(name: string): ExprVar[][] {
    return range(this.rows, () => range(this.parts, () => exprVar(name, "f32")));
  }
  /** The thread's x-th row of the strip, perhaps past the end. */
  private far(x: Expr): Expr {
    return this.clamped(this.place(x), this.other, this.strip);
  }
  private place(x: Expr): Expr {
    return arith("add", arith("add", this.start, this.b.lane), arith("mul", x, int(this.lanes)));
  }
  private element(c: Expr): Expr {
    return arith("add", this.b.lane, arith("mul", c, int(this.lanes)));
  }
  /** Past the end the last is read again, and never counted. */
  private clamped(x: Expr, n: number, unit: number): Expr {
    return n % unit === 0 ? x : arith("min", x, int(Math.max(0, n - 1)));
  }
  private mine(value: Expr, q: Expr, e: Expr): Expr {
    return this.at(value, this.byKey ? "j" : "i", this.clamped(arith("add", this.first, q), this.own, this.rows), e);
  }
  private theirs(value: Expr, row: Expr, e: Expr): Expr {
    return this.at(value, this.byKey ? "i" : "j", row, e);
  }
  private at(value: Expr, side: "i" | "j", row: Expr, e: Expr): Expr {
    const { vars } = this.k;
    return replaceVars(
      this.expand(value),
      new Map<number, Expr>([
        [vars.n.id, this.head],
        [vars[side].id, row],
        [vars.e.id, e],
      ]),
    );
  }
  /** A score as the mask leaves it. */
  private masked(score: Expr, q: Expr, x: Expr): Expr {
    const { k } = this,
      mine = arith("add", this.first, q);
    if (!k.causal) return score;
    const [query, key] = this.byKey ? [this.place(x), mine] : [mine, this.place(x)];
    return s.select(less(arith("add", query, int(k.s - k.t)), key), real(hidden), score);
  }
  /** 0 for rows past the end of the other side. */
  private present(weight: Expr, x: Expr): Expr {
    return this.other % this.strip === 0 ? weight : s.select(less(this.place(x), int(this.other)), weight, real(0));
  }
  private inside(q: Expr): Expr | undefined {
    return this.own % this.rows === 0 ? undefined : less(arith("add", this.first, q), int(this.own));
  }
  private put(out: number, q: Expr, element: Expr, value: Expr): TiledStmt {
    const place = this.k.outs[out];
    if (!place) throw new InternalError(`${this.k.name} has no result ${out}`);
    const { vars } = this.k,
      row = arith("add", this.first, q);
    const index = replaceVars(
      place.index,
      new Map<number, Expr>([
        [vars.n.id, this.head],
        [vars[this.byKey ? "j" : "i"].id, row],
        [vars.e.id, element],
      ]),
    );
    return { kind: "store", buf: place.buf, index, value };
  }
  private exp(x: Expr): Expr {
    return this.expand(s.unary("exp", x));
  }
}
/** What is known to be there: rows, parts and places are counted alike wherever lists of them are made. */
const nth = <T>(list: readonly T[], i: number): T => list[i] as T; // see above
