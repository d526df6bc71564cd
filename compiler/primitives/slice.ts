// Parts of tensors and tensors from parts: slice, pad, concatenate, and windows at positions known only at run time.
// slice and pad are each other's transposes, as are dynamicSlice and dynamicUpdateSlice. Strides and padding are static.
import { computeDType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { aval, sameShape, showAval, type Aval, type Shape } from "../ir/aval.ts";
import type { ReadOperand } from "../ir/primitive.ts";
import type { Expr, ScalarOps } from "../ir/scalar.ts";
import { lit } from "../trace/builder.ts";
import type { Tensor } from "../trace/tensor.ts";
import { reduceSum, unreduce, withLeading } from "./broadcast.ts";
import { listAvals, needAxis, needEqualDTypes, needExactly, needParam, needShape, nth, range } from "./check.ts";
import { select } from "./compare.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { full, scalarLike, zeros } from "./fill.ts";
import { avalOf, known, perOperand } from "./rules.ts";

/** Per dimension: the first index, the end (exclusive) and the step (default 1). */
export type SliceParams = { readonly start: readonly number[]; readonly limit: readonly number[]; readonly strides?: readonly number[] };
/** out[i] = x[start + i · strides], up to `limit`. Positive strides only: reverse does the rest. @throws E0205 */
export const slice: Operation<1, SliceParams> = definePrimitive<1, SliceParams>({
  name: "slice",
  aval([x], p) {
    const { start, limit } = p,
      steps = stridesOf(p, x.shape);
    needParam(
      [start, limit, steps].every(l => l.length === x.shape.length && l.every(Number.isInteger)) &&
        x.shape.every((n, d) => nth(start, d) >= 0 && nth(start, d) <= nth(limit, d) && nth(limit, d) <= n && nth(steps, d) >= 1),
      () => `slice got start [${start.join(",")}], limit [${limit.join(",")}], strides [${steps.join(",")}] for ${showAval(x)}`,
      "each dimension needs 0 <= start <= limit <= size and a stride of at least 1",
    );
    return aval(
      x.dtype,
      start.map((a, d) => Math.ceil((nth(limit, d) - a) / nth(steps, d))),
    );
  },
  lower: { kind: "view", source: (s, out, p, x) => out.map((o, d) => affine(s, o, nth(stridesOf(p, x.shape), d), nth(p.start, d))) },
  linear: "jointly",
  transpose: perOperand<1, SliceParams>((ct, [x], p) => {
    const { shape } = avalOf(x),
      steps = stridesOf(p, shape);
    const extent = ct.shape.map((n, d) => (n === 0 ? 0 : (n - 1) * nth(steps, d) + 1));
    return pad(ct, scalarLike(ct, 0), {
      low: p.start,
      high: shape.map((n, d) => n - nth(p.start, d) - nth(extent, d)),
      interior: steps.map(k => k - 1),
    });
  }),
  batch: ([x], _at, p, { size }) => [
    slice(x, { start: [0, ...p.start], limit: [size, ...p.limit], strides: [1, ...stridesOf(p, x.shape.slice(1))] }),
  ],
  simplify: ([x], p) => (p.start.every((a, d) => a === 0 && p.limit[d] === x.shape[d] && stridesOf(p, x.shape)[d] === 1) ? [x] : undefined),
});
const stridesOf = (p: SliceParams, shape: Shape): readonly number[] => p.strides ?? shape.map(() => 1);
/** index · stride + offset, without the parts that do nothing. */
function affine(s: ScalarOps, index: Expr, stride: number, offset: number): Expr {
  const scaled = stride === 1 ? index : s.binary("mul", index, s.const(stride, "i32"));
  return offset === 0 ? scaled : s.binary("add", scaled, s.const(offset, "i32"));
}

/** Per dimension: elements before, after (negative: cropped) and between neighbours. */
export type PadParams = { readonly low: readonly number[]; readonly high: readonly number[]; readonly interior: readonly number[] };
/** `x` with copies of the scalar `value` around and between its elements. @throws E0201, E0204, E0205  @see XLA pad */
export const pad: Operation<2, PadParams> = definePrimitive<2, PadParams>({
  name: "pad",
  aval([x, value], { low, high, interior }) {
    needEqualDTypes("pad", [x, value]);
    needShape("pad", "a padding value", [], value);
    const shape = low.length === x.shape.length ? x.shape.map((n, d) => paddedSize(n, d, { low, high, interior })) : [];
    needParam(
      [low, high, interior].every(l => l.length === x.shape.length && l.every(Number.isInteger)) &&
        interior.every(n => n >= 0) &&
        shape.every(n => n >= 0),
      () => `pad got low [${low.join(",")}], high [${high.join(",")}], interior [${interior.join(",")}] for ${showAval(x)}`,
      "give one integer per dimension; interior is not negative, and cropping leaves at least nothing",
    );
    return aval(x.dtype, shape);
  },
  lower: {
    kind: "index",
    element(s, out, read, { low, high, interior }, [x]) {
      let inside: Expr | undefined;
      const need = (c: Expr): void => {
        inside = inside ? s.binary("and", inside, c) : c;
      };
      const index = out.map((o, d) => {
        const before = nth(low, d),
          step = nth(interior, d) + 1,
          n = nth(x.shape, d);
        const from = affine(s, o, 1, -before);
        const at = step === 1 ? from : s.binary("div", from, s.const(step, "i32"));
        if (step > 1) need(s.compare("eq", s.binary("rem", from, s.const(step, "i32")), s.const(0, "i32")));
        if (before > 0) need(s.compare("ge", from, s.const(0, "i32")));
        if (nth(high, d) > 0) need(s.compare("lt", at, s.const(n, "i32")));
        return at;
      });
      return inside ? read(0, index, inside, read(1, [])) : read(0, index);
    },
  },
  linear: "jointly",
  transpose: perOperand<2, PadParams>(
    (ct, [x], p) => unpad(ct, p, avalOf(x).shape),
    (ct, [x], p) => reduceSum(select(outside(avalOf(x).shape, p), ct, zeros(ct.aval)), { axes: range(ct.ndim) }),
  ),
  batch([x, value], [xHas, valueHas], { low, high, interior }, { size }) {
    const wide = withLeading(x, xHas, size);
    const p = { low: [0, ...low], high: [0, ...high], interior: [0, ...interior] };
    if (!valueHas) return [pad(wide, value, p)];
    const hole = outside(wide.shape, p);
    return [select(hole, unreduce(value, hole.shape, range(hole.ndim).slice(1)), pad(wide, scalarLike(wide, 0), p))];
  },
  simplify: ([x], { low, high, interior }) => ([low, high, interior].every(l => l.every(n => n === 0)) ? [x] : undefined),
});
const paddedSize = (n: number, d: number, p: PadParams): number =>
  n + Math.max(0, n - 1) * nth(p.interior, d) + nth(p.low, d) + nth(p.high, d);
/** True where padding a tensor of shape `shape` puts the padding value. */
const outside = (shape: Shape, p: PadParams): Tensor => pad(full(shape, 0, "bool"), full([], 1, "bool"), p);
/** The elements of padded `y` that came from the operand of shape `shape`; zero where they were cropped. */
function unpad(y: Tensor, { low, high, interior }: PadParams, shape: Shape): Tensor {
  const whole = pad(y, scalarLike(y, 0), { low: low.map(n => -n), high: high.map(n => -n), interior: low.map(() => 0) });
  return slice(whole, { start: shape.map(() => 0), limit: whole.shape, strides: interior.map(n => n + 1) });
}

/** The dimension along which operands follow each other. */
export type ConcatParams = { readonly axis: number };
/** Operands one after another along `axis`; the other sizes agree. @throws E0201, E0203, E0204, E0205 without operands */
export const concat: Operation<number, ConcatParams> = definePrimitive<number, ConcatParams>({
  name: "concat",
  aval(ins, { axis }) {
    const [first] = ins;
    needParam(first !== undefined, () => "concat got no operands", "give at least one tensor");
    const x = nth(ins, 0);
    needEqualDTypes("concat", ins);
    needAxis("concat", axis, x);
    const others = (a: Aval): Shape => a.shape.map((n, d) => (d === axis ? 0 : n));
    if (!ins.every(a => sameShape(others(a), others(x))))
      throw new PullbackError("E0201", `concat along axis ${axis} needs shapes that agree elsewhere, got ${listAvals(ins)}`, {
        help: "only the size along the axis may differ",
      });
    return aval(
      x.dtype,
      x.shape.map((n, d) => (d === axis ? ins.reduce((sum, a) => sum + nth(a.shape, d), 0) : n)),
    );
  },
  lower: {
    kind: "index",
    element(s, out, read, { axis }, ins) {
      const at = nth(out, axis),
        total = ins.reduce((sum, a) => sum + nth(a.shape, axis), 0);
      let end = total;
      return ins.reduceRight<Expr>(
        (rest, a, k) => {
          const size = nth(a.shape, axis),
            start = end - size,
            before = end < total ? s.compare("lt", at, s.const(end, "i32")) : undefined;
          end = start;
          if (size === 0) return rest;
          const after = start > 0 ? s.compare("ge", at, s.const(start, "i32")) : undefined;
          const inside = before && after ? s.binary("and", before, after) : (before ?? after);
          const index = out.map((o, d) => (d === axis ? affine(s, o, 1, -start) : o));
          return inside ? read(k, index, inside, rest) : read(k, index);
        },
        s.const(0, computeDType(nth(ins, 0).dtype)),
      );
    },
  },
  linear: "jointly",
  transpose([ct], ins, { axis }) {
    let end = 0;
    return ins.map(x => {
      const start = end;
      end += nth(avalOf(x).shape, axis);
      return x.kind === "hole" && ct
        ? slice(ct, { start: ct.shape.map((_, d) => (d === axis ? start : 0)), limit: ct.shape.map((n, d) => (d === axis ? end : n)) })
        : null;
    });
  },
  batch: (ins, at, { axis }, { size }) => [concat(...ins.map((x, i) => withLeading(x, nth(at, i), size)), { axis: axis + 1 })],
  simplify: ins => (ins.length === 1 ? ins : undefined),
});

/** Sizes of the window, without the leading `batch` dimensions (default 0) along which every element has its own start. */
export type DynamicSliceParams = { readonly sizes: Shape; readonly batch?: number };
/** The window of `x` that begins at a position given at run time: `dynamicSlice(x, ...starts, { sizes })`, one i32 start per dimension, of
 *  shape x.shape[..batch] (a scalar, usually). Starts are clamped so that the window lies inside. @throws E0201, E0204, E0205 */
export const dynamicSlice: Operation<number, DynamicSliceParams> = definePrimitive<number, DynamicSliceParams>({
  name: "dynamicSlice",
  aval(ins, { sizes, batch = 0 }) {
    const x = windowedOperand("dynamicSlice", ins, 1, sizes, batch);
    return aval(x.dtype, [...x.shape.slice(0, batch), ...sizes]);
  },
  lower: {
    kind: "index",
    element(s, out, read, { sizes, batch = 0 }, [x]) {
      const starts = clampedStarts(s, out, read, 1, sizes, batch, x?.shape ?? []);
      return read(
        0,
        out.map((o, d) => (d < batch ? o : s.binary("add", o, nth(starts, d - batch)))),
      );
    },
  },
  linear: [0],
  transpose([ct], [x, ...starts], { batch = 0 }) {
    return [
      x?.kind === "hole" && ct ? dynamicUpdateSlice(zeros(x.aval), ct, ...starts.map(known), { batch }) : null,
      ...starts.map(() => null),
    ];
  },
  batch(ins, at, { sizes, batch = 0 }, { size }) {
    const [x, ...starts] = ins;
    if (x && batch === 0 && !at.slice(1).includes(true)) return [dynamicSlice(x, lit(0, "i32"), ...starts, { sizes: [size, ...sizes] })];
    return [dynamicSlice(...ins.map((t, i) => withLeading(t, nth(at, i), size)), { sizes, batch: batch + 1 })];
  },
});

/** The number of leading dimensions (default 0) along which every element has its own starts. */
export type DynamicUpdateParams = { readonly batch?: number };
/** `x` with `update` written over the window that begins at `starts`: `dynamicUpdateSlice(x, update, ...starts, {})`; clamped as dynamicSlice's. @throws E0201, E0204, E0205 */
export const dynamicUpdateSlice: Operation<number, DynamicUpdateParams> = definePrimitive<number, DynamicUpdateParams>({
  name: "dynamicUpdateSlice",
  aval(ins, { batch = 0 }) {
    needEqualDTypes("dynamicUpdateSlice", ins.slice(0, 2));
    const [x, update] = [nth(ins, 0), nth(ins, 1)];
    needParam(
      sameShape(x.shape.slice(0, batch), update.shape.slice(0, batch)),
      () => `dynamicUpdateSlice of ${listAvals([x, update])} with ${batch} batch dimensions`,
      "operand and update share their batch dimensions",
    );
    return windowedOperand("dynamicUpdateSlice", ins, 2, update.shape.slice(batch), batch);
  },
  lower: {
    kind: "index",
    element(s, out, read, { batch = 0 }, [x, update]) {
      const sizes = update?.shape.slice(batch) ?? [];
      const starts = clampedStarts(s, out, read, 2, sizes, batch, x?.shape ?? []);
      let inside: Expr | undefined;
      const index = out.map((o, d) => {
        const size = sizes[d - batch];
        if (size === undefined || size === x?.shape[d]) return o;
        const at = s.binary("sub", o, nth(starts, d - batch));
        const fits = s.binary("and", s.compare("ge", at, s.const(0, "i32")), s.compare("lt", at, s.const(size, "i32")));
        inside = inside ? s.binary("and", inside, fits) : fits;
        return at;
      });
      return inside ? read(1, index, inside, read(0, out)) : read(1, index);
    },
  },
  linear: [0, 1],
  transpose([ct], [x, update, ...starts], { batch = 0 }) {
    if (!ct || !x || !update) return [null, null, ...starts.map(() => null)];
    const at = starts.map(known),
      window = avalOf(update);
    return [
      x.kind === "hole" ? dynamicUpdateSlice(ct, zeros(window), ...at, { batch }) : null,
      update.kind === "hole" ? dynamicSlice(ct, ...at, { sizes: window.shape.slice(batch), batch }) : null,
      ...starts.map(() => null),
    ];
  },
  batch(ins, at, { batch = 0 }, { size }) {
    const shared = batch === 0 && !at.slice(2).includes(true);
    const wide = ins.map((t, i) => (shared && i >= 2 ? t : withLeading(t, nth(at, i), size)));
    return [
      shared
        ? dynamicUpdateSlice(...wide.slice(0, 2), lit(0, "i32"), ...wide.slice(2), {})
        : dynamicUpdateSlice(...wide, { batch: batch + 1 }),
    ];
  },
});

/** Operand 0, once the starts (from operand `first` on) and the sizes fit it. */
function windowedOperand(name: string, ins: readonly Aval[], first: number, sizes: Shape, batch: number): Aval {
  const x = nth(ins, 0),
    rest = x.shape.slice(batch),
    starts = ins.slice(first);
  needParam(
    starts.length === rest.length &&
      sizes.length === rest.length &&
      sizes.every((n, d) => Number.isInteger(n) && n >= 0 && n <= nth(rest, d)),
    () =>
      `${name} got ${starts.length} starts and the sizes [${sizes.join(",")}] for ${showAval(x)}${batch > 0 ? ` with ${batch} batch dimensions` : ""}`,
    "give one start and one size per dimension, no size larger than the operand's",
  );
  for (const a of starts) {
    needExactly(name, "starts", "i32", a);
    needShape(name, "starts", x.shape.slice(0, batch), a);
  }
  return x;
}
/** The starts read at the current batch position, clamped. */
function clampedStarts(
  s: ScalarOps,
  out: readonly Expr[],
  read: ReadOperand,
  first: number,
  sizes: Shape,
  batch: number,
  shape: Shape,
): readonly Expr[] {
  return sizes.map((size, d) => {
    const last = nth(shape, batch + d) - size;
    if (last === 0) return s.const(0, "i32");
    return s.binary("min", s.binary("max", read(first + d, out.slice(0, batch)), s.const(0, "i32")), s.const(last, "i32"));
  });
}
