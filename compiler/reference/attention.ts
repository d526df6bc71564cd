// Attention kernels on plain arrays, as their comment in ir/kernel.ts says: scores are computed one by one, in f64.
import type { AttentionKernel } from "../ir/kernel.ts";
import type { Expr } from "../ir/scalar.ts";
import { hidden } from "../primitives/attention.ts";
import { round } from "./scalar.ts";

/** A pair of a query and a key of a head. */
type Pair = readonly [i: number, j: number];
/** Run a kernel on its parameters. `value(e, vars)` evaluates an expression with variables by their number. */
export function runAttention(
  k: AttentionKernel,
  params: readonly Float64Array[],
  value: (e: Expr, vars: ReadonlyMap<number, number>) => number,
): void {
  for (let h = 0; h < k.n; h++) new Head(k, params, value, h).run();
}

class Head {
  private readonly k: AttentionKernel;
  private readonly params: readonly Float64Array[];
  private readonly value: (e: Expr, vars: ReadonlyMap<number, number>) => number;
  private readonly h: number;
  constructor(
    k: AttentionKernel,
    params: readonly Float64Array[],
    value: (e: Expr, vars: ReadonlyMap<number, number>) => number,
    h: number,
  ) {
    this.k = k;
    this.params = params;
    this.value = value;
    this.h = h;
  }
  run(): void {
    switch (this.k.pass) {
      case "forward":
        this.forward();
        break;
      case "query":
        this.query(0);
        break;
      case "keys":
        this.key(0);
        this.values(1);
        break;
      case "backward":
        this.query(0);
        this.key(1);
        this.values(2);
        break;
      default:
        this.k.pass satisfies never;
    }
  }
  private forward(): void {
    const { k } = this;
    for (let i = 0; i < k.t; i++) {
      const row = Array.from({ length: k.s }, (_, j) => this.score([i, j])),
        top = Math.max(...row),
        e = row.map(x => Math.exp(x - top)),
        sum = e.reduce((a, b) => a + b, 0);
      for (let f = 0; f < k.d; f++) this.put(0, [i, 0], f, e.reduce((a, w, j) => a + w * this.at(k.v, [i, j], f), 0) / sum);
      this.put(1, [i, 0], 0, top + Math.log(sum));
    }
  }
  private query(out: number): void {
    const { k } = this;
    for (let i = 0; i < k.t; i++) this.sum(out, [i, 0], k.s, j => [i, j], this.slope, k.k);
  }
  private key(out: number): void {
    const { k } = this;
    for (let j = 0; j < k.s; j++) this.sum(out, [0, j], k.t, i => [i, j], this.slope, k.q);
  }
  private values(out: number): void {
    const { k } = this;
    for (let j = 0; j < k.s; j++) this.sum(out, [0, j], k.t, i => [i, j], this.weight, this.saved.ct);
  }
  /** out(row, e) = sum over `count` pairs of coefficient times factor. */
  private sum(out: number, row: Pair, count: number, pair: (x: number) => Pair, coefficient: (p: Pair) => number, factor: Expr): void {
    const pairs = Array.from({ length: count }, (_, x) => pair(x)),
      c = pairs.map(coefficient);
    for (let f = 0; f < this.k.d; f++)
      this.put(
        out,
        row,
        f,
        pairs.reduce((a, p, x) => a + (c[x] ?? 0) * this.at(factor, p, f), 0),
      );
  }
  private get saved(): NonNullable<AttentionKernel["saved"]> {
    return this.k.saved as NonNullable<AttentionKernel["saved"]>; // all passes but forward have them
  }
  private readonly weight = (p: Pair): number => Math.exp(this.score(p) - this.at(this.saved.lse, p, 0));
  private readonly slope = (p: Pair): number =>
    this.weight(p) * (this.dot(this.saved.ct, this.k.v, p) - this.at(this.saved.delta, p, 0)) * this.k.scale;
  private score(p: Pair): number {
    const { k } = this,
      [i, j] = p;
    return k.causal && j > i + k.s - k.t ? hidden : k.scale * this.dot(k.q, k.k, p);
  }
  private dot(x: Expr, y: Expr, p: Pair): number {
    let sum = 0;
    for (let f = 0; f < this.k.d; f++) sum += this.at(x, p, f) * this.at(y, p, f);
    return sum;
  }
  private at(e: Expr, [i, j]: Pair, f: number): number {
    const { vars } = this.k;
    return this.value(
      e,
      new Map([
        [vars.n.id, this.h],
        [vars.i.id, i],
        [vars.j.id, j],
        [vars.e.id, f],
      ]),
    );
  }
  private put(out: number, row: Pair, f: number, x: number): void {
    const place = this.k.outs[out],
      p = place && this.params[place.buf];
    if (place && p) p[this.at(place.index, row, f)] = round(this.k.params[place.buf]?.dtype ?? this.k.dtype, x);
  }
}
