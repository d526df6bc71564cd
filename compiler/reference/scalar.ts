// What one scalar operation means, in plain JavaScript: the definition that every backend is compared with. f32 results are correctly
// rounded from f64; integers wrap. Storage dtypes round on `round`.
import { computeDType, type DType } from "../../runtime/dtype.ts";
import { fromPattern, toPattern } from "../../runtime/narrow.ts";
import { unreachable } from "../../runtime/errors/error.ts";
import type { BinaryOp, CompareOp, UnaryOp } from "../ir/scalar.ts";
import { digamma, erf, erfc, erfInv, lgamma } from "./special.ts";

/** The nearest value of `dtype` to x: rounds floats, wraps integers, makes 0/1 of bool. */
export function round(dtype: DType, x: number): number {
  switch (dtype) {
    case "f64":
      return x;
    case "f32":
      return Math.fround(x);
    case "f16":
    case "bf16":
    case "f8e4m3":
    case "f8e5m2":
      return fromPattern(dtype, toPattern(dtype, x));
    case "i32":
      return x | 0;
    case "u32":
      return x >>> 0;
    case "i8":
      return (x << 24) >> 24;
    case "u8":
      return x & 255;
    case "bool":
      return x === 0 ? 0 : 1;
    default:
      return unreachable(dtype);
  }
}

const roundHalfEven = (x: number): number => {
  const r = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && r % 2 !== 0 ? r - 1 : Object.is(x, -0) || (r === 0 && x < 0) ? -0 : r;
};

/** Value of a unary operation on `dtype`. */
export function unary(op: UnaryOp, dtype: DType, x: number): number {
  return op === "isNan" ? (Number.isNaN(x) ? 1 : 0) : round(computeDType(dtype), rawUnary(op, dtype, x));
}
function rawUnary(op: Exclude<UnaryOp, "isNan">, dtype: DType, x: number): number {
  switch (op) {
    case "neg":
      return -x;
    case "abs":
      return Math.abs(x);
    case "sign":
      return Math.sign(x);
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    case "trunc":
      return Math.trunc(x);
    case "round":
      return roundHalfEven(x);
    case "sqrt":
      return Math.sqrt(x);
    case "rsqrt":
      return 1 / Math.sqrt(x);
    case "cbrt":
      return Math.cbrt(x);
    case "exp":
      return Math.exp(x);
    case "exp2":
      return 2 ** x;
    case "expm1":
      return Math.expm1(x);
    case "log":
      return Math.log(x);
    case "log2":
      return Math.log2(x);
    case "log1p":
      return Math.log1p(x);
    case "sin":
      return Math.sin(x);
    case "cos":
      return Math.cos(x);
    case "tan":
      return Math.tan(x);
    case "asin":
      return Math.asin(x);
    case "acos":
      return Math.acos(x);
    case "atan":
      return Math.atan(x);
    case "sinh":
      return Math.sinh(x);
    case "cosh":
      return Math.cosh(x);
    case "tanh":
      return Math.tanh(x);
    case "asinh":
      return Math.asinh(x);
    case "acosh":
      return Math.acosh(x);
    case "atanh":
      return Math.atanh(x);
    case "erf":
      return erf(x);
    case "erfc":
      return erfc(x);
    case "erfInv":
      return erfInv(x);
    case "lgamma":
      return lgamma(x);
    case "digamma":
      return digamma(x);
    case "sigmoid":
      return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
    case "not":
      return dtype === "bool" ? (x === 0 ? 1 : 0) : ~x;
    case "popcount": {
      let n = 0;
      for (let v = narrow(dtype, x); v !== 0; v &= v - 1) n++;
      return n;
    }
    case "clz":
      return Math.clz32(narrow(dtype, x)) - (dtype === "i8" || dtype === "u8" ? 24 : 0);
    default:
      return unreachable(op);
  }
}
const narrow = (dtype: DType, x: number): number => (dtype === "i8" || dtype === "u8" ? x & 255 : x);

const isInt = (d: DType): boolean => d === "i32" || d === "u32" || d === "i8" || d === "u8" || d === "bool";

