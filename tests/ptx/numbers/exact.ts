// Sums, products, quotients and roots of f64 with one rounding in any mode, by whole numbers: slow and plainly right. Fast paths elsewhere are held to these.
import { exponentOf, powerOf2, type Rounding } from "./formats.ts";

/** m * 2^e. */
interface Dyadic {
  readonly m: bigint;
  readonly e: number;
}
function dyadic(x: number): Dyadic {
  if (x === 0) return { m: 0n, e: 0 };
  const e = Math.max(exponentOf(x), -1022) - 52;
  return { m: BigInt(e < -1000 ? x * powerOf2(1000) * powerOf2(-e - 1000) : x * powerOf2(-e)), e };
}
const length = (m: bigint): number => m.toString(16).length * 4 - Math.clz32(Number.parseInt(m.toString(16)[0] ?? "0", 16)) + 28;

/** ±m * 2^e, with something more below (`sticky`), as an f64. */
function rounded(negative: boolean, m: bigint, e: number, sticky: boolean, mode: Rounding): number {
  if (m === 0n && !sticky) return negative ? -0 : 0;
  const shift = Math.max(m === 0n ? 0 : length(m) - 53, -1074 - e),
    unit = e + shift;
  let q = shift > 0 ? m >> BigInt(shift) : m << BigInt(-shift);
  const rest = shift > 0 ? m - (q << BigInt(shift)) : 0n,
    half = shift > 0 ? 1n << BigInt(shift - 1) : 1n,
    inexact = rest > 0n || sticky;
  const above = rest > half || (rest === half && shift > 0 && sticky),
    tie = rest === half && shift > 0 && !sticky;
  const up =
    mode === "rn"
      ? above || (tie && (q & 1n) === 1n)
      : mode === "rna"
        ? above || tie
        : mode === "rp"
          ? inexact && !negative
          : mode === "rm"
            ? inexact && negative
            : false;
  if (up) q += 1n;
  const size = unit > 971 ? Infinity : unit < -1000 ? Number(q) * powerOf2(unit + 74) * powerOf2(-74) : Number(q) * powerOf2(unit);
  if (size === Infinity && (mode === "rz" || (mode === "rm" && !negative) || (mode === "rp" && negative)))
    return negative ? -Number.MAX_VALUE : Number.MAX_VALUE;
  return negative ? -size : size;
}

/** A whole number. */
export const exactInteger = (x: bigint, mode: Rounding): number => rounded(x < 0n, x < 0n ? -x : x, 0, false, mode);
/** a * b + c. */
export function exactFma(a: number, b: number, c: number, mode: Rounding): number {
  if (!Number.isFinite(a) || !Number.isFinite(b) || !Number.isFinite(c)) return Number.isFinite(a) && Number.isFinite(b) ? c : a * b + c;
  const x = dyadic(a),
    y = dyadic(b),
    z = dyadic(c),
    p = { m: x.m * y.m, e: x.e + y.e };
  if (p.m === 0n && z.m === 0n) return zeroSum(productZero(a, b), c, mode);
  if (p.m === 0n) return c;
  const e = z.m === 0n ? p.e : Math.min(p.e, z.e),
    s = (p.m << BigInt(p.e - e)) + (z.m === 0n ? 0n : z.m << BigInt(z.e - e));
  if (s === 0n) return mode === "rm" ? -0 : 0;
  return rounded(s < 0n, s < 0n ? -s : s, e, false, mode);
}
const signOf = (x: number): boolean => x < 0 || Object.is(x, -0);
const productZero = (a: number, b: number): number => (signOf(a) !== signOf(b) ? -0 : 0);
const zeroSum = (a: number, b: number, mode: Rounding): number => (signOf(a) === signOf(b) ? a : mode === "rm" ? -0 : 0);
/** a + b. */
export const exactAdd = (a: number, b: number, mode: Rounding): number =>
  a === 0 && b === 0 ? zeroSum(a, b, mode) : exactFma(a, 1, b, mode);
/** a * b. */
export function exactMul(a: number, b: number, mode: Rounding): number {
  if (!Number.isFinite(a) || !Number.isFinite(b) || a === 0 || b === 0) return a * b;
  const x = dyadic(a),
    y = dyadic(b),
    m = x.m * y.m;
  return rounded(m < 0n, m < 0n ? -m : m, x.e + y.e, false, mode);
}
/** a / b. */
export function exactDiv(a: number, b: number, mode: Rounding): number {
  if (!Number.isFinite(a) || !Number.isFinite(b) || a === 0 || b === 0) return a / b;
  const x = dyadic(a),
    y = dyadic(b),
    n = (x.m < 0n ? -x.m : x.m) << 120n,
    d = y.m < 0n ? -y.m : y.m,
    q = n / d;
  return rounded(signOf(a) !== signOf(b), q, x.e - y.e - 120, q * d !== n, mode);
}
/** The square root. */
export function exactSqrt(a: number, mode: Rounding): number {
  if (!(a > 0) || a === Infinity) return Math.sqrt(a);
  const { m, e } = dyadic(a),
    odd = (e & 1) !== 0,
    n = (odd ? m << 1n : m) << 120n;
  let r = BigInt(Math.floor(Math.sqrt(Number(n))));
  for (;;) {
    const next = (r + n / r) >> 1n;
    if (next === r || next === r + 1n || next === r - 1n) {
      r = next < r ? next : r;
      break;
    }
    r = next;
  }
  while (r * r > n) r -= 1n;
  while ((r + 1n) * (r + 1n) <= n) r += 1n;
  return rounded(false, r, (e - (odd ? 1 : 0)) / 2 - 60, r * r !== n, mode);
}
