// Logic, shifts and bit fields.
import type { Decoder, Decoding } from "../decode.ts";
import { plain } from "../decode.ts";
import { high, type LaneFunction } from "../lanes.ts";
import type { Action } from "../program.ts";
import { bits } from "../block.ts";
import { sar64, shl64, shr64, unsigned64 } from "../numbers/words.ts";

const B = ["b16", "b32", "b64"] as const;
const and = (a: number, b: number): number => a & b,
  or = (a: number, b: number): number => a | b,
  xor = (a: number, b: number): number => a ^ b,
  not = (a: number): number => ~a,
  cnot = (a: number): number => (a === 0 ? 1 : 0);
/** A function of words on both words of a pair. */
const twice =
  (fn: (a: number, b: number) => number) =>
  (al: number, ah: number, bl: number, bh: number): number => {
    high[0] = fn(ah, bh);
    return fn(al, bl);
  };
const and64 = twice(and),
  or64 = twice(or),
  xor64 = twice(xor),
  not64 = (l: number, h: number): number => {
    high[0] = ~h;
    return ~l;
  },
  cnot64 = (l: number, h: number): number => {
    high[0] = 0;
    return (l | h) === 0 ? 1 : 0;
  };

function logic(d: Decoding, fn: (a: number, b: number) => number, wide: LaneFunction): Action {
  if (d.last() === "pred") {
    d.type(["pred"]);
    d.count(3);
    const a = d.predicate(d.operand(1)),
      b = d.predicate(d.operand(2)),
      to = d.predicateTarget(d.operand(0)) ?? d.fail("a result is needed");
    return plain((w, mask) => {
      const p = w.preds,
        x = a < 0 ? ~(p[~a] as number) : (p[a] as number), // both are predicates of this kernel
        y = b < 0 ? ~(p[~b] as number) : (p[b] as number);
      p[to] = ((p[to] as number) & ~mask) | (fn(x, y) & mask);
    });
  }
  const t = d.type(B);
  return t === "b64" ? d.map("ll>l", wide, [t, t, t]) : d.map(t === "b16" ? "ii>h" : "ii>i", fn, [t, t, t]);
}

const shl = (a: number, n: number): number => (n > 31 ? 0 : a << n),
  shl16 = (a: number, n: number): number => (n > 15 ? 0 : a << n),
  shr = (a: number, n: number): number => (n > 31 ? 0 : a >>> n),
  sar = (a: number, n: number): number => a >> (n > 31 ? 31 : n),
  sar16 = (a: number, n: number): number => ((a << 16) >> 16) >> (n > 15 ? 15 : n);

const clz = (a: number): number => Math.clz32(a),
  clz64 = (l: number, h: number): number => (h !== 0 ? Math.clz32(h) : 32 + Math.clz32(l)),
  popc64 = (l: number, h: number): number => bits(l) + bits(h);
const brev = (a: number): number => {
  a = ((a >>> 1) & 0x55555555) | ((a & 0x55555555) << 1);
  a = ((a >>> 2) & 0x33333333) | ((a & 0x33333333) << 2);
  a = ((a >>> 4) & 0x0f0f0f0f) | ((a & 0x0f0f0f0f) << 4);
  return (a >>> 24) | ((a >>> 8) & 0xff00) | ((a & 0xff00) << 8) | (a << 24) | 0;
};
const brev64 = (l: number, h: number): number => {
  high[0] = brev(l);
  return brev(h);
};
const findUnsigned = (a: number): number => 31 - Math.clz32(a),
  findSigned = (a: number): number => 31 - Math.clz32(a < 0 ? ~a : a),
  find64u = (l: number, h: number): number => 63 - clz64(l, h),
  find64s = (l: number, h: number): number => (h < 0 ? 63 - clz64(~l, ~h) : 63 - clz64(l, h));

