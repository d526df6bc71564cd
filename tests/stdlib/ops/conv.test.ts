// Convolutions that are each other's transposes, padding by name, pools, and refusals. Values against JAX are in goldens.test.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  avgPool,
  conv,
  convTranspose,
  grad,
  maxPool,
  ones,
  PullbackError,
  sum,
  vjp,
  zeros,
  type ConvOptions,
  type Tensor,
} from "../../../stdlib/index.ts";
import { counting, expect, host, run } from "../../support/evaluate.ts";

const waves = (shape: readonly number[], phase: number): ReturnType<typeof host> => {
  const t = counting(shape);
  return { ...t, data: t.data.map(i => Math.sin(phase + 1.7 * i)) };
};

test("convTranspose is the transpose of conv in its input", () => {
  const cases: readonly { readonly input: readonly number[]; readonly kernel: readonly number[]; readonly options: ConvOptions }[] = [
    { input: [2, 3, 9], kernel: [4, 3, 3], options: { strides: 2 } },
    { input: [1, 4, 8], kernel: [6, 2, 4], options: { strides: 2, padding: 1, groups: 2 } },
    {
      input: [1, 2, 7, 9],
      kernel: [3, 2, 3, 2],
      options: {
        strides: [2, 1],
        padding: [
          [1, 1],
          [0, 1],
        ],
        dilation: [1, 2],
      },
    },
    { input: [1, 2, 4, 5, 4], kernel: [2, 2, 2, 2, 2], options: {} },
  ];
  for (const { input, kernel, options } of cases) {
    const w = waves(kernel, 1),
      out = run((x, k) => conv(x, k, options), waves(input, 2), w)[0];
    const ct = waves(out?.shape ?? [], 3);
    const [want] = run(
      (k, g) => {
        const [, back] = vjp((x: Tensor) => conv(x, k, options), zeros(input, { dtype: "f64" }));
        return back(g)[0] as Tensor;
      },
      w,
      ct,
    );
    if (!want) throw new Error("no gradient");
    expect(JSON.stringify(options), (k, g) => convTranspose(g, k, options), [w, ct], [want], 1e-12);
  }
});
test('"same" gives ceil(S / stride), and S · stride back', () => {
  for (const [s, k, stride] of [
    [8, 3, 1],
    [9, 3, 2],
    [8, 4, 2],
    [7, 2, 3],
    [5, 1, 2],
  ] as const) {
    assert.equal(conv(zeros([1, 1, s]), zeros([1, 1, k]), { strides: stride, padding: "same" }).shape, [1, 1, Math.ceil(s / stride)]);
    assert.equal(convTranspose(zeros([1, 1, s]), zeros([1, 1, k]), { strides: stride, padding: "same" }).shape, [1, 1, s * stride]);
    assert.equal(maxPool(zeros([1, 1, s]), k, { strides: stride, padding: "same" }).shape, [1, 1, Math.ceil(s / stride)]);
  }
  expect(
    "odd one at the end",
    x => conv(x, ones([1, 1, 2], { dtype: "f64" }), { padding: "same" }),
    [host([1, 1, 3], [1, 2, 4])],
    [host([1, 1, 3], [3, 6, 4])],
  );
});
test("pools fold windows, by default side by side", () => {
  const x = counting([1, 1, 4, 4]);
  expect("max", t => maxPool(t, 2), [x], [host([1, 1, 2, 2], [5, 7, 13, 15])]);
  expect(
    "mean",
    t =>
      avgPool(t, [2, 2], {
        strides: 1,
        padding: [
          [1, 0],
          [0, 0],
        ],
      }),
    [counting([1, 1, 2, 2])],
    [host([1, 1, 2, 1], [0.25, 1.5])],
  );
  expect(
    "gradient",
    t => grad((u: Tensor) => sum(maxPool(u, 2)))(t) as Tensor,
    [x],
    [host([1, 1, 4, 4], [0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1])],
  );
});
const refused = (f: () => unknown, code: string, said: RegExp): void =>
  assert.throws(f, (e: unknown) => e instanceof PullbackError && e.code === code && said.test(e.message));
test("operands and options that do not fit are refused with both facts", () => {
  refused(() => conv(zeros([3, 8]), zeros([4, 3])), "E0205", /f32\[3,8\] and w f32\[4,3\]/);
  refused(() => conv(zeros([1, 3, 8]), zeros([4, 2, 3])), "E0205", /3 input channels/);
  refused(() => conv(zeros([1, 3, 8]), zeros([4, 3, 3]), { strides: [1, 1] }), "E0205", /strides \[1,1\] for 1 spatial dimension/);
  refused(
    () =>
      conv(zeros([1, 3, 8]), zeros([4, 3, 3]), {
        padding: [
          [1, 1],
          [1, 1],
        ],
      }),
    "E0205",
    /padding/,
  );
  refused(() => convTranspose(zeros([1, 3, 8]), zeros([4, 3, 3])), "E0205", /f32\[1,3,8\] for a kernel f32\[4,3,3\]/);
  refused(() => maxPool(zeros([3, 8]), 2), "E0205", /maxPool got f32\[3,8\]/);
});

test.run();
