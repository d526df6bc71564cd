// Sliding windows. `slide` lets place k of window w read input position w·stride + k·dilation − low; `unslide` is its transpose, place by place.
// Convolution (`conv.ts`) and pooling are contractions and folds over slid inputs.
//
// Shape letters: L leading dimensions, K window sizes, S input sizes, W window counts; K, S, W have one entry per spatial dimension.
import { aval, type Aval, type Shape } from "../ir/aval.ts";
import type { Expr } from "../ir/scalar.ts";
import type { Tensor } from "../trace/tensor.ts";
import { lit } from "../trace/builder.ts";
import { div } from "./arithmetic.ts";
import { broadcastInDim, reduceSum } from "./broadcast.ts";
import { needDType, needParam, needSizes, nth, numbers, range } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { full } from "./fill.ts";
import { highest, lowest, reduceMax, reduceMin } from "./reduce.ts";
import { pad } from "./slice.ts";

/** Per spatial dimension: the step between windows, between places of a window, how far the first window hangs over the start, and the sizes of the result. */
export type SlideParams = {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly low: readonly number[];
  readonly sizes: Shape;
};

function slidAval(name: string, x: Aval, { stride, dilation, low, sizes }: SlideParams): Aval {
  const d = sizes.length;
  needDType(name, numbers, x);
  needSizes(name, sizes);
  needParam(
    stride.length === d &&
      dilation.length === d &&
      low.length === d &&
      x.shape.length >= 2 * d &&
      [...stride, ...dilation].every(n => Number.isInteger(n) && n >= 1) &&
      low.every(Number.isInteger),
    () =>
      `${name} of a rank-${x.shape.length} tensor with stride [${stride.join(",")}], dilation [${dilation.join(",")}], low [${low.join(",")}]`,
    "give one positive stride and dilation and one integer low per spatial dimension",
  );
  return aval(x.dtype, [...x.shape.slice(0, x.shape.length - d), ...sizes]);
}

/** x [L, K, S] -> [L, K, W]: out[l, k, w] = x[l, k, w·stride + k·dilation − low], 0 outside. @throws E0204, E0205 */
export const slide: Operation<1, SlideParams> = definePrimitive<1, SlideParams>({
  name: "slide",
  aval: ([x], p) => slidAval("slide", x, p),
  lower: {
    kind: "index",
    element(s, out, read, { stride, dilation, low, sizes }, [x]) {
      const d = sizes.length,
        k0 = out.length - 2 * d,
        w0 = out.length - d,
        index = [...out];
      let inside: Expr = s.const(1, "bool");
      for (let i = 0; i < d; i++) {
        const at = s.binary(
          "sub",
          s.binary(
            "add",
            s.binary("mul", nth(out, w0 + i), s.const(nth(stride, i), "i32")),
            s.binary("mul", nth(out, k0 + i), s.const(nth(dilation, i), "i32")),
          ),
          s.const(nth(low, i), "i32"),
        );
        inside = s.binary(
          "and",
          inside,
          s.binary("and", s.compare("ge", at, s.const(0, "i32")), s.compare("lt", at, s.const(nth(x.shape, w0 + i), "i32"))),
        );
        index[w0 + i] = at;
      }
      return read(0, index, inside);
    },
  },
  linear: "jointly",
  transpose: (cts, [x], p) => [
    x.kind === "hole" && cts[0] ? unslide(cts[0], { ...p, sizes: x.aval.shape.slice(x.aval.shape.length - p.sizes.length) }) : null,
  ],
  batch: ([x], _at, p) => [slide(x, p)],
});

/** y [L, K, W] -> [L, K, S]: out[l, k, s] = y[l, k, w] where s = w·stride + k·dilation − low, 0 where no window has its place k there. @throws E0204, E0205 */
export const unslide: Operation<1, SlideParams> = definePrimitive<1, SlideParams>({
  name: "unslide",
  aval: ([y], p) => slidAval("unslide", y, p),
  lower: {
    kind: "index",
    element(s, out, read, { stride, dilation, low, sizes }, [y]) {
      const d = sizes.length,
        k0 = out.length - 2 * d,
        s0 = out.length - d,
        index = [...out];
      let inside: Expr = s.const(1, "bool");
      for (let i = 0; i < d; i++) {
        const from = s.binary(
          "sub",
          s.binary("add", nth(out, s0 + i), s.const(nth(low, i), "i32")),
          s.binary("mul", nth(out, k0 + i), s.const(nth(dilation, i), "i32")),
        );
        const step = s.const(nth(stride, i), "i32"),
          w = s.binary("div", from, step);
        const fits = s.binary("and", s.compare("ge", from, s.const(0, "i32")), s.compare("lt", w, s.const(nth(y.shape, s0 + i), "i32")));
        inside = s.binary(
          "and",
          inside,
          nth(stride, i) === 1 ? fits : s.binary("and", fits, s.compare("eq", s.binary("mul", w, step), from)),
        );
        index[s0 + i] = w;
      }
      return read(0, index, inside);
    },
  },
  linear: "jointly",
  transpose: (cts, [y], p) => [
    y.kind === "hole" && cts[0] ? slide(cts[0], { ...p, sizes: y.aval.shape.slice(y.aval.shape.length - p.sizes.length) }) : null,
  ],
  batch: ([y], _at, p) => [unslide(y, p)],
});

