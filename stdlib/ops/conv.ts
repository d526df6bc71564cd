// Convolution and pooling by name, any number of spatial dimensions, channels first. Each becomes one contraction or one fold over windows that are never stored.
// Shape letters: N batch, C channels in, O channels out, S spatial sizes, K kernel sizes, W sizes of the result.
import { PullbackError } from "../../runtime/errors/error.ts";
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import { promoteNumber } from "./elementwise.ts";
import { asTensor, promoteFloat, type TensorLike } from "./promotion.ts";

/** Added around each spatial dimension: nothing ("valid"), what makes W = ceil(S / stride) ("same", the odd one at the end), one number for every side, or
 *  [before, after] for each dimension (negative crops). */
export type Padding = "valid" | "same" | number | readonly (readonly [number, number])[];
/** One number for all spatial dimensions, or one for each. Steps between windows, and between the places of one window. */
export interface ConvOptions {
  readonly strides?: number | Shape;
  readonly padding?: Padding;
  readonly dilation?: number | Shape;
  readonly groups?: number;
  /** How exactly f32 products are wanted, where hardware offers less for more speed. */
  readonly precision?: p.Precision;
}

/** Cross-correlation (what networks call convolution): x [N, C, S], w [O, C/groups, K] -> [N, O, W]. @throws E0201, E0205 */
export function conv(
  x: TensorLike,
  w: TensorLike,
  { strides = 1, padding = "valid", dilation = 1, groups = 1, precision }: ConvOptions = {},
): Tensor {
  const { t, kernel, spatial, window } = operands("conv", x, w);
  const stride = perDim("conv", "strides", strides, spatial.length),
    dilate = perDim("conv", "dilation", dilation, spatial.length);
  const pad = sides("conv", padding, spatial.length, d =>
    Math.max(0, (Math.ceil(at(spatial, d) / at(stride, d)) - 1) * at(stride, d) + extent(at(window, d), at(dilate, d)) - at(spatial, d)),
  );
  return p.conv(t, kernel, { stride, pad, dilation: dilate, base: spatial.map(() => 1), groups, ...(precision && { precision }) });
}
/** The transpose of `conv` in its input: x [N, C, S], w [C, O/groups, K] -> [N, O, W] with W = (S - 1)·stride + extent of the kernel - padding; "same" gives
 *  W = S·stride. @throws E0201, E0205 */
export function convTranspose(
  x: TensorLike,
  w: TensorLike,
  { strides = 1, padding = "valid", dilation = 1, groups = 1, precision }: ConvOptions = {},
): Tensor {
  const { t, kernel, spatial, window } = operands("convTranspose", x, w),
    d = spatial.length;
  const stride = perDim("convTranspose", "strides", strides, d),
    dilate = perDim("convTranspose", "dilation", dilation, d);
  const [c = 0, o = 0] = kernel.shape,
    full = window.map((k, i) => extent(k, at(dilate, i)));
  if (c % groups !== 0 || t.shape[1] !== c)
    throw new PullbackError(
      "E0205",
      `convTranspose got ${p.showAval(t.aval)} for a kernel ${p.showAval(kernel.aval)} in ${groups} groups`,
      { help: "x is [N, C, S...] and w is [C, O/groups, K...], with C a multiple of groups" },
    );
  const crop = padding === "same" ? full.map((e, i) => sameCrop(e - at(stride, i))) : sides("convTranspose", padding, d, () => 0);
  const swapped = p.permute(p.reshape(kernel, { shape: [groups, c / groups, o, ...window] }), [0, 2, 1, ...window.map((_, i) => i + 3)]);
  const turned = p.reverse(p.reshape(swapped, { shape: [groups * o, c / groups, ...window] }), { axes: window.map((_, i) => i + 2) });
  return p.conv(t, turned, {
    stride: spatial.map(() => 1),
    pad: full.map((e, i) => [e - 1 - at(crop, i)[0], e - 1 - at(crop, i)[1]] as const),
    dilation: dilate,
    base: stride,
    groups,
    ...(precision && { precision }),
  });
}
/** What a transposed "same" takes off both ends in sum; a kernel smaller than the stride adds at the end instead. */
const sameCrop = (excess: number): readonly [number, number] =>
  excess < 0 ? [0, excess] : [Math.floor(excess / 2), Math.ceil(excess / 2)];

