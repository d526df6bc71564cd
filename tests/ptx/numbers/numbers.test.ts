// The fast paths of floating point against whole-number arithmetic, and the formats against their definitions.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { exactAdd, exactDiv, exactFma, exactMul, exactSqrt } from "./exact.ts";
import { f32Add, f32Div, f32Fma, f32Mul, f32Sqrt, fma32, fma64 } from "./floats.ts";
import {
  BF16,
  bf16OfBits,
  bitsOfBf16,
  bitsOfF16,
  bitsOfFp8,
  E4M3,
  E5M2,
  F16,
  f16OfBits,
  f32OfBits,
  F32,
  fp8OfBits,
  roundTo,
  TF32,
  type Rounding,
} from "./formats.ts";

const any32 = fc.oneof(
  fc.integer().map(b => f32OfBits(b)),
  fc.constantFrom(0, -0, 1, -1, 2 ** -149, -(2 ** -149), 2 ** -126, 1 + 2 ** -23, 3.4028234663852886e38, Infinity, -Infinity, NaN),
);
const any64 = fc.oneof(
  fc.double(),
  fc.integer({ min: -1074, max: 1023 }).map(e => 2 ** e),
  fc.integer().map(x => x / 7),
);
const modes: readonly Rounding[] = ["rn", "rz", "rm", "rp"];
const same = (got: number, want: number, what: string): void => {
  assert.ok(Object.is(got, want), `${what} is ${got}, not ${want}`);
};
/** One rounding to f32, of an exact f64 result that was rounded to odd in disguise: by way of 200 bits. */
const viaExact = (mode: Rounding, f: (m: Rounding) => number): number => {
  // a result rounded down and up in f64 brackets the exact one; if they agree it is exact
  const below = f("rm"),
    above = f("rp");
  if (below !== below) return NaN;
  if (below === above) return roundTo(below === 0 ? f(mode) : below, F32, mode);
  const a = roundTo(below, F32, mode),
    b = roundTo(above, F32, mode);
  if (a === b || mode !== "rn") return mode === "rm" ? a : mode === "rp" ? b : mode === "rz" ? (below < 0 ? b : a) : a;
  return f("rn") === below ? a : b; // a tie of f32 is an f64: the exact result is on the side of the nearer
};

