// Attention by rows: a thread owns a query (or a key) with all that belongs to it in variables, and walks over the other side in strips that the group fetches into shared memory,
// where all threads read the same element at the same time. Sums of exponentials are kept online, so scores are never stored.
import { replaceVars } from "../../ir/exprs.ts";
import type { AttentionKernel } from "../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../ir/scalar.ts";
import type { TiledStmt } from "../../ir/tiled.ts";
import { hidden } from "../../primitives/attention.ts";
import { expander } from "../elementary/expand.ts";
import { arith, int, less, load, scoped, TileBuilder, when, type Tiled } from "./builder.ts";
import type { TileTarget } from "./target.ts";

/** Rows of a strip; rows that are taken together, so that what is kept is rescaled once for all of them. */
const STRIP = 16,
  TOGETHER = 4;
const real = (x: number): Expr => s.const(x, "f32"),
  add = (x: Expr, y: Expr): Expr => s.binary("add", x, y),
  mul = (x: Expr, y: Expr): Expr => s.binary("mul", x, y);

/** The kernel: its own rows are queries (`forward`, `query`) or keys. */
export function attentionTile(k: AttentionKernel, target: TileTarget): Tiled {
  const byKey = k.pass === "key" || k.pass === "value",
    own = byKey ? k.s : k.t,
    other = byKey ? k.t : k.s;
  const threads = Math.min(target.group, target.threads, 64),
    blocks = Math.ceil(own / threads);
  return new Heads(k, target, { byKey, own, other, threads, blocks }).tile();
}

interface Cut {
  readonly byKey: boolean;
  readonly own: number;
  readonly other: number;
  readonly threads: number;
  readonly blocks: number;
}
/** What is fetched for each row of the other side: a vector of the head's size, or one number. */
interface Strip {
  readonly buf: number;
  readonly value: Expr;
  readonly width: number;
}

class Heads {
  private readonly k: AttentionKernel;
  private readonly cut: Cut;
  private readonly b = new TileBuilder();
  private readonly expand: (e: Expr) => Expr;
  private readonly head = exprVar("head", "i32");
  private readonly row = exprVar("row", "i32");
  private readonly place = exprVar("place", "i32");
  private readonly strips: Strip[] = [];
  private readonly wide: number; // a head's size, in whole vectors
  constructor(k: AttentionKernel, target: TileTarget, cut: Cut) {
    this.k = k;
    this.cut = cut;
    this.expand = expander(target);
    this.wide = Math.ceil(k.d / 4) * 4;
  }

  tile(): Tiled {
    const { k, b, cut } = this,
      { group, lane } = b;
    const block: TiledStmt[] = [
      { kind: "let", v: this.head, value: arith("div", group, int(Math.max(1, cut.blocks))) },
      {
        kind: "let",
        v: this.place,
        value: arith("add", arith("mul", arith("rem", group, int(Math.max(1, cut.blocks))), int(cut.threads)), lane),
      },
      { kind: "let", v: this.row, value: cut.own % cut.threads === 0 ? this.place : arith("min", this.place, int(cut.own - 1)) }, // threads past the end repeat the last row, and store nothing
    ];
    return b.finish(k.name, k.params, cut.threads, k.n * cut.blocks, [
      ...block,
      ...(k.pass === "forward" ? this.forward() : this.backward()),
    ]);
  }

  /** The online softmax. `peak`: the largest score so far; `sum`: of exponentials below it; `out`: of values times those. */
  private forward(): TiledStmt[] {
    const { k } = this,
      q = this.vector("q"),
      out = this.vector("out"),
      peak = exprVar("peak", "f32"),
      sum = exprVar("sum", "f32");
    const keys = this.strip(k.k, this.wide),
      values = this.strip(k.v, this.wide);
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
    const done = exprVar("done", "f32"),
      { n, i, e } = k.vars;
    return [
      ...this.own(
        q,
        k.q,
        [
          [n, this.head],
          [i, this.row],
        ],
        e,
        k.scale,
      ),
      ...zeros(out),
      { kind: "let", v: peak, value: real(-3e38) },
      { kind: "let", v: sum, value: real(0) },
      ...this.walk(turn),
      { kind: "let", v: done, value: s.binary("div", real(1), sum) },
      this.store(
        0,
        out.map(v => mul(v, done)),
      ),
      this.store(1, [this.expand(add(peak, s.unary("log", sum)))]),
    ];
  }

