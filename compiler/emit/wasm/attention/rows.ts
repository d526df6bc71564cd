// What happens to rows between the products of attention, as loop kernels: the vectorising emitter of loops makes code of them.
import type { AttentionKernel, LoopKernel, Place, Stmt } from "../../../ir/kernel.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import { exprVar, scalarOps as s, type BinaryOp, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { Memory } from "./memory.ts";
import type { AttentionPlan } from "./plan.ts";

/** Numbers of the area `where`: what the rows at hand are. */
export const WHERE = { head: 0, first: 1, columns: 2, key: 3, count: 4 } as const;
const int = (n: number): Expr => s.const(n, "i32"),
  add = (x: Expr, y: Expr): Expr => s.binary("add", x, y),
  mul = (x: Expr, y: Expr): Expr => s.binary("mul", x, y),
  sub = (x: Expr, y: Expr): Expr => s.binary("sub", x, y);

/** Writes row functions of one kernel over its areas. */
export class Rows<Name extends string> {
  private readonly k: AttentionKernel;
  private readonly plan: AttentionPlan;
  private readonly m: Memory<Name | "where">;
  private readonly item = exprVar("item", "i32");
  private readonly head = exprVar("head", "i32");
  private readonly row = exprVar("row", "i32");
  constructor(k: AttentionKernel, plan: AttentionPlan, m: Memory<Name | "where">) {
    this.k = k;
    this.plan = plan;
    this.m = m;
  }

  /** Scores of visible pairs become e^(score - largest); the rest up to `columns` becomes 0. `inverse`: one over each row's sum. The logarithm of the sum is a result. */
  softmax(scores: Name, inverse: Name, lse: Place): LoopKernel {
    const { k } = this,
      top = exprVar("top", k.dtype),
      sum = exprVar("sum", k.dtype),
      j = exprVar("j", "i32"),
      e = exprVar("e", k.dtype);
    const row = mul(this.item, int(this.plan.keys)),
      count = this.visible(),
      score = (at: Expr): Expr => mul(this.load(scores, add(row, at)), s.const(k.scale, k.dtype));
    return this.over("softmax", [
      ...count.lets,
      this.fold(top, "max", -Infinity, count.value, j, [], score(j)),
      this.fold(
        sum,
        "add",
        0,
        count.value,
        j,
        [
          { kind: "let", v: e, value: s.unary("exp", sub(score(j), top)) },
          { kind: "store", buf: this.m.buffer(scores), index: add(row, j), value: e },
        ],
        e,
      ),
      this.clear(scores, row, count.value),
      { kind: "store", buf: this.m.buffer(inverse), index: this.item, value: s.binary("div", s.const(1, k.dtype), sum) },
      { kind: "store", buf: lse.buf, index: this.at(lse.index), value: add(top, s.unary("log", sum)) },
    ]);
  }
  /** Scores become weights, slopes (products of cotangents and values) become the scores' cotangents; pairs that are not visible 0. */
  weigh(scores: Name, slopes: Name, saved: { readonly lse: Expr; readonly delta: Expr }): LoopKernel {
    const { k } = this,
      j = exprVar("j", "i32"),
      w = exprVar("w", k.dtype),
      lse = exprVar("lse", k.dtype),
      delta = exprVar("delta", k.dtype);
    const row = mul(this.item, int(this.plan.keys)),
      at = add(row, j),
      count = this.visible(),
      scale = s.const(k.scale, k.dtype);
    return this.over("weigh", [
      ...count.lets,
      { kind: "let", v: lse, value: this.at(saved.lse) },
      { kind: "let", v: delta, value: this.at(saved.delta) },
      {
        kind: "for",
        v: j,
        begin: int(0),
        end: count.value,
        parallel: true,
        body: [
          { kind: "let", v: w, value: s.unary("exp", sub(mul(this.load(scores, at), scale), lse)) },
          { kind: "store", buf: this.m.buffer(slopes), index: at, value: mul(mul(w, sub(this.load(slopes, at), delta)), scale) },
          { kind: "store", buf: this.m.buffer(scores), index: at, value: w },
        ],
      },
      this.clear(scores, row, count.value),
      this.clear(slopes, row, count.value),
    ]);
  }
  /** Rows of a tile (`height` rows a slice) go where a result wants them, times a number a row where there is one. */
  put(name: string, tile: Name, height: number, place: Place, factor?: Name): LoopKernel {
    const e = exprVar("e", "i32"),
      times = factor && exprVar("factor", this.k.dtype);
    return this.over(name, [
      ...(factor && times ? [{ kind: "let", v: times, value: this.load(factor, this.item) } as const] : []),
      ...this.slices((at, columns, width): Stmt => {
        const x = this.load(tile, add(add(int(at * height), mul(this.item, int(width))), e));
        return {
          kind: "for",
          v: e,
          begin: int(0),
          end: int(columns),
          parallel: true,
          body: [{ kind: "store", buf: place.buf, index: this.at(place.index, add(e, int(at))), value: times ? mul(x, times) : x }],
        };
      }),
    ]);
  }
  /** A place in an area of rows [head, row, d], `slot` of them. */
  inArea(area: Name, slot: Expr): Place {
    const { k } = this,
      line = add(mul(add(mul(slot, int(k.n)), k.vars.n), int(k.t)), k.vars.i);
    return { buf: this.m.buffer(area), index: add(mul(line, int(k.d)), k.vars.e) };
  }
  /** The number of the block of keys at hand. */
  get block(): Expr {
    return s.binary("div", this.where("key"), int(this.plan.keys));
  }
  /** The sum of all blocks' shares, over all rows of all heads. */
  total(shares: Name, place: Place): LoopKernel {
    const { k, plan } = this,
      e = exprVar("e", "i32"),
      line = this.item;
    const share = (slot: number): Expr => this.load(shares, add(mul(add(int(slot * k.n * k.t), line), int(k.d)), e));
    return {
      ...this.bare("total", [
        { kind: "let", v: this.head, value: s.binary("div", line, int(k.t)) },
        { kind: "let", v: this.row, value: s.binary("rem", line, int(k.t)) },
        {
          kind: "for",
          v: e,
          begin: int(0),
          end: int(k.d),
          parallel: true,
          body: [
            {
              kind: "store",
              buf: place.buf,
              index: this.at(place.index, e),
              value: Array.from({ length: plan.blocks }, (_, slot) => share(slot)).reduce(add),
            },
          ],
        },
      ]),
    };
  }

