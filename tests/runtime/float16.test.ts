// f16 and bf16 patterns, exhaustively: every pattern survives a round trip, and rounding is to nearest even.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bf16ToF32, f16ToF32, f32ToBf16, f64ToF16 } from "../../runtime/float16.ts";

test("every f16 pattern that is not NaN reads and writes back to itself", () => {
  for (let h = 0; h < 65536; h++) {
    const x = f16ToF32(h);
    if (Number.isNaN(x)) assert.ok(Number.isNaN(f16ToF32(f64ToF16(x))));
    else if (f64ToF16(x) !== h) assert.unreachable(`pattern ${h} reads ${x}, writes ${f64ToF16(x)}`);
  }
});
test("every bf16 pattern that is not NaN reads and writes back to itself", () => {
  for (let h = 0; h < 65536; h++) {
    const x = bf16ToF32(h);
    if (Number.isNaN(x)) assert.ok(Number.isNaN(bf16ToF32(f32ToBf16(x))));
    else if (f32ToBf16(x) !== h) assert.unreachable(`pattern ${h} reads ${x}, writes ${f32ToBf16(x)}`);
  }
});
test("f16 rounds midpoints to even, overflows to infinity and keeps subnormals", () => {
  assert.is(f16ToF32(f64ToF16(2049)), 2048);
  assert.is(f16ToF32(f64ToF16(2051)), 2052);
  assert.is(f16ToF32(f64ToF16(65519.999)), 65504);
  assert.is(f16ToF32(f64ToF16(65520)), Infinity);
  assert.is(f16ToF32(f64ToF16(2 ** -25)), 0);
  assert.is(f16ToF32(f64ToF16(2 ** -25 * 1.001)), 2 ** -24);
  assert.ok(Object.is(f16ToF32(f64ToF16(-0)), -0));
});
test("bf16 rounds midpoints to even", () => {
  assert.is(bf16ToF32(f32ToBf16(1 + 2 ** -8)), 1);
  assert.is(bf16ToF32(f32ToBf16(1 + 3 * 2 ** -8)), 1 + 2 ** -6);
  assert.is(bf16ToF32(f32ToBf16(3.4e38)), Infinity);
});

test.run();