/** How windows lie on an input, per spatial dimension. `pad` may be negative (crop); `base` puts base−1 zeros between input elements (a transposed convolution). */
export type WindowParams = {
  readonly stride: readonly number[];
  readonly pad: readonly (readonly [number, number])[];
  readonly dilation: readonly number[];
  readonly base: readonly number[];
};

/** Number of windows: floor((S_dilated + pad − K_dilated) / stride) + 1, at least 0. */
export const windowCount = (
  s: number,
  k: number,
  stride: number,
  [lo, hi]: readonly [number, number],
  dilation: number,
  base: number,
): number => Math.max(0, Math.floor(((s === 0 ? 0 : (s - 1) * base + 1) + lo + hi - ((k - 1) * dilation + 1)) / stride) + 1);

/** x [L, S] -> [L, K, W], all windows of size `window`; zeros outside. Padding is an operation of its own, so that each place of a window is one plain read. */
export function windows(x: Tensor, window: Shape, { stride, pad: padding, dilation, base }: WindowParams): Tensor {
  const d = window.length,
    lead = x.shape.slice(0, x.ndim - d),
    none = lead.map(() => 0);
  const flat = padding.every(([lo, hi]) => lo === 0 && hi === 0) && base.every(b => b === 1);
  const padded = flat
    ? x
    : pad(x, lit(0, x.dtype), {
        low: [...none, ...padding.map(([lo]) => lo)],
        high: [...none, ...padding.map(([, hi]) => hi)],
        interior: [...none, ...base.map(b => b - 1)],
      });
  const spatial = padded.shape.slice(lead.length);
  const repeated = broadcastInDim(padded, {
    shape: [...lead, ...window, ...spatial],
    dims: [...range(lead.length), ...range(d).map(i => lead.length + d + i)],
  });
  const sizes = spatial.map((s, i) => windowCount(s, nth(window, i), nth(stride, i), [0, 0], nth(dilation, i), 1));
  return slide(repeated, { stride, dilation, low: padding.map(() => 0), sizes });
}

/** Fold every window of the trailing spatial dimensions: x [L, S] -> [L, W]. Outside of the input counts as the fold's identity; "mean" divides by the full window. */
export function reduceWindow(x: Tensor, op: "sum" | "max" | "min" | "mean", window: Shape, params: WindowParams): Tensor {
  const d = window.length,
    lead = x.ndim - d;
  needParam(
    lead >= 0 && params.stride.length === d,
    () => `reduceWindow of a rank-${x.ndim} tensor by ${d}-dimensional windows`,
    "windows cover trailing dimensions; give one stride, pad, dilation and base for each",
  );
  const axes = range(d).map(i => lead + i);
  if (op === "sum") return reduceSum(windows(x, window, params), { axes });
  if (op === "mean") {
    const sum = reduceSum(windows(x, window, params), { axes });
    return div(
      sum,
      full(
        sum.shape,
        window.reduce((n, k) => n * k, 1),
        sum.dtype,
      ),
    );
  }
  const identity = lit(op === "max" ? lowest(x.dtype) : highest(x.dtype), x.dtype),
    none = range(lead).map(() => 0);
  const padded = pad(x, identity, {
    low: [...none, ...params.pad.map(([lo]) => lo)],
    high: [...none, ...params.pad.map(([, hi]) => hi)],
    interior: [...none, ...params.base.map(b => b - 1)],
  });
  const all = windows(padded, window, { ...params, pad: params.pad.map(() => [0, 0] as const), base: params.base.map(() => 1) });
  return op === "max" ? reduceMax(all, { axes }) : reduceMin(all, { axes });
}
