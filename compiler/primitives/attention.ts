// Attention as one operation with its own derivative, for backends that compute it without ever storing the scores. Each record says its meaning in other primitives, and a
// backend without the template inlines that. The derivative is linear and its transpose is written from the saved row sums, so that between forward and backward nothing of
// size queries x keys lives. Shape letters: B batch, T queries, S keys, H heads, D head size.
import { computeDType, type DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import type { Precision } from "../../runtime/precision.ts";
import type { Aval } from "../ir/aval.ts";
import { aval, showAval } from "../ir/aval.ts";
import type { BatchRule } from "../ir/primitive.ts";
import type { Tensor } from "../trace/tensor.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { broadcastInDim, reduceSum, withLeading } from "./broadcast.ts";
import { floats, listAvals, needDType, needEqualDTypes, needShape, nth } from "./check.ts";
import { lessEqual, select } from "./compare.ts";
import { convert } from "./convert.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { dotGeneral, precisionOf } from "./dot.ts";
import { exp, log } from "./exponential.ts";
import { fullLike, iota, zeros } from "./fill.ts";
import { reduceMax } from "./reduce.ts";
import { known } from "./rules.ts";
import { permute, reshape } from "./shape.ts";

/** `scale` multiplies the scores. `causal`: no query looks past its own place, the last query at the last key. `precision`: of its products, if not what the program is compiled with. */
export type AttentionParams = { readonly scale: number; readonly causal: boolean; readonly precision?: Precision };
/** The score of a pair that may not be: e^hidden is 0 beside any score. */
export const hidden: number = -0.7 * 3.4028234663852886e38;

// Products over the layouts at hand: scores are [B,H,T,S], heads are [B,T,H,D].
const scores = (q: Tensor, k: Tensor, p: AttentionParams): Tensor =>
  dotGeneral(q, k, { ...precisionOf(p), lhsBatch: [0, 2], rhsBatch: [0, 2], lhsContract: [3], rhsContract: [3] });
/** sum over keys of w(b,h,t,s) v(b,s,h,d). */
const weighted = (w: Tensor, v: Tensor, p: AttentionParams): Tensor =>
  permute(dotGeneral(w, v, { ...precisionOf(p), lhsBatch: [0, 1], rhsBatch: [0, 2], lhsContract: [3], rhsContract: [1] }), [0, 2, 1, 3]);
/** sum over queries of w(b,h,t,s) x(b,t,h,d). */
const gathered = (w: Tensor, x: Tensor, p: AttentionParams): Tensor =>
  permute(dotGeneral(w, x, { ...precisionOf(p), lhsBatch: [0, 1], rhsBatch: [0, 2], lhsContract: [2], rhsContract: [1] }), [0, 2, 1, 3]);
const times = (x: Tensor, by: number): Tensor => mul(x, fullLike(x, by));
/** A number a row [B,H,T], at every pair [B,H,T,S]. */
const rowwise = (x: Tensor, like: Tensor): Tensor => broadcastInDim(x, { shape: like.shape, dims: [0, 1, 2] });
/** A number a row [B,H,T], at every element of a head [B,T,H,D]. */
const headwise = (x: Tensor, like: Tensor): Tensor => broadcastInDim(permute(x, [0, 2, 1]), { shape: like.shape, dims: [0, 1, 2] });
const overKeys = (x: Tensor): Tensor => reduceSum(x, { axes: [3] });
/** Scaled scores, those of forbidden pairs hidden. */
function visible(q: Tensor, k: Tensor, p: AttentionParams): Tensor {
  const { scale, causal } = p,
    s = times(scores(q, k, p), scale),
    { shape } = s,
    [, , t = 0, keys = 0] = shape;
  if (!causal) return s;
  const row = iota({ dtype: "i32", shape, axis: 2 }),
    col = iota({ dtype: "i32", shape, axis: 3 });
  return select(lessEqual(col, add(row, fullLike(row, keys - t))), s, fullLike(s, hidden));
}
/** The weights, from the saved logarithms of row sums. */
const weights = (q: Tensor, k: Tensor, lse: Tensor, p: AttentionParams): Tensor => {
  const s = visible(q, k, p);
  return exp(sub(s, rowwise(lse, s)));
};
/** Everything is computed in f32 or wider, and results are rounded once. */
const wide = (xs: readonly Tensor[]): Tensor[] => xs.map(x => convert(x, { dtype: computeDType(x.dtype) }));
const narrow = (x: Tensor, dtype: DType): Tensor => convert(x, { dtype });

/** Queries [B,T,H,D], keys and values [B,S,H,D], all of one float dtype; causal queries are no more than keys, so that each has a key to look at. */
function needHeads(name: string, [q, k, v]: readonly Aval[], { causal }: AttentionParams): void {
  if (!q || !k || !v || q.shape.length !== 4 || k.shape.length !== 4)
    throw new PullbackError("E0202", `${name} needs q [B,T,H,D] and k, v [B,S,H,D], got ${listAvals([q, k, v].flatMap(a => a ?? []))}`, {
      help: "reshape to four dimensions; dotProductAttention of the standard library takes any leading ones",
    });
  const [b = 0, t = 0, h = 0, d = 0] = q.shape,
    [, s = 0] = k.shape;
  needDType(name, floats, q);
  needEqualDTypes(name, [q, k, v]);
  needShape(name, "keys", [b, s, h, d], k);
  needShape(name, "values", k.shape, v);
  if (causal && t > s)
    throw new PullbackError("E0202", `causal ${name} has more queries than keys: ${showAval(q)} and ${showAval(k)}`, {
      help: "the first queries would have no key to look at; dotProductAttention of the standard library gives them the mean of all values",
    });
}
/** The row sums of queries: [B,H,T] in the dtype that they are computed in. */
const rowsOf = ({ dtype, shape: [b = 0, t = 0, h = 0] }: Aval): Aval => aval(computeDType(dtype), [b, h, t]);
/** More heads: the new axis joins the batch. */
const moreHeads =
  (run: (ins: readonly Tensor[], p: AttentionParams) => readonly Tensor[]): BatchRule<number, AttentionParams> =>
  (ins, at, p, { size }) => {
    const joined = ins.map((x, i) => {
      const all = withLeading(x, nth(at, i), size);
      return reshape(all, { shape: [size * (all.shape[1] ?? 0), ...all.shape.slice(2)] });
    });
    return run(joined, p).map(y => reshape(y, { shape: [size, (y.shape[0] ?? 0) / Math.max(1, size), ...y.shape.slice(1)] }));
  };

/** softmax(scale q kᵀ) v for q [B,T,H,D], k and v [B,S,H,D]: [B,T,H,D]. `all` also gives the logarithm of each row's sum of exponentials, [B,H,T]. @throws E0202, E0204 @see Dao et al. 2022, "FlashAttention" */
export const attention: Operation<3, AttentionParams> = definePrimitive<3, AttentionParams>({
  name: "attention",
  aval(ins, p) {
    needHeads("attention", ins, p);
    return [ins[0], rowsOf(ins[0])];
  },
  lower: {
    kind: "composite",
    template: "attention",
    body(ins, p) {
      const [q, k, v] = wide(ins) as [Tensor, Tensor, Tensor]; // three operands
      const s = visible(q, k, p),
        top = reduceMax(s, { axes: [3] }),
        e = exp(sub(s, rowwise(top, s))),
        sum = overKeys(e);
      return [narrow(weighted(div(e, rowwise(sum, e)), v, p), ins[0].dtype), add(top, log(sum))];
    },
  },
  jvp: ([dq, dk, dv], [q, k, v], p, outs) =>
    attentionTangent.all(dq ?? zeros(q.aval), dk ?? zeros(k.aval), dv ?? zeros(v.aval), q, k, v, nth(outs, 0), nth(outs, 1), p),
  batch: moreHeads((ins, p) => attention.all(nth(ins, 0), nth(ins, 1), nth(ins, 2), p)),
});

/** The derivative of attention: tangents of q, k and v, the operands, the results. Linear in the first three. */
export const attentionTangent: Operation<number, AttentionParams> = definePrimitive<number, AttentionParams>({
  name: "attentionTangent",
  aval(ins, p) {
    needHeads("attentionTangent", ins.slice(0, 3), p);
    needHeads("attentionTangent", ins.slice(3, 6), p);
    const q = nth(ins, 0);
    needRows("attentionTangent", ins, 6, 7);
    return [q, rowsOf(q)];
  },
  lower: {
    kind: "composite",
    body(ins, p) {
      const [dq, dk, dv, q, k, v, out, lse] = wide(ins) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]; // eight operands
      const w = weights(q, k, lse, p),
        ds = times(add(scores(dq, k, p), scores(q, dk, p)), p.scale),
        change = mul(w, ds),
        dlse = overKeys(change);
      return [narrow(add(sub(weighted(change, v, p), mul(headwise(dlse, out), out)), weighted(w, dv, p)), nth(ins, 0).dtype), dlse];
    },
  },
  linear: [0, 1, 2],
  transpose([ct, ctLse], ins, p) {
    const [q, k, v, out, lse] = ins.slice(3).map(known) as [Tensor, Tensor, Tensor, Tensor, Tensor]; // the operands that are no tangents
    const dct = ct ?? zeros(out.aval);
    const [wideCt, wideOut] = wide([dct, out]) as [Tensor, Tensor]; // two in, two out
    const along = ct ? permute(overKeys(mul(wideCt, wideOut)), [0, 2, 1]) : zeros(lse.aval),
      delta = ctLse ? sub(along, ctLse) : along;
    return [...attentionGrad.all(q, k, v, dct, lse, delta, p), null, null, null, null, null];
  },
  batch: moreHeads((ins, p) => attentionTangent.all(...ins, p)),
});

