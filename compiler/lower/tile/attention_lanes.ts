// Attention for adapters that compute on a CPU. A group is one vector of threads and owns a few rows. First its threads are rows of the other side: each sums its scores with the
// group's rows in registers. Then threads are elements of the head: each sums its part of the results, the weights coming from one
// thread after another. Softmax is online, as in attention.ts. Nothing is shared in memory: what compiles for a CPU is slow to take barriers apart.
import { InternalError } from "../../../runtime/errors/error.ts";
import { replaceVars } from "../../ir/exprs.ts";
import type { AttentionKernel } from "../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../ir/scalar.ts";
import type { TiledStmt } from "../../ir/tiled.ts";
import { hidden } from "../../primitives/attention.ts";
import { expander } from "../elementary/expand.ts";
import { passOf } from "./attention_cut.ts";
import { arith, int, less, scoped, TileBuilder, when, type Tiled } from "./builder.ts";
import { powerOfTwo, type TileTarget } from "./target.ts";

/** Most sums that a thread keeps, most rows of a group, rows of the other side that a thread takes at a time. */
const SUMS = 64,
  ROWS = 8,
  EACH = 2;

const real = (x: number): Expr => s.const(x, "f32"),
  add = (x: Expr, y: Expr): Expr => s.binary("add", x, y),
  mul = (x: Expr, y: Expr): Expr => s.binary("mul", x, y),
  declare = (v: ExprVar, value: Expr): TiledStmt => ({ kind: "let", v, value }),
  set = (v: ExprVar, value: Expr): TiledStmt => ({ kind: "set", v, value }),
  range = <T>(n: number, f: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => f(i));

