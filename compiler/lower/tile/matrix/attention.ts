// Attention on matrix units, forward: groups own queries and walk over strips of keys and values. Scores stay in registers, where sums of exponentials are kept online and weights become operands of the
// second product.
//
// Exponentials are powers of two by the card's own instruction (22 bits): weights have 8 or 11 when they are multiplied.
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { passOf } from "../attention_cut.ts";
import type { Tiled } from "../builder.ts";
import type { TileTarget } from "../target.ts";
import { keysPass, queryPass } from "./attention_backward.ts";
import { Heads } from "./heads.ts";
import { cutHeads } from "./heads_cut.ts";
import { halfOf, inHalves, zeros } from "./rows.ts";

/** The kernel on matrix units, if the target has them and it is one for them. `aligned`: bytes of which the address of each parameter is a multiple. */
export function matrixAttention(k: AttentionKernel, target: TileTarget, aligned: (param: number) => number): Tiled | undefined {
  const cut = cutHeads(k, target, aligned);
  if (!cut) return undefined;
  const h = new Heads(k, cut, aligned);
  return h.finish(passOf(k, { forward: () => forwardPass(h, target), query: () => queryPass(h), keys: () => keysPass(h) }));
}

/** The online softmax. `low`: minus the largest score so far, as a power of two; `sum`: of the thread's weights, which are 2^(score + low). */
function forwardPass(h: Heads, target: TileTarget): TiledStmt[] {
  const { k } = h,
    q = h.own(k.q),
    keys = h.strips(k.k),
    values = h.strips(k.v),
    out = h.sums("out", h.depth),
    low = h.perRow(() => exprVar("low", "f32")),
    sum = h.perRow(() => exprVar("sum", "f32")),
    factor = k.scale * Math.LOG2E;
  const real = (x: number): Expr => s.const(x, "f32"),
    add = (x: Expr, y: Expr): Expr => s.binary("add", x, y),
    power = (x: Expr): Expr => s.unary("exp2", x);
  const walk = h.walk([q], [keys, values], turn => {
    const [scores, product] = h.scores("score", q, keys, turn);
    const softmax = h.perRow((r, half): TiledStmt[] => {
      const mine = (scores[r] ?? []).flatMap(block => block.filter((_, e) => halfOf(e) === half)),
        kept = (out[r] ?? []).flatMap(block => block.filter((_, e) => halfOf(e) === half)),
        [lowest, total] = [low[r]?.[half], sum[r]?.[half]],
        top = exprVar("top", "f32"),
        next = exprVar("next", "f32"),
        shrink = exprVar("shrink", "f32");
      if (!lowest || !total) return [];
      return [
        { kind: "let", v: top, value: inHalves(mine, (x, y) => s.binary("max", x, y)) },
        ...h.together(top, (x, y) => s.binary("max", x, y)),
        { kind: "let", v: next, value: s.binary("min", lowest, s.binary("mul", top, real(-factor))) },
        { kind: "let", v: shrink, value: power(s.binary("sub", next, lowest)) },
        { kind: "set", v: lowest, value: next },
        ...mine.map((v): TiledStmt => ({ kind: "set", v, value: power(s.fma(v, real(factor), next)) })),
        { kind: "set", v: total, value: s.fma(total, shrink, inHalves(mine, add)) },
        ...kept.map((v): TiledStmt => ({ kind: "set", v, value: s.binary("mul", v, shrink) })),
      ];
    });
    return [...product, ...h.hide(scores, turn.start), ...softmax.flat(2), ...h.weighted(out, scores, values, turn)];
  });
  const one = h.perRow(() => exprVar("one", "f32")),
    expand = expander(target);
  const whole = h.perRow((r, half): TiledStmt[] => {
    const total = sum[r]?.[half],
      v = one[r]?.[half];
    return total && v ? [...h.together(total, add), { kind: "let", v, value: s.binary("div", real(1), total) }] : [];
  });
  return [
    ...zeros(out),
    ...low.flat().map((v): TiledStmt => ({ kind: "let", v, value: real(3e38) })),
    ...sum.flat().map((v): TiledStmt => ({ kind: "let", v, value: real(0) })),
    ...walk,
    ...whole.flat(2),
    ...h.store(0, out, (r, half) => one[r]?.[half] ?? real(NaN)),
    ...h.storeOne(1, (r, half) => s.fma(low[r]?.[half] ?? real(NaN), real(-Math.LN2), expand(s.unary("log", sum[r]?.[half] ?? real(NaN))))),
  ];
}
