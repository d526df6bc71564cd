// Samples of the primitives that contract, walk along an axis, sort, or slide windows. Data only, as samples.ts, which gathers these.
import type { DType } from "../../runtime/dtype.ts";
import { aval, type Aval, type Shape } from "../ir/aval.ts";
import type { Domain, Sample, sampleOf } from "./samples.ts";
import { attention, attentionGrad, attentionTangent } from "./attention.ts";
import { cumlogsumexp, cummax, cummin, cumprod, cumsum, linearRecurrence } from "./cumulative.ts";
import { dotGeneral } from "./dot.ts";
import { sort } from "./sort.ts";
import { conv, type ConvParams } from "./conv.ts";
import { slide, unslide } from "./window.ts";

const f64 = (...shape: number[]): Aval => aval("f64", shape);
const f32 = (...shape: number[]): Aval => aval("f32", shape);
const i32 = (...shape: number[]): Aval => aval("i32", shape);
const floats: readonly DType[] = ["f32", "f64"];
const whole = (low: number, high: number): Domain => ({ low, high, integer: true });

/** All of them; `sample` makes one. */
export function walkSamples(sample: typeof sampleOf): Sample[] {
  return [...contractions(sample), ...heads(sample), ...walks(sample)];
}

function contractions(sample: typeof sampleOf): Sample[] {
  const cases: readonly (readonly [Shape, Shape, readonly number[], readonly number[], readonly number[], readonly number[]])[] = [
    // lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract
    [[], [], [], [], [], []],
    [[3], [3], [], [], [0], [0]],
    [[3], [4], [], [], [], []],
    [[2, 3], [3, 4], [], [], [1], [0]],
    [[3, 2], [4, 3], [], [], [0], [1]],
    [[2, 3, 4], [2, 4, 5], [0], [0], [2], [1]],
    [[3, 2, 4], [4, 5, 2], [1], [2], [2], [0]],
    [[2, 3, 4], [4, 3, 5], [], [], [1, 2], [1, 0]],
    [[2, 0], [0, 3], [], [], [1], [0]],
    [[0, 2], [2, 3], [], [], [1], [0]],
    [[2, 3, 2, 3], [3, 2, 2, 3], [0, 3], [1, 3], [1], [0]],
    [[33, 47], [47, 65], [], [], [1], [0]],
    [[5, 17, 9], [5, 9, 33], [0], [0], [2], [1]],
    [[70, 130], [130], [], [], [1], [0]],
  ];
  return (["f64", "f32", "i32", "f16", "bf16"] as const).flatMap(d =>
    cases.map(([x, y, lhsBatch, rhsBatch, lhsContract, rhsContract]) =>
      sample(dotGeneral, [aval(d, x), aval(d, y)], { lhsBatch, rhsBatch, lhsContract, rhsContract }),
    ),
  );
}

function heads(sample: typeof sampleOf): Sample[] {
  const sizes: readonly (readonly [b: number, t: number, s: number, h: number, d: number])[] = [
      [1, 1, 1, 1, 1],
      [1, 3, 3, 1, 1],
      [2, 1, 3, 2, 2],
      [1, 3, 5, 2, 4],
      [2, 7, 7, 1, 9],
      [1, 40, 70, 2, 16],
      [1, 70, 70, 1, 32],
      [0, 3, 3, 1, 4],
    ],
    row: Domain = { low: 2, high: 3 },
    head: Domain = { low: -1, high: 1 };
  return (["f32", "f64", "f16", "bf16"] as const).flatMap(d =>
    [false, true].flatMap(causal =>
      sizes.flatMap(([b, t, s, h, size], i) => {
        if (i >= 4 && (d === "f16" || d === "bf16")) return []; // the same code, rounded
        const q = aval(d, [b, t, h, size]),
          k = aval(d, [b, s, h, size]),
          rows = aval(d === "f64" ? "f64" : "f32", [b, h, t]),
          params = { causal, scale: 0.5 };
        return [
          sample(attention, [q, k, k], params),
          sample(attentionTangent, [q, k, k, q, k, k, q, rows], params, [null, null, null, head, head, null, null, row]),
          sample(attentionGrad, [q, k, k, q, rows, rows], params, [head, head, null, null, row, null]),
        ];
      }),
    ),
  );
}