/** `window` is one number for all spatial dimensions (all after the first two), or one for each of the last ones. Strides default to the window. */
export interface PoolOptions {
  readonly strides?: number | Shape;
  readonly padding?: Padding;
  readonly dilation?: number | Shape;
}
/** The largest element of each window: x [N, C, S] -> [N, C, W]; padding counts as -∞; ties share the gradient. @throws E0205 */
export const maxPool = (x: TensorLike, window: number | Shape, o: PoolOptions = {}): Tensor =>
  pool("maxPool", only(promoteNumber(x).xs), window, o, "max");
/** The mean of each window: x [N, C, S] -> [N, C, W]; padding counts as 0, and the divisor is the whole window. @throws E0205 */
export const avgPool = (x: TensorLike, window: number | Shape, o: PoolOptions = {}): Tensor =>
  pool("avgPool", only(promoteFloat(x).xs), window, o, "mean");

function pool(
  name: string,
  t: Tensor,
  size: number | Shape,
  { strides, padding = "valid", dilation = 1 }: PoolOptions,
  op: "max" | "mean",
): Tensor {
  const d = typeof size === "number" ? t.ndim - 2 : size.length;
  if (d < 1 || d > t.ndim)
    throw new PullbackError(
      "E0205",
      `${name} got ${p.showAval(t.aval)} for ${typeof size === "number" ? "windows of all spatial dimensions" : `${d}-dimensional windows`}`,
      { help: "x is [N, C, S...]; or give a window size for each trailing dimension" },
    );
  const window = perDim(name, "window", size, d),
    spatial = t.shape.slice(t.ndim - d);
  const stride = strides === undefined ? window : perDim(name, "strides", strides, d),
    dilate = perDim(name, "dilation", dilation, d);
  const pad = sides(name, padding, d, i =>
    Math.max(0, (Math.ceil(at(spatial, i) / at(stride, i)) - 1) * at(stride, i) + extent(at(window, i), at(dilate, i)) - at(spatial, i)),
  );
  return p.reduceWindow(t, op, window, { stride, pad, dilation: dilate, base: window.map(() => 1) });
}

const only = (xs: readonly Tensor[]): Tensor => xs[0] as Tensor; // one operand went in
/** Entry `d` of a list that has one for each spatial dimension. */
function at<T>(xs: readonly T[], d: number): T {
  return xs[d] as T;
} // perDim and sides give one for each
/** How far a dilated kernel reaches. */
const extent = (k: number, dilation: number): number => (k - 1) * dilation + 1;

function operands(
  name: string,
  x: TensorLike,
  w: TensorLike,
): { readonly t: Tensor; readonly kernel: Tensor; readonly spatial: Shape; readonly window: Shape } {
  const [t, kernel] = promoteFloat(x, w).xs as readonly [Tensor, Tensor]; // two went in
  if (t.ndim < 3 || t.ndim !== kernel.ndim) {
    throw new PullbackError("E0205", `${name} got x ${p.showAval(asTensor(x).aval)} and w ${p.showAval(asTensor(w).aval)}`, {
      help: "both have two dimensions for batch and channels, then the spatial ones: add a batch dimension with expandDims(x, 0)",
    });
  }
  return { t, kernel, spatial: t.shape.slice(2), window: kernel.shape.slice(2) };
}
function perDim(name: string, what: string, value: number | Shape, d: number): Shape {
  const list = typeof value === "number" ? Array.from({ length: d }, () => value) : value;
  if (list.length !== d || !list.every(n => Number.isInteger(n) && n >= 1))
    throw new PullbackError("E0205", `${name} got ${what} ${JSON.stringify(value)} for ${d} spatial dimension${d === 1 ? "" : "s"}`, {
      help: `give a whole number, 1 or more, or a list of ${d}`,
    });
  return list;
}
/** [before, after] of each dimension; `same(d)` is what "same" adds in sum. */
function sides(name: string, padding: Padding, d: number, same: (d: number) => number): readonly (readonly [number, number])[] {
  const dims = Array.from({ length: d }, (_, i) => i);
  if (padding === "valid") return dims.map(() => [0, 0]);
  if (padding === "same") return dims.map(i => [Math.floor(same(i) / 2), Math.ceil(same(i) / 2)]);
  const list = typeof padding === "number" ? dims.map(() => [padding, padding] as const) : padding;
  if (list.length !== d || !list.every(s => s.length === 2 && s.every(Number.isInteger)))
    throw new PullbackError("E0205", `${name} got padding ${JSON.stringify(padding)} for ${d} spatial dimension${d === 1 ? "" : "s"}`, {
      help: `give "valid", "same", a whole number, or ${d} pairs [before, after]`,
    });
  return list;
}
