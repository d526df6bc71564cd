// Running folds along one axis. The derivatives of products and maxima are linear recurrences t[i] = a[i]·t[i-1] + b[i], so that is a primitive too.

import type { Expr, ScalarOps } from "../ir/scalar.ts";
import type { KernelBuilder, BufRef } from "../ir/kernel.ts";
import { sizeOf } from "../ir/aval.ts";
import type { Tensor } from "../trace/tensor.ts";
import { sub, mul } from "./arithmetic.ts";
import { withLeading } from "./broadcast.ts";
import { equal, less, select } from "./compare.ts";
import { floats, needAxis, needDType, needEqualDTypes, needEqualShapes, numbers, type Accepts } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { exp } from "./exponential.ts";
import { fullLike } from "./fill.ts";
import { known, perOperand } from "./rules.ts";
import { highest, lowest } from "./reduce.ts";
import { pad } from "./slice.ts";
import { lit } from "../trace/builder.ts";

/** The axis that is walked, and whether from its end. */
export type CumulativeParams = { readonly axis: number; readonly reverse: boolean };

/** Visit every line along `axis`: `first` at its start, then `next(here, before)`, both given linear indices. Lines side by side are independent. */
function walkLines(
  b: KernelBuilder,
  out: BufRef,
  { axis, reverse }: CumulativeParams,
  first: (i: Expr) => void,
  next: (i: Expr, before: Expr) => void,
): void {
  const { s } = b,
    n = out.shape[axis] ?? 1,
    inner = sizeOf(out.shape.slice(axis + 1)),
    outer = sizeOf(out.shape.slice(0, axis));
  if (n === 0 || inner === 0) return;
  const at = (o: Expr, t: Expr, i: Expr): Expr =>
    s.binary(
      "add",
      s.binary("mul", s.binary("add", s.binary("mul", o, b.int(n)), reverse ? s.binary("sub", b.int(n - 1), t) : t), b.int(inner)),
      i,
    );
  b.grid(outer, n * inner * 4, o => {
    b.for("i", b.int(0), b.int(inner), i => first(at(o, b.int(0), i)), { parallel: true });
    b.for("t", b.int(1), b.int(n), t =>
      b.for(
        "i",
        b.int(0),
        b.int(inner),
        i => {
          const here = b.let("here", at(o, t, i));
          next(here, s.binary(reverse ? "add" : "sub", here, b.int(inner)));
        },
        { parallel: true },
      ),
    );
  });
}

/** `x` moved one step along the walk, `fill` coming in at its start: what was there before. */
function before(x: Tensor, { axis, reverse }: CumulativeParams, fill: number): Tensor {
  const at = (v: number): number[] => x.shape.map((_, d) => (d === axis ? v : 0));
  return pad(
    x,
    lit(fill, x.dtype),
    reverse ? { low: at(-1), high: at(1), interior: at(0) } : { low: at(1), high: at(-1), interior: at(0) },
  );
}

/** t[i] = a[i]·t[i-1] + b[i] along an axis, t[-1] = 0. Linear in b. @throws E0201, E0203, E0204 */
export const linearRecurrence: Operation<2, CumulativeParams> = definePrimitive<2, CumulativeParams>({
  name: "linearRecurrence",
  aval(ins, { axis }) {
    needEqualDTypes("linearRecurrence", ins);
    needDType("linearRecurrence", floats, ins[0]);
    needEqualShapes("linearRecurrence", ins);
    needAxis("linearRecurrence", axis, ins[0]);
    return ins[0];
  },
  lower: {
    kind: "kernel",
    build(k, [a, b], [out], p) {
      if (!a || !b || !out) return;
      walkLines(
        k,
        out,
        p,
        i => k.store(out, i, k.load(b, i)),
        (i, prev) => k.store(out, i, k.s.fma(k.load(a, i), k.load(out, prev), k.load(b, i))),
      );
    },
    // composing steps would multiply coefficients, whose products overflow where t does not
    form: p => ({
      form: "scan",
      ...p,
      associative: false,
      first: (_, [, b]) => b as Expr, // two operands
      next: (s, before, [a, b]) => s.fma(a as Expr, before, b as Expr), // as above
    }),
  },
  linear: [1],
  jvp: [(da, [a], p, out) => linearRecurrence(a, mul(da, before(out, p, 0)), p), (db, [a], p) => linearRecurrence(a, db, p)],
  // the recurrence backwards, with each coefficient seen from the other side: ct_b[i] = ct[i] + a[i+1]·ct_b[i+1]
  transpose: perOperand<2, CumulativeParams>(null, (ct, [a], p) => {
    const back = { axis: p.axis, reverse: !p.reverse };
    return linearRecurrence(before(known(a), back, 0), ct, back);
  }),
  batch: ([a, b], [ba, bb], { axis, reverse }, { size }) => [
    linearRecurrence(withLeading(a, ba, size), withLeading(b, bb, size), { axis: axis + 1, reverse }),
  ],
});

