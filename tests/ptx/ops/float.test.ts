// Floating-point instructions: rounding modes, .ftz, NaN and signed zeros, conversions, half precision; each expected value follows from the format's definition.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluate, f32, f64, fromF32, fromF64, values } from "../harness.ts";
import { bitsOfBf16, bitsOfF16, BF16, bf16OfBits, F16, f16OfBits, roundTo } from "../numbers/formats.ts";

const TINY = 2 ** -149,
  SMALL = 2 ** -126;
/** f32 results of an instruction on columns of f32. */
const on32 = (text: string, ...columns: readonly (readonly number[])[]): number[] =>
  evaluate(
    text,
    "f32",
    columns.map(c => values("f32", c)),
  ).map(fromF32);
const on64 = (text: string, ...columns: readonly (readonly number[])[]): number[] =>
  evaluate(
    text,
    "f64",
    columns.map(c => values("f64", c)),
  ).map(fromF64);
const equal = (got: readonly number[], want: readonly number[]): void => {
  want.forEach((x, i) => assert.ok(Object.is(got[i], x), `at ${i}: ${got[i]}, not ${x}`));
};

test("add, sub, mul, fma in the four roundings", () => {
  const up = 1 + 2 ** -23,
    down = 1 - 2 ** -24;
  equal(on32("add.rn.f32 %d, %a, %b;", [1, 1, 1], [2 ** -30, 2 ** -24, 3 * 2 ** -24]), [1, 1, 1 + 2 ** -22]);
  equal(on32("add.rp.f32 %d, %a, %b;", [1, -1], [2 ** -30, 2 ** -30]), [up, -down]);
  equal(on32("add.rm.f32 %d, %a, %b;", [1, 1], [2 ** -30, -1]), [1, -0]);
  equal(on32("add.rz.f32 %d, %a, %b;", [1, -1], [-(2 ** -30), 2 ** -30]), [down, -down]);
  equal(on32("sub.f32 %d, %a, %b;", [1, 0, Infinity], [2 ** -24, 0, Infinity]), [down, 0, NaN]);
  equal(on32("mul.rp.f32 %d, %a, %b;", [up, TINY], [up, 0.5]), [1 + 3 * 2 ** -23, TINY]);
  equal(on32("mul.rn.f32 %d, %a, %b;", [TINY, 3 * TINY, 1e30], [0.5, 0.5, 1e30]), [0, 2 * TINY, Infinity]);
  equal(on32("mul.rz.f32 %d, %a, %b;", [1e30], [1e30]), [3.4028234663852886e38]);
  equal(on32("fma.rn.f32 %d, %a, %b, %c;", [up, Infinity, 1], [up, 0, -1], [-(1 + 2 ** -22), 1, 1]), [2 ** -46, NaN, 0]);
  equal(on32("fma.rm.f32 %d, %a, %b, %c;", [1, 1], [1, 1], [-1, 2 ** -40]), [-0, 1]);
  equal(on32("mad.rn.f32 %d, %a, %b, %c;", [2], [3], [4]), [10]);
  equal(on64("add.rp.f64 %d, %a, %b;", [1], [2 ** -80]), [1 + 2 ** -52]);
  equal(on64("sub.rz.f64 %d, %a, %b;", [1], [2 ** -80]), [1 - 2 ** -53]);
  equal(on64("mul.rm.f64 %d, %a, %b;", [1 + 2 ** -52], [1 + 2 ** -52]), [1 + 2 ** -51]);
  equal(on64("fma.rn.f64 %d, %a, %b, %c;", [1 + 2 ** -52, 0.1], [1 + 2 ** -52, 10], [-(1 + 2 ** -51), -1]), [
    2 ** -104,
    5.551115123125783e-17,
  ]);
});
test("division, reciprocals and roots are correctly rounded, or approximate by name", () => {
  equal(on32("div.rn.f32 %d, %a, %b;", [1, 1, 0, -1], [3, 0, 0, Infinity]), [Math.fround(1 / 3), Infinity, NaN, -0]);
  equal(on32("div.rp.f32 %d, %a, %b;", [1], [3]), [Math.fround(1 / 3)]);
  equal(on32("div.rz.f32 %d, %a, %b;", [1], [3]), [Math.fround(1 / 3) - 2 ** -25]);
  equal(on32("rcp.rn.f32 %d, %a;", [3, -0]), [Math.fround(1 / 3), -Infinity]);
  equal(on32("sqrt.rn.f32 %d, %a;", [2, -1, -0]), [Math.fround(Math.SQRT2), NaN, -0]);
  equal(on32("sqrt.rp.f32 %d, %a;", [2, 4]), [
    Math.fround(Math.SQRT2) < Math.SQRT2 ? Math.fround(Math.SQRT2) + 2 ** -23 : Math.fround(Math.SQRT2),
    2,
  ]);
  equal(on64("sqrt.rn.f64 %d, %a;", [2]), [Math.SQRT2]);
  equal(on64("div.rn.f64 %d, %a, %b;", [1], [3]), [1 / 3]);
  equal(on64("rcp.rm.f64 %d, %a;", [3]), [1 / 3]);
  equal(on32("div.approx.f32 %d, %a, %b;", [6], [3]), [2]);
  equal(on32("div.full.f32 %d, %a, %b;", [6], [3]), [2]);
  equal(on32("rcp.approx.ftz.f32 %d, %a;", [4, TINY, 2 ** 127]), [0.25, Infinity, 0]);
  equal(on32("sqrt.approx.f32 %d, %a;", [9]), [3]);
  equal(on32("rsqrt.approx.f32 %d, %a;", [4, 0]), [0.5, Infinity]);
  equal(on32("ex2.approx.ftz.f32 %d, %a;", [3, -Infinity, -140, NaN]), [8, 0, 0, NaN]);
  equal(on32("ex2.approx.f32 %d, %a;", [-140]), [2 ** -140]);
  equal(on32("lg2.approx.f32 %d, %a;", [8, 0, -1]), [3, -Infinity, NaN]);
  equal(on32("sin.approx.f32 %d, %a;", [0.5]), [Math.fround(Math.sin(0.5))]);
  equal(on32("cos.approx.f32 %d, %a;", [0.5]), [Math.fround(Math.cos(0.5))]);
  equal(on32("tanh.approx.f32 %d, %a;", [0.5]), [Math.fround(Math.tanh(0.5))]);
});
test("subnormals are kept, unless .ftz flushes them on both sides with their sign", () => {
  equal(on32("add.f32 %d, %a, %b;", [SMALL], [-SMALL / 2]), [SMALL / 2]);
  equal(on32("add.ftz.f32 %d, %a, %b;", [SMALL, -TINY], [-SMALL / 2, 0]), [SMALL, 0]);
  equal(on32("mul.ftz.f32 %d, %a, %b;", [SMALL, -SMALL], [0.5, 0.5]), [0, -0]);
  equal(on32("fma.rn.ftz.f32 %d, %a, %b, %c;", [TINY], [1], [1]), [1]);
  equal(on32("neg.ftz.f32 %d, %a;", [TINY]), [-0]);
  equal(on32("neg.f32 %d, %a;", [TINY]), [-TINY]);
  equal(on32("min.ftz.f32 %d, %a, %b;", [-TINY], [1]), [-0]);
  assert.is(evaluate("setp.gt.ftz.f32 %p, %a, 0f00000000; selp.u32 %d, 1, 0, %p;", "u32", [values("f32", [TINY])])[0], 0n);
  assert.is(evaluate("setp.gt.f32 %p, %a, 0f00000000; selp.u32 %d, 1, 0, %p;", "u32", [values("f32", [TINY])])[0], 1n);
});
test("NaN: canonical results, min and max with and without, saturation", () => {
  const nan = { type: "f32", bits: [0x7f800001n, 0xffc12345n] };
  assert.equal(evaluate("add.f32 %d, %a, %a;", "f32", [nan]), [0x7fffffffn, 0x7fffffffn]);
  assert.equal(evaluate("abs.f32 %d, %a;", "f32", [nan]), [0x7f800001n, 0x7fc12345n]);
  assert.equal(evaluate("mov.f32 %d, %a;", "f32", [nan]), [0x7f800001n, 0xffc12345n]);
  equal(on32("min.f32 %d, %a, %b;", [NaN, 1, 0, NaN], [1, NaN, -0, NaN]), [1, 1, -0, NaN]);
  equal(on32("max.f32 %d, %a, %b;", [NaN, -0], [1, 0]), [1, 0]);
  equal(on32("max.NaN.f32 %d, %a, %b;", [NaN, 1], [1, NaN]), [NaN, NaN]);
  equal(on32("min.NaN.f32 %d, %a, %b;", [2], [1]), [1]);
  equal(on64("max.f64 %d, %a, %b;", [NaN], [3]), [3]);
  equal(on32("add.sat.f32 %d, %a, %b;", [0.5, -3, NaN], [0.75, 1, 1]), [1, 0, 0]);
  equal(on32("copysign.f32 %d, %a, %b;", [-1, 1], [2, -3]), [-2, 3]);
  equal(on64("copysign.f64 %d, %a, %b;", [-0], [2]), [-2]);
  equal(on64("neg.f64 %d, %a;", [1]), [-1]);
  equal(on64("abs.f64 %d, %a;", [-2]), [2]);
});
test("comparisons with NaN: plain ones are false, unordered ones true", () => {
  const truth = (op: string, type: "f32" | "f64"): (bigint | undefined)[] =>
    evaluate(`setp.${op}.${type} %p, %a, %b; selp.u32 %d, 1, 0, %p;`, "u32", [values(type, [1, 1, 2, NaN]), values(type, [2, 1, 1, 1])]);
  const want: Readonly<Record<string, string>> = {
    eq: "0100",
    ne: "1010",
    lt: "1000",
    le: "1100",
    gt: "0010",
    ge: "0110",
    equ: "0101",
    neu: "1011",
    ltu: "1001",
    leu: "1101",
    gtu: "0011",
    geu: "0111",
    num: "1110",
    nan: "0001",
  };
  for (const type of ["f32", "f64"] as const)
    for (const [op, bits] of Object.entries(want)) assert.is(truth(op, type).join(""), bits, `${op}.${type}`);
  const of = (kind: string): string =>
    evaluate(`testp.${kind}.f32 %p, %a; selp.u32 %d, 1, 0, %p;`, "u32", [values("f32", [1, TINY, Infinity, NaN, 0])]).join("");
  assert.equal(["finite", "infinite", "number", "notanumber", "normal", "subnormal"].map(of), [
    "11001",
    "00100",
    "11101",
    "00010",
    "10000",
    "01000",
  ]);
});

