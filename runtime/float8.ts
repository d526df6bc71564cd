// The 8-bit floats as bytes, rounding to nearest even. What is too large becomes the largest code: NaN in f8e4m3, infinity in f8e5m2, as in ml_dtypes.
import type { Float8 } from "./dtype.ts";

/** How a format is laid out below its sign bit. `mantissa`: its bits. `least`: exponent of the smallest normal number. `top`: the code of everything too large. `nan`: that of NaN.
 *  `beyond`: a power of two that is too large, and what is larger may be cut to. */
export interface Float8Format {
  readonly mantissa: number;
  readonly least: number;
  readonly top: number;
  readonly nan: number;
  readonly beyond: number;
}
/** The formats. */
export const float8Formats: { readonly [D in Float8]: Float8Format } = {
  f8e4m3: { mantissa: 3, least: -6, top: 0x7f, nan: 0x7f, beyond: 1024 },
  f8e5m2: { mantissa: 2, least: -14, top: 0x7c, nan: 0x7e, beyond: 2 ** 17 },
};

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** The byte of `x`, rounded once. */
export function toFloat8(d: Float8, x: number): number {
  const { mantissa, least, top, nan, beyond } = float8Formats[d];
  if (Number.isNaN(x)) return nan;
  const a = Math.min(Math.abs(x), beyond);
  f32[0] = a;
  const e = Math.max(least, ((u32[0] ?? 0) >>> 23) - 127); // where rounding to f32 reaches the next power of two, rounding to a byte does
  const scaled = a * 2 ** (mantissa - e),
    floor = Math.floor(scaled),
    rest = scaled - floor;
  const m = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return (x < 0 || Object.is(x, -0) ? 0x80 : 0) | Math.min(top, ((e - least) << mantissa) + m); // a carry out of m moves to the next exponent by itself
}
/** The value of a byte. */
export function fromFloat8(d: Float8, byte: number): number {
  const { mantissa, least, top, nan } = float8Formats[d],
    code = byte & 0x7f,
    sign = byte & 0x80 ? -1 : 1;
  if (code >= top) return code === top && top !== nan ? sign * Infinity : NaN;
  const e = code >>> mantissa,
    m = code & ((1 << mantissa) - 1);
  return sign * (e === 0 ? m * 2 ** (least - mantissa) : (2 ** mantissa + m) * 2 ** (e - 1 + least - mantissa));
}
