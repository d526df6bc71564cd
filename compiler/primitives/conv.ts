// Convolution: its meaning is a contraction of the kernel with all windows of the input, so a backend whose products gather their operands while packing never
// stores the windows. Linear in each operand; the transpose in the input is a convolution again, that in the kernel a contraction with the same windows.
//
// Shape letters: N batch, C channels in, O channels out, g groups; S input sizes, K kernel sizes, W window counts, one entry per spatial dimension.
import type { Precision } from "../../runtime/precision.ts";
import { aval, type Aval, type Shape } from "../ir/aval.ts";
import type { Tensor } from "../trace/tensor.ts";
import { withLeading } from "./broadcast.ts";
import { needEqualDTypes, needParam, nth, range } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { dotGeneral, precisionOf } from "./dot.ts";
import { avalOf, known, perOperand } from "./rules.ts";
import { moveAxis, reshape, reverse } from "./shape.ts";
import { windowCount, windows, type WindowParams } from "./window.ts";

/** How windows lie on the input, and in how many groups channels are convolved apart. */
export type ConvParams = WindowParams & { readonly groups: number; readonly precision?: Precision };

function convAval([x, w]: readonly [Aval, Aval], p: ConvParams): Aval {
  const { groups: g } = p,
    d = x.shape.length - 2,
    [n = 0, c = 0, ...spatial] = x.shape,
    [o = 0, cg = 0, ...window] = w.shape;
  needEqualDTypes("conv", [x, w]);
  needParam(
    d >= 0 && w.shape.length === x.shape.length && [p.stride, p.pad, p.dilation, p.base].every(list => list.length === d),
    () => `conv of x [${x.shape.join(",")}] and w [${w.shape.join(",")}] with ${p.stride.length} strides`,
    "x is [N, C, S...], w is [O, C/groups, K...], with one stride, pad, dilation and base per spatial dimension",
  );
  needParam(
    Number.isInteger(g) && g >= 1 && c === g * cg && o % g === 0,
    () => `conv of ${c} input channels, w [${w.shape.join(",")}] and ${g} groups`,
    "the input has groups · w.shape[1] channels, and groups divide the output channels",
  );
  needParam(
    [...p.stride, ...p.dilation, ...p.base].every(n => Number.isInteger(n) && n >= 1) && p.pad.flat().every(Number.isInteger),
    () =>
      `conv with stride [${p.stride.join(",")}], dilation [${p.dilation.join(",")}], base [${p.base.join(",")}], pad [${p.pad.join(";")}]`,
    "strides, dilations and bases are positive integers, paddings integers",
  );
  const counts = spatial.map((s, i) => windowCount(s, nth(window, i), nth(p.stride, i), nth(p.pad, i), nth(p.dilation, i), nth(p.base, i)));
  return aval(x.dtype, [n, o, ...counts]);
}

/** All windows by group: [N, g, C/g, K, W]. */
function grouped(x: Tensor, kernel: Shape, p: ConvParams): Tensor {
  const [n = 0, c = 0] = x.shape;
  const places = windows(x, kernel, p);
  return reshape(places, { shape: [n, p.groups, c / p.groups, ...places.shape.slice(2)] });
}

/** Cotangent of the input: the cotangent, with stride − 1 zeros between its elements, convolved with the kernel, reversed and its channels exchanged. */
function convInput(ct: Tensor, x: Aval, w: Tensor, p: ConvParams): Tensor {
  const { groups: g } = p,
    [o = 0, cg = 0, ...kernel] = w.shape,
    spatial = x.shape.slice(2),
    axes = range(kernel.length).map(i => i + 2);
  const exchanged = moveAxis(reshape(w, { shape: [g, o / g, cg, ...kernel] }), 2, 1);
  const turned = reverse(reshape(exchanged, { shape: [g * cg, o / g, ...kernel] }), { axes });
  const pad = spatial.map((s, i) => {
    const reach = (nth(kernel, i) - 1) * nth(p.dilation, i),
      count = nth(ct.shape, i + 2),
      spread = count === 0 ? 0 : (count - 1) * nth(p.stride, i) + 1,
      low = reach - nth(p.pad, i)[0];
    return [low, (s - 1) * nth(p.base, i) + 1 + reach - spread - low] as const; // so that there are s windows
  });
  return conv(ct, turned, { ...precisionOf(p), stride: p.base, base: p.stride, dilation: p.dilation, pad, groups: g });
}

/** Cotangent of the kernel: at each place of it, the sum over images and windows of the cotangent times what the window has there. */
function convKernel(ct: Tensor, x: Tensor, w: Aval, p: ConvParams): Tensor {
  const { groups: g } = p,
    d = x.ndim - 2,
    [n = 0, o = 0, ...counts] = ct.shape;
  const out = dotGeneral(reshape(ct, { shape: [n, g, o / g, ...counts] }), grouped(x, w.shape.slice(2), p), {
    ...precisionOf(p),
    lhsBatch: [1],
    rhsBatch: [1],
    lhsContract: [0, ...range(d).map(i => i + 3)],
    rhsContract: [0, ...range(d).map(i => i + 3 + d)],
  });
  return reshape(out, { shape: w.shape });
}

/** Convolution (cross-correlation, as every library's `conv`), n spatial dimensions, channels first: x [N, C, S], w [O, C/g, K] -> [N, O, W].
 *  @throws E0201, E0204, E0205.  @see XLA conv_general_dilated */
export const conv: Operation<2, ConvParams> = definePrimitive<2, ConvParams>({
  name: "conv",
  aval: convAval,
  lower: {
    kind: "composite",
    body([x, w], p) {
      const { groups: g } = p,
        d = x.ndim - 2,
        [o = 0, cg = 0, ...kernel] = w.shape;
      const contracted = range(d + 1).map(i => i + 2);
      const out = dotGeneral(reshape(w, { shape: [g, o / g, cg, ...kernel] }), grouped(x, kernel, p), {
        ...precisionOf(p),
        lhsBatch: [0],
        rhsBatch: [1],
        lhsContract: contracted,
        rhsContract: contracted,
      }); // [g, O/g, N, W]
      return [reshape(moveAxis(out, 2, 0), { shape: convAval([x.aval, w.aval], p).shape })];
    },
  },
  linear: "each",
  transpose: perOperand<2, ConvParams>(
    (ct, [x, w], p) => convInput(ct, avalOf(x), known(w), p),
    (ct, [x, w], p) => convKernel(ct, known(x), avalOf(w), p),
  ),
  batch([x, w], [xHas, wHas], p, { size }) {
    if (!wHas) {
      const out = conv(reshape(x, { shape: [size * (x.shape[1] ?? 0), ...x.shape.slice(2)] }), w, p); // more images
      return [reshape(out, { shape: [size, x.shape[1] ?? 0, ...out.shape.slice(1)] })];
    }
    const images = moveAxis(withLeading(x, xHas, size), 0, 1), // more groups
      [n = 0, , c = 0, ...spatial] = images.shape,
      [, o = 0, ...rest] = w.shape;
    const out = conv(reshape(images, { shape: [n, size * c, ...spatial] }), reshape(w, { shape: [size * o, ...rest] }), {
      ...p,
      groups: size * p.groups,
    });
    return [moveAxis(reshape(out, { shape: [n, size, o, ...out.shape.slice(2)] }), 1, 0)];
  },
});
