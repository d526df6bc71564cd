// Samples of the primitives that move, slice, index and fold. Data only, as samples.ts, which gathers these.
import type { DType } from "../../runtime/dtype.ts";
import { aval, type Aval, type Shape } from "../ir/aval.ts";
import type { Domain, Sample, sampleOf } from "./samples.ts";
import { broadcastInDim, reduceSum } from "./broadcast.ts";
import { iota } from "./fill.ts";
import { gather, scatterAdd, scatterMax, scatterMin, scatterMul, scatterSet } from "./gather.ts";
import { argmax, argmin, argReduce, reduceAnd, reduceMax, reduceMin, reduceOr, reduceProd } from "./reduce.ts";
import { reshape, reverse, transpose } from "./shape.ts";
import { concat, dynamicSlice, dynamicUpdateSlice, pad, slice } from "./slice.ts";

const f64 = (...shape: number[]): Aval => aval("f64", shape);
const f32 = (...shape: number[]): Aval => aval("f32", shape);
const i32 = (...shape: number[]): Aval => aval("i32", shape);
const floats: readonly DType[] = ["f32", "f64"];
const moved: readonly DType[] = ["f64", "f32", "i32", "u8", "bool", "f16", "f8e4m3"];
const whole = (low: number, high: number): Domain => ({ low, high, integer: true });

/** All of them; `sample` makes one. */
export function structuredSamples(sample: typeof sampleOf): Sample[] {
  return [...moves(sample), ...slices(sample), ...positions(sample), ...folds(sample)];
}

function moves(sample: typeof sampleOf): Sample[] {
  const broadcasts: readonly (readonly [Shape, Shape, readonly number[]])[] = [
    [[], [], []],
    [[], [3], []],
    [[], [2, 0], []],
    [[3], [2, 3, 5], [1]],
    [
      [5, 7],
      [5, 3, 7],
      [0, 2],
    ],
    [[0], [4, 0], [1]],
    [[130], [70, 130], [1]],
    [[70], [70, 130], [0]],
  ];
  const reshapes: readonly (readonly [Shape, Shape])[] = [
    [[], [1, 1]],
    [[1], []],
    [
      [0, 3],
      [5, 0],
    ],
    [[6], [2, 3]],
    [
      [2, 3, 5],
      [6, 5],
    ],
    [
      [2, 3, 5],
      [5, 6],
    ],
    [
      [4, 6],
      [3, 8],
    ],
    [
      [2, 1, 3],
      [1, 6, 1],
    ],
    [
      [70, 130],
      [91, 100],
    ],
  ];
  const perms: readonly (readonly [Shape, readonly number[]])[] = [
    [[], []],
    [[3], [0]],
    [
      [5, 7],
      [1, 0],
    ],
    [
      [2, 3, 5],
      [2, 0, 1],
    ],
    [
      [2, 3, 5],
      [0, 2, 1],
    ],
    [
      [0, 3],
      [1, 0],
    ],
    [
      [70, 130],
      [1, 0],
    ],
  ];
  const reverses: readonly (readonly [Shape, readonly number[]])[] = [
    [[3], [0]],
    [
      [2, 3, 5],
      [0, 2],
    ],
    [[2, 3], []],
    [
      [0, 2],
      [0, 1],
    ],
  ];
  return [
    ...moved.flatMap(d => [
      ...broadcasts.map(([from, shape, dims]) => sample(broadcastInDim, [aval(d, from)], { shape, dims })),
      ...reshapes.map(([from, shape]) => sample(reshape, [aval(d, from)], { shape })),
      ...perms.map(([shape, perm]) => sample(transpose, [aval(d, shape)], { perm })),
      ...reverses.map(([shape, axes]) => sample(reverse, [aval(d, shape)], { axes })),
    ]),
    ...(["f32", "f64", "i32", "u32", "i8", "f16"] as const).flatMap(dtype => [
      sample(iota, [], { dtype, shape: [5], axis: 0 }),
      sample(iota, [], { dtype, shape: [2, 3, 4], axis: 1 }),
      sample(iota, [], { dtype, shape: [0], axis: 0 }),
    ]),
  ];
}

