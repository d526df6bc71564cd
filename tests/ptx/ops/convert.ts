// cvt: every pair of types, one rounding each.
import { plain, type Decoder, type Decoding } from "../decode.ts";
import { high, lanes, type LaneFunction } from "../lanes.ts";
import {
  BF16,
  bf16OfBits,
  bitsOfBf16,
  bitsOfF16,
  bitsOfF32,
  bitsOfFp8,
  E4M3,
  E5M2,
  F16,
  f16OfBits,
  F32,
  fp8OfBits,
  roundInteger,
  roundTo,
  TF32,
  type Rounding,
} from "../numbers/formats.ts";
import { exactInteger } from "../numbers/exact.ts";
import { flush, saturate, toOdd } from "../numbers/floats.ts";
import { pair64, signed64, unsigned64 } from "../numbers/words.ts";
import type { Action } from "../program.ts";

const INTS = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"] as const;
const FLOATS = ["f16", "bf16", "f32", "f64"] as const;
type Int = (typeof INTS)[number];
type Float = (typeof FLOATS)[number];
const isInt = (t: string): t is Int => (INTS as readonly string[]).includes(t);

/** How a source is read from a register: the letter of lanes.ts and what makes a number (or bigint) of it. */
const readInt: Readonly<Record<Int, (x: number) => number>> = {
  u8: x => x & 255,
  s8: x => (x << 24) >> 24,
  u16: x => x & 0xffff,
  s16: x => (x << 16) >> 16,
  u32: x => x >>> 0,
  s32: x => x | 0,
  u64: x => x,
  s64: x => x,
};
const RANGE: Readonly<Record<Int, readonly [number, number]>> = {
  u8: [0, 255],
  s8: [-128, 127],
  u16: [0, 65535],
  s16: [-32768, 32767],
  u32: [0, 4294967295],
  s32: [-2147483648, 2147483647],
  u64: [0, 2 ** 64],
  s64: [-(2 ** 63), 2 ** 63],
};
const readFloat: Readonly<Record<Float, (x: number) => number>> = {
  f16: x => f16OfBits(x & 0xffff),
  bf16: x => bf16OfBits(x & 0xffff),
  f32: x => x,
  f64: x => x,
};
const made = new Map<string, LaneFunction>();
/** The function of this name, made once. */
function once(name: string, make: () => LaneFunction): LaneFunction {
  let f = made.get(name);
  if (!f) made.set(name, (f = make()));
  return f;
}
const letterOf = (t: string): string => (t.endsWith("64") ? (t === "f64" ? "d" : "l") : t === "f32" ? "f" : "i");
const modeOf: Readonly<Record<string, Rounding>> = { rni: "rn", rzi: "rz", rmi: "rm", rpi: "rp" };

/** float -> integer: rounded, then clamped; NaN gives 0 (64-bit results from NaN: the hardware's 2^63). */
function floatToInt(d: Decoding, to: Int, from: Float): Action {
  const mode = modeOf[d.must(["rni", "rzi", "rmi", "rpi"])] ?? "rz",
    ftz = d.take("ftz");
  d.take("sat");
  const [low, most] = RANGE[to],
    read = readFloat[from];
  const value = (x: number): number => roundInteger(ftz ? flush(read(x)) : read(x), mode);
  const fn = once(`${to} ${from} ${mode} ${ftz}`, () =>
    to.endsWith("64")
      ? (x: number): number => {
          const y = value(x);
          if (y !== y) return pair64(1n << 63n);
          return pair64(y >= most ? (to === "u64" ? (1n << 64n) - 1n : (1n << 63n) - 1n) : BigInt(Math.max(y, low)));
        }
      : (x: number): number => {
          const y = value(x);
          return y !== y ? 0 : (y < low ? low : y > most ? most : y) | 0;
        },
  );
  return finish(d, to, from, fn);
}
/** integer -> integer: cut or extended; under .sat clamped. */
function intToInt(d: Decoding, to: Int, from: Int): Action {
  const sat = d.take("sat"),
    [low, most] = RANGE[to];
  const fn = once(`${to} ${from} ${sat}`, () => {
    if (from.endsWith("64")) {
      if (!sat)
        return to.endsWith("64")
          ? (l: number, h: number): number => {
              high[0] = h;
              return l;
            }
          : (l: number): number => readInt[to](l) | 0;
      return (l: number, h: number): number => {
        const x = from === "s64" ? signed64(l, h) : unsigned64(l, h),
          lo = BigInt(low),
          hi = to === "u64" ? (1n << 64n) - 1n : to === "s64" ? (1n << 63n) - 1n : BigInt(most);
        return pair64(x < lo ? lo : x > hi ? hi : x);
      };
    }
    const read = readInt[from];
    if (to.endsWith("64"))
      return (x: number): number => {
        const y = read(x);
        high[0] = y < 0 && !(sat && to === "u64") ? -1 : 0;
        return sat && to === "u64" && y < 0 ? 0 : y | 0;
      };
    return sat ? (x: number): number => Math.max(low, Math.min(most, read(x))) | 0 : (x: number): number => readInt[to](read(x)) | 0;
  });
  return finish(d, to, from, fn);
}
/** How a number becomes a register's value of a float type. */
const bitsFrom = (to: Float, mode: Rounding): ((x: number) => number) =>
  to === "f64"
    ? x => x
    : to === "f32"
      ? mode === "rn"
        ? Math.fround
        : x => roundTo(x, F32, mode)
      : to === "f16"
        ? x => bitsOfF16(roundTo(x, F16, mode))
        : x => bitsOfBf16(roundTo(x, BF16, mode));
