// The remainder of a large f32 by π/2 in 32-bit integers, after Payne and Hanek: the significand times a window of 2/π that starts where whole turns end. For targets without
// f64; the window leaves 62 bits behind the quarter turn, and no f32 comes nearer to a multiple of π/2 than 2^-31 of one.
import { scalarOps, type Expr } from "../../ir/scalar.ts";
import type { Kit } from "./kit.ts";

/** 2/π, 32 bits a word, after a word of zeros that the smallest arguments reach into. */
const TWO_OVER_PI = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab] as const;

const u = (n: number): Expr => scalarOps.const(n >>> 0, "u32"),
  op = (name: "add" | "sub" | "mul" | "and" | "or" | "shl" | "shr", x: Expr, y: Expr | number): Expr =>
    scalarOps.binary(name, x, typeof y === "number" ? u(y) : y),
  carry = (sum: Expr, part: Expr): Expr => scalarOps.select(scalarOps.compare("lt", sum, part), u(1), u(0));

/** The high word of a product, the first factor below 2^24. */
function high(a: Expr, b: Expr): Expr {
  const a1 = op("shr", a, 16),
    a0 = op("and", a, 0xffff),
    b1 = op("shr", b, 16),
    b0 = op("and", b, 0xffff);
  const low = op("shr", op("mul", a0, b0), 16),
    one = op("add", op("mul", a1, b0), low),
    two = op("add", op("mul", a0, b1), op("and", one, 0xffff));
  return op("add", op("add", op("mul", a1, b1), op("shr", one, 16)), op("shr", two, 16));
}

/** x = q π/2 + r for 2 <= |x| < 2^128: r with a relative error of about one rounding, the low bits of q. NaN where x is not finite. */
export function quarterTurns(k: Kit, x: Expr): { readonly r: Expr; readonly q: Expr } {
  const bits = scalarOps.bitcast(x, "u32"),
    exponent = op("and", op("shr", bits, 23), 255),
    significand = op("or", op("and", bits, 0x7fffff), 0x800000);
  // x = significand · 2^(exponent - 150); its product with the word that starts at bit `from` of 2/π counts quarter turns in units of 2^-30
  const from = op("sub", exponent, 120),
    skip = op("shr", from, 5),
    shift = op("and", from, 31);
  const word = (i: number): Expr =>
    [1, 2, 3, 4].reduce<Expr>(
      (w, n) => scalarOps.select(scalarOps.compare("ge", skip, u(n)), u(TWO_OVER_PI[i + n] ?? 0), w),
      u(TWO_OVER_PI[i] ?? 0),
    );
  const words = [0, 1, 2, 3].map(word),
    window = [0, 1, 2].map(
      i => op("or", op("shl", words[i] as Expr, shift), op("shr", words[i + 1] as Expr, op("sub", u(32), shift))), // four words
    ) as [Expr, Expr, Expr]; // three of them
  const [w0, w1, w2] = window,
    last = op("mul", significand, w2),
    middle = op("mul", significand, w1),
    p1 = op("add", middle, high(significand, w2)),
    p0 = op("add", op("add", op("mul", significand, w0), high(significand, w1)), carry(p1, middle));
  const turns = op("shr", op("add", p0, 0x20000000), 30),
    rest = op("or", op("shl", p0, 2), op("shr", p1, 30)),
    fine = op("or", op("shl", p1, 2), op("shr", last, 30));
  const below = scalarOps.compare("ge", rest, u(0x80000000)),
    flip = (v: Expr): Expr => scalarOps.select(below, scalarOps.unary("not", v), v);
  const size = flip(rest),
    zeros = scalarOps.unary("clz", size),
    digits = op("or", op("shl", size, zeros), op("shr", flip(fine), op("sub", u(32), zeros)));
  const unit = scalarOps.bitcast(op("shl", op("sub", u(95), zeros), 23), "f32"),
    r = k.mul(k.mul(scalarOps.convert(digits, "f32"), unit), Math.PI / 2);
  const negative = k.lt(x, 0),
    finite = k.lt(k.abs(x), Infinity),
    q = scalarOps.bitcast(turns, "i32");
  const signed = k.select(scalarOps.binary("xor", negative, below), k.neg(r), r);
  return { r: k.select(finite, signed, NaN), q: k.s.select(negative, k.int("sub", k.i(0), q), q) };
}