const results = (k: AttentionKernel): number => (k.pass === "keys" ? 2 : 1);
/** The narrowest vectors worth it: a head in narrower ones is so much code that SwiftShader (vectors of 4) compiles it for a minute. */
const NARROWEST = 8;
/** Does a head fit into the registers of this target's vectors? */
export const fitsLanes = (k: AttentionKernel, target: TileTarget): boolean =>
  target.software === true && target.subgroup >= NARROWEST && results(k) * Math.ceil(k.d / target.subgroup) <= SUMS;

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
    this.strip = EACH * this.lanes;
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
      peak = this.each("peak"),
      sum = this.each("sum"),
      out = this.block("out");
    const body = (): TiledStmt[] => {
      const scores = this.pairs("score"),
        next = this.each("next"),
        shrink = this.each("shrink"),
        weights = this.pairs("weight");
      return [
        ...this.dots([{ into: scores, mine: k.q, theirs: k.k }]),
        ...this.overPairs((q, x) => set(at(scores, q, x), this.masked(mul(at(scores, q, x), real(k.scale)), q, x))),
        ...range(rows, q => q).flatMap(q => [
          declare(
            nth(next, q),
            nth(scores, q).reduce<Expr>((x, y) => s.binary("max", x, y), nth(peak, q)),
          ),
          ...this.meet(nth(next, q), (x, y) => s.binary("max", x, y)),
          declare(nth(shrink, q), this.exp(s.binary("sub", nth(peak, q), nth(next, q)))),
          set(nth(peak, q), nth(next, q)),
        ]),
        ...this.overPairs((q, x) => declare(at(weights, q, x), this.present(this.exp(s.binary("sub", at(scores, q, x), nth(next, q))), x))),
        ...range(rows, q => set(nth(sum, q), nth(weights, q).reduce<Expr>(add, mul(nth(sum, q), nth(shrink, q))))),
        ...out.flatMap((row, q) => row.map(v => set(v, mul(v, nth(shrink, q))))),
        ...this.gather([{ out, weights, values: k.v }]),
      ];
    };
    return [
      ...peak.map(v => declare(v, real(-3e38))),
      ...[...sum, ...out.flat()].map(v => declare(v, real(0))),
      this.walk(body),
      ...sum.flatMap(v => this.meet(v, add)),
      ...range(rows, q => {
        const total = nth(sum, q),
          done = exprVar("done", "f32");
        return when(this.inside(q), [
          declare(done, s.binary("div", real(1), total)),
          ...this.store(
            0,
            q,
            nth(out, q).map(v => mul(v, done)),
          ),
          when(less(this.b.lane, int(1)), [this.put(1, q, int(0), add(nth(peak, q), this.expand(s.unary("log", total))))]),
        ]);
      }),
    ];
  }
  /** Cotangents of queries. */
  private query(): TiledStmt[] {
    const { k, saved } = this,
      lse = this.each("lse"),
      delta = this.each("delta"),
      dq = this.block("dq");
    return [
      ...lse.map((v, q) => declare(v, this.mine(saved.lse, q, int(0)))),
      ...delta.map((v, q) => declare(v, this.mine(saved.delta, q, int(0)))),
      ...dq.flat().map(v => declare(v, real(0))),
      this.walk(() => {
        const scores = this.pairs("score"),
          slopes = this.pairs("slope");
        return [
          ...this.dots([
            { into: scores, mine: k.q, theirs: k.k },
            { into: slopes, mine: saved.ct, theirs: k.v },
          ]),
          ...this.overPairs((q, x) => set(at(scores, q, x), this.weight(at(scores, q, x), q, x, nth(lse, q)))),
          ...this.overPairs((q, x) => set(at(slopes, q, x), this.slope(at(slopes, q, x), at(scores, q, x), nth(delta, q)))),
          ...this.gather([{ out: dq, weights: slopes, values: k.k }]),
        ];
      }),
      ...dq.map((row, q) => when(this.inside(q), this.store(0, q, row))),
    ];
  }
  /** Cotangents of keys and values. */
  private keys(): TiledStmt[] {
    const { k, saved } = this,
      dk = this.block("dk"),
      dv = this.block("dv");
    return [
      ...[...dk, ...dv].flat().map(v => declare(v, real(0))),
      this.walk(() => {
        const scores = this.pairs("score"),
          slopes = this.pairs("slope"),
          lse = range(EACH, () => exprVar("lse", "f32")),
          delta = range(EACH, () => exprVar("delta", "f32"));
        return [
          ...lse.map((v, x) => declare(v, this.theirs(saved.lse, this.far(x), int(0)))),
          ...delta.map((v, x) => declare(v, this.theirs(saved.delta, this.far(x), int(0)))),
          ...this.dots([
            { into: scores, mine: k.k, theirs: k.q },
            { into: slopes, mine: k.v, theirs: saved.ct },
          ]),
          ...this.overPairs((q, x) => set(at(scores, q, x), this.weight(at(scores, q, x), q, x, nth(lse, x)))),
          ...this.overPairs((q, x) => set(at(slopes, q, x), this.slope(at(slopes, q, x), at(scores, q, x), nth(delta, x)))),
          ...this.gather([
            { out: dk, weights: slopes, values: k.q },
            { out: dv, weights: scores, values: saved.ct },
          ]),
        ];
      }),
      ...range(this.rows, q => when(this.inside(q), [...this.store(0, q, nth(dk, q)), ...this.store(1, q, nth(dv, q))])),
    ];
  }
  /** e^(score - lse) of a plain sum. */
  private weight(sum: Expr, q: number, x: number, lse: Expr): Expr {
    return this.present(this.exp(s.binary("sub", this.masked(mul(sum, real(this.k.scale)), q, x), lse)), x);
  }
  /** w (sum - delta) scale. */
  private slope(sum: Expr, w: Expr, delta: Expr): Expr {
    return mul(mul(w, s.binary("sub", sum, delta)), real(this.k.scale));
  }
  private get saved(): NonNullable<AttentionKernel["saved"]> {
    if (!this.k.saved) throw new InternalError(`${this.k.name} has no saved rows`);
    return this.k.saved;
  }

  /** `body` for every strip that the group can see. */
  private walk(body: () => TiledStmt[]): TiledStmt {
    const { k, strip, first, rows, own, other } = this,
      step = exprVar("step", "i32"),
      shift = k.s - k.t,
      ends = Math.ceil(other / strip);
    const begin = k.causal && this.byKey ? arith("div", s.binary("max", int(0), arith("sub", first, int(shift))), int(strip)) : int(0);
    const last = arith("add", arith("min", arith("add", first, int(rows)), int(own)), int(shift + strip - 1)),
      end = k.causal && !this.byKey ? arith("min", arith("div", last, int(strip)), int(ends)) : int(ends);
    return { kind: "for", v: step, begin, end, body: [declare(this.start, arith("mul", step, int(strip))), ...body()] };
  }
  /** Scores of the group's rows with the thread's rows of the strip, all sums in one loop over the head. */
  private dots(
    sums: readonly { readonly into: readonly (readonly ExprVar[])[]; readonly mine: Expr; readonly theirs: Expr }[],
  ): TiledStmt[] {
    const e = exprVar("e", "i32");
    return [
      ...sums.flatMap(({ into }) => into.flat().map(v => declare(v, real(0)))),
      {
        kind: "for",
        v: e,
        begin: int(0),
        end: int(this.k.d),
        body: sums.flatMap(({ into, mine, theirs }) => {
          const far = range(EACH, () => exprVar("far", "f32")),
            near = this.each("near");
          return [
            ...far.map((v, x) => declare(v, this.theirs(theirs, this.far(x), e))),
            ...near.map((v, q) => declare(v, this.mine(mine, q, e))),
            ...this.overPairs((q, x) => set(at(into, q, x), s.fma(nth(near, q), nth(far, x), at(into, q, x)))),
          ];
        }),
      },
    ];
  }
  /** out += weights times the strip's values: threads are elements of the head. */
  private gather(
    sums: readonly {
      readonly out: readonly (readonly ExprVar[])[];
      readonly weights: readonly (readonly ExprVar[])[];
      readonly values: Expr;
    }[],
  ): TiledStmt[] {
    return range(EACH, (x): TiledStmt => {
      const turn = exprVar("turn", "i32"),
        row = this.clamped(arith("add", arith("add", this.start, turn), int(x * this.lanes)), this.other, this.strip);
      return {
        kind: "for",
        v: turn,
        begin: int(0),
        end: int(this.lanes),
        body: sums.map(({ out, weights, values }) => {
          const own = range(this.parts, () => exprVar("value", "f32"));
          return scoped([
            ...own.map((v, c) => declare(v, this.theirs(values, row, this.clamped(this.element(c), this.k.d, this.lanes)))),
            ...out.flatMap((sumsOf, q): TiledStmt[] => {
              const w = exprVar("w", "f32");
              return [
                { kind: "shuffle", into: w, value: at(weights, q, x), mask: 0, of: turn },
                ...sumsOf.map((v, c) => set(v, s.fma(w, nth(own, c), v))),
              ];
            }),
          ]);
        }),
      };
    });
  }
  /** Every thread's `v` combined, in all of them. */
  private meet(v: ExprVar, combine: (x: Expr, y: Expr) => Expr): TiledStmt[] {
    return range(Math.log2(this.lanes), bit => {
      const other = exprVar("other", "f32");
      return scoped([{ kind: "shuffle", into: other, value: v, mask: 2 ** bit }, set(v, combine(v, other))]);
    });
  }

  private each(name: string): ExprVar[] {
    return range(this.rows, () => exprVar(name, "f32"));
  }
  private pairs(name: string): ExprVar[][] {
    return range(this.rows, () => range(EACH, () => exprVar(name, "f32")));
  }
  private block(name: string): ExprVar[][] {
    return range(this.rows, () => range(this.parts, () => exprVar(name, "f32")));
  }
  private overPairs(f: (q: number, x: number) => TiledStmt): TiledStmt[] {
    return range(this.rows, q => range(EACH, x => f(q, x))).flat();
  }
  /** The thread's x-th row of the strip, perhaps past the end. */
  private far(x: number): Expr {
    return this.clamped(this.place(x), this.other, this.strip);
  }
  private place(x: number): Expr {
    return arith("add", arith("add", this.start, this.b.lane), int(x * this.lanes));
  }
  private element(c: number): Expr {
    return arith("add", this.b.lane, int(c * this.lanes));
  }
  /** Past the end the last is read again, and never counted. */
  private clamped(x: Expr, n: number, unit: number): Expr {
    return n % unit === 0 ? x : arith("min", x, int(Math.max(0, n - 1)));
  }
  private mine(value: Expr, q: number, e: Expr): Expr {
    return this.at(value, this.byKey ? "j" : "i", this.clamped(arith("add", this.first, int(q)), this.own, this.rows), e);
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
  private masked(score: Expr, q: number, x: number): Expr {
    const { k } = this,
      mine = arith("add", this.first, int(q));
    if (!k.causal) return score;
    const [query, key] = this.byKey ? [this.place(x), mine] : [mine, this.place(x)];
    return s.select(less(arith("add", query, int(k.s - k.t)), key), real(hidden), score);
  }
  /** 0 for rows past the end of the other side. */
  private present(weight: Expr, x: number): Expr {
    return this.other % this.strip === 0 ? weight : s.select(less(this.place(x), int(this.other)), weight, real(0));
  }
  private inside(q: number): Expr | undefined {
    return this.own % this.rows === 0 ? undefined : less(arith("add", this.first, int(q)), int(this.own));
  }
  /** The thread's elements of row `q` of a result. */
  private store(out: number, q: number, values: readonly Expr[]): TiledStmt[] {
    return values.map((value, c) =>
      when((c + 1) * this.lanes > this.k.d ? less(this.element(c), int(this.k.d)) : undefined, [this.put(out, q, this.element(c), value)]),
    );
  }
  private put(out: number, q: number, element: Expr, value: Expr): TiledStmt {
    const place = this.k.outs[out];
    if (!place) throw new InternalError(`${this.k.name} has no result ${out}`);
    const { vars } = this.k,
      row = arith("add", this.first, int(q));
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
const at = (block: readonly (readonly ExprVar[])[], q: number, x: number): ExprVar => nth(nth(block, q), x);
