// Reading and writing at positions that are data. `gather` and the `scatter` family are each other's transposes.
//
// The dimension numbers are those of TensorFlow's gather_nd: indices address the leading dimensions (after `batch` shared ones), whole slices follow.
// Indexing along another axis is this after a transposition, which is a view; XLA's general dimension numbers buy nothing more.
// Shape letters: B batch, I positions, K index components, D indexed dimensions (K of them), R the rest.
import { PullbackError } from "../../runtime/errors/error.ts";
import { computeDType, isFloat } from "../../runtime/dtype.ts";
import { aval, showAval, sizeOf, type Aval } from "../ir/aval.ts";
import type { BufRef, KernelBuilder } from "../ir/kernel.ts";
import type { JvpRule, TransposeRule } from "../ir/primitive.ts";
import type { Expr, ScalarOps } from "../ir/scalar.ts";
import type { Tensor } from "../trace/tensor.ts";
import { add, div, mul } from "./arithmetic.ts";
import { broadcastInDim, withLeading } from "./broadcast.ts";
import { anything, needDType, needEqualDTypes, needExactly, needParam, needShape, nth, numbers, range, type Accepts } from "./check.ts";
import { equal, select } from "./compare.ts";
import { convert } from "./convert.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { full, iota, zeros } from "./fill.ts";
import { avalOf, known } from "./rules.ts";
import { reshape } from "./shape.ts";

/** What an index outside means. `clip`: the nearest inside. `fill`: the value `fill` (default NaN for floats, 0 for others). `promiseInBounds`: there is none; breaking
 *  the promise reads other memory of the program. `batch` (default 0) leading dimensions are shared by operand and indices. */
export type GatherParams = { readonly mode: "clip" | "fill" | "promiseInBounds"; readonly fill?: number; readonly batch?: number };
/** out[b, i, r] = x[b, indices[b, i, :], r]: x [B, D, R], indices i32 [B, I, K] to [B, I, R]. @throws E0201, E0204, E0205 */
export const gather: Operation<2, GatherParams> = definePrimitive<2, GatherParams>({
  name: "gather",
  aval([x, indices], { batch = 0, mode }) {
    const { depth, positions } = addressed("gather", x, indices, batch);
    const indexed = x.shape.slice(batch, batch + depth);
    needParam(
      mode === "fill" || !indexed.includes(0) || sizeOf(positions) === 0,
      () => `gather from ${showAval(x)}, which has no element to take`,
      'use mode "fill", or take from a tensor with elements',
    );
    return aval(x.dtype, [...positions, ...x.shape.slice(batch + depth)]);
  },
  lower: {
    kind: "index",
    element(s, out, read, { mode, batch = 0, fill }, [x, indices]) {
      const depth = nth(indices.shape, indices.shape.length - 1),
        at = out.slice(0, indices.shape.length - 1);
      const index = range(depth).map(k => {
        const i = read(1, [...at, s.const(k, "i32")]);
        return mode === "clip" ? clip(s, i, nth(x.shape, batch + k)) : i;
      });
      const source = [...out.slice(0, batch), ...index, ...out.slice(at.length)];
      if (mode !== "fill" || depth === 0) return read(0, source);
      const inside = index.map((i, k) => within(s, i, nth(x.shape, batch + k))).reduce((a, b) => s.binary("and", a, b));
      return read(0, source, inside, s.const(fill ?? (isFloat(x.dtype) ? NaN : 0), computeDType(x.dtype)));
    },
  },
  linear: [0],
  jvp: [(dx, [, indices], p) => gather(dx, indices, { ...p, ...(p.mode === "fill" ? { fill: 0 } : {}) }), null],
  transpose: ([ct], [x, indices], { mode, batch = 0 }) => [
    x.kind === "hole" && ct ? scatterAdd(zeros(x.aval), known(indices), ct, { mode: mode === "clip" ? "clip" : "drop", batch }) : null,
    null,
  ],
  batch([x, indices], [xHas, indicesHas], p, { size }) {
    if (!xHas && (p.batch ?? 0) === 0) return [gather(x, indices, p)]; // one table, more positions
    return [gather(withLeading(x, xHas, size), withLeading(indices, indicesHas, size), { ...p, batch: (p.batch ?? 0) + 1 })];
  },
});

