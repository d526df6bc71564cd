// Integer arithmetic. 16-bit registers hold their bits with zeros above.
import type { Decoder, Decoding } from "../decode.ts";
import type { LaneFunction } from "../lanes.ts";
import type { Action } from "../program.ts";
import {
  add64,
  less64s,
  less64u,
  madWideSigned,
  madWideUnsigned,
  mul64,
  mulHighSigned,
  mulHighUnsigned,
  pair64,
  signed64,
  sub64,
  unsigned64,
  wideSigned,
  wideUnsigned,
} from "../numbers/words.ts";
import { high } from "../lanes.ts";

type Int = "s16" | "u16" | "s32" | "u32" | "s64" | "u64";
const INTS = ["s16", "u16", "s32", "u32", "s64", "u64"] as const;
const width = (t: Int): 16 | 32 | 64 => Number(t.slice(1)) as 16 | 32 | 64; // the types above
const s16 = (x: number): number => (x << 16) >> 16;

/** The loop over `n` sources of type `t`: a function of words as the type reads them, or of pairs of words. */
function same(d: Decoding, t: Int, n: 1 | 2 | 3, narrow: LaneFunction, wide: LaneFunction): Action {
  const types = [t, ...Array.from({ length: n }, () => t)];
  if (width(t) === 64) return d.map(`${"l".repeat(n)}>l`, wide, types);
  if (t === "s16") return d.map(`${"i".repeat(n)}>h`, extended(narrow), types);
  return d.map(`${(t[0] === "s" ? "i" : "u").repeat(n)}>${width(t) === 16 ? "h" : "i"}`, narrow, types);
}
const extensions = new Map<LaneFunction, LaneFunction>();
/** The function of sign-extended 16-bit sources: the same one each time, so that it gets one loop. */
function extended(fn: LaneFunction): LaneFunction {
  let out = extensions.get(fn);
  if (!out) {
    const f = fn as (a: number, b: number, c: number) => number; // a function of words, at most three
    extensions.set(fn, (out = (a: number, b: number, c: number) => f(s16(a), s16(b), s16(c))));
  }
  return out;
}

const add = (a: number, b: number): number => (a + b) | 0;
const sub = (a: number, b: number): number => (a - b) | 0;
const clamp32 = (x: number): number => (x > 2147483647 ? 2147483647 : x < -2147483648 ? -2147483648 : x);
const addSat = (a: number, b: number): number => clamp32(a + b);
const subSat = (a: number, b: number): number => clamp32(a - b);
const mulLow = (a: number, b: number): number => Math.imul(a, b);
const mulHigh16 = (a: number, b: number): number => Math.imul(a, b) >>> 16;
const wide16 = (a: number, b: number): number => Math.imul(a, b);
const mad = (a: number, b: number, c: number): number => (Math.imul(a, b) + c) | 0;
const madHighS = (a: number, b: number, c: number): number => (mulHighSigned(a, b) + c) | 0;
const madHighU = (a: number, b: number, c: number): number => (mulHighUnsigned(a, b) + c) | 0;
const madHigh16 = (a: number, b: number, c: number): number => mulHigh16(a, b) + c;
const mad64 = (al: number, ah: number, bl: number, bh: number, cl: number, ch: number): number => {
  const l = mul64(al, ah, bl, bh);
  return add64(l, high[0] ?? 0, cl, ch);
};
const high64s = (al: number, ah: number, bl: number, bh: number): number => pair64((signed64(al, ah) * signed64(bl, bh)) >> 64n);
const high64u = (al: number, ah: number, bl: number, bh: number): number => pair64((unsigned64(al, ah) * unsigned64(bl, bh)) >> 64n);
const madHigh64s = (al: number, ah: number, bl: number, bh: number, cl: number, ch: number): number =>
  pair64(((signed64(al, ah) * signed64(bl, bh)) >> 64n) + signed64(cl, ch));
const madHigh64u = (al: number, ah: number, bl: number, bh: number, cl: number, ch: number): number =>
  pair64(((unsigned64(al, ah) * unsigned64(bl, bh)) >> 64n) + unsigned64(cl, ch));
// A quotient by zero is unspecified; the hardware gives all ones, and the dividend as the remainder.
const div = (a: number, b: number): number => (b === 0 ? -1 : Math.trunc(a / b) | 0);
const rem = (a: number, b: number): number => (b === 0 ? a : (a % b) | 0);
const div64s = (al: number, ah: number, bl: number, bh: number): number =>
  (bl | bh) === 0 ? pair64(-1n) : pair64(signed64(al, ah) / signed64(bl, bh));
const div64u = (al: number, ah: number, bl: number, bh: number): number =>
  (bl | bh) === 0 ? pair64(-1n) : pair64(unsigned64(al, ah) / unsigned64(bl, bh));
const rem64s = (al: number, ah: number, bl: number, bh: number): number =>
  pair64((bl | bh) === 0 ? signed64(al, ah) : signed64(al, ah) % signed64(bl, bh));
const rem64u = (al: number, ah: number, bl: number, bh: number): number =>
  pair64((bl | bh) === 0 ? unsigned64(al, ah) : unsigned64(al, ah) % unsigned64(bl, bh));