/** bfe: `n` bits from bit `at` on (both modulo 256), filled up with zeros or with the sign, which is bit 31 where the field reaches past it. */
const bfeUnsigned = (a: number, at: number, n: number): number => {
  at &= 255;
  n &= 255;
  if (n === 0 || at > 31) return 0;
  return n > 31 ? a >>> at : (a >>> at) & ((1 << n) - 1);
};
const bfeSigned = (a: number, at: number, n: number): number => {
  at &= 255;
  n &= 255;
  if (n === 0) return 0;
  if (at > 31 || at + n > 31) return a >> (at > 31 ? 31 : at);
  return (a << (32 - at - n)) >> (32 - n);
};
const field64 = (l: number, h: number, at: number, n: number, signed: boolean): number => {
  at &= 255;
  n &= 255;
  const x = signed ? BigInt.asIntN(64, unsigned64(l, h)) : unsigned64(l, h),
    taken = n === 0 ? 0n : signed ? BigInt.asIntN(Math.min(n, 64), x >> BigInt(Math.min(at, 63))) : BigInt.asUintN(n, x >> BigInt(at));
  const out = signed && at + n > 63 && n > 0 ? x >> BigInt(Math.min(at, 63)) : taken;
  high[0] = Number(BigInt.asIntN(32, out >> 32n));
  return Number(BigInt.asIntN(32, out));
};
const bfe64u = (l: number, h: number, at: number, n: number): number => field64(l, h, at, n, false),
  bfe64s = (l: number, h: number, at: number, n: number): number => field64(l, h, at, n, true);
/** bfi: `n` low bits of a put into b from bit `at` on. */
const bfi = (a: number, b: number, at: number, n: number): number => {
  at &= 255;
  n &= 255;
  if (n === 0 || at > 31) return b;
  const field = (n > 31 ? -1 : (1 << n) - 1) << at;
  return (b & ~field) | ((a << at) & field);
};
const bfi64 = (al: number, ah: number, bl: number, bh: number, at: number, n: number): number => {
  at &= 255;
  n &= 255;
  const field = at > 63 ? 0n : BigInt.asUintN(64, ((1n << BigInt(n)) - 1n) << BigInt(at)),
    out = (unsigned64(bl, bh) & ~field) | ((unsigned64(al, ah) << BigInt(at)) & field);
  high[0] = Number(BigInt.asIntN(32, out >> 32n));
  return Number(BigInt.asIntN(32, out));
};
/** prmt: each result byte is one of the eight of (b, a), or its sign spread, as a nibble of `s` says. */
const prmt = (a: number, b: number, s: number): number => {
  let out = 0;
  for (let i = 0; i < 4; i++) {
    const pick = (s >>> (4 * i)) & 15,
      byte = ((pick & 4) === 0 ? a : b) >>> (8 * (pick & 3));
    out |= ((pick & 8) === 0 ? byte & 255 : (byte & 128) === 0 ? 0 : 255) << (8 * i);
  }
  return out;
};
const lop3 = (a: number, b: number, c: number, table: number): number => {
  let out = 0;
  for (let i = 0; i < 8; i++)
    if (((table >>> i) & 1) === 1) out |= ((i & 4) === 0 ? ~a : a) & ((i & 2) === 0 ? ~b : b) & ((i & 1) === 0 ? ~c : c);
  return out;
};
/** shf: 32 bits of the pair (b, a) shifted; n is clamped to 32 or taken modulo 32. */
const funnel = (a: number, b: number, n: number, left: boolean): number => {
  if (n === 0) return left ? b : a;
  if (n === 32) return left ? a : b;
  return left ? (b << n) | (a >>> (32 - n)) : (a >>> n) | (b << (32 - n));
};
const FUNNELS = {
  l: {
    clamp: (a: number, b: number, n: number) => funnel(a, b, Math.min(n >>> 0, 32), true),
    wrap: (a: number, b: number, n: number) => funnel(a, b, n & 31, true),
  },
  r: {
    clamp: (a: number, b: number, n: number) => funnel(a, b, Math.min(n >>> 0, 32), false),
    wrap: (a: number, b: number, n: number) => funnel(a, b, n & 31, false),
  },
} as const;