/** How a running fold combines, and its derivative given input, output and axis. */
interface Running {
  readonly name: string;
  readonly accepts: Accepts;
  combine(s: ScalarOps, acc: Expr, x: Expr): Expr;
  readonly jvp: (dx: Tensor, x: Tensor, p: CumulativeParams, out: Tensor) => Tensor;
  readonly linear?: true;
}
const running = ({ name, accepts, combine, jvp, linear }: Running): Operation<1, CumulativeParams> => {
  const op: Operation<1, CumulativeParams> = definePrimitive<1, CumulativeParams>({
    name,
    aval([x], { axis }) {
      needDType(name, accepts, x);
      needAxis(name, axis, x);
      return x;
    },
    lower: {
      kind: "kernel",
      build(k, [x], [out], p) {
        if (!x || !out) return;
        walkLines(
          k,
          out,
          p,
          i => k.store(out, i, k.load(x, i)),
          (i, prev) => k.store(out, i, combine(k.s, k.load(out, prev), k.load(x, i))),
        );
      },
      form: p => ({
        form: "scan",
        ...p,
        associative: true,
        first: (_, [x]) => x as Expr, // one operand
        next: (s, before, [x]) => combine(s, before, x as Expr), // as above
      }),
    },
    ...(linear
      ? {
          linear: "jointly" as const,
          transpose: perOperand<1, CumulativeParams>((ct, _ins, { axis, reverse }) => op(ct, { axis, reverse: !reverse })),
        }
      : {}),
    jvp: [(dx, [x], p, out) => jvp(dx, x, p, out)],
    batch: ([x], _at, { axis, reverse }) => [op(x, { axis: axis + 1, reverse })],
  });
  return op;
};

/** Running sum. */
export const cumsum: Operation<1, CumulativeParams> = running({
  name: "cumsum",
  accepts: numbers,
  linear: true,
  combine: (s, acc, x) => s.binary("add", acc, x),
  jvp: (dx, _x, p) => cumsum(dx, p),
});
/** Running product. */
export const cumprod: Operation<1, CumulativeParams> = running({
  name: "cumprod",
  accepts: numbers,
  combine: (s, acc, x) => s.binary("mul", acc, x),
  jvp: (dx, x, p, out) => linearRecurrence(x, mul(dx, before(out, p, 1)), p),
});
/** Running maximum; NaN stays. Ties share the derivative. */
export const cummax: Operation<1, CumulativeParams> = running({
  name: "cummax",
  accepts: numbers,
  combine: (s, acc, x) => s.binary("max", acc, x),
  jvp: (dx, x, p, out) => extremum(dx, x, before(out, p, lowest(x.dtype)), p, (m, v) => less(v, m)),
});
/** Running minimum; NaN stays. Ties share the derivative. */
export const cummin: Operation<1, CumulativeParams> = running({
  name: "cummin",
  accepts: numbers,
  combine: (s, acc, x) => s.binary("min", acc, x),
  jvp: (dx, x, p, out) => extremum(dx, x, before(out, p, highest(x.dtype)), p, (m, v) => less(m, v)),
});
/** Running log Σ exp. */
export const cumlogsumexp: Operation<1, CumulativeParams> = running({
  name: "cumlogsumexp",
  accepts: floats,
  combine(s, acc, x) {
    const m = s.binary("max", acc, x),
      gap = s.unary("neg", s.unary("abs", s.binary("sub", acc, x)));
    return s.select(
      s.compare("eq", acc, x),
      s.binary("add", m, s.const(Math.LN2, m.dtype)),
      s.binary("add", m, s.unary("log1p", s.unary("exp", gap))),
    ); // equal infinities have no difference
  },
  jvp: (dx, x, p, out) => linearRecurrence(exp(sub(before(out, p, -Infinity), out)), mul(dx, exp(sub(x, out))), p),
});

/** The tangent of a running extremum: it stays with the old one (weight 1), is shared (1/2), or moves to x (0). */
function extremum(dx: Tensor, x: Tensor, old: Tensor, p: CumulativeParams, keeps: (old: Tensor, x: Tensor) => Tensor): Tensor {
  const keep = select(equal(x, old), fullLike(dx, 0.5), select(keeps(old, x), fullLike(dx, 1), fullLike(dx, 0)));
  return linearRecurrence(keep, mul(dx, sub(fullLike(dx, 1), keep)), p);
}
