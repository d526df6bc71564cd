import { test } from "uvu";
import * as assert from "uvu/assert";
import { BASELINE } from "../../../../compiler/emit/wasm/features.ts";
import { wasmFeatures } from "../../../../runtime/wasm/features.ts";
import { compileConv, convolve } from "./conv_harness.ts";

const { fma } = wasmFeatures();

test("a convolution is a product whose A is indexed: stride, padding, odd sizes, NCHW output", () => {
  for (const shape of [
    { images: 2, ci: 3, h: 8, w: 8, co: 5, kernel: 3, stride: 1, pad: 1 },
    { images: 1, ci: 4, h: 9, w: 7, co: 9, kernel: 3, stride: 2, pad: 1 },
    { images: 3, ci: 1, h: 12, w: 12, co: 2, kernel: 5, stride: 1, pad: 0 },
    { images: 1, ci: 70, h: 6, w: 16, co: 16, kernel: 3, stride: 1, pad: 1 },
    { images: 2, ci: 8, h: 5, w: 5, co: 1, kernel: 1, stride: 1, pad: 0 },
  ]) {
    const narrow = compileConv(shape, { ...BASELINE, fma }),
      wide = compileConv(shape, { ...BASELINE, fma, wide: true });
    narrow.run();
    wide.run();
    convolve(shape, narrow).forEach((x, i) =>
      assert.ok(Math.abs(x - (narrow.out[i] ?? NaN)) < 1e-3, `${JSON.stringify(shape)}: element ${i} is ${narrow.out[i]}, expected ${x}`),
    );
    assert.equal([...wide.out], [...narrow.out], "tiles for paired vectors sum in the same order");
  }
});

test.run();
