// f16 and bf16 as raw 16-bit patterns, rounding to nearest even. Node 20 has no Float16Array.

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);
const bitsOf = (x: number): number => {
  f32[0] = x;
  return u32[0] ?? 0;
};
const valueOf = (bits: number): number => {
  u32[0] = bits;
  return f32[0] ?? NaN;
};

/** bf16 pattern of an f32 value. NaN stays a quiet NaN. */
export function f32ToBf16(x: number): number {
  const b = bitsOf(x);
  if ((b & 0x7fffffff) > 0x7f800000) return ((b >>> 16) | 0x40) & 0xffff;
  return ((b + 0x7fff + ((b >>> 16) & 1)) >>> 16) & 0xffff;
}
/** Value of a bf16 pattern. */
export const bf16ToF32 = (h: number): number => valueOf((h << 16) >>> 0);

/** f16 pattern of a number, rounded once. */
export function f64ToF16(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const a = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (a >= 65520) return sign | 0x7c00;
  const e = Math.max(-14, Math.floor(Math.log2(a === 0 ? 2 ** -24 : a)));
  const exponent = a < 2 ** e ? Math.max(-14, e - 1) : a >= 2 ** (e + 1) ? e + 1 : e; // log2 may be off by one at powers of two
  const scaled = a / 2 ** (exponent - 10); // exact
  const floor = Math.floor(scaled),
    rest = scaled - floor;
  const m = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return sign | (m + ((exponent + 14) << 10)); // a carry out of m moves to the next exponent by itself
}
/** Value of an f16 pattern. */
export function f16ToF32(h: number): number {
  const sign = h & 0x8000 ? -1 : 1,
    e = (h >>> 10) & 31,
    m = h & 1023;
  return e === 31 ? (m ? NaN : sign * Infinity) : e === 0 ? sign * m * 2 ** -24 : sign * (1024 + m) * 2 ** (e - 25);
}
