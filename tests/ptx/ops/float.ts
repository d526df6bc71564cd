// Floating-point arithmetic of f32, f64, f16 and bf16, the last two also in pairs. NaN results are the canonical NaN of the type.
// Approximations (.approx) are computed in f64 and rounded once: better than any card, which a program must not rely on.
import type { Decoder, Decoding } from "../decode.ts";
import { high, type LaneFunction } from "../lanes.ts";
import { bf16OfBits, BF16, bitsOfBf16, bitsOfF16, F16, f16OfBits, roundTo, type Rounding } from "../numbers/formats.ts";
import {
  f32Add,
  f32Div,
  f32Fma,
  f32Mul,
  f32Sqrt,
  f64Add,
  f64Div,
  f64Fma,
  f64Mul,
  f64Sqrt,
  flush,
  fma32,
  fma64,
  oddSum,
  saturate,
} from "../numbers/floats.ts";
import type { Action } from "../program.ts";

type Fn = (...x: number[]) => number;
const TYPES = ["f32", "f64", "f16", "f16x2", "bf16", "bf16x2"] as const;
type Type = (typeof TYPES)[number];

const MODES = ["rn", "rz", "rm", "rp"] as const;
/** A family of functions, one a key: made once, so that each gets one loop. */
function cached(make: (key: string) => Fn): (key: string) => Fn {
  const made = new Map<string, Fn>();
  return key => {
    let f = made.get(key);
    if (!f) made.set(key, (f = make(key)));
    return f;
  };
}
const wrapped = new Map<Fn, Map<string, Fn>>();
/** `f` with subnormals flushed on the way in and out, and saturated. */
function dressed(f: Fn, ftz: boolean, sat: boolean): Fn {
  if (!ftz && !sat) return f;
  let of = wrapped.get(f);
  if (!of) wrapped.set(f, (of = new Map()));
  const key = `${ftz}${sat}`;
  let out = of.get(key);
  if (!out) {
    const inner: Fn = !ftz
      ? f
      : f.length === 1
        ? x => flush(f(flush(x as number))) // called with f's count of numbers
        : f.length === 2
          ? (x, y) => flush(f(flush(x as number), flush(y as number)))
          : (x, y, z) => flush(f(flush(x as number), flush(y as number), flush(z as number)));
    out = !sat
      ? inner
      : f.length === 1
        ? x => saturate(inner(x as number))
        : f.length === 2
          ? (x, y) => saturate(inner(x as number, y as number))
          : (x, y, z) => saturate(inner(x as number, y as number, z as number));
    of.set(key, out);
  }
  return out;
}

const halves = {
  f16: { of: f16OfBits, bits: bitsOfF16, round: (x: number): number => roundTo(x, F16) },
  bf16: { of: bf16OfBits, bits: bitsOfBf16, round: (x: number): number => roundTo(x, BF16) },
} as const;
const packedOps = new Map<string, Fn>();
/** An operation of 16-bit floats on their bits. `f` may return an odd-rounded f64. */
function onBits(name: string, type: "f16" | "bf16", pair: boolean, f: Fn): Fn {
  const key = `${name} ${type} ${pair}`;
  let out = packedOps.get(key);
  if (!out) {
    const { of, bits, round } = halves[type],
      one = (x: number, y: number, z: number): number => bits(round(f(of(x & 0xffff), of(y & 0xffff), of(z & 0xffff))));
    out = pair
      ? (x, y = 0, z = 0) => one(x as number, y, z) | (one((x as number) >>> 16, y >>> 16, z >>> 16) << 16)
      : (x, y = 0, z = 0) => one(x as number, y, z);
    packedOps.set(key, out);
  }
  return out;
}

