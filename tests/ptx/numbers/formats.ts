// Floating-point formats narrower than f64, and rounding to them. A value of any of them is a JavaScript number.

/** How a result that is not representable is rounded: to nearest even, to zero, down, up, to nearest with ties away from zero. */
export type Rounding = "rn" | "rz" | "rm" | "rp" | "rna";
/** `precision` bits of significand, exponents of normal numbers from `least` to `most`. `infinite`: does it have infinities, or is everything but the largest exponent's last code a number? */
export interface Format {
  readonly precision: number;
  readonly least: number;
  readonly most: number;
  readonly largest: number;
  readonly infinite: boolean;
}
export const F16: Format = { precision: 11, least: -14, most: 15, largest: 65504, infinite: true };
export const BF16: Format = { precision: 8, least: -126, most: 127, largest: 2 ** 127 * (2 - 2 ** -7), infinite: true };
export const F32: Format = { precision: 24, least: -126, most: 127, largest: 2 ** 127 * (2 - 2 ** -23), infinite: true };
export const TF32: Format = { precision: 11, least: -126, most: 127, largest: 2 ** 127 * (2 - 2 ** -10), infinite: true };
export const E4M3: Format = { precision: 4, least: -6, most: 8, largest: 448, infinite: false };
export const E5M2: Format = { precision: 3, least: -14, most: 15, largest: 57344, infinite: true };

const f64 = new Float64Array(1),
  w64 = new Int32Array(f64.buffer),
  f32 = new Float32Array(1),
  w32 = new Int32Array(f32.buffer);

/** The bits of an f32. */
export function bitsOfF32(x: number): number {
  f32[0] = x;
  return w32[0] as number;
}
/** The f32 with these bits. */
export function f32OfBits(b: number): number {
  w32[0] = b;
  return f32[0] as number;
}
/** The exponent e of a finite nonzero x: 2^e <= |x| < 2^(e+1). */
export function exponentOf(x: number): number {
  f64[0] = x;
  const e = ((w64[1] as number) >>> 20) & 2047;
  if (e > 0) return e - 1023;
  f64[0] = x * 18014398509481984; // 2^54
  return (((w64[1] as number) >>> 20) & 2047) - 1023 - 54;
}
/** 2^e for the exponents of normal f64 numbers. */
export function powerOf2(e: number): number {
  w64[0] = 0;
  w64[1] = (e + 1023) << 20;
  return f64[0] as number;
}

/** An integer nearby. */
export function roundInteger(x: number, mode: Rounding): number {
  switch (mode) {
    case "rz":
      return Math.trunc(x);
    case "rm":
      return Math.floor(x);
    case "rp":
      return Math.ceil(x);
    default: {
      const below = Math.floor(x),
        rest = x - below;
      if (rest < 0.5) return x < 0 && below === 0 ? -0 : below;
      if (rest > 0.5) return x < 0 && below === -1 ? -0 : below + 1;
      if (mode === "rna") return x < 0 ? below : below + 1;
      return below % 2 === 0 ? below : x < 0 && below === -1 ? -0 : below + 1;
    }
  }
}
/** `x` in the format, rounded once. Overflow gives infinity or, where the mode points back or the format has none, the largest number. */
export function roundTo(x: number, f: Format, mode: Rounding = "rn"): number {
  if (x === 0 || x !== x || x === Infinity || x === -Infinity) return x;
  const e = Math.max(exponentOf(x), f.least) - f.precision + 1;
  const y = roundInteger(x * powerOf2(-e), mode) * powerOf2(e);
  if (Math.abs(y) <= f.largest) return y === 0 && x < 0 ? -0 : y;
  const back = mode === "rz" || (mode === "rm" && y > 0) || (mode === "rp" && y < 0);
  return back || !f.infinite ? Math.sign(y) * f.largest : Math.sign(y) * Infinity;
}
/** An f64 result that already carries what was lost in its last bit (round to odd) or is exact, as an f32. */
export function toF32(x: number, mode: Rounding): number {
  const y = Math.fround(x);
  if (mode === "rn" || y === x || x !== x) return y;
  return roundTo(x, F32, mode);
}

/** The f16 with these bits. */
export function f16OfBits(h: number): number {
  const e = (h >>> 10) & 31,
    m = h & 1023,
    x = e === 0 ? m * 2 ** -24 : e === 31 ? (m === 0 ? Infinity : NaN) : (1024 + m) * powerOf2(e - 25);
  return (h & 0x8000) === 0 ? x : -x;
}
/** The bits of a value of f16. */
export function bitsOfF16(x: number): number {
  if (x !== x) return 0x7fff;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0,
    a = Math.abs(x);
  if (a === Infinity) return sign | 0x7c00;
  if (a < 2 ** -14) return sign | (a * 2 ** 24);
  const e = exponentOf(a);
  return sign | (((e + 14) << 10) + a * powerOf2(10 - e));
}
/** The bf16 with these bits. */
export const bf16OfBits = (h: number): number => f32OfBits(h << 16);
/** The bits of a value of bf16. */
export const bitsOfBf16 = (x: number): number => (x !== x ? 0x7fff : bitsOfF32(x) >>> 16);

/** The fp8 value with these bits. */
export function fp8OfBits(b: number, f: Format): number {
  const m = f.precision - 1,
    e = (b & 127) >>> m,
    frac = b & ((1 << m) - 1),
    ones = e === (1 << (7 - m)) - 1;
  const x =
    f.infinite && ones
      ? frac === 0
        ? Infinity
        : NaN
      : (b & 127) === 127
        ? NaN
        : e === 0
          ? frac * powerOf2(f.least - m)
          : ((1 << m) + frac) * powerOf2(e - 1 + f.least - m);
  return (b & 128) === 0 ? x : -x;
}
/** The bits of a value of an fp8 format. */
export function bitsOfFp8(x: number, f: Format): number {
  if (x !== x) return 0x7f;
  const m = f.precision - 1,
    sign = x < 0 || Object.is(x, -0) ? 128 : 0,
    a = Math.abs(x);
  if (a === Infinity) return sign | (f.infinite ? 0x7c : 0x7e);
  if (a < powerOf2(f.least)) return sign | (a / powerOf2(f.least - m));
  const e = exponentOf(a);
  return sign | (((e - f.least) << m) + a / powerOf2(e - m));
}