test("float to integer rounds as asked, clamps, and makes 0 of NaN", () => {
  const to = (text: string, type: string, xs: readonly number[], from = "f32"): bigint[] => evaluate(text, type, [values(from, xs)]);
  const s = (xs: readonly bigint[], bits = 32): number[] => xs.map(x => Number(BigInt.asIntN(bits, x)));
  assert.equal(s(to("cvt.rni.s32.f32 %d, %a;", "s32", [2.5, 3.5, -2.5, 1e10, -1e10, NaN])), [2, 4, -2, 2147483647, -2147483648, 0]);
  assert.equal(s(to("cvt.rzi.s32.f32 %d, %a;", "s32", [2.9, -2.9])), [2, -2]);
  assert.equal(s(to("cvt.rmi.s32.f32 %d, %a;", "s32", [2.9, -2.1])), [2, -3]);
  assert.equal(s(to("cvt.rpi.s32.f32 %d, %a;", "s32", [2.1, -2.9])), [3, -2]);
  assert.equal(to("cvt.rzi.u32.f32 %d, %a;", "u32", [-1, 5e9, 4294967040]), [0n, 4294967295n, 4294967040n]);
  assert.equal(to("cvt.rzi.u8.f32 %d, %a;", "u32", [300, -5, 7]), [255n, 0n, 7n]);
  assert.equal(s(to("cvt.rzi.s8.f32 %d, %a;", "s32", [300, -300])), [127, -128]);
  assert.equal(s(to("cvt.rzi.s64.f64 %d, %a;", "s64", [1e15, -1e30, 0.5], "f64"), 64), [1e15, -(2 ** 63), 0]);
  assert.equal(to("cvt.rzi.u64.f32 %d, %a;", "u64", [2 ** 63, 1e30, -1]), [1n << 63n, (1n << 64n) - 1n, 0n]);
  equal(on32("cvt.rmi.f32.f32 %d, %a;", [2.5, -2.5, -0.5]), [2, -3, -1]);
  equal(on32("cvt.rni.f32.f32 %d, %a;", [2.5, -0.5, -0]), [2, -0, -0]);
  equal(on64("cvt.rpi.f64.f64 %d, %a;", [2.1, -0.5]), [3, -0]);
  equal(on32("cvt.sat.f32.f32 %d, %a;", [2, -1, 0.5]), [1, 0, 0.5]);
});
test("integers to floats round once; integers to integers are cut, extended or clamped", () => {
  const to = (text: string, type: string, from: string, xs: readonly (number | bigint)[]): bigint[] =>
    evaluate(text, type, [values(from, xs)]);
  assert.equal(
    to("cvt.rn.f32.s32 %d, %a;", "f32", "s32", [16777217, -16777219, 2147483647]).map(fromF32),
    [16777216, -16777220, 2147483648],
  );
  assert.equal(to("cvt.rz.f32.u32 %d, %a;", "f32", "u32", [4294967295]).map(fromF32), [4294967040]);
  assert.equal(to("cvt.rn.f64.u64 %d, %a;", "f64", "u64", [(1n << 64n) - 1n, (1n << 53n) + 1n]).map(fromF64), [2 ** 64, 2 ** 53]);
  assert.equal(to("cvt.rp.f64.s64 %d, %a;", "f64", "s64", [(1n << 53n) + 1n, -((1n << 53n) + 1n)]).map(fromF64), [2 ** 53 + 2, -(2 ** 53)]);
  // 2^40 + 2^16 is a tie of f32; one more is above it, though f64 in between would not lose it either
  assert.equal(
    to("cvt.rn.f32.s64 %d, %a;", "f32", "s64", [
      (1n << 40n) + (1n << 16n),
      (1n << 40n) + (1n << 16n) + 1n,
      (1n << 62n) + (1n << 38n) + 1n,
    ]).map(fromF32),
    [2 ** 40, 2 ** 40 + 2 ** 17, 2 ** 62 + 2 ** 39],
  );
  assert.equal(to("cvt.rn.f16.s32 %d, %a;", "b16", "s32", [2049, -3]), [BigInt(bitsOfF16(2048)), BigInt(bitsOfF16(-3))]);
  assert.equal(to("cvt.s32.s8 %d, %a;", "s32", "s32", [0x80, 0x17f]), [0xffffff80n, 0x7fn]);
  assert.equal(to("cvt.u32.u16 %d, %a;", "u32", "u16", [65535]), [65535n]);
  assert.equal(to("cvt.u16.u32 %d, %a;", "u16", "u32", [0x12345678]), [0x5678n]);
  assert.equal(to("cvt.s64.s32 %d, %a;", "s64", "s32", [-2]), [(1n << 64n) - 2n]);
  assert.equal(to("cvt.u64.u32 %d, %a;", "u64", "u32", [0xfffffffe]), [0xfffffffen]);
  assert.equal(to("cvt.u32.u64 %d, %a;", "u32", "u64", [0x123456789n]), [0x23456789n]);
  assert.equal(to("cvt.sat.s8.s32 %d, %a;", "s32", "s32", [200, -200, 5]), [127n, 0xffffff80n, 5n]);
  assert.equal(to("cvt.sat.u32.s64 %d, %a;", "u32", "s64", [-1n, 1n << 40n]), [0n, 0xffffffffn]);
});
test("floats to narrower floats and back", () => {
  equal(on32("cvt.f32.f32 %d, %a;", [1.5]), [1.5]);
  assert.equal(evaluate("cvt.rn.f32.f64 %d, %a;", "f32", [values("f64", [0.1, 1e300, TINY / 2])]).map(fromF32), [
    Math.fround(0.1),
    Infinity,
    0,
  ]);
  assert.equal(evaluate("cvt.rz.f32.f64 %d, %a;", "f32", [values("f64", [0.1, 1e300])]).map(fromF32), [
    Math.fround(0.1) - 2 ** -27,
    3.4028234663852886e38,
  ]);
  assert.equal(evaluate("cvt.f64.f32 %d, %a;", "f64", [values("f32", [TINY])]), [f64(TINY)]);
  const xs = [1 / 3, 65520, 2 ** -25 * 1.5, -0, NaN, 1 + 2 ** -8, 1 + 3 * 2 ** -8];
  assert.equal(
    evaluate("cvt.rn.f16.f32 %d, %a;", "b16", [values("f32", xs)]),
    xs.map(x => BigInt(bitsOfF16(roundTo(Math.fround(x), F16)))),
  );
  assert.equal(
    evaluate("cvt.rn.bf16.f32 %d, %a;", "b16", [values("f32", xs)]),
    xs.map(x => BigInt(bitsOfBf16(roundTo(Math.fround(x), BF16)))),
  );
  assert.equal(evaluate("cvt.f32.f16 %d, %a;", "f32", [values("b16", [0x3c00, 0x0001, 0xfc00])]), [f32(1), f32(2 ** -24), f32(-Infinity)]);
  assert.equal(evaluate("cvt.f32.bf16 %d, %a;", "f32", [values("b16", [0x3f80, 0xc000])]), [f32(1), f32(-2)]);
  assert.equal(evaluate("cvt.rn.bf16x2.f32 %d, %a, %b;", "b32", [values("f32", [1]), values("f32", [-2])]), [0x3f80c000n]);
  assert.equal(evaluate("cvt.rn.relu.f16x2.f32 %d, %a, %b;", "b32", [values("f32", [-1]), values("f32", [2])]), [0x00004000n]);
  assert.equal(evaluate("cvt.rn.satfinite.e4m3x2.f32 %d, %a, %b;", "b16", [values("f32", [1, 1e6]), values("f32", [-2, NaN])]), [
    0x38c0n,
    0x7e7fn,
  ]);
  assert.equal(evaluate("cvt.rn.satfinite.e5m2x2.f32 %d, %a, %b;", "b16", [values("f32", [1]), values("f32", [-1e6])]), [0x3cfbn]);
  assert.equal(evaluate("cvt.rn.f16x2.e4m3x2 %d, %a;", "b32", [values("b16", [0x38c0])]), [0x3c00c000n]);
  assert.equal(evaluate("cvt.rna.tf32.f32 %d, %a;", "b32", [values("f32", [1 + 2 ** -11, 1 / 3])]), [
    f32(1 + 2 ** -10),
    f32(roundTo(Math.fround(1 / 3), { precision: 11, least: -126, most: 127, largest: 1e38, infinite: true }, "rna")),
  ]);
});
test("half precision rounds once, alone and in pairs", () => {
  const pair = (op: string, a: readonly [number, number], b: readonly [number, number], c?: readonly [number, number]): number[] => {
    const bf = op.includes("bf16"),
      pack = ([x, y]: readonly [number, number]): number =>
        (((bf ? bitsOfBf16(x) : bitsOfF16(x)) << 16) | (bf ? bitsOfBf16(y) : bitsOfF16(y))) >>> 0,
      got = Number(
        evaluate(
          `${op} %d, %a, %b${c ? ", %c" : ""};`,
          "b32",
          [a, b, ...(c ? [c] : [])].map(x => values("b32", [pack(x)])),
        )[0],
      );
    return [got >>> 16, got & 0xffff].map(bf ? bf16OfBits : f16OfBits);
  };
  assert.equal(pair("add.f16x2", [1, 2048], [2 ** -11, 1]), [1, 2048]);
  assert.equal(pair("sub.f16x2", [1, 3], [2 ** -12, 1]), [1, 2]);
  assert.equal(pair("mul.bf16x2", [1.5, -2], [1.5, 3]), [2.25, -6]);
  assert.equal(pair("fma.rn.f16x2", [1 + 2 ** -10, 3], [1 + 2 ** -10, 5], [-(1 + 2 ** -9), 1]), [2 ** -20, 16]);
  assert.equal(pair("fma.rn.bf16x2", [1.5, 2], [1.5, 2], [-2, 1]), [0.25, 5]);
  assert.equal(pair("max.f16x2", [1, -1], [2, -2]), [2, -1]);
  assert.equal(pair("min.NaN.bf16x2", [1, NaN], [2, 1]), [1, NaN]);
  assert.equal(pair("add.sat.f16x2", [1, -3], [1, 1]), [1, 0]);
  const one = (op: string, x: number): number => f16OfBits(Number(evaluate(`${op} %d, %a;`, "b16", [values("b16", [bitsOfF16(x)])])[0]));
  assert.is(one("neg.f16", 3), -3);
  assert.is(one("abs.f16", -3), 3);
  assert.is(one("ex2.approx.f16", 3), 8);
  assert.is(one("tanh.approx.f16", 0), 0);
  assert.is(
    evaluate("setp.lt.f16 %p, %a, %b; selp.u32 %d, 1, 0, %p;", "u32", [values("b16", [bitsOfF16(-2)]), values("b16", [bitsOfF16(1)])])[0],
    1n,
  );
  assert.is(evaluate("add.ftz.f16 %d, %a, %a;", "b16", [values("b16", [0x0001])])[0], 0n);
});
test.run();