const min = (a: number, b: number): number => (a < b ? a : b);
const max = (a: number, b: number): number => (a > b ? a : b);
const pick64 =
  (first: (al: number, ah: number, bl: number, bh: number) => boolean) =>
  (al: number, ah: number, bl: number, bh: number): number => {
    const a = first(al, ah, bl, bh);
    high[0] = a ? ah : bh;
    return a ? al : bl;
  };
const min64s = pick64(less64s),
  min64u = pick64(less64u),
  max64s = pick64((al, ah, bl, bh) => less64s(bl, bh, al, ah)),
  max64u = pick64((al, ah, bl, bh) => less64u(bl, bh, al, ah));
const abs = (a: number): number => (a < 0 ? -a | 0 : a);
const neg = (a: number): number => -a | 0;
const neg64 = (l: number, h: number): number => sub64(0, 0, l, h);
const abs64 = (l: number, h: number): number => {
  if (h < 0) return neg64(l, h);
  high[0] = h;
  return l;
};
const sad = (a: number, b: number, c: number): number => ((a < b ? b - a : a - b) + c) | 0;
const sad64 = (): never => {
  throw new RangeError("sad of 64 bits"); // refused where it is decoded
};

/** add and the like where the last modifier is an integer type. */
export const INTEGER: Readonly<Record<string, Decoder>> = {
  add: d => {
    const t = d.type(INTS);
    if (d.take("sat")) return t === "s32" ? same(d, t, 2, addSat, add64) : d.fail("add.sat is for s32");
    return same(d, t, 2, add, add64);
  },
  sub: d => {
    const t = d.type(INTS);
    if (d.take("sat")) return t === "s32" ? same(d, t, 2, subSat, sub64) : d.fail("sub.sat is for s32");
    return same(d, t, 2, sub, sub64);
  },
  mul: d => product(d, undefined),
  mad: d => product(d, d.operand(3)),
  mul24: d => narrowProduct(d, 2),
  mad24: d => narrowProduct(d, 3),
  div: d => {
    const t = d.type(INTS);
    return same(d, t, 2, div, t === "s64" ? div64s : div64u);
  },
  rem: d => {
    const t = d.type(INTS);
    return same(d, t, 2, rem, t === "s64" ? rem64s : rem64u);
  },
  min: d => {
    const t = d.type(INTS);
    return same(d, t, 2, min, t === "s64" ? min64s : min64u);
  },
  max: d => {
    const t = d.type(INTS);
    return same(d, t, 2, max, t === "s64" ? max64s : max64u);
  },
  abs: d => same(d, d.type(["s16", "s32", "s64"]), 1, abs, abs64),
  neg: d => same(d, d.type(["s16", "s32", "s64"]), 1, neg, neg64),
  sad: d => same(d, d.type(["s16", "u16", "s32", "u32"]), 3, sad, sad64),
};

/** mul and mad: the low or high half of the product, or all of it. */
function product(d: Decoding, addend: unknown): Action {
  const t = d.type(INTS),
    half = d.must(["lo", "hi", "wide"]),
    signed = t[0] === "s",
    three = addend !== undefined;
  if (half === "wide") {
    if (width(t) === 64) d.fail("mul.wide is for 16 and 32 bits");
    const out = `${t[0]}${2 * width(t)}`,
      types = [out, t, t, ...(three ? [out] : [])];
    if (width(t) === 16) {
      const fn = three ? mad : wide16;
      if (!signed) return d.map(three ? "uui>i" : "uu>i", fn, types);
      return d.map(three ? "iii>i" : "ii>i", three ? madWide16 : wide16s, types);
    }
    if (three) return d.map(signed ? "iil>l" : "uul>l", signed ? madWideSigned : madWideUnsigned, types);
    return d.map(signed ? "ii>l" : "uu>l", signed ? wideSigned : wideUnsigned, types);
  }
  if (half === "lo") return same(d, t, three ? 3 : 2, three ? mad : mulLow, three ? mad64 : mul64);
  if (width(t) === 16) return same(d, t, three ? 3 : 2, three ? madHigh16 : mulHigh16, mul64);
  return same(
    d,
    t,
    three ? 3 : 2,
    three ? (signed ? madHighS : madHighU) : signed ? mulHighSigned : mulHighUnsigned,
    three ? (signed ? madHigh64s : madHigh64u) : signed ? high64s : high64u,
  );
}
const wide16s = (a: number, b: number): number => Math.imul(s16(a), s16(b));
const madWide16 = (a: number, b: number, c: number): number => (Math.imul(s16(a), s16(b)) + c) | 0;

const s24 = (x: number): number => (x << 8) >> 8;
const u24 = (x: number): number => x & 0xffffff;
const mul24s = (a: number, b: number): number => Math.imul(s24(a), s24(b));
const mul24u = (a: number, b: number): number => Math.imul(u24(a), u24(b));
const mad24s = (a: number, b: number, c: number): number => (mul24s(a, b) + c) | 0;
const mad24u = (a: number, b: number, c: number): number => (mul24u(a, b) + c) | 0;
function narrowProduct(d: Decoding, n: 2 | 3): Action {
  const t = d.type(["s32", "u32"]);
  d.must(["lo"]);
  return same(d, t, n, n === 2 ? (t === "s32" ? mul24s : mul24u) : t === "s32" ? mad24s : mad24u, mul64);
}
