// Functional updates, as JAX's x.at[...].set(v): a new tensor with part of it replaced or combined. A window moves by dynamicUpdateSlice, rows scatter as rows,
// anything else scatters element by element. Positions outside write nothing.
import * as p from "../../compiler/extend.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { planIndex, type IndexItem, type IndexPlan } from "./index_plan.ts";
import { isWindow, order, readPlan, restDims, stackPositions, starts, windowShape } from "./indexing.ts";
import { asTensor, broadcastTo, toDType, type TensorLike } from "./promotion.ts";

interface Update {
  readonly scatter: typeof p.scatterAdd;
  combine(old: Tensor, value: Tensor): Tensor;
}
const updates = {
  set: { scatter: p.scatterSet, combine: (_old: Tensor, value: Tensor) => value },
  add: { scatter: p.scatterAdd, combine: p.add },
  mul: { scatter: p.scatterMul, combine: p.mul },
  min: { scatter: p.scatterMin, combine: p.min },
  max: { scatter: p.scatterMax, combine: p.max },
} as const satisfies { readonly [name: string]: Update };

/** x with `value` (broadcast, in x's dtype) at `index`: setAt(x, [0, slice(1, 3)], v). Of repeated positions the last is kept. @throws E0201, E0204, E0205 */
export const setAt = (x: TensorLike, index: readonly IndexItem[], value: TensorLike): Tensor => update(x, index, value, updates.set);
/** x with `value` added at `index`; repeated positions accumulate. @throws E0201, E0204, E0205 */
export const addAt = (x: TensorLike, index: readonly IndexItem[], value: TensorLike): Tensor => update(x, index, value, updates.add);
/** x multiplied by `value` at `index`. @throws E0201, E0204, E0205 */
export const mulAt = (x: TensorLike, index: readonly IndexItem[], value: TensorLike): Tensor => update(x, index, value, updates.mul);
/** The smaller of x and `value` at `index`. @throws E0201, E0204, E0205 */
export const minAt = (x: TensorLike, index: readonly IndexItem[], value: TensorLike): Tensor => update(x, index, value, updates.min);
/** The larger of x and `value` at `index`. @throws E0201, E0204, E0205 */
export const maxAt = (x: TensorLike, index: readonly IndexItem[], value: TensorLike): Tensor => update(x, index, value, updates.max);

function update(x: TensorLike, index: readonly IndexItem[], value: TensorLike, how: Update): Tensor {
  const t = asTensor(x),
    plan = planIndex(t.shape, index),
    v = broadcastTo(toDType(value, t.dtype), plan.shape);
  if (v.size === 0) return t;
  if (isWindow(plan) && plan.kept.every(k => k.count === 1 || k.step === 1)) return moveWindow(t, plan, v, how);
  const whole = plan.kept.every((k, d) => k.step === 1 && k.count === t.shape[d]);
  return whole ? scatterRows(t, plan, v, how) : scatterElements(t, plan, v, how);
}
/** One window, perhaps at a place known only when running. */
function moveWindow(t: Tensor, plan: IndexPlan, v: Tensor, how: Update): Tensor {
  const at = starts(plan).map((s, d) => (plan.positions.some(q => q.dim === d) ? s : p.lit(plan.kept[d]?.start ?? 0, "i32")));
  const sizes = windowShape(plan),
    old = p.dynamicSlice(t, ...at, { sizes });
  const inside = plan.positions.map(({ dim, at: i }) =>
    p.and(p.greaterEqual(i, p.fullLike(i, 0)), p.less(i, p.fullLike(i, t.shape[dim] ?? 0))),
  );
  const next = how.combine(old, p.reshape(v, { shape: sizes }));
  const first = inside[0];
  const kept = first
    ? p.select(
        broadcastTo(
          inside.slice(1).reduce((a, b) => p.and(a, b), first),
          sizes,
        ),
        next,
        old,
      )
    : next;
  return p.dynamicUpdateSlice(t, kept, ...at, {});
}
/** Positions in some dimensions, the others whole. */
function scatterRows(t: Tensor, plan: IndexPlan, v: Tensor, how: Update): Tensor {
  const perm = [...plan.positions.map(q => q.dim), ...restDims(plan)],
    back = order(plan);
  const compact = p.reshape(v, {
    shape: plan.sources.flatMap(s => (s.kind === "positions" ? plan.positionShape : s.kind === "kept" ? [t.shape[s.dim] ?? 0] : [])),
  });
  const rows = p.permute(
    compact,
    back.map((_, i) => back.indexOf(i)),
  );
  const out = how.scatter(p.permute(t, perm), stackPositions(plan), rows, { mode: "drop" });
  return p.permute(
    out,
    perm.map((_, i) => perm.indexOf(i)),
  );
}
/** Each element by its place in row-major order: those places are what the index reads from a tensor of places. */
function scatterElements(t: Tensor, plan: IndexPlan, v: Tensor, how: Update): Tensor {
  const places = p.reshape(p.iota({ dtype: "i32", shape: [t.size], axis: 0 }), { shape: t.shape });
  const at = p.reshape(readPlan(places, plan, "fill", t.size), { shape: [v.size, 1] });
  const flat = how.scatter(p.reshape(t, { shape: [t.size] }), at, p.reshape(v, { shape: [v.size] }), { mode: "drop" });
  return p.reshape(flat, { shape: t.shape });
}