  /** The three passes back: weights are computed again from the saved sums. */
  private backward(): TiledStmt[] {
    const { k } = this,
      { saved } = k,
      { n, i, j, e } = k.vars,
      byQuery = k.pass === "query";
    if (!saved) return [];
    const at: readonly (readonly [ExprVar, Expr])[] = [
      [n, this.head],
      [byQuery ? i : j, this.row],
    ];
    const mine = this.vector("mine"),
      out = this.vector("out"),
      second = this.vector("second"),
      lse = exprVar("lse", "f32"),
      delta = exprVar("delta", "f32");
    // the own side's vectors: the score's factor, and the slope's where it is needed
    const first = byQuery ? k.q : k.k,
      other = byQuery ? saved.ct : k.v,
      sloped = k.pass !== "value";
    const theirs = this.strip(byQuery ? k.k : k.q, this.wide),
      slopes = byQuery ? this.strip(k.v, this.wide) : this.strip(saved.ct, this.wide);
    const sums = byQuery ? undefined : { lse: this.strip(saved.lse, 1), delta: sloped ? this.strip(saved.delta, 1) : undefined };
    const turn = (place: Expr, far: Expr): TiledStmt[] => {
      const score = exprVar("score", "f32"),
        slope = exprVar("slope", "f32"),
        weight = exprVar("weight", "f32"),
        w = exprVar("w", "f32");
      const one = (strip: Strip | undefined, v: ExprVar): Expr => (strip ? load(strip.buf, "f32", place) : v);
      return [
        ...this.dot(score, mine, theirs, place),
        { kind: "set", v: score, value: this.masked(score, far) },
        { kind: "let", v: weight, value: this.present(this.exp(s.binary("sub", score, one(sums?.lse, lse))), far) },
        ...(sloped
          ? [
              ...this.dot(slope, second, slopes, place),
              { kind: "let", v: w, value: mul(mul(weight, s.binary("sub", slope, one(sums?.delta, delta))), real(k.scale)) } as const,
            ]
          : []),
        ...this.accumulate(out, sloped ? w : weight, sloped ? theirs : slopes, place),
      ];
    };
    const number = (v: ExprVar, value: Expr): TiledStmt => ({ kind: "let", v, value: this.at(value, at) });
    return [
      ...this.own(mine, first, at, e, k.scale),
      ...(sloped ? this.own(second, other, at, e, 1) : []),
      ...(byQuery ? [number(lse, saved.lse), number(delta, saved.delta)] : []),
      ...zeros(out),
      ...this.walk((place, far) =>
        Array.from({ length: TOGETHER }, (_, r) => scoped(turn(arith("add", place, int(r)), arith("add", far, int(r))))),
      ),
      this.store(0, out),
    ];
  }