function intToFloat(d: Decoding, to: Float, from: Int): Action {
  const mode: Rounding = d.must(["rn", "rz", "rm", "rp"]),
    write = bitsFrom(to, mode),
    read = readInt[from];
  const fn = once(`${to} ${from} ${mode}`, () =>
    from.endsWith("64")
      ? (l: number, h: number): number => {
          // one rounding: what does not fit an f64 is made odd in its last bit, except to f64 itself
          const x = from === "s64" ? signed64(l, h) : unsigned64(l, h);
          return write(to === "f64" ? exactInteger(x, mode) : oddNumber(x));
        }
      : (x: number): number => write(read(x)),
  );
  return finish(d, to, from, fn);
}
/** A whole number as an f64 whose last bit is odd where something was lost. */
function oddNumber(x: bigint): number {
  const near = Number(x);
  const rest = x - BigInt(near);
  return rest === 0n ? near : toOdd(near, rest > 0n ? 1 : -1);
}
function floatToFloat(d: Decoding, to: Float, from: Float): Action {
  const whole = d.oneOf(["rni", "rzi", "rmi", "rpi"]),
    mode: Rounding | undefined = d.oneOf(["rn", "rz", "rm", "rp"]),
    ftz = d.take("ftz"),
    sat = d.take("sat"),
    relu = d.take("relu");
  const narrower = { f16: 0, bf16: 0, f32: 1, f64: 2 }[to] < { f16: 0, bf16: 0, f32: 1, f64: 2 }[from];
  if (narrower && !mode) d.fail(`cvt.${to}.${from} needs a rounding mode`);
  if (to === "bf16" || from === "bf16")
    d.needs(
      from === "bf16" && to === "f32" ? 80 : to === "bf16" && from === "f32" ? 80 : 90,
      from === "bf16" && to === "f32" ? 7.1 : to === "bf16" && from === "f32" ? 7.0 : 7.8,
    );
  const read = readFloat[from],
    write = bitsFrom(to, mode ?? "rn"),
    flushed = ftz && (from === "f32" || to === "f32");
  const fn = once(`${to} ${from} ${whole} ${mode} ${ftz} ${sat} ${relu}`, () => (x: number): number => {
    let y = read(x);
    if (flushed && from === "f32") y = flush(y);
    if (whole !== undefined) y = roundInteger(y, modeOf[whole] ?? "rn");
    if (sat) y = saturate(y);
    if (relu && y < 0) y = 0;
    if (relu && y === 0) y = 0;
    if (flushed && to === "f32") y = flush(y);
    return write(y);
  });
  return finish(d, to, from, fn);
}
/** The loop: a register of 8 or 16 bits may be wider than its type. */
function finish(d: Decoding, to: string, from: string, fn: LaneFunction): Action {
  d.count(2);
  const a = d.source(d.operand(1), from, isInt(from)),
    narrow = (to === "u8" || to === "s8" || to === "u16" || to === "s16") && d.registerBytes(d.operand(0)) === 2,
    b = d.target(d.operand(0), to, isInt(to));
  if (isInt(to) && (d.registerBytes(d.operand(0)) ?? 4) === 8 && !to.endsWith("64"))
    return d.fail("a narrow result in a 64-bit register is not supported");
  const out = to === "f64" ? "d" : to === "f32" ? "f" : to.endsWith("64") ? "l" : to === "f16" || to === "bf16" || narrow ? "h" : "i";
  return plain(lanes(`${letterOf(from)}>${out}`, fn, b, a));
}