test("f32 arithmetic rounds once, in every mode", () => {
  fc.assert(
    fc.property(any32, any32, any32, fc.constantFrom(...modes), (a, b, c, mode) => {
      same(
        f32Add(a, b, mode),
        viaExact(mode, m => exactAdd(a, b, m)),
        `${a} + ${b} ${mode}`,
      );
      same(
        f32Mul(a, b, mode),
        viaExact(mode, m => exactMul(a, b, m)),
        `${a} * ${b} ${mode}`,
      );
      same(
        f32Div(a, b, mode),
        viaExact(mode, m => exactDiv(a, b, m)),
        `${a} / ${b} ${mode}`,
      );
      same(
        f32Sqrt(a, mode),
        viaExact(mode, m => exactSqrt(a, m)),
        `sqrt ${a} ${mode}`,
      );
      if (mode !== "rn")
        same(
          f32Fma(a, b, c, mode),
          viaExact(mode, m => exactFma(a, b, c, m)),
          `${a} * ${b} + ${c} ${mode}`,
        );
    }),
    { numRuns: 3000 },
  );
});
test("f32 fma is right where two roundings would not be", () => {
  // 1 + 2^-24 exactly halfway; a hair more and it must go up, a hair less and down
  same(fma32(2 ** -12, 2 ** -12, 1), 1, "a tie goes to even");
  same(fma32(2 ** -12 * (1 + 2 ** -23), 2 ** -12, 1), 1 + 2 ** -23, "above the tie");
  same(fma32(2 ** -75, 2 ** -75, 1 + 2 ** -23), 1 + 2 ** -23, "far below");
  same(fma32(1 + 2 ** -23, 1 + 2 ** -23, -(1 + 2 ** -22)), 2 ** -46, "cancellation");
  fc.assert(
    fc.property(any32, any32, fc.integer({ min: -60, max: 60 }), (a, b, e) => {
      const c = Math.fround(-a * b * (1 + 2 ** e));
      same(fma32(a, b, c), f32Fma(a, b, c, "rn"), `${a} * ${b} + ${c}`);
    }),
    { numRuns: 3000 },
  );
});
test("f64 fma is the exact one", () => {
  fc.assert(
    fc.property(any64, any64, any64, fc.integer({ min: -60, max: 60 }), (a, b, z, e) => {
      for (const c of [z, -a * b, -a * b * (1 + 2 ** e)]) same(fma64(a, b, c), exactFma(a, b, c, "rn"), `${a} * ${b} + ${c}`);
    }),
    { numRuns: 3000 },
  );
});
test("to nearest, whole-number arithmetic agrees with the engine's f64", () => {
  fc.assert(
    fc.property(any64, any64, (a, b) => {
      same(exactAdd(a, b, "rn"), a + b, `${a} + ${b}`);
      same(exactMul(a, b, "rn"), a * b, `${a} * ${b}`);
      same(exactDiv(a, b, "rn"), a / b, `${a} / ${b}`);
      same(exactSqrt(a, "rn"), Math.sqrt(a), `sqrt ${a}`);
    }),
    { numRuns: 3000 },
  );
});
test("directed roundings are neighbours around the exact value", () => {
  same(exactAdd(1, 2 ** -80, "rp"), 1 + 2 ** -52, "1 + tiny, up");
  same(exactAdd(1, -(2 ** -80), "rz"), 1 - 2 ** -53, "1 - tiny, to zero");
  same(exactAdd(1, -1, "rm"), -0, "1 - 1, down");
  same(exactMul(Number.MAX_VALUE, 2, "rz"), Number.MAX_VALUE, "overflow to zero");
  same(exactMul(Number.MAX_VALUE, -2, "rp"), -Number.MAX_VALUE, "overflow up");
  same(exactDiv(1, 3, "rp") - exactDiv(1, 3, "rm"), 2 ** -54, "a third");
});
test("16-bit floats go through numbers and back, all of them", () => {
  for (let h = 0; h < 65536; h++) {
    const x = f16OfBits(h),
      y = bf16OfBits(h);
    if (x === x) assert.is(bitsOfF16(x), h);
    if (y === y) assert.is(bitsOfBf16(y), h);
    if (Number.isFinite(x)) assert.ok(Object.is(roundTo(x, F16), x));
  }
  for (const f of [E4M3, E5M2])
    for (let b = 0; b < 256; b++) if (fp8OfBits(b, f) === fp8OfBits(b, f)) assert.is(bitsOfFp8(fp8OfBits(b, f), f), b);
});
test("rounding to narrow formats: ties, subnormals, overflow", () => {
  same(roundTo(1 + 2 ** -11, F16), 1, "a tie to even");
  same(roundTo(1 + 3 * 2 ** -11, F16), 1 + 2 ** -9, "a tie to even, up");
  same(roundTo(65519.9, F16), 65504, "just below the tie to infinity");
  same(roundTo(65520, F16), Infinity, "the tie to infinity");
  same(roundTo(2 ** -25, F16), 0, "half the smallest");
  same(roundTo(-(2 ** -25) * 1.01, F16), -(2 ** -24), "a little more than half");
  same(roundTo(1e39, BF16), Infinity, "bf16 overflows");
  same(roundTo(1e39, BF16, "rz"), BF16.largest, "not to zero");
  same(roundTo(1 + 2 ** -11, TF32, "rna"), 1 + 2 ** -10, "ties away from zero");
  same(roundTo(464, E4M3), 448, "e4m3 has no infinity");
  same(roundTo(61440, E5M2), Infinity, "e5m2 has");
});
test("fp8 codes that the format's definition gives", () => {
  assert.is(fp8OfBits(0x7e, E4M3), 448);
  assert.ok(Number.isNaN(fp8OfBits(0x7f, E4M3)));
  assert.is(fp8OfBits(0x01, E4M3), 2 ** -9);
  assert.is(fp8OfBits(0x38, E4M3), 1);
  assert.is(fp8OfBits(0x7b, E5M2), 57344);
  assert.is(fp8OfBits(0x7c, E5M2), Infinity);
  assert.is(fp8OfBits(0x01, E5M2), 2 ** -16);
  assert.is(fp8OfBits(0xbc, E5M2), -1);
});
test.run();
