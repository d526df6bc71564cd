// A small arithmetic language over ScalarOps for one precision, so that formulas read as formulas. It knows bit patterns of f32 (f64 has no integer
// dtype of its size here, so powers of two of f64 are built from f32 ones, which is exact). It refuses to simplify.
import type { Expr, ScalarOps } from "../../ir/scalar.ts";
import type { Coefficients } from "./coefficients.ts";

/** Dtypes that elementary functions are written for. */
export type Real = "f32" | "f64";

/** Arithmetic on one `real` dtype. Operands given as numbers are constants of it. */
export interface Kit {
  readonly s: ScalarOps;
  readonly real: Real;
  /** May f32 formulas compute in f64? */
  readonly double: boolean;
  readonly c: (x: number) => Expr;
  readonly add: (x: Operand, y: Operand) => Expr;
  readonly sub: (x: Operand, y: Operand) => Expr;
  readonly mul: (x: Operand, y: Operand) => Expr;
  readonly div: (x: Operand, y: Operand) => Expr;
  readonly fma: (x: Operand, y: Operand, z: Operand) => Expr;
  readonly neg: (x: Expr) => Expr;
  readonly abs: (x: Expr) => Expr;
  readonly sqrt: (x: Expr) => Expr;
  readonly floor: (x: Expr) => Expr;
  readonly round: (x: Expr) => Expr;
  readonly lt: (x: Operand, y: Operand) => Expr;
  readonly eq: (x: Operand, y: Operand) => Expr;
  readonly and: (p: Expr, q: Expr) => Expr;
  readonly or: (p: Expr, q: Expr) => Expr;
  readonly select: (p: Expr, x: Operand, y: Operand) => Expr;
  /** x, but not above `hi` (NaN stays NaN); the form that vector targets do in one instruction. */
  readonly atMost: (x: Expr, hi: number) => Expr;
  /** x, but not below `lo` (NaN stays NaN). */
  readonly atLeast: (x: Expr, lo: number) => Expr;
  /** Horner's scheme. */
  readonly poly: (x: Expr, c: Coefficients) => Expr;
  /** Is the sign negative (-0 too)? */
  readonly signBit: (x: Expr) => Expr;
  /** magnitude (not negative) with the sign of `sign`. */
  readonly copySign: (magnitude: Expr, sign: Expr) => Expr;
  /** i32 constant and operations. */
  readonly i: (n: number) => Expr;
  readonly int: (op: "add" | "sub" | "and" | "or" | "xor" | "shl" | "sar" | "shr", x: Expr, n: Expr | number) => Expr;
  /** i32 bits of an f32, and back. */
  readonly bits: (x: Expr) => Expr;
  readonly fromBits: (n: Expr) => Expr;
  /** x, sent through its bits: no compiler may reckon on with what it was made of. Where the rounding of a sum is what counts, shading languages need to be told. */
  readonly exact: (x: Expr) => Expr;
  /** The same value in the other precision. */
  readonly to: (real: Real, x: Expr) => Expr;
}
type Operand = Expr | number;