function walks(sample: typeof sampleOf): Sample[] {
  const along: readonly (readonly [Shape, number])[] = [
    [[1], 0],
    [[7], 0],
    [[5, 7], 0],
    [[5, 7], 1],
    [[2, 3, 5], 1],
    [[0], 0],
    [[3, 0], 0],
    [[40, 30], 0],
  ];
  const sorts: readonly (readonly [Shape, number])[] = [
    [[1], 0],
    [[9], 0],
    [[5, 7], 0],
    [[5, 7], 1],
    [[2, 3, 5], 1],
    [[0, 2], 0],
    [[130], 0],
  ];
  const slides: readonly (readonly [Shape, readonly number[], readonly number[], readonly number[], Shape])[] = [
    // x [L, K, S], stride, dilation, low, sizes
    [[3, 6], [1], [1], [0], [4]],
    [[2, 3, 7], [2], [1], [1], [4]],
    [[2, 3, 7], [1], [2], [2], [7]],
    [
      [2, 2, 3, 5, 6],
      [1, 2],
      [2, 1],
      [0, 1],
      [3, 3],
    ],
    [[1, 4], [1], [1], [-1], [3]],
    [[2, 0], [1], [1], [1], [3]],
  ];
  const convs: readonly (readonly [Shape, Shape, ConvParams])[] = [
    // x [N, C, S], w [O, C/g, K]
    [[2, 3, 9], [4, 3, 3], { stride: [1], pad: [[1, 1]], dilation: [1], base: [1], groups: 1 }],
    [
      [2, 4, 6, 7],
      [6, 2, 3, 2],
      {
        stride: [2, 1],
        pad: [
          [1, 0],
          [0, 2],
        ],
        dilation: [1, 2],
        base: [1, 1],
        groups: 2,
      },
    ],
    [
      [1, 2, 4, 3],
      [3, 2, 2, 3],
      {
        stride: [1, 2],
        pad: [
          [1, 1],
          [2, 1],
        ],
        dilation: [1, 1],
        base: [3, 2],
        groups: 1,
      },
    ],
    [
      [3, 5, 8, 8],
      [7, 5, 3, 3],
      {
        stride: [1, 1],
        pad: [
          [1, 1],
          [1, 1],
        ],
        dilation: [1, 1],
        base: [1, 1],
        groups: 1,
      },
    ],
    [
      [2, 20, 8, 8],
      [5, 20, 1, 1],
      {
        stride: [1, 1],
        pad: [
          [0, 0],
          [0, 0],
        ],
        dilation: [1, 1],
        base: [1, 1],
        groups: 1,
      },
    ],
    [[1, 3, 7], [2, 3, 4], { stride: [2], pad: [[-1, 1]], dilation: [1], base: [1], groups: 1 }],
    [[0, 3, 5], [2, 3, 3], { stride: [1], pad: [[1, 1]], dilation: [1], base: [1], groups: 1 }],
    [[2, 3, 1], [2, 3, 3], { stride: [1], pad: [[0, 0]], dilation: [1], base: [1], groups: 1 }], // no window
    [[2, 3], [4, 3], { stride: [], pad: [], dilation: [], base: [], groups: 1 }],
  ];
  const both = [false, true];
  return [
    ...along.flatMap(([shape, axis]) =>
      both.flatMap(reverse =>
        floats.flatMap(d => [
          ...[cumsum, cummax, cummin, cumlogsumexp].map(op => sample(op, [aval(d, shape)], { axis, reverse })),
          sample(cumprod, [aval(d, shape)], { axis, reverse }, [{ low: 0.7, high: 1.3 }]),
          sample(linearRecurrence, [aval(d, shape), aval(d, shape)], { axis, reverse }, [{ low: -1, high: 1 }, null]),
        ]),
      ),
    ),
    ...(["i32", "u32", "f16", "i8"] as const).flatMap(d =>
      [cumsum, cummax, cummin].map(op => sample(op, [aval(d, [5, 3])], { axis: 0, reverse: false })),
    ),
    ...sorts.flatMap(([shape, axis]) =>
      both.flatMap(descending => [
        ...(["f64", "f32", "i32", "u32", "f16"] as const).map(d => sample(sort, [aval(d, shape)], { axis, keys: 1, descending })),
        sample(sort, [i32(...shape), f64(...shape)], { axis, keys: 1, descending }, [whole(0, 3), null]), // ties: stable
        sample(sort, [i32(...shape), f64(...shape), f32(...shape)], { axis, keys: 2, descending }, [whole(0, 3), null, null]),
      ]),
    ),
    ...convs.flatMap(([x, w, p]) => floats.map(d => sample(conv, [aval(d, x), aval(d, w)], p))),
    ...slides.flatMap(([shape, stride, dilation, low, sizes]) =>
      floats.flatMap(d => {
        const k = sizes.length,
          y = [...shape.slice(0, shape.length - k), ...sizes];
        return [
          sample(slide, [aval(d, shape)], { stride, dilation, low, sizes }),
          sample(unslide, [aval(d, y)], { stride, dilation, low, sizes: shape.slice(shape.length - k) }),
        ];
      }),
    ),
  ];
}
