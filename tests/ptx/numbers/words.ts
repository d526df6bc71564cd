// 64-bit integers as pairs of 32-bit words, without a BigInt where speed matters: the low word is returned, the high word goes to `high[0]`.
import { high } from "../lanes.ts";

/** The high 32 bits of the product of two unsigned words. */
export function mulHighUnsigned(a: number, b: number): number {
  const p = a * b;
  if (p <= 9007199254740991) return Math.floor(p / 4294967296) | 0;
  const al = a & 0xffff,
    ah = a >>> 16,
    bl = b & 0xffff,
    bh = b >>> 16,
    mid = ah * bl + ((al * bl) >>> 16),
    low = (mid & 0xffff) + al * bh;
  return (ah * bh + Math.floor(mid / 65536) + Math.floor(low / 65536)) | 0;
}
/** The high 32 bits of the product of two signed words. */
export function mulHighSigned(a: number, b: number): number {
  const p = a * b;
  if (Math.abs(p) <= 9007199254740991) return Math.floor(p / 4294967296) | 0;
  return (mulHighUnsigned(a >>> 0, b >>> 0) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}
/** a + b. */
export function add64(al: number, ah: number, bl: number, bh: number): number {
  const low = (al + bl) | 0;
  high[0] = ah + bh + (low >>> 0 < al >>> 0 ? 1 : 0);
  return low;
}
/** a - b. */
export function sub64(al: number, ah: number, bl: number, bh: number): number {
  high[0] = ah - bh - (al >>> 0 < bl >>> 0 ? 1 : 0);
  return (al - bl) | 0;
}
/** The low 64 bits of a * b. */
export function mul64(al: number, ah: number, bl: number, bh: number): number {
  high[0] = mulHighUnsigned(al >>> 0, bl >>> 0) + Math.imul(al, bh) + Math.imul(ah, bl);
  return Math.imul(al, bl);
}
/** The whole product of two signed words. */
export function wideSigned(a: number, b: number): number {
  high[0] = mulHighSigned(a, b);
  return Math.imul(a, b);
}
/** The whole product of two unsigned words. */
export function wideUnsigned(a: number, b: number): number {
  high[0] = mulHighUnsigned(a, b);
  return Math.imul(a, b);
}
/** a * b + c of signed words and a 64-bit integer. */
export function madWideSigned(a: number, b: number, cl: number, ch: number): number {
  const p = Math.imul(a, b),
    low = (p + cl) | 0;
  high[0] = mulHighSigned(a, b) + ch + (low >>> 0 < p >>> 0 ? 1 : 0);
  return low;
}
/** a * b + c of unsigned words and a 64-bit integer. */
export function madWideUnsigned(a: number, b: number, cl: number, ch: number): number {
  const p = Math.imul(a, b),
    low = (p + cl) | 0;
  high[0] = mulHighUnsigned(a, b) + ch + (low >>> 0 < p >>> 0 ? 1 : 0);
  return low;
}
/** a << n; all bits are gone from n = 64 on. */
export function shl64(al: number, ah: number, n: number): number {
  const s = n >>> 0;
  if (s >= 64) {
    high[0] = 0;
    return 0;
  }
  if (s >= 32) {
    high[0] = al << (s - 32);
    return 0;
  }
  high[0] = s === 0 ? ah : (ah << s) | (al >>> (32 - s));
  return al << s;
}
/** a >> n, filled with zeros. */
export function shr64(al: number, ah: number, n: number): number {
  const s = n >>> 0;
  if (s >= 64) {
    high[0] = 0;
    return 0;
  }
  if (s >= 32) {
    high[0] = 0;
    return ah >>> (s - 32);
  }
  high[0] = ah >>> s;
  return s === 0 ? al : (al >>> s) | (ah << (32 - s));
}
/** a >> n, filled with the sign. */
export function sar64(al: number, ah: number, n: number): number {
  const s = n >>> 0;
  if (s >= 64) {
    high[0] = ah >> 31;
    return ah >> 31;
  }
  if (s >= 32) {
    high[0] = ah >> 31;
    return ah >> (s - 32);
  }
  high[0] = ah >> s;
  return s === 0 ? al : (al >>> s) | (ah << (32 - s));
}
/** The pair as an unsigned integer. */
export const unsigned64 = (l: number, h: number): bigint => (BigInt(h >>> 0) << 32n) | BigInt(l >>> 0);
/** The pair as a signed integer. */
export const signed64 = (l: number, h: number): bigint => (BigInt(h | 0) << 32n) | BigInt(l >>> 0);
/** An integer, cut to 64 bits, as a pair. */
export function pair64(x: bigint): number {
  high[0] = Number(BigInt.asIntN(32, x >> 32n));
  return Number(BigInt.asIntN(32, x));
}
/** a < b, signed and unsigned. */
export const less64s = (al: number, ah: number, bl: number, bh: number): boolean => ah < bh || (ah === bh && al >>> 0 < bl >>> 0);
/** Likewise. */
export const less64u = (al: number, ah: number, bl: number, bh: number): boolean =>
  ah >>> 0 < bh >>> 0 || (ah === bh && al >>> 0 < bl >>> 0);