/** Cotangents of q, k and v from that of the result, the saved row sums, and `delta` [B,H,T]: each row's sum of cotangent times result, less the cotangent of its row sum.
 *  Its own derivative is its body's. */
export const attentionGrad: Operation<number, AttentionParams> = definePrimitive<number, AttentionParams>({
  name: "attentionGrad",
  aval(ins, p) {
    const heads = ins.slice(0, 3);
    needHeads("attentionGrad", heads, p);
    needRows("attentionGrad", [...heads, nth(ins, 3), nth(ins, 4)], 3, 4);
    needShape("attentionGrad", "delta", rowsOf(nth(ins, 0)).shape, nth(ins, 5));
    return heads;
  },
  lower: {
    kind: "composite",
    template: "attentionGrad",
    body(ins, p) {
      const [q, k, v, ct, lse, delta] = wide(ins) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]; // six operands
      const w = weights(q, k, lse, p),
        dw = scores(ct, v, p),
        ds = times(mul(w, sub(dw, rowwise(delta, dw))), p.scale);
      return [weighted(ds, k, p), gathered(ds, q, p), gathered(w, ct, p)].map(x => narrow(x, nth(ins, 0).dtype));
    },
  },
  batch: moreHeads((ins, p) => attentionGrad.all(...ins, p)),
});

/** Operand `head` is like the first, operand `row` a number a row of it. */
function needRows(name: string, ins: readonly Aval[], head: number, row: number): void {
  const q = nth(ins, 0);
  needShape(name, "a cotangent or result", q.shape, nth(ins, head));
  needEqualDTypes(name, [q, nth(ins, head)]);
  needShape(name, "row sums", rowsOf(q).shape, nth(ins, row));
}