const FP8 = { e4m3x2: E4M3, e5m2x2: E5M2 } as const;
/** Two at once: cvt.rn.bf16x2.f32 d, a, b puts a in the upper half. */
function pairs(d: Decoding, to: string, from: string): Action | undefined {
  if ((to === "bf16x2" || to === "f16x2") && from === "f32") {
    const mode = d.must(["rn", "rz"]),
      relu = d.take("relu"),
      write = bitsFrom(to === "bf16x2" ? "bf16" : "f16", mode);
    d.needs(80, 7.0);
    d.take("satfinite");
    const fn = once(`${to} ${mode} ${relu}`, () => (x: number, y: number): number => {
      const cut = (v: number): number => (relu && v <= 0 ? 0 : v);
      return (write(cut(x)) << 16) | write(cut(y));
    });
    return d.map("ff>i", fn, [to, "f32", "f32"]);
  }
  if ((to === "e4m3x2" || to === "e5m2x2") && (from === "f32" || from === "f16x2")) {
    d.must(["rn"]);
    d.must(["satfinite"]);
    const relu = d.take("relu"),
      f = FP8[to];
    d.needs(89, 7.8);
    const one = (x: number): number => {
      const y = relu && x <= 0 ? 0 : x;
      return bitsOfFp8(Math.max(-f.largest, Math.min(f.largest, roundTo(y, f))), f);
    };
    if (from === "f32")
      return d.map(
        "ff>h",
        once(
          `${to} f32 ${relu}`,
          () =>
            (x: number, y: number): number =>
              (one(x) << 8) | one(y),
        ),
        ["b16", "f32", "f32"],
      );
    return d.map(
      "i>h",
      once(
        `${to} f16x2 ${relu}`,
        () =>
          (x: number): number =>
            (one(f16OfBits(x >>> 16)) << 8) | one(f16OfBits(x & 0xffff)),
      ),
      ["b16", "b32"],
    );
  }
  if (to === "f16x2" && (from === "e4m3x2" || from === "e5m2x2")) {
    d.must(["rn"]);
    d.needs(89, 7.8);
    const relu = d.take("relu"),
      f = FP8[from],
      one = (b: number): number => {
        const x = fp8OfBits(b & 255, f);
        return bitsOfF16(relu && x <= 0 ? 0 : x);
      };
    return d.map(
      "i>i",
      once(
        `${to} ${from} ${relu}`,
        () =>
          (x: number): number =>
            (one(x >>> 8) << 16) | one(x),
      ),
      ["b32", "b16"],
    );
  }
  if (to === "tf32" && from === "f32") {
    const mode = d.must(["rna", "rn", "rz"]);
    d.needs(mode === "rna" ? 80 : 90, mode === "rna" ? 7.0 : 7.8);
    d.take("satfinite");
    return d.map(
      "f>i",
      once(
        `tf32 ${mode}`,
        () =>
          (x: number): number =>
            x !== x ? 0x7fffffff : bitsOfF32(roundTo(x, TF32, mode)),
      ),
      ["b32", "f32"],
    );
  }
  return undefined;
}

/** cvt. */
export const CONVERT: Readonly<Record<string, Decoder>> = {
  cvt: d => {
    const from = d.type([...INTS, ...FLOATS, "e4m3x2", "e5m2x2", "f16x2"]),
      to = d.type([...INTS, ...FLOATS, "f16x2", "bf16x2", "e4m3x2", "e5m2x2", "tf32"]),
      special = pairs(d, to, from);
    if (special) return special;
    if (
      to === "f16x2" ||
      to === "bf16x2" ||
      to === "e4m3x2" ||
      to === "e5m2x2" ||
      to === "tf32" ||
      from === "e4m3x2" ||
      from === "e5m2x2" ||
      from === "f16x2"
    )
      return d.fail(`no conversion from .${from} to .${to}`);
    if (isInt(to)) return isInt(from) ? intToInt(d, to, from) : floatToInt(d, to, from);
    return isInt(from) ? intToFloat(d, to, from) : floatToFloat(d, to, from);
  },
};