/** and, shl, bfe and their like. */
export const BITS: Readonly<Record<string, Decoder>> = {
  and: d => logic(d, and, and64),
  or: d => logic(d, or, or64),
  xor: d => logic(d, xor, xor64),
  not: d => {
    if (d.last() === "pred") {
      d.type(["pred"]);
      const a = d.predicate(d.operand(1)),
        to = d.predicateTarget(d.operand(0)) ?? d.fail("a result is needed");
      return plain((w, mask) => {
        const p = w.preds,
          x = a < 0 ? ~(p[~a] as number) : (p[a] as number); // a predicate of this kernel
        p[to] = ((p[to] as number) & ~mask) | (~x & mask);
      });
    }
    const t = d.type(B);
    return t === "b64" ? d.map("l>l", not64, [t, t]) : d.map(t === "b16" ? "i>h" : "i>i", not, [t, t]);
  },
  cnot: d => {
    const t = d.type(B);
    return t === "b64" ? d.map("l>l", cnot64, [t, t]) : d.map(t === "b16" ? "i>h" : "i>i", cnot, [t, t]);
  },
  shl: d => {
    const t = d.type(B);
    return t === "b64"
      ? d.map("lu>l", shl64, [t, t, "u32"])
      : t === "b32"
        ? d.map("iu>i", shl, [t, t, "u32"])
        : d.map("uu>h", shl16, [t, t, "u32"]);
  },
  shr: d => {
    const t = d.type(["b16", "u16", "s16", "b32", "u32", "s32", "b64", "u64", "s64"]);
    if (t.endsWith("64")) return d.map("lu>l", t === "s64" ? sar64 : shr64, [t, t, "u32"]);
    if (t === "s16") return d.map("iu>h", sar16, [t, t, "u32"]);
    return d.map(t === "s32" ? "iu>i" : t.endsWith("16") ? "uu>h" : "uu>i", t === "s32" ? sar : shr, [t, t, "u32"]);
  },
  popc: d => (d.type(["b32", "b64"]) === "b32" ? d.map("i>i", bits, ["u32", "b32"]) : d.map("l>i", popc64, ["u32", "b64"])),
  clz: d => (d.type(["b32", "b64"]) === "b32" ? d.map("i>i", clz, ["u32", "b32"]) : d.map("l>i", clz64, ["u32", "b64"])),
  brev: d => {
    const t = d.type(["b32", "b64"]);
    return t === "b32" ? d.map("i>i", brev, [t, t]) : d.map("l>l", brev64, [t, t]);
  },
  bfind: d => {
    const t = d.type(["u32", "s32", "u64", "s64"]);
    return t.endsWith("64")
      ? d.map("l>i", t === "u64" ? find64u : find64s, ["u32", t])
      : d.map("i>i", t === "u32" ? findUnsigned : findSigned, ["u32", t]);
  },
  bfe: d => {
    const t = d.type(["u32", "s32", "u64", "s64"]),
      types = [t, t, "u32", "u32"];
    return t.endsWith("64")
      ? d.map("luu>l", t === "u64" ? bfe64u : bfe64s, types)
      : d.map("iuu>i", t === "u32" ? bfeUnsigned : bfeSigned, types);
  },
  bfi: d => {
    const t = d.type(["b32", "b64"]);
    return t === "b32" ? d.map("iiuu>i", bfi, [t, t, t, "u32", "u32"]) : d.map("lluu>l", bfi64, [t, t, t, "u32", "u32"]);
  },
  prmt: d => {
    const t = d.type(["b32"]);
    return d.map("iii>i", prmt, [t, t, t, t]);
  },
  lop3: d => {
    const t = d.type(["b32"]);
    return d.map("iiii>i", lop3, [t, t, t, t, "u32"]);
  },
  shf: d => {
    const t = d.type(["b32"]),
      side = d.must(["l", "r"]),
      mode = d.must(["clamp", "wrap"]);
    return d.map("iiu>i", FUNNELS[side][mode], [t, t, t, "u32"]);
  },
};