function slices(sample: typeof sampleOf): Sample[] {
  const cut: readonly (readonly [Shape, readonly number[], readonly number[], readonly number[] | undefined])[] = [
    [[], [], [], undefined],
    [[5], [1], [4], undefined],
    [[7], [1], [7], [3]],
    [
      [5, 7],
      [0, 2],
      [5, 7],
      [2, 2],
    ],
    [[2, 3, 5], [1, 0, 2], [2, 3, 2], undefined],
    [[0], [0], [0], undefined],
    [
      [70, 130],
      [3, 5],
      [69, 128],
      [1, 3],
    ],
  ];
  const pads: readonly (readonly [Shape, readonly number[], readonly number[], readonly number[]])[] = [
    [[], [], [], []],
    [[3], [1], [2], [0]],
    [[3], [0], [0], [2]],
    [[5], [-1], [2], [1]],
    [[5], [-2], [-1], [0]],
    [[4], [-2], [-3], [3]],
    [
      [2, 3],
      [1, -1],
      [0, 2],
      [0, 1],
    ],
    [[0], [2], [1], [0]],
    [[1], [0], [0], [4]],
    [
      [50, 70],
      [1, 2],
      [3, 4],
      [1, 0],
    ],
  ];
  const joined: readonly (readonly [readonly Shape[], number])[] = [
    [[[3]], 0],
    [[[2], [3], [0], [1]], 0],
    [
      [
        [2, 3],
        [2, 0],
        [2, 4],
      ],
      1,
    ],
    [
      [
        [1, 5],
        [3, 5],
      ],
      0,
    ],
    [
      [
        [0, 2],
        [0, 2],
      ],
      0,
    ],
    [
      [
        [20, 33],
        [20, 40],
        [20, 5],
      ],
      1,
    ],
  ];
  const dynamic: readonly (readonly [Shape, Shape, number])[] = [
    [[], [], 0],
    [[5], [2], 0],
    [[5], [5], 0],
    [[5, 7], [2, 7], 0],
    [[5, 7], [0, 3], 0],
    [[4, 5], [2], 1],
    [[2, 3, 6, 5], [2, 5], 2],
    [[40, 50], [7, 9], 0],
  ];
  return moved.flatMap(d => [
    ...cut.map(([shape, start, limit, strides]) => sample(slice, [aval(d, shape)], { start, limit, ...(strides ? { strides } : {}) })),
    ...pads.map(([shape, low, high, interior]) => sample(pad, [aval(d, shape), aval(d, [])], { low, high, interior })),
    ...joined.map(([list, axis]) =>
      sample(
        concat,
        list.map(shape => aval(d, shape)),
        { axis },
      ),
    ),
    ...dynamic.flatMap(([shape, sizes, batch]) => {
      const lead = shape.slice(0, batch),
        starts = sizes.map(() => i32(...lead)),
        domain = sizes.map(() => whole(-2, 6)); // some need clamping
      return [
        sample(dynamicSlice, [aval(d, shape), ...starts], { sizes, batch }, [null, ...domain]),
        sample(dynamicUpdateSlice, [aval(d, shape), aval(d, [...lead, ...sizes]), ...starts], { batch }, [null, null, ...domain]),
      ];
    }),
  ]);
}