  /** `turn(place in the strip, row of the other side)` for every few rows of every strip. */
  private walk(turn: (place: Expr, far: Expr) => TiledStmt[]): TiledStmt[] {
    const { cut } = this,
      step = exprVar("step", "i32"),
      start = exprVar("start", "i32"),
      few = exprVar("few", "i32"),
      at = exprVar("at", "i32");
    return [
      {
        kind: "for",
        v: step,
        begin: int(0),
        end: int(Math.ceil(cut.other / STRIP)),
        body: [
          { kind: "let", v: start, value: arith("mul", step, int(STRIP)) },
          ...this.strips.flatMap(strip => this.fetch(strip, start)),
          { kind: "barrier" },
          {
            kind: "for",
            v: few,
            begin: int(0),
            end: int(STRIP / TOGETHER),
            body: [{ kind: "let", v: at, value: arith("mul", few, int(TOGETHER)) }, ...turn(at, arith("add", start, at))],
          },
          { kind: "barrier" },
        ],
      },
    ];
  }
  private fetch(strip: Strip, start: Expr): TiledStmt[] {
    const { k, cut, b } = this,
      count = STRIP * strip.width,
      { n, i, j, e } = k.vars;
    return Array.from({ length: Math.ceil(count / cut.threads) }, (_, r): TiledStmt => {
      const flat = exprVar("flat", "i32"),
        far = exprVar("far", "i32");
      const value = replaceVars(
        strip.value,
        new Map<number, Expr>([
          [n.id, this.head],
          [cut.byKey ? i.id : j.id, far],
          [e.id, arith("min", arith("rem", flat, int(strip.width)), int(this.k.d - 1))], // padding is fetched and not used
        ]),
      );
      return scoped([
        { kind: "let", v: flat, value: arith("add", b.lane, int(r * cut.threads)) },
        {
          kind: "let",
          v: far,
          value: arith("min", arith("add", start, arith("div", flat, int(strip.width))), int(Math.max(0, cut.other - 1))),
        },
        when((r + 1) * cut.threads > count ? less(flat, int(count)) : undefined, [
          { kind: "store", buf: strip.buf, index: flat, value: this.expand(value) },
        ]),
      ]);
    });
  }
  private strip(value: Expr, width: number): Strip {
    const strip = { buf: this.b.memory("shared", "f32", STRIP * width), value, width };
    this.strips.push(strip);
    return strip;
  }
  private vector(name: string): ExprVar[] {
    return Array.from({ length: this.k.d }, () => exprVar(name, "f32"));
  }
  private at(value: Expr, vars: readonly (readonly [ExprVar, Expr])[]): Expr {
    return this.expand(replaceVars(value, new Map(vars.map(([v, x]) => [v.id, x]))));
  }
  /** The own row of an operand. */
  private own(into: readonly ExprVar[], value: Expr, vars: readonly (readonly [ExprVar, Expr])[], e: ExprVar, scale: number): TiledStmt[] {
    return into.map((v, x): TiledStmt => {
      const at = this.at(value, [...vars, [e, int(x)]]);
      return { kind: "let", v, value: scale === 1 ? at : mul(at, real(scale)) };
    });
  }
  /** let v = x · row `at` of a strip. */
  private dot(v: ExprVar, x: readonly ExprVar[], strip: Strip, at: Expr): TiledStmt[] {
    return [
      { kind: "let", v, value: real(0) },
      ...this.inFours(strip, at, (four, first) =>
        four.map((y, f): TiledStmt => ({ kind: "set", v, value: s.fma(x[first + f] as Expr, y, v) })),
      ),
    ]; // as long as the strip is wide
  }
  /** out += w * row `at` of a strip. */
  private accumulate(out: readonly ExprVar[], w: Expr, strip: Strip, at: Expr): TiledStmt[] {
    return this.inFours(strip, at, (four, first) =>
      four.map((y, f): TiledStmt => {
        const v = out[first + f] as ExprVar;
        return { kind: "set", v, value: s.fma(w, y, v) };
      }),
    ); // as above
  }
  private inFours(strip: Strip, at: Expr, use: (four: readonly ExprVar[], first: number) => TiledStmt[]): TiledStmt[] {
    return Array.from({ length: strip.width / 4 }, (_, f): TiledStmt => {
      const four = Array.from({ length: 4 }, () => exprVar("y", "f32"));
      return scoped([
        { kind: "loadVector", into: four, buf: strip.buf, index: arith("add", arith("mul", at, int(strip.width)), int(4 * f)) },
        ...use(four.slice(0, this.k.d - 4 * f), 4 * f),
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
    return this.cut.other % STRIP === 0 ? weight : s.select(less(far, int(this.cut.other)), weight, real(0));
  }
  private inside(): Expr | undefined {
    return this.cut.own % this.cut.threads === 0 ? undefined : less(this.place, int(this.cut.own));
  }
  /** The own row of a result. */
  private store(out: number, values: readonly Expr[]): TiledStmt {
    const { n, i, j, e } = this.k.vars,
      place = this.k.outs[out];
    return when(
      this.inside(),
      values.flatMap((value, x): TiledStmt[] => {
        const at = new Map<number, Expr>([
          [n.id, this.head],
          [this.cut.byKey ? j.id : i.id, this.row],
          [e.id, int(x)],
        ]);
        return place ? [{ kind: "store", buf: place.buf, index: replaceVars(place.index, at), value }] : [];
      }),
    );
  }
  private exp(x: Expr): Expr {
    return this.expand(s.unary("exp", x));
  }
}
const zeros = (vars: readonly ExprVar[]): TiledStmt[] => vars.map(v => ({ kind: "let", v, value: real(0) }));
