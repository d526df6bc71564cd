// 8-bit floats: every byte decodes and every 16-bit float encodes as the formats say, on every device that runs here; arithmetic rounds once; nothing meets them by accident.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { add, array, defaultDevice, fromHost, grad, jit, mean, mul, square, where, type Tensor } from "../../../stdlib/index.ts";
import { paper } from "../../cuda/paper.ts";
import { f16ToF32 } from "../../../runtime/float16.ts";
import { fromFloat8, toFloat8 } from "../../../runtime/float8.ts";
import type { Float8 } from "../../../runtime/dtype.ts";

const formats: readonly Float8[] = ["f8e4m3", "f8e5m2"];

test("the formats are those of ml_dtypes: largest, smallest, subnormal, overflow, NaN", () => {
  assert.equal(
    [0, 0x08, 0x01, 0x7e, 0x7f, 0xb8].map(b => fromFloat8("f8e4m3", b)),
    [0, 2 ** -6, 2 ** -9, 448, NaN, -1],
  );
  assert.equal(
    [0, 0x04, 0x01, 0x7b, 0x7c, 0xfc, 0x7d, 0xbc].map(b => fromFloat8("f8e5m2", b)),
    [0, 2 ** -14, 2 ** -16, 57344, Infinity, -Infinity, NaN, -1],
  );
  assert.equal(
    [464, 464.1, Infinity, -500, 2 ** -10, 1.5 * 2 ** -10, 17, 19, -0].map(x => toFloat8("f8e4m3", x)),
    [0x7e, 0x7f, 0x7f, 0xff, 0, 1, 0x58, 0x5a, 0x80],
  );
  assert.equal(
    [61439, 61440, NaN, -Infinity, 2 ** -17, 2.25, 2.75].map(x => toFloat8("f8e5m2", x)),
    [0x7b, 0x7c, 0x7e, 0xfc, 0, 0x40, 0x42],
  );
  for (const d of formats)
    for (let b = 0; b < 256; b++) {
      const x = fromFloat8(d, b);
      if (!Number.isNaN(x)) assert.is(toFloat8(d, x), b);
    }
});
test("rounding is to the nearest byte, ties to the even one, for every f16", () => {
  for (const d of formats) {
    const all = Array.from({ length: 128 }, (_, b) => ({ b, x: fromFloat8(d, b) })).filter(({ x }) => Number.isFinite(x));
    for (let h = 0; h < 0x7c00; h += 7) {
      const x = f16ToF32(h),
        far = Math.min(...all.map(c => Math.abs(c.x - x)));
      const nearest = all.filter(c => Math.abs(c.x - x) === far).sort((p, q) => (p.b % 2) - (q.b % 2))[0];
      if (x <= (all.at(-1)?.x ?? 0)) assert.is(toFloat8(d, x), nearest?.b, `${d} of ${x}`);
    }
  }
});
/** Finite values, ties and neighbours of ties of a format, and what lies outside of it. */
const probes = (d: Float8): number[] => {
  const codes = Array.from({ length: 127 }, (_, b) => fromFloat8(d, b)).filter(Number.isFinite);
  const near = codes.flatMap((x, i) => {
    const tie = (x + (codes[i + 1] ?? x * 1.25)) / 2;
    return [x, Math.fround(tie * (1 - 2 ** -23)), tie, Math.fround(tie * (1 + 2 ** -23))];
  });
  return [...near, 1e-30, 1e30, Infinity, NaN].flatMap(x => [x, -x]);
};
for (const [name, device] of [
  ["Wasm", defaultDevice()],
  ["CUDA without a card", paper().device],
] as const) {
  test(`${name}: conversions round as the format says, and every byte decodes`, async () => {
    for (const d of formats) {
      const xs = probes(d),
        x = fromHost("f32", [xs.length], Float32Array.from(xs), device);
      const narrow = jit((t: Tensor) => t.astype(d))(x);
      assert.equal(
        Array.from((await narrow.data()) as Uint8Array, b => fromFloat8(d, b)),
        xs.map(v => fromFloat8(d, toFloat8(d, Math.fround(v)))),
      );
      const bytes = fromHost(
        d,
        [256],
        Uint8Array.from({ length: 256 }, (_, b) => b),
        device,
      );
      const wide = jit((t: Tensor) => t.astype("f32"))(bytes);
      assert.equal(
        Array.from((await wide.data()) as Float32Array),
        Array.from({ length: 256 }, (_, b) => fromFloat8(d, b)),
      );
      const doubled = jit((t: Tensor) => add(t, t))(bytes); // one rounding, of the f32 sum
      assert.equal(
        Array.from((await doubled.data()) as Uint8Array, b => fromFloat8(d, b)),
        Array.from({ length: 256 }, (_, b) => fromFloat8(d, toFloat8(d, 2 * fromFloat8(d, b)))),
      );
    }
  });
}
test("values and numbers are rounded between fused operations as they are between calls", () => {
  for (const dtype of [...formats, "f16", "bf16"] as const) {
    const x = array([0.3, 1.7, -2.9, 100.1], { dtype }),
      f = (t: Tensor): Tensor => mul(add(mul(t, 1.1), 0.05), t);
    assert.equal(jit(f)(x).tolist(), f(x).tolist());
  }
});
test("weights may be stored in 8 bits: gradients come back in their dtype, and numbers do not widen them", () => {
  const w = array([0.5, -1.5, 2, 0.125], { dtype: "f8e5m2" }),
    loss = (t: Tensor): Tensor => mean(square(t.astype("f32")));
  const g = grad(loss)(w);
  assert.is(g.dtype, "f8e5m2");
  assert.equal(g.tolist(), [0.25, -0.75, 1, 0.0625]);
  assert.is(mul(w, 3).dtype, "f8e5m2");
  assert.is(where(w.less(0), 0, w).dtype, "f8e5m2");
});
test("an 8-bit float and another float meet in no dtype: E0204 names both", () => {
  const w = array([1], { dtype: "f8e4m3" });
  assert.throws(() => add(w, array([1])), /E0204: f8e4m3 and f32 do not meet/);
  assert.throws(() => add(w, array([1], { dtype: "f8e5m2" })), /E0204: f8e4m3 and f8e5m2/);
});

test.run();