function positions(sample: typeof sampleOf): Sample[] {
  // x, indices, batch
  const cases: readonly (readonly [Shape, Shape, number])[] = [
    [[5], [3, 1], 0],
    [[5], [1], 0],
    [[5, 7], [4, 1], 0],
    [[5, 4], [6, 2], 0],
    [[3, 5, 2], [3, 4, 1], 1],
    [[2, 3], [4, 0], 0],
    [[5, 0], [2, 1], 0],
    [[4], [0, 1], 0],
    [[6, 300], [9, 1], 0],
    [[2, 4, 3, 5], [2, 2, 3, 2], 1],
  ];
  const out: Sample[] = [];
  for (const [shape, indices, batch] of cases) {
    const depth = indices.at(-1) ?? 0,
      updates = [...indices.slice(0, -1), ...shape.slice(batch + depth)];
    const inside = whole(0, Math.min(...shape.slice(batch, batch + depth), 100)),
      around = whole(-2, 8);
    for (const d of ["f64", "f32", "i32", "f16", "f8e4m3"] as const) {
      out.push(sample(gather, [aval(d, shape), i32(...indices)], { mode: "clip", batch }, [null, around]));
      out.push(sample(gather, [aval(d, shape), i32(...indices)], { mode: "fill", batch }, [null, inside]));
      out.push(sample(gather, [aval(d, shape), i32(...indices)], { mode: "fill", fill: 3, batch }, [null, around]));
      out.push(sample(gather, [aval(d, shape), i32(...indices)], { mode: "promiseInBounds", batch }, [null, inside]));
      for (const op of [scatterAdd, scatterSet, scatterMin, scatterMax, ...(d === "f64" ? [] : [scatterMul])]) {
        for (const mode of ["drop", "clip"] as const)
          out.push(sample(op, [aval(d, shape), i32(...indices), aval(d, updates)], { mode, batch }, [null, around, null]));
      }
    }
  }
  // one position each, so that nothing repeats and the derivative of scatterMul is defined
  return [
    ...out,
    sample(scatterMul, [f64(5, 3), i32(1, 1), f64(1, 3)], { mode: "drop", unique: true }, [null, whole(0, 5), null]),
    sample(scatterMul, [f64(3, 4), i32(3, 1, 1), f64(3, 1)], { mode: "drop", unique: true, batch: 1 }, [null, whole(0, 4), null]),
  ];
}

function folds(sample: typeof sampleOf): Sample[] {
  const cases: readonly (readonly [Shape, readonly number[]])[] = [
    [[], []],
    [[3], [0]],
    [[5, 7], [0]],
    [[5, 7], [1]],
    [
      [5, 7],
      [0, 1],
    ],
    [[2, 3, 5], [1]],
    [
      [2, 3, 5],
      [0, 2],
    ],
    [[0, 3], [1]],
    [[70, 130], [0]],
    [[70, 130], [1]],
    [[300], [0]],
  ];
  const empty: readonly (readonly [Shape, readonly number[]])[] = [
    [[0], [0]],
    [[0, 3], [0]],
  ];
  const searches: readonly (readonly [Shape, number])[] = [
    [[1], 0],
    [[5, 7], 0],
    [[5, 7], 1],
    [[2, 3, 5], 1],
    [[0, 3], 1],
    [[70, 130], 1],
  ];
  return [
    ...(["f64", "f32", "i32", "u32", "f16", "bf16", "f8e5m2", "i8", "u8"] as const).flatMap(d => [
      ...[...cases, ...empty].map(([shape, axes]) => sample(reduceSum, [aval(d, shape)], { axes })),
      ...[...cases, ...(d === "f64" || d === "f32" ? [] : empty)].flatMap(([shape, axes]) =>
        [reduceMax, reduceMin].map(op => sample(op, [aval(d, shape)], { axes })),
      ),
      ...searches.flatMap(([shape, axis]) =>
        [argmax, argmin].map(op =>
          sample(op, [aval(d, shape)], { axis, dtype: axis === 0 ? "u32" : "i32" }, d === "i32" ? [whole(0, 3)] : undefined),
        ),
      ),
    ]),
    ...cases
      .filter(([shape]) => shape.length < 2 || shape.every(n => n < 10))
      .flatMap(([shape, axes]) => floats.map(d => sample(reduceProd, [aval(d, shape)], { axes }, [{ low: 0.7, high: 1.3 }]))),
    ...[...cases, ...empty].flatMap(([shape, axes]) =>
      (["bool", "i32", "u32", "u8", "i8"] as const).flatMap(d => [reduceAnd, reduceOr].map(op => sample(op, [aval(d, shape)], { axes }))),
    ),
    ...empty.map(([shape, axes]) => sample(reduceProd, [f64(...shape)], { axes })),
    ...searches.flatMap(([shape, axis]) =>
      (["max", "min"] as const).map(op => sample(argReduce, [f32(...shape), i32(...shape)], { axis, op })),
    ),
  ];
}