/** What an index outside means (`drop`: nothing is written), the shared leading dimensions (default 0), and the caller's promise that no position repeats. */
export type ScatterParams = { readonly mode: "drop" | "clip"; readonly batch?: number; readonly unique?: boolean };
interface Scatter {
  readonly name: string;
  readonly accepts: Accepts;
  combine(s: ScalarOps, old: Expr, update: Expr): Expr;
  readonly linear?: readonly number[];
  readonly jvp?: JvpRule<3, ScatterParams>;
  readonly transpose?: TransposeRule<3, ScatterParams>;
}
/** x [B, D, R], indices i32 [B, I, K], updates [B, I, R] to x with the updates combined in, in the order of their positions. @throws E0201, E0204, E0205 */
function scatter({ name, accepts, combine, ...rules }: Scatter): Operation<3, ScatterParams> {
  const self: Operation<3, ScatterParams> = definePrimitive<3, ScatterParams>({
    name,
    aval([x, indices, updates], { batch = 0 }) {
      needEqualDTypes(name, [x, updates]);
      needDType(name, accepts, x);
      const { depth, positions } = addressed(name, x, indices, batch);
      needShape(name, "updates", [...positions, ...x.shape.slice(batch + depth)], updates);
      return x;
    },
    lower: {
      kind: "kernel",
      build: (b, ins, outs, p) => buildScatter(b, nth(ins, 0), nth(ins, 1), nth(ins, 2), nth(outs, 0), p, combine),
      form: ({ mode, batch = 0 }) => ({ form: "scatter", clip: mode === "clip", batch, combine }),
    },
    batch: ([x, indices, updates], [xHas, indicesHas, updatesHas], p, { size }) => [
      self(withLeading(x, xHas, size), withLeading(indices, indicesHas, size), withLeading(updates, updatesHas, size), {
        ...p,
        batch: (p.batch ?? 0) + 1,
      }),
    ],
    ...rules,
  });
  return self;
}

/** Add updates; repeated positions accumulate. */
export const scatterAdd: Operation<3, ScatterParams> = scatter({
  name: "scatterAdd",
  accepts: numbers,
  combine: (s, old, update) => s.binary("add", old, update),
  linear: [0, 2],
  transpose: ([ct], [x, indices, updates], p) => [
    x.kind === "hole" ? (ct ?? null) : null,
    null,
    updates.kind === "hole" && ct ? gather(ct, known(indices), backwards(p)) : null,
  ],
});
/** Write updates; of repeated positions the last stays. */
export const scatterSet: Operation<3, ScatterParams> = scatter({
  name: "scatterSet",
  accepts: anything,
  combine: (_s, _old, update) => update,
  linear: [0, 2],
  transpose([ct], [x, at, updates], p) {
    if (!ct) return [null, null, null];
    const indices = known(at);
    return [
      x.kind === "hole" ? scatterSet(ct, indices, zeros(avalOf(updates)), p) : null,
      null,
      updates.kind === "hole" ? written(gather(ct, indices, backwards(p)), indices, avalOf(x), p) : null,
    ];
  },
});
/** Multiply by updates. Differentiable in the updates only when no position repeats (`unique`). @throws E0301 */
export const scatterMul: Operation<3, ScatterParams> = scatter({
  name: "scatterMul",
  accepts: numbers,
  combine: (s, old, update) => s.binary("mul", old, update),
  linear: [0],
  jvp: [
    (dx, [, indices, updates], p) => scatterMul(dx, indices, updates, p),
    null,
    (du, [x, indices], p) => {
      if (!p.unique)
        throw new PullbackError("E0301", "scatterMul has no derivative in its updates when positions may repeat", {
          help: "promise that they do not: { unique: true }; or multiply by a gathered product",
        });
      return mul(x, scatterAdd(zeros(x.aval), indices, du, p));
    },
  ],
  transpose: ([ct], [x, indices, updates], p) => [
    x.kind === "hole" && ct ? scatterMul(ct, known(indices), known(updates), p) : null,
    null,
    null,
  ],
});
/** The smaller of old and updates; NaN wins. Equal ones share the derivative. */
export const scatterMin: Operation<3, ScatterParams> = scatter({
  name: "scatterMin",
  accepts: numbers,
  combine: (s, old, update) => s.binary("min", old, update),
  jvp: sharedExtremum,
});
/** The larger of old and updates; NaN wins. Equal ones share the derivative. */
export const scatterMax: Operation<3, ScatterParams> = scatter({
  name: "scatterMax",
  accepts: numbers,
  combine: (s, old, update) => s.binary("max", old, update),
  jvp: sharedExtremum,
});

/** How the cotangent of updates is read back. */
const backwards = ({ mode, batch = 0 }: ScatterParams): GatherParams =>
  mode === "clip" ? { mode: "clip", batch } : { mode: "fill", fill: 0, batch };

/** `ct` [B, I, R] where its position's write is the one that stayed, else 0: every position writes its number, and reads who won. */
function written(ct: Tensor, indices: Tensor, x: Aval, p: ScatterParams): Tensor {
  if (p.unique && p.mode === "drop") return ct; // clipping may make positions repeat
  const { batch = 0 } = p,
    depth = nth(indices.shape, indices.ndim - 1),
    positions = indices.shape.slice(0, -1);
  const id = reshape(iota({ dtype: "i32", shape: [sizeOf(positions)], axis: 0 }), { shape: positions });
  const winners = scatterSet(full(x.shape.slice(0, batch + depth), -1, "i32"), indices, id, p);
  const wins = equal(gather(winners, indices, p.mode === "clip" ? { mode: "clip", batch } : { mode: "fill", fill: -1, batch }), id);
  return select(broadcastInDim(wins, { shape: ct.shape, dims: range(wins.ndim) }), ct, zeros(ct.aval));
}

