// Host functions that compiled programs may import by name: elementary functions without an expansion of their own, in f64.
import { digamma, erf, erfc, erfInv, lgamma } from "../special.ts";

/** Functions of one or two f64s. */
export const hostMath: { readonly [name: string]: (x: number, y: number) => number } = {
  exp: Math.exp, exp2: x => 2 ** x, expm1: Math.expm1, log: Math.log, log2: Math.log2, log1p: Math.log1p, cbrt: Math.cbrt,
  sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan,
  sinh: Math.sinh, cosh: Math.cosh, tanh: Math.tanh, asinh: Math.asinh, acosh: Math.acosh, atanh: Math.atanh,
  sigmoid: x => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  erf, erfc, erfInv, lgamma, digamma, atan2: Math.atan2, rem: (x, y) => x % y,
  pow: (x, y) => (x === 1 || y === 0 || (x === -1 && (y === Infinity || y === -Infinity)) ? 1 : x ** y),
  nextAfter: (x, y) => next(x, y, new Float64Array(1), bits => new BigInt64Array(bits), 1n),
  nextAfter32: (x, y) => next(x, y, new Float32Array(1), bits => new Int32Array(bits), 1),
};

/** The neighbour of x towards y, by counting bit patterns. */
function next<B extends bigint | number>(x: number, y: number, value: Float64Array | Float32Array, view: (b: ArrayBuffer) => { [i: number]: B }, one: B): number {
  if (Number.isNaN(x) || Number.isNaN(y) || x === y) return x === y ? y : NaN;
  const bits = view(value.buffer as ArrayBuffer); // made just now, not shared
  if (x === 0) { bits[0] = one; return Math.sign(y - x) * (value[0] ?? 0); }
  value[0] = x;
  const up = y > x === x > 0, old = bits[0] as B; // element 0 exists
  bits[0] = (up ? (old as number) + (one as number) : (old as number) - (one as number)) as B; // + and - act alike on both kinds of integer
  return value[0] ?? NaN;
}
