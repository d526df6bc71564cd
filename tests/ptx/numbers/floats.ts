// f32 and f64 arithmetic as the hardware rounds it. f32 results come from an f64 computation whose last bit is made odd when something was lost, so that the second
// rounding is the only one that counts.
import { exactAdd, exactDiv, exactFma, exactMul, exactSqrt } from "./exact.ts";
import { roundTo, F32, toF32, type Rounding } from "./formats.ts";

const f64 = new Float64Array(1),
  w64 = new Int32Array(f64.buffer);

/** A finite sum `s` that is off by `error`: with an odd last bit where `error` is not zero, moved toward the exact value. */
export function toOdd(s: number, error: number): number {
  if (error === 0 || !Number.isFinite(s)) return s;
  f64[0] = s;
  const low = w64[0] as number;
  if ((low & 1) === 1) return s;
  if (s === 0) return error;
  if (error > 0 === s > 0) w64[0] = low + 1; // the last bit is 0: no carry
  else {
    w64[0] = low - 1;
    if (low === 0) w64[1] = (w64[1] as number) - 1;
  }
  return f64[0] as number;
}
/** a + b in f64, with an odd last bit where it is not exact. */
export function oddSum(a: number, b: number): number {
  const s = a + b,
    t = s - a;
  return toOdd(s, a - (s - t) + (b - t));
}

/** f32: a * b + c, rounded once to nearest. The product is exact in f64; the second rounding of the sum can be wrong only where the sum, itself not exact, lies halfway
 *  between two f32 (the bit below an f32's last is the only one of those below that is set) or among the subnormals, where the halves lie elsewhere. */
export const fma32 = (a: number, b: number, c: number): number => {
  const p = a * b,
    s = p + c;
  f64[0] = s;
  if (((w64[0] as number) & 0x1fffffff) !== 0x10000000 && (s >= 1.1754943508222875e-38 || s <= -1.1754943508222875e-38 || s !== s))
    return Math.fround(s);
  return s === 0 ? s : Math.fround(oddSum(p, c));
};
/** f32 with the other roundings. */
export const f32Fma = (a: number, b: number, c: number, mode: Rounding): number => {
  const p = a * b;
  if (!Number.isFinite(p) || !Number.isFinite(c)) return p + c;
  if (p + c === 0) return exactFma(a, b, c, mode);
  return toF32(oddSum(p, c), mode);
};
/** Likewise. */
export const f32Add = (a: number, b: number, mode: Rounding): number => {
  const s = a + b;
  if (!Number.isFinite(s)) return s;
  return s === 0 ? exactAdd(a, b, mode) : toF32(oddSum(a, b), mode);
};
/** Likewise. */
export const f32Mul = (a: number, b: number, mode: Rounding): number => toF32(a * b, mode);
/** Likewise: f64 has more than twice the bits, so to nearest the quotient rounds right twice; other modes need the remainder's sign. */
export const f32Div = (a: number, b: number, mode: Rounding): number => {
  const q = a / b;
  if (mode === "rn" || q === 0 || !Number.isFinite(q)) return Math.fround(q);
  return roundTo(exactDiv(a, b, mode), F32, mode);
};
/** Likewise. */
export const f32Sqrt = (a: number, mode: Rounding): number =>
  mode === "rn" ? Math.fround(Math.sqrt(a)) : roundTo(exactSqrt(a, mode), F32, mode);

const SPLIT = 134217729; // 2^27 + 1
/** The error of the product p = a * b, exactly, away from over- and underflow. */
function productError(a: number, b: number, p: number): number {
  const ta = SPLIT * a,
    ah = ta - (ta - a),
    al = a - ah,
    tb = SPLIT * b,
    bh = tb - (tb - b),
    bl = b - bh;
  return al * bl - (p - ah * bh - al * bh - ah * bl);
}
const between = (x: number): boolean => {
  const a = Math.abs(x);
  return a > 1e-140 && a < 1e140;
};
/** f64: a * b + c, rounded once to nearest (Boldo and Melquiond, by rounding the middle sum to odd). */
export const fma64 = (a: number, b: number, c: number): number => {
  if (!between(a) || !between(b) || !(between(c) || c === 0)) return exactFma(a, b, c, "rn");
  const p = a * b,
    e = productError(a, b, p);
  if (c === 0) return p;
  const uh = c + e,
    tu = uh - c,
    ul = c - (uh - tu) + (e - tu),
    vh = p + uh,
    tv = vh - p,
    vl = p - (vh - tv) + (uh - tv);
  return vh + oddSum(vl, ul);
};
/** f64 with any rounding. */
export const f64Fma = (a: number, b: number, c: number, mode: Rounding): number =>
  mode === "rn" ? fma64(a, b, c) : exactFma(a, b, c, mode);
export { exactAdd as f64Add, exactMul as f64Mul, exactDiv as f64Div, exactSqrt as f64Sqrt };

/** A subnormal f32 as a zero of its sign. */
export const flush = (x: number): number =>
  x > -1.1754943508222875e-38 && x < 1.1754943508222875e-38 ? (x < 0 || Object.is(x, -0) ? -0 : 0) : x;
/** Into [0, 1], NaN to 0. */
export const saturate = (x: number): number => (x > 0 ? (x < 1 ? x : 1) : 0);
