// Sorting along one axis: a stable merge sort of positions, then every operand is read in that order. NaN sorts last (first when descending).
import { sizeOf } from "../ir/aval.ts";
import type { BufRef, KernelBuilder } from "../ir/kernel.ts";
import type { LinearIn } from "../ir/primitive.ts";
import type { Expr } from "../ir/scalar.ts";
import type { Tensor } from "../trace/tensor.ts";
import { withLeading } from "./broadcast.ts";
import { needAxis, needEqualShapes, needParam, nth, range } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { iota } from "./fill.ts";
import { known } from "./rules.ts";
import { slice } from "./slice.ts";

/** Along `axis`, by the first `keys` operands (the first decides, later ones break ties); the rest are carried along. */
export type SortParams = { readonly axis: number; readonly keys: number; readonly descending: boolean };

/** Sort operands of one shape together; `all` gives every sorted operand. Stable. @throws E0201, E0203, E0205 */
export const sort: Operation<number, SortParams> = definePrimitive<number, SortParams>({
  name: "sort",
  aval(ins, { axis, keys }) {
    needParam(
      ins.length > 0 && keys >= 1 && keys <= ins.length,
      () => `sort by ${keys} of ${ins.length} operands`,
      "keys is between 1 and the number of operands",
    );
    needEqualShapes("sort", ins);
    needAxis("sort", axis, nth(ins, 0));
    return ins;
  },
  lower: { kind: "kernel", build: (b, ins, outs, p) => buildSort(b, ins, outs, p), form: p => ({ form: "sort", ...p }) },
  // tangents ride along with their operands
  jvp(dx, ins, p) {
    const moved = ins.flatMap((_, i) => {
      const d = dx[i];
      return d ? [d] : [];
    });
    const sorted = sort.all(...ins, ...moved, p).slice(ins.length);
    return dx.map(d => (d ? (sorted.shift() ?? null) : null));
  },
  transpose(cts, ins, p) {
    const shape = nth(
      cts.filter(c => c !== null),
      0,
    ).shape;
    const keys = ins.slice(0, p.keys).map(known),
      position = iota({ dtype: "i32", shape, axis: p.axis });
    const from = nth(sort.all(...keys, position, p), p.keys); // sorted place -> where it came from; sorting by it undoes the sort
    return ins.map((x: LinearIn, i) => {
      const ct = cts[i];
      return x.kind === "hole" && ct ? nth(sort.all(from, ct, { axis: p.axis, keys: 1, descending: false }), 1) : null;
    });
  },
  batch: (ins, at, p, { size }) => sort.all(...ins.map((x, i) => withLeading(x, nth(at, i), size)), { ...p, axis: p.axis + 1 }),
});

function buildSort(b: KernelBuilder, ins: readonly BufRef[], outs: readonly BufRef[], { axis, keys, descending }: SortParams): void {
  const { s } = b,
    shape = nth(ins, 0).shape,
    n = shape[axis] ?? 1,
    inner = sizeOf(shape.slice(axis + 1)),
    lines = sizeOf(shape.slice(0, axis)) * inner;
  if (n === 0 || lines === 0) return;
  const add = (x: Expr, y: Expr): Expr => s.binary("add", x, y),
    mul = (x: Expr, y: Expr): Expr => s.binary("mul", x, y),
    least = (x: Expr, y: Expr): Expr => s.binary("min", x, y);
  b.grid(lines, n * 16 * Math.ceil(Math.log2(n + 1)), line => {
    const base = b.let("base", add(mul(s.binary("div", line, b.int(inner)), b.int(n * inner)), s.binary("rem", line, b.int(inner))));
    const at = (position: Expr): Expr => add(base, mul(position, b.int(inner)));
    /** Must position y come strictly before position x? Equal elements keep their order, so x wins ties. */
    const precedes = (y: Expr, x: Expr): Expr => {
      let decided = s.const(0, "bool"),
        tie = s.const(1, "bool");
      for (const key of ins.slice(0, keys)) {
        const p = b.load(key, at(y)),
          q = b.load(key, at(x));
        const [low, high] = descending ? [q, p] : [p, q];
        const lowNan = s.unary("isNan", low),
          highNan = s.unary("isNan", high),
          float = p.dtype === "f32" || p.dtype === "f64";
        const smaller = float
          ? s.binary("or", s.compare("lt", low, high), s.binary("and", highNan, s.unary("not", lowNan)))
          : s.compare("lt", low, high);
        const same = float ? s.binary("or", s.compare("eq", low, high), s.binary("and", lowNan, highNan)) : s.compare("eq", low, high);
        decided = s.binary("or", decided, s.binary("and", tie, smaller));
        tie = s.binary("and", tie, same);
      }
      return decided;
    };
    const from = b.scratch("i32", n),
      to = b.scratch("i32", n);
    b.for("i", b.int(0), b.int(n), i => b.store(from, i, i), { parallel: true });
    const width = b.let("width", b.int(1));
    b.while(s.compare("lt", width, b.int(n)), () => {
      const start = b.let("start", b.int(0));
      b.while(s.compare("lt", start, b.int(n)), () => {
        const middle = b.let("middle", least(add(start, width), b.int(n))),
          end = b.let("end", least(add(start, mul(width, b.int(2))), b.int(n)));
        const i = b.let("left", start),
          j = b.let("right", middle);
        b.for("k", start, end, k => {
          const hasLeft = b.let("hasLeft", s.compare("lt", i, middle)),
            hasRight = b.let("hasRight", s.compare("lt", j, end));
          const x = b.let("x", b.load(from, least(i, b.int(n - 1)))),
            y = b.let("y", b.load(from, least(j, b.int(n - 1))));
          const takeRight = b.let("takeRight", s.binary("and", hasRight, s.binary("or", s.unary("not", hasLeft), precedes(y, x))));
          b.store(to, k, s.select(takeRight, y, x));
          b.set(i, s.select(takeRight, i, add(i, b.int(1))));
          b.set(j, s.select(takeRight, add(j, b.int(1)), j));
        });
        b.set(start, end);
      });
      b.for("i", b.int(0), b.int(n), i => b.store(from, i, b.load(to, i)), { parallel: true });
      b.set(width, mul(width, b.int(2)));
    });
    b.for("i", b.int(0), b.int(n), i => {
      const source = b.let("source", at(b.load(from, i)));
      ins.forEach((x, k) => b.store(nth(outs, k), at(i), b.load(x, source)));
    });
  });
}

/** Positions that sort x along `axis`, i32, stable. */
export const argsort = (x: Tensor, axis: number, descending = false): Tensor =>
  nth(sort.all(x, iota({ dtype: "i32", shape: x.shape, axis }), { axis, keys: 1, descending }), 1);

/** The k largest along `axis`, largest first (NaN counts as largest), and their positions; ties keep their order. @throws E0205 when k exceeds the axis */
export function topK(x: Tensor, k: number, axis: number): readonly [Tensor, Tensor] {
  const n = x.shape[axis] ?? 0;
  needParam(Number.isInteger(k) && k >= 0 && k <= n, () => `topK of ${k} elements along an axis of ${n}`, `k is an integer in [0, ${n}]`);
  const [values, positions] = sort.all(x, iota({ dtype: "i32", shape: x.shape, axis }), { axis, keys: 1, descending: true });
  const head = (t: Tensor): Tensor =>
    slice(t, { start: range(t.ndim).map(() => 0), limit: t.shape.map((d, i) => (i === axis ? k : d)), strides: t.shape.map(() => 1) });
  return [head(values as Tensor), head(positions as Tensor)]; // two operands, two outputs
}