/** An operation on `n` numbers of one type. `exact` serves the 16-bit types. */
function operation(d: Decoding, t: Type, n: number, name: string, fns: { readonly f32: Fn; readonly f64: Fn; readonly half: Fn }): Action {
  const ftz = d.take("ftz"),
    sat = d.take("sat"),
    types = Array.from({ length: n + 1 }, () => t),
    plus = (letter: string): string => letter.repeat(n);
  switch (t) {
    case "f32":
      return d.map(`${plus("f")}>f`, dressed(fns.f32, ftz, sat), types);
    case "f64":
      if (ftz || sat) d.fail("f64 has neither .ftz nor .sat");
      return d.map(`${plus("d")}>d`, fns.f64, types);
    default: {
      const kind = t.startsWith("b") ? "bf16" : "f16",
        pair = t.endsWith("x2"),
        small = kind === "f16" ? 2 ** -14 : 0,
        cut = (x: number): number => (Math.abs(x) < small ? zeroOf(x) : x);
      if (ftz && kind === "bf16") d.fail("bf16 has no .ftz");
      const f: Fn =
        !ftz && !sat
          ? fns.half
          : (x, y, z) =>
              finishHalf(
                fns.half(
                  ftz ? cut(x as number) : (x as number),
                  ftz ? cut(y as number) : (y as number),
                  ftz ? cut(z as number) : (z as number),
                ),
                ftz,
                sat,
              );
      return d.map(`${plus("i")}>${pair ? "i" : "h"}`, onBits(`${name} ${ftz} ${sat}`, kind, pair, f), types);
    }
  }
}
const zeroOf = (x: number): number => (x < 0 || Object.is(x, -0) ? -0 : 0);
const finishHalf = (x: number, ftz: boolean, sat: boolean): number => {
  const r = roundTo(x, F16),
    y = ftz && Math.abs(r) < 2 ** -14 ? zeroOf(r) : r;
  return sat ? saturate(y) : y;
};

const add32 = (a: number, b: number): number => Math.fround(a + b),
  sub32 = (a: number, b: number): number => Math.fround(a - b),
  mul32 = (a: number, b: number): number => Math.fround(a * b),
  add64 = (a: number, b: number): number => a + b,
  sub64 = (a: number, b: number): number => a - b,
  mul64 = (a: number, b: number): number => a * b;
const rounded: Readonly<Record<string, (key: string) => Fn>> = {
  add32: cached(m => (a, b) => f32Add(a as number, b as number, m as Rounding)), // two arguments by its use, a mode by MODES
  sub32: cached(m => (a, b) => f32Add(a as number, -(b as number), m as Rounding)),
  mul32: cached(m => (a, b) => f32Mul(a as number, b as number, m as Rounding)),
  fma32: cached(m => (a, b, c) => f32Fma(a as number, b as number, c as number, m as Rounding)),
  div32: cached(m => (a, b) => f32Div(a as number, b as number, m as Rounding)),
  rcp32: cached(m => a => f32Div(1, a as number, m as Rounding)),
  sqrt32: cached(m => a => f32Sqrt(a as number, m as Rounding)),
  add64: cached(m => (a, b) => f64Add(a as number, b as number, m as Rounding)),
  sub64: cached(m => (a, b) => f64Add(a as number, -(b as number), m as Rounding)),
  mul64: cached(m => (a, b) => f64Mul(a as number, b as number, m as Rounding)),
  fma64: cached(m => (a, b, c) => f64Fma(a as number, b as number, c as number, m as Rounding)),
  div64: cached(m => (a, b) => f64Div(a as number, b as number, m as Rounding)),
  rcp64: cached(m => a => f64Div(1, a as number, m as Rounding)),
  sqrt64: cached(m => a => f64Sqrt(a as number, m as Rounding)),
};
const inMode = (name: string, mode: string, nearest: Fn): Fn => (mode === "rn" ? nearest : (rounded[name]?.(mode) ?? nearest));