  private slices(make: (at: number, columns: number, width: number) => Stmt): Stmt[] {
    return this.plan.slices.map(x => make(x.at, x.columns, x.width));
  }
  private where(what: keyof typeof WHERE): Expr {
    return { kind: "load", dtype: "i32", buf: this.m.buffer("where"), index: int(WHERE[what]) };
  }
  private load(area: Name, index: Expr): Expr {
    return { kind: "load", dtype: this.k.dtype, buf: this.m.buffer(area), index };
  }
  /** An expression of the kernel at the row at hand (a query's or a key's, whichever it is of), and element `e`. */
  private at(x: Expr, e: Expr = int(0)): Expr {
    const { vars } = this.k;
    return replaceVars(
      x,
      new Map<number, Expr>([
        [vars.n.id, this.head],
        [vars.i.id, this.row],
        [vars.j.id, this.row],
        [vars.e.id, e],
      ]),
    );
  }
  /** How many keys of the block the row's query sees, between 0 and `columns`. */
  private visible(): { readonly lets: readonly Stmt[]; readonly value: Expr } {
    const { k } = this,
      columns = this.where("columns"),
      count = exprVar("count", "i32");
    const seen = sub(add(this.row, int(1 + k.s - k.t)), this.where("key")),
      bound = this.where("count");
    return {
      lets: [
        {
          kind: "let",
          v: count,
          value: k.causal ? s.binary("max", int(0), s.binary("min", seen, bound)) : s.binary("min", columns, bound),
        },
      ],
      value: count,
    };
  }
  private clear(area: Name, row: Expr, from: Expr): Stmt {
    const j = exprVar("j", "i32");
    return {
      kind: "for",
      v: j,
      begin: from,
      end: this.where("columns"),
      parallel: true,
      body: [{ kind: "store", buf: this.m.buffer(area), index: add(row, j), value: s.const(0, this.k.dtype) }],
    };
  }
  private fold(acc: ExprVar, op: BinaryOp, init: number, end: Expr, v: ExprVar, body: readonly Stmt[], value: Expr): Stmt {
    const a = exprVar("a", acc.dtype),
      b = exprVar("b", acc.dtype);
    return {
      kind: "fold",
      v,
      begin: int(0),
      end,
      folds: [{ acc, init: s.const(init, acc.dtype) }],
      body,
      values: [value],
      a: [a],
      b: [b],
      combine: [s.binary(op, a, b)],
    };
  }
  private over(name: string, body: readonly Stmt[]): LoopKernel {
    return this.bare(name, [
      { kind: "let", v: this.head, value: this.where("head") },
      { kind: "let", v: this.row, value: add(this.where("first"), this.item) },
      ...body,
    ]);
  }
  private bare(name: string, body: readonly Stmt[]): LoopKernel {
    return {
      kind: "loop",
      name: `${this.k.name}.${name}`,
      params: this.m.params,
      scratch: [],
      grid: { v: this.item, extent: 0, cost: 0 },
      body,
    };
  }
}
