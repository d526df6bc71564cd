// Cotangents of attention on matrix units by fragments. Weights are computed again from the saved sums of rows; groups own queries, or keys and values, so that no two add to one result and bits never vary.
import { scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int } from "../builder.ts";
import type { Heads } from "./heads.ts";
import { zeros } from "./rows.ts";
import { lowOf, ofColumns, ofRows, savedOf, slope, weigh } from "./saved.ts";

const real = (x: number): Expr => s.const(x, "f32");

/** dq = scale * sum over keys of slope k. */
export function queryPass(h: Heads): TiledStmt[] {
  const { k } = h,
    q = h.own(k.q),
    ct = h.own(savedOf(k).ct),
    keys = h.strips(k.k),
    values = h.strips(k.v),
    dq = h.sums("dq", h.depth),
    saved = ofRows(h);
  const walk = h.walk([q, ct], [keys, values], turn => {
    const [scores, first] = h.scores("score", q, keys, turn),
      [slopes, second] = h.scores("slope", ct, values, turn);
    return [
      ...first,
      ...second,
      ...h.hide(scores, turn.start),
      ...weigh(h, scores, saved.low),
      ...slope(scores, slopes, saved.delta),
      ...h.weighted(dq, slopes, keys, turn),
    ];
  });
  return [...zeros(dq), ...saved.lets, ...walk, ...h.store(0, dq, () => real(k.scale))];
}
/** dk = scale * sum over queries of slope q, dv = sum of weight ct. */
export function keysPass(h: Heads): TiledStmt[] {
  const { k } = h,
    saved = savedOf(k),
    key = h.own(k.k),
    value = h.own(k.v),
    queries = h.strips(k.q),
    cts = h.strips(saved.ct),
    lse = h.numbers(saved.lse),
    delta = h.numbers(saved.delta),
    dk = h.sums("dk", h.depth),
    dv = h.sums("dv", h.depth);
  const walk = h.walk([key, value], [queries, cts, lse, delta], turn => {
    const [scores, first] = h.scores("score", key, queries, turn),
      [slopes, second] = h.scores("slope", value, cts, turn),
      start = arith("mul", turn.stage, int(h.cut.strip)),
      [low, loads] = ofColumns(h, lse.buf, start, lowOf),
      [deltas, more] = ofColumns(h, delta.buf, start);
    return [
      ...first,
      ...second,
      ...h.hide(scores, turn.start),
      ...loads,
      ...more,
      ...weigh(h, scores, low),
      ...slope(scores, slopes, deltas),
      ...h.weighted(dv, scores, cts, turn),
      ...h.weighted(dk, slopes, queries, turn),
    ];
  });
  return [...zeros(dk), ...zeros(dv), ...walk, ...h.store(0, dk, () => real(k.scale)), ...h.store(1, dv, () => real(1))];
}