const arithmetic =
  (name: string, n: number, near32: Fn, near64: Fn, half: Fn): Decoder =>
  d => {
    const t = d.type(TYPES),
      mode = d.oneOf(MODES) ?? "rn";
    if (mode !== "rn" && t !== "f32" && t !== "f64") d.fail(`${t} rounds to nearest only`);
    if (
      name === "fma" &&
      t === "f32" &&
      d.instruction.op === "fma" &&
      !d.instruction.mods.some(m => (MODES as readonly string[]).includes(m))
    )
      d.fail("fma needs a rounding mode");
    if (t.startsWith("bf16")) d.needs(name === "fma" ? 80 : 90, name === "fma" ? 7.0 : 7.8);
    return operation(d, t, n, name, { f32: inMode(`${name}32`, mode, near32), f64: inMode(`${name}64`, mode, near64), half });
  };

/** NaN loses against a number, or wins under .NaN; -0 is below +0. */
const lower = (a: number, b: number): number => (a !== a ? b : b !== b ? a : Math.min(a, b)),
  upper = (a: number, b: number): number => (a !== a ? b : b !== b ? a : Math.max(a, b)),
  lowerNan = (a: number, b: number): number => Math.min(a, b),
  upperNan = (a: number, b: number): number => Math.max(a, b);
const extremum =
  (name: string, plainly: Fn, withNan: Fn): Decoder =>
  d => {
    const t = d.type(TYPES),
      nan = d.take("NaN");
    if (nan && t === "f64") d.fail("f64 has no .NaN");
    if (nan || t.startsWith("b") || t.startsWith("f16")) d.needs(80, 7.0);
    if (d.take("xorsign")) d.fail(".xorsign.abs is not supported");
    const f = nan ? withNan : plainly;
    return operation(d, t, 2, `${name} ${nan}`, { f32: f, f64: f, half: f });
  };

const neg: Fn = x => -(x as number),
  abs: Fn = x => Math.abs(x as number);
/** neg and abs of half floats work on bits, and so keep a NaN's. */
const signBits: Readonly<Record<string, LaneFunction>> = {
  "neg f16": (x: number) => x ^ 0x8000,
  "neg f16x2": (x: number) => x ^ 0x80008000,
  "abs f16": (x: number) => x & 0x7fff,
  "abs f16x2": (x: number) => x & 0x7fff7fff,
  "neg f32": (x: number) => x ^ 0x80000000,
  "abs f32": (x: number) => x & 0x7fffffff,
};
const sign =
  (name: "neg" | "abs", f: Fn): Decoder =>
  d => {
    const t = d.type(TYPES);
    if (t === "f64") return d.map("d>d", f, [t, t]);
    if (t === "f32")
      return d.take("ftz") ? d.map("f>f", dressed(f, true, false), [t, t]) : d.map("i>i", signBits[`${name} f32`] ?? f, [t, t]);
    if (d.take("ftz")) d.fail(`${name}.ftz is for f32`);
    const bits = signBits[`${name} ${t.replace("b", "")}`] ?? f;
    return d.map(t.endsWith("x2") ? "i>i" : "i>h", bits, [t, t]);
  };

const approximations: Readonly<Record<string, Fn>> = {
  rcp: x => Math.fround(1 / (x as number)),
  sqrt: x => Math.fround(Math.sqrt(x as number)),
  rsqrt: x => Math.fround(1 / Math.sqrt(x as number)),
  ex2: x => Math.fround(2 ** (x as number)),
  lg2: x => Math.fround(Math.log2(x as number)),
  sin: x => Math.fround(Math.sin(x as number)),
  cos: x => Math.fround(Math.cos(x as number)),
  tanh: x => Math.fround(Math.tanh(x as number)),
};
/** One argument; correctly rounded in a mode, or `.approx`. */
const unary =
  (name: "rcp" | "sqrt"): Decoder =>
  d => {
    const t = d.type(["f32", "f64"]);
    if (d.take("approx")) {
      if (t === "f64") {
        // rcp.approx.ftz.f64 gives 20 bits of significand: not a use anybody here has
        d.fail(`${name}.approx of f64 is not supported`);
      }
      return operation(d, t, 1, name, { f32: approximations[name] ?? abs, f64: abs, half: abs });
    }
    const mode = d.must(MODES);
    return operation(d, t, 1, name, { f32: rounded[`${name}32`]?.(mode) ?? abs, f64: rounded[`${name}64`]?.(mode) ?? abs, half: abs });
  };