/** Value of a binary operation on two operands of `dtype`. */
export function binary(op: BinaryOp, dtype: DType, x: number, y: number): number {
  return round(computeDType(dtype), rawBinary(op, dtype, x, y));
}
function rawBinary(op: BinaryOp, dtype: DType, x: number, y: number): number {
  const int = isInt(dtype);
  switch (op) {
    case "add":
      return x + y;
    case "sub":
      return x - y;
    case "mul":
      return int ? Math.imul(x, y) : x * y;
    case "div":
      return int ? (y === 0 ? -1 : Math.trunc(x / y)) : x / y;
    case "rem":
      return int && y === 0 ? x : x % y;
    case "min":
      return Math.min(x, y);
    case "max":
      return Math.max(x, y);
    case "pow":
      return int ? intPow(x, y) : x === 1 || y === 0 ? 1 : Math.abs(x) === 1 && !Number.isFinite(y) && !Number.isNaN(y) ? 1 : x ** y;
    case "atan2":
      return Math.atan2(x, y);
    case "nextAfter":
      return nextAfter(dtype, x, y);
    case "and":
      return x & y;
    case "or":
      return x | y;
    case "xor":
      return x ^ y;
    case "shl":
      return y >>> 0 >= 32 ? 0 : x << y;
    case "shr":
      return y >>> 0 >= 32 ? 0 : (dtype === "i8" ? x & 255 : x) >>> y;
    case "sar":
      return (dtype === "u32" ? x | 0 : x) >> Math.min(31, y >>> 0);
    default:
      return unreachable(op);
  }
}
function intPow(x: number, y: number): number {
  if (y < 0) return x === 1 ? 1 : x === -1 ? (y % 2 === 0 ? 1 : -1) : 0;
  let r = 1;
  for (let b = x, n = y; n > 0; n = Math.floor(n / 2), b = Math.imul(b, b)) if (n % 2 === 1) r = Math.imul(r, b);
  return r;
}
function nextAfter(dtype: DType, x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  if (x === y) return y;
  const wide = dtype === "f64";
  const bits = wide ? new BigInt64Array(1) : new Int32Array(1);
  const value = wide ? new Float64Array(bits.buffer) : new Float32Array(bits.buffer);
  if (x === 0) {
    if (bits instanceof BigInt64Array) bits[0] = 1n;
    else bits[0] = 1;
    return Math.sign(y - x) * (value[0] ?? 0);
  }
  value[0] = x;
  const up = y > x === x > 0;
  if (bits instanceof BigInt64Array) bits[0] = (bits[0] ?? 0n) + (up ? 1n : -1n);
  else bits[0] = (bits[0] ?? 0) + (up ? 1 : -1);
  return value[0] ?? NaN;
}

/** Truth of a comparison, 0 or 1. */
export function compare(op: CompareOp, x: number, y: number): number {
  switch (op) {
    case "eq":
      return x === y ? 1 : 0;
    case "ne":
      return x !== y ? 1 : 0;
    case "lt":
      return x < y ? 1 : 0;
    case "le":
      return x <= y ? 1 : 0;
    case "gt":
      return x > y ? 1 : 0;
    case "ge":
      return x >= y ? 1 : 0;
    default:
      return unreachable(op);
  }
}

const limits: { readonly [d: string]: readonly [number, number] } = {
  i32: [-2147483648, 2147483647],
  u32: [0, 4294967295],
  i8: [-128, 127],
  u8: [0, 255],
};
/** Value conversion: float to integer truncates, saturates, NaN gives 0; integer to integer wraps. */
export function convert(from: DType, to: DType, x: number): number {
  const range = limits[to];
  if (range && !isInt(from)) return Number.isNaN(x) ? 0 : Math.min(range[1], Math.max(range[0], Math.trunc(x))) + 0;
  return round(to, to === "bool" ? (x !== 0 ? 1 : 0) : x);
}

/** The same bits as another dtype of equal size. */
export function bitcast(from: DType, to: DType, x: number): number {
  const view = new DataView(new ArrayBuffer(8));
  write(view, from, x);
  return read(view, to);
}
function write(v: DataView, d: DType, x: number): void {
  switch (d) {
    case "f64":
      v.setFloat64(0, x, true);
      break;
    case "f32":
      v.setFloat32(0, x, true);
      break;
    case "i32":
    case "u32":
      v.setInt32(0, x | 0, true);
      break;
    case "f16":
    case "bf16":
      v.setUint16(0, toPattern(d, x), true);
      break;
    case "f8e4m3":
    case "f8e5m2":
      v.setUint8(0, toPattern(d, x));
      break;
    case "i8":
    case "u8":
    case "bool":
      v.setUint8(0, x & 255);
      break;
    default:
      unreachable(d);
  }
}
function read(v: DataView, d: DType): number {
  switch (d) {
    case "f64":
      return v.getFloat64(0, true);
    case "f32":
      return v.getFloat32(0, true);
    case "i32":
      return v.getInt32(0, true);
    case "u32":
      return v.getUint32(0, true);
    case "f16":
    case "bf16":
      return fromPattern(d, v.getUint16(0, true));
    case "f8e4m3":
    case "f8e5m2":
      return fromPattern(d, v.getUint8(0));
    case "i8":
      return v.getInt8(0);
    case "u8":
    case "bool":
      return v.getUint8(0);
    default:
      return unreachable(d);
  }
}