/** The kit of a precision. */
export function kit(s: ScalarOps, real: Real, double = true): Kit {
  const c = (x: number): Expr => s.const(real === "f32" ? Math.fround(x) : x, real);
  const e = (x: Operand): Expr => (typeof x === "number" ? c(x) : x);
  const i = (n: number): Expr => s.const(n | 0, "i32");
  const int: Kit["int"] = (op, x, n) => s.binary(op, x, typeof n === "number" ? i(n) : n);
  const bits = (x: Expr): Expr => s.bitcast(x, "i32"),
    fromBits = (n: Expr): Expr => s.bitcast(n, "f32");
  const lt: Kit["lt"] = (x, y) => s.compare("lt", e(x), e(y));
  const select: Kit["select"] = (p, x, y) => s.select(p, e(x), e(y));
  const or: Kit["or"] = (p, q) => s.binary("or", p, q);
  const signBit = (x: Expr): Expr => (real === "f32" ? s.compare("lt", bits(x), i(0)) : or(lt(x, 0), lt(s.binary("div", c(1), x), 0)));
  return {
    s,
    real,
    double,
    c,
    i,
    int,
    bits,
    fromBits,
    lt,
    select,
    or,
    signBit,
    add: (x, y) => s.binary("add", e(x), e(y)),
    sub: (x, y) => s.binary("sub", e(x), e(y)),
    mul: (x, y) => s.binary("mul", e(x), e(y)),
    div: (x, y) => s.binary("div", e(x), e(y)),
    fma: (x, y, z) => s.fma(e(x), e(y), e(z)),
    neg: x => s.unary("neg", x),
    abs: x => s.unary("abs", x),
    sqrt: x => s.unary("sqrt", x),
    floor: x => s.unary("floor", x),
    round: x => s.unary("round", x),
    eq: (x, y) => s.compare("eq", e(x), e(y)),
    and: (p, q) => s.binary("and", p, q),
    atMost: (x, hi) => select(lt(hi, x), hi, x),
    atLeast: (x, lo) => select(lt(x, lo), lo, x),
    poly: (x, k) => k.reduceRight<Expr | undefined>((acc, a) => (acc ? s.fma(acc, x, c(a)) : c(a)), undefined) ?? c(0),
    copySign: (m, sign) =>
      real === "f32" ? fromBits(int("or", bits(m), int("and", bits(sign), 0x80000000))) : select(signBit(sign), s.unary("neg", m), m),
    exact: x => (real === "f32" ? fromBits(bits(x)) : x),
    to: (r, x) => s.convert(x, r),
  };
}

/** x itself where |x| < `tiny`, else y: keeps -0 and subnormals of functions with f(x) ~ x. */
export const nearZero = (k: Kit, x: Expr, tiny: number, y: Expr): Expr => k.select(k.lt(k.abs(x), tiny), x, y);

/** 2^n as f64 for an i32 n in [-1008, 1023], from an exact f32 power. */
export function pow2F64(k: Kit, n: Expr): Expr {
  const power = (m: Expr): Expr => k.to("f64", k.fromBits(k.int("shl", k.int("add", m, 127), 23)));
  const q = k.int("sar", n, 3),
    a = power(q),
    a2 = k.mul(a, a),
    a4 = k.mul(a2, a2);
  return k.mul(k.mul(a4, a4), power(k.int("sub", n, k.int("shl", q, 3))));
}

/** A positive finite x = m · 2^e with m in [2/3, 4/3): m, and e as a real. Other x give garbage, not traps. */
export function splitExponent(k: Kit, x: Expr): { readonly m: Expr; readonly e: Expr } {
  if (k.real === "f32") {
    const small = k.lt(x, 2 ** -126),
      bits = k.bits(k.select(small, k.mul(x, 2 ** 23), x));
    const e = k.int("and", k.int("sub", bits, 0x3f2aaaab), 0xff800000);
    return { m: k.fromBits(k.int("sub", bits, e)), e: k.fma(k.to("f32", e), 2 ** -23, k.select(small, -23, 0)) };
  }
  let t = x,
    shift: Expr = k.c(0);
  for (const step of [600, 400, 200]) {
    // each narrows the exponent's range until the f32 exponent can hold it
    const limit = step - 100,
      down = k.lt(2 ** limit, t),
      up = k.lt(t, 2 ** -limit);
    t = k.mul(t, k.select(down, 2 ** -step, k.select(up, 2 ** step, 1)));
    shift = k.add(shift, k.select(down, step, k.select(up, -step, 0)));
  }
  const bits = k.bits(k.to("f32", t)),
    e = k.int("sar", k.int("sub", bits, 0x3f2aaaab), 23);
  const inverse = k.to("f64", k.fromBits(k.int("shl", k.int("sub", k.i(127), e), 23)));
  return { m: k.mul(t, inverse), e: k.add(shift, k.to("f64", e)) };
}