const approximation =
  (name: string, types: readonly Type[]): Decoder =>
  d => {
    const t = d.type(types),
      f = approximations[name] ?? abs;
    d.must(["approx"]);
    if (t.startsWith("bf16")) d.needs(90, 7.8);
    if (t.startsWith("bf16") && name === "ex2") d.must(["ftz"]);
    return operation(d, t, 1, name, { f32: f, f64: f, half: f });
  };
const quick = (a: number, b: number): number => Math.fround(a / b);
const signed = (a: number, b: number): number => (a & 0x80000000) | (b & 0x7fffffff);
const signed64 = (_: number, ah: number, bl: number, bh: number): number => {
  high[0] = (ah & 0x80000000) | (bh & 0x7fffffff);
  return bl;
};
const CLASSES: Readonly<Record<string, (x: number) => boolean>> = {
  finite: x => Number.isFinite(x),
  infinite: x => x === Infinity || x === -Infinity,
  number: x => x === x,
  notanumber: x => x !== x,
  normal: x => Number.isFinite(x) && Math.abs(x) >= 1.1754943508222875e-38,
  subnormal: x => x !== 0 && Math.abs(x) < 1.1754943508222875e-38,
};

/** add and the like where the last modifier is a floating-point type. */
export const FLOAT: Readonly<Record<string, Decoder>> = {
  add: arithmetic("add", 2, add32, add64, oddSum),
  sub: arithmetic("sub", 2, sub32, sub64, (a, b) => oddSum(a as number, -(b as number))),
  mul: arithmetic("mul", 2, mul32, mul64, mul64),
  fma: arithmetic("fma", 3, fma32, fma64, (a, b, c) => oddSum((a as number) * (b as number), c as number)),
  mad: arithmetic("fma", 3, fma32, fma64, fma64),
  div: d => {
    const t = d.type(["f32", "f64"]);
    if (d.take("approx") || d.take("full")) return operation(d, t, 2, "div", { f32: quick, f64: mul64, half: mul64 });
    const mode = d.must(MODES);
    return operation(d, t, 2, "div", {
      f32: rounded["div32"]?.(mode) ?? quick,
      f64: mode === "rn" ? divide64 : (rounded["div64"]?.(mode) ?? quick),
      half: quick,
    });
  },
  min: extremum("min", lower, lowerNan),
  max: extremum("max", upper, upperNan),
  neg: sign("neg", neg),
  abs: sign("abs", abs),
  rcp: unary("rcp"),
  sqrt: unary("sqrt"),
  rsqrt: approximation("rsqrt", ["f32"]),
  ex2: approximation("ex2", ["f32", "f16", "f16x2", "bf16", "bf16x2"]),
  lg2: approximation("lg2", ["f32"]),
  sin: approximation("sin", ["f32"]),
  cos: approximation("cos", ["f32"]),
  tanh: approximation("tanh", ["f32", "f16", "f16x2", "bf16", "bf16x2"]),
  copysign: d => {
    const t = d.type(["f32", "f64"]);
    return t === "f32" ? d.map("ii>i", signed, [t, t, t]) : d.map("ll>l", signed64, [t, t, t]);
  },
  testp: d => {
    const t = d.type(["f32", "f64"]),
      f = CLASSES[d.must(["finite", "infinite", "number", "notanumber", "normal", "subnormal"])];
    if (t === "f64" && (d.instruction.mods.includes("normal") || d.instruction.mods.includes("subnormal")))
      d.fail("testp.normal of f64 is not supported");
    return d.map(t === "f32" ? "f>p" : "d>p", f ?? (() => false), ["pred", t]);
  },
};
const divide64: Fn = (a, b) => (a as number) / (b as number); // two arguments by its use
