// Cotangents of attention on matrix units. Weights are computed again from the saved sums of rows; groups own queries, or keys and values, so that no two add to one result and bits never vary.
import { InternalError } from "../../../../runtime/errors/error.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int } from "../builder.ts";
import type { Heads, Turn } from "./heads.ts";
import { halfOf, zeros, type Sums } from "./rows.ts";

const real = (x: number): Expr => s.const(x, "f32");
const savedOf = ({ saved, name }: AttentionKernel): NonNullable<AttentionKernel["saved"]> => {
  if (!saved) throw new InternalError(`${name} has no saved rows`);
  return saved;
};

/** dq = scale * sum over keys of slope k. */
export function queryPass(h: Heads): TiledStmt[] {
  const { k } = h,
    saved = savedOf(k),
    q = h.own(k.q),
    ct = h.own(saved.ct),
    keys = h.strips(k.k),
    values = h.strips(k.v),
    dq = h.sums("dq", h.depth),
    low = h.perRow(() => exprVar("low", "f32")),
    delta = h.perRow(() => exprVar("delta", "f32")),
    lses = h.mine(saved.lse),
    deltas = h.mine(saved.delta);
  const walk = h.walk([q, ct], [keys, values], turn => {
    const [scores, first] = h.scores("score", q, keys, turn),
      [slopes, second] = h.scores("slope", ct, values, turn);
    return [
      ...first,
      ...second,
      ...h.hide(scores, turn.start),
      ...slope(h, scores, slopes, (r, _, e) => [low[r]?.[halfOf(e)] ?? real(NaN), delta[r]?.[halfOf(e)] ?? real(NaN)]),
      ...h.weighted(dq, slopes, keys, turn),
    ];
  });
  return [
    ...zeros(dq),
    ...low.flatMap((both, r) =>
      both.map((v, half): TiledStmt => ({ kind: "let", v, value: s.binary("mul", lses[r]?.[half] ?? real(NaN), real(-Math.LOG2E)) })),
    ),
    ...delta.flatMap((both, r) => both.map((v, half): TiledStmt => ({ kind: "let", v, value: deltas[r]?.[half] ?? real(NaN) }))),
    ...walk,
    ...h.store(0, dq, () => real(k.scale)),
  ];
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
      lows = columns(h, lse.buf, turn),
      deltas = columns(h, delta.buf, turn),
      scaled = lows.values.map(xs => xs.map(() => exprVar("low", "f32")));
    const scale = scaled.flatMap((xs, c) =>
      xs.map((v, x): TiledStmt => ({ kind: "let", v, value: s.binary("mul", lows.values[c]?.[x] ?? real(NaN), real(-Math.LOG2E)) })),
    );
    return [
      ...first,
      ...second,
      ...h.hide(scores, turn.start),
      ...lows.loads,
      ...deltas.loads,
      ...scale,
      ...slope(h, scores, slopes, (_, c, e) => [scaled[c]?.[inColumn(e)] ?? real(NaN), deltas.values[c]?.[inColumn(e)] ?? real(NaN)]),
      ...h.weighted(dv, scores, cts, turn),
      ...h.weighted(dk, slopes, queries, turn),
    ];
  });
  return [...zeros(dk), ...zeros(dv), ...walk, ...h.store(0, dk, () => real(k.scale)), ...h.store(1, dv, () => real(1))];
}
/** Scores become weights, 2^(score + low), and products of cotangents and values become slopes: weight * (product - delta). */
function slope(
  { k }: Heads,
  scores: Sums,
  slopes: Sums,
  saved: (r: number, c: number, e: number) => readonly [low: Expr, delta: Expr],
): TiledStmt[] {
  return scores.flatMap((blocks, r) =>
    blocks.flatMap((block, c) =>
      block.flatMap((w, e): TiledStmt[] => {
        const [low, delta] = saved(r, c, e),
          v = slopes[r]?.[c]?.[e] ?? w; // blocks of one shape
        return [
          { kind: "set", v: w, value: s.unary("exp2", s.fma(w, real(k.scale * Math.LOG2E), low)) },
          { kind: "set", v, value: s.binary("mul", w, s.binary("sub", v, delta)) },
        ];
      }),
    ),
  );
}
/** Of the four columns of a block that a thread has sums in, the one of sum `e`. */
const inColumn = (e: number): number => 2 * (e >> 2) + (e & 1);
/** Numbers of a strip's rows, where those are columns: four a block. */
function columns(h: Heads, buf: number, { stage }: Turn): { readonly values: readonly (readonly Expr[])[]; readonly loads: TiledStmt[] } {
  const { strip } = h.cut,
    loads: TiledStmt[] = [];
  const values = Array.from({ length: strip / 16 }, (_, c) =>
    [0, 4].flatMap(e => {
      const into = [exprVar("x", "f32"), exprVar("x", "f32")];
      loads.push({ kind: "loadVector", into, buf, index: arith("add", arith("mul", stage, int(strip)), h.column(c, e)) });
      return into;
    }),
  );
  return { values, loads };
}