/** The mean of the tangents of the operand and updates that attain the result. */
function sharedExtremum(
  dx: readonly [Tensor | null, Tensor | null, Tensor | null],
  [x, indices, updates]: readonly [Tensor, Tensor, Tensor],
  p: ScatterParams,
  outs: readonly Tensor[],
): readonly (Tensor | null)[] {
  const out = nth(outs, 0),
    none = zeros(x.aval);
  const old = convert(equal(x, out), { dtype: x.dtype });
  const fresh = convert(equal(updates, gather(out, indices, backwards(p))), { dtype: x.dtype });
  const count = scatterAdd(old, indices, fresh, p);
  const sum = add(dx[0] ? mul(dx[0], old) : none, dx[2] ? scatterAdd(none, indices, mul(dx[2], fresh), p) : none);
  return [div(sum, count)];
}

/** K, and [B, I]. @throws when indices do not address x */
function addressed(name: string, x: Aval, indices: Aval, batch: number): { readonly depth: number; readonly positions: readonly number[] } {
  needExactly(name, "indices", "i32", indices);
  const depth = indices.shape.at(-1) ?? -1,
    positions = indices.shape.slice(0, -1);
  needParam(
    Number.isInteger(batch) &&
      batch >= 0 &&
      depth >= 0 &&
      positions.length >= batch &&
      batch + depth <= x.shape.length &&
      range(batch).every(d => x.shape[d] === positions[d]),
    () => `${name} with indices ${showAval(indices)} into ${showAval(x)}${batch > 0 ? ` and ${batch} batch dimensions` : ""}`,
    "the last dimension of the indices addresses that many dimensions of the operand; batch dimensions come first in both, with equal sizes",
  );
  return { depth, positions };
}
const within = (s: ScalarOps, i: Expr, n: number): Expr =>
  s.binary("and", s.compare("ge", i, s.const(0, "i32")), s.compare("lt", i, s.const(n, "i32")));
const clip = (s: ScalarOps, i: Expr, n: number): Expr => s.binary("min", s.binary("max", i, s.const(0, "i32")), s.const(n - 1, "i32"));

/** Elements of a row that one item of the grid handles. */
const chunk = 256;
/** Copy, then every item walks all positions for its part of the rows: no two items write the same place, and the order is that of the positions. */
function buildScatter(
  b: KernelBuilder,
  x: BufRef,
  indices: BufRef,
  updates: BufRef,
  out: BufRef,
  { mode, batch = 0 }: ScatterParams,
  combine: Scatter["combine"],
): void {
  const { s } = b,
    depth = nth(indices.shape, indices.shape.length - 1),
    indexed = x.shape.slice(batch, batch + depth);
  const batches = sizeOf(x.shape.slice(0, batch)),
    positions = sizeOf(indices.shape.slice(batch, -1)),
    row = sizeOf(x.shape.slice(batch + depth));
  const times = (e: Expr, n: number): Expr => (n === 1 ? e : s.binary("mul", e, b.int(n))),
    plus = (e: Expr, f: Expr): Expr => s.binary("add", e, f);
  const total = sizeOf(x.shape);
  if (total === 0) return;
  b.grid(Math.ceil(total / chunk), chunk, item =>
    b.for("i", times(item, chunk), s.binary("min", times(plus(item, b.int(1)), chunk), b.int(total)), i => b.store(out, i, b.load(x, i)), {
      parallel: true,
    }),
  );
  const parts = Math.ceil(row / chunk);
  if (positions === 0) return;
  b.grid(batches * parts, positions * Math.min(row, chunk) * 2, item => {
    const which = b.let("batch", s.binary("div", item, b.int(parts)));
    const begin = b.let("begin", times(s.binary("rem", item, b.int(parts)), chunk)),
      end = b.let("end", s.binary("min", plus(begin, b.int(chunk)), b.int(row)));
    b.for("position", b.int(0), b.int(positions), position => {
      const from = b.let("from", plus(times(which, positions), position));
      let inside = s.const(1, "bool"),
        to: Expr = which;
      indexed.forEach((n, k) => {
        const raw = b.let("index", b.load(indices, plus(times(from, depth), b.int(k))));
        const i = mode === "clip" ? clip(s, raw, n) : raw;
        inside = s.binary("and", inside, within(s, i, n));
        to = plus(times(to, n), i);
      });
      b.if(inside, () => {
        const target = b.let("target", times(to, row)),
          source = b.let("source", times(from, row));
        b.for(
          "r",
          begin,
          end,
          r => {
            const at = plus(target, r);
            b.store(out, at, combine(s, b.load(out, at), b.load(updates, plus(source, r))));
          },
          { parallel: true },
        );
      });
    });
  });
}
