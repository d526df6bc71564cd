// One scalar operation as PTX, with the meanings of ir/scalar.ts: NaN propagates through min and max, integer division is total, nothing is contracted or flushed unless asked.
import { bytesExpected } from "../float8.ts";
import { computeDType, type DType } from "../../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import type { BinaryOp, CompareOp, UnaryOp } from "../../ir/scalar.ts";
import { classOf, literal, type Code } from "./registers.ts";

const isFloat = (d: DType): d is "f32" | "f64" => d === "f32" || d === "f64";
const intType = (d: DType): "s32" | "u32" => (d === "u32" || d === "u8" ? "u32" : "s32");
const unsupported = (op: string, d: DType): never => {
  throw new InternalError(`${op} of ${d} must be expanded before emission`);
};

/** A register with the operation's value. */
export function unary(c: Code, op: UnaryOp, d: DType, x: string): string {
  const k = classOf(d);
  switch (op) {
    case "neg":
    case "abs":
      return isFloat(d) ? c.make(k, `${op}.${d}`, x) : op === "abs" && d === "u32" ? x : c.make("b32", `${op}.s32`, x);
    case "floor":
    case "ceil":
    case "trunc":
    case "round": {
      const mode = { floor: "rmi", ceil: "rpi", trunc: "rzi", round: "rni" }[op];
      return isFloat(d) ? c.make(k, `cvt.${mode}.${d}.${d}`, x) : x;
    }
    case "sqrt":
      return c.make(k, `sqrt.rn.${d}`, x);
    case "exp2": // left unexpanded where 22 bits are enough
      return d === "f32" ? c.make(k, "ex2.approx.ftz.f32", x) : unsupported(op, d);
    case "not":
      return d === "bool" ? c.make("pred", "not.pred", x) : c.make("b32", "not.b32", x);
    case "popcount":
      return c.make("b32", "popc.b32", x);
    case "clz":
      return c.make("b32", "clz.b32", x);
    case "isNan":
      return isFloat(d) ? c.make("pred", `setp.nan.${d}`, x, x) : never(c);
    default:
      return unsupported(op, d);
  }
}
const never = (c: Code): string => c.make("pred", "setp.ne.s32", "0", "0");

/** A register with the operation's value; both operands are of dtype `d`. */
export function binary(c: Code, op: BinaryOp, d: DType, x: string, y: string): string {
  const k = classOf(d);
  if (d === "bool") {
    switch (op) {
      case "and":
      case "mul":
      case "min":
        return c.make("pred", "and.pred", x, y);
      case "or":
      case "add":
      case "max":
        return c.make("pred", "or.pred", x, y);
      case "xor":
        return c.make("pred", "xor.pred", x, y);
      default:
        return unsupported(op, d);
    }
  }
  switch (op) {
    case "add":
    case "sub":
      return isFloat(d) ? c.make(k, `${op}.rn.${d}`, x, y) : c.make("b32", `${op}.${intType(d)}`, x, y);
    case "mul":
      return isFloat(d) ? c.make(k, `mul.rn.${d}`, x, y) : c.make("b32", "mul.lo.s32", x, y);
    case "div":
      return isFloat(d) ? c.make(k, `div.rn.${d}`, x, y) : intDivide(c, "div", d, x, y);
    case "rem":
      return isFloat(d) ? remainder(c, d, x, y) : intDivide(c, "rem", d, x, y);
    case "min":
    case "max":
      return isFloat(d) ? extremum(c, op, d, x, y) : c.make("b32", `${op}.${intType(d)}`, x, y);
    case "and":
    case "or":
    case "xor":
      return c.make("b32", `${op}.b32`, x, y);
    case "shl":
      return c.make("b32", "shl.b32", x, y);
    case "shr":
      return c.make("b32", "shr.u32", x, y);
    case "sar":
      return c.make("b32", "shr.s32", x, y);
    default:
      return unsupported(op, d);
  }
}
/** x/0 is all ones and x%0 is x; the smallest integer by -1 wraps. Division by the constants that index arithmetic uses is left to the assembler. */
function intDivide(c: Code, op: "div" | "rem", d: DType, x: string, y: string): string {
  const t = intType(d);
  if (/^[1-9]/.test(y)) return c.make("b32", `${op}.${t}`, x, y);
  const zero = c.make("pred", `setp.eq.${t}`, y, "0"),
    minus = t === "s32" ? c.make("pred", "setp.eq.s32", y, "-1") : undefined;
  let by = c.make("b32", "selp.b32", "1", y, zero);
  if (minus !== undefined) by = c.make("b32", "selp.b32", "1", by, minus);
  let q = c.make("b32", `${op}.${t}`, x, by);
  if (minus !== undefined) q = c.make("b32", "selp.b32", op === "div" ? c.make("b32", "neg.s32", x) : "0", q, minus);
  return c.make("b32", "selp.b32", op === "div" ? "-1" : x, q, zero);
}
/** min and max that give NaN where either is NaN; -0 is below +0. */
function extremum(c: Code, op: "min" | "max", d: "f32" | "f64", x: string, y: string): string {
  if (d === "f32" && c.capability >= 80) return c.make(d, `${op}.NaN.f32`, x, y);
  const m = c.make(d, `${op}.${d}`, x, y),
    nan = c.make("pred", `setp.nan.${d}`, x, y);
  return c.make(d, `selp.${d}`, literal(d, NaN), m, nan);
}
/** The exact remainder, with the dividend's sign: the divisor is doubled up to the dividend, then halved down again. */
function remainder(c: Code, d: "f32" | "f64", x: string, y: string): string {
  const out = c.reg(d),
    left = c.reg(d),
    by = c.reg(d),
    go = c.reg("pred"),
    least = c.make(d, `abs.${d}`, y);
  const up = c.label("rem_up"),
    down = c.label("rem_down"),
    next = c.label("rem_next"),
    done = c.label("rem_done"),
    nan = c.label("rem_nan");
  c.put(`abs.${d}`, [left, x]);
  c.put(`setp.nan.${d}`, [go, x, y]);
  c.put("bra", [nan], go);
  c.put(`setp.eq.${d}`, [go, left, literal(d, Infinity)]);
  c.put("bra", [nan], go);
  c.put(`setp.eq.${d}`, [go, least, literal(d, 0)]);
  c.put("bra", [nan], go);
  c.put(`setp.eq.${d}`, [go, least, literal(d, Infinity)]);
  c.put("bra", [next], go); // infinity is never halved down to the dividend, which is the remainder
  c.put(`mov.${d}`, [by, least]);
  c.mark(up);
  const half = c.make(d, `mul.rn.${d}`, left, literal(d, 0.5));
  c.put(`setp.gt.${d}`, [go, by, half]);
  c.put("bra", [down], go);
  c.put(`add.rn.${d}`, [by, by, by]);
  c.put("bra", [up]);
  c.mark(down);
  c.put(`setp.lt.${d}`, [go, by, least]);
  c.put("bra", [next], go);
  c.put(`setp.ge.${d}`, [go, left, by]);
  c.put(`sub.rn.${d}`, [left, left, by], go);
  c.put(`mul.rn.${d}`, [by, by, literal(d, 0.5)]);
  c.put(`setp.gt.${d}`, [go, by, literal(d, 0)]);
  c.put("bra", [down], go);
  c.mark(next);
  c.put(`copysign.${d}`, [out, x, left]);
  c.put("bra", [done]);
  c.mark(nan);
  c.put(`mov.${d}`, [out, literal(d, NaN)]);
  c.mark(done);
  return out;
}

/** A predicate with the comparison's truth. */
export function compare(c: Code, op: CompareOp, d: DType, x: string, y: string): string {
  if (d === "bool") return compare(c, op, "u32", toBits(c, x), toBits(c, y));
  return c.make("pred", `setp.${isFloat(d) ? (op === "ne" ? "neu" : op) : op}.${isFloat(d) ? d : intType(d)}`, x, y);
}
/** A truth value as 0 or 1. */
export const toBits = (c: Code, p: string): string => c.make("b32", "selp.b32", "1", "0", p);
/** cond ? x : y. */
export function select(c: Code, d: DType, cond: string, x: string, y: string): string {
  if (d !== "bool") return c.make(classOf(d), `selp.${classOf(d)}`, x, y, cond);
  return c.make("pred", "or.pred", c.make("pred", "and.pred", cond, x), c.make("pred", "and.pred", c.make("pred", "not.pred", cond), y));
}
/** x*y + z, rounded once. Integers wrap. */
export const fma = (c: Code, d: DType, x: string, y: string, z: string): string =>
  isFloat(d) ? c.make(d, `fma.rn.${d}`, x, y, z) : c.make("b32", "mad.lo.s32", x, y, z);

/** Value conversion. */
export function convert(c: Code, from: DType, to: DType, x: string): string {
  const source = computeDType(from),
    wide = source === "f64";
  if (from === to) return x;
  if (to === "bool") return source === "bool" ? x : compare(c, "ne", source, x, literal(source, 0));
  if (source === "bool") return convert(c, "u32", to, toBits(c, x));
  switch (to) {
    case "f64":
      return wide ? x : isFloat(source) ? c.make("f64", "cvt.f64.f32", x) : c.make("f64", `cvt.rn.f64.${intType(source)}`, x);
    case "f32":
      return wide ? c.make("f32", "cvt.rn.f32.f64", x) : isFloat(source) ? x : c.make("f32", `cvt.rn.f32.${intType(source)}`, x);
    case "f16": {
      const h = isFloat(source) ? c.make("b16", `cvt.rn.f16.${source}`, x) : c.make("b16", `cvt.rn.f16.${intType(source)}`, x);
      return c.make("f32", "cvt.f32.f16", h);
    }
    case "bf16":
      return roundToBf16(c, convert(c, source, "f32", x));
    case "i32":
    case "u32":
    case "i8":
    case "u8": {
      const t = intType(to),
        n = isFloat(source) ? toInteger(c, source, t, x) : x;
      if (to === "i32" || to === "u32") return n;
      if (isFloat(source)) {
        const low = c.make("b32", `max.${t}`, n, to === "i8" ? "-128" : "0");
        return c.make("b32", `min.${t}`, low, to === "i8" ? "127" : "255");
      }
      return to === "i8" ? c.make("b32", "bfe.s32", n, "0", "8") : c.make("b32", "and.b32", n, "255");
    }
    case "f8e4m3":
    case "f8e5m2":
      return bytesExpected(to);
    default:
      return unreachable(to);
  }
}
/** Truncates and saturates; NaN gives 0 (which the instruction promises for f32 only). */
function toInteger(c: Code, d: "f32" | "f64", t: "s32" | "u32", x: string): string {
  const n = c.make("b32", `cvt.rzi.${t}.${d}`, x);
  return d === "f32" ? n : c.make("b32", "selp.b32", "0", n, c.make("pred", "setp.nan.f64", x, x));
}
/** The nearest bf16, as an f32: ties to even, by its bits. */
function roundToBf16(c: Code, x: string): string {
  const b = c.make("b32", "mov.b32", x),
    odd = c.make("b32", "bfe.u32", b, "16", "1"),
    up = c.make("b32", "add.s32", c.make("b32", "add.s32", b, "32767"), odd);
  const r = c.make("f32", "mov.b32", c.make("b32", "and.b32", up, "-65536")),
    nan = c.make("pred", "setp.nan.f32", x, x);
  return c.make("f32", "selp.f32", literal("f32", NaN), r, nan);
}

/** The bits of a value, in a 32-bit register (64-bit values have none). */
function bitsOf(c: Code, d: DType, x: string): string {
  switch (d) {
    case "f32":
      return c.make("b32", "mov.b32", x);
    case "bf16":
      return c.make("b32", "shr.u32", c.make("b32", "mov.b32", x), "16");
    case "f16":
      return c.make("b32", "cvt.u32.u16", c.make("b16", "cvt.rn.f16.f32", x));
    case "bool":
      return toBits(c, x);
    case "i8":
      return c.make("b32", "and.b32", x, "255");
    default:
      return x;
  }
}
/** The same bits as another dtype of equal size. */
export function bitcast(c: Code, from: DType, to: DType, x: string): string {
  if (from === to) return x;
  const b = bitsOf(c, from, x);
  switch (to) {
    case "f32":
      return c.make("f32", "mov.b32", b);
    case "bf16":
      return c.make("f32", "mov.b32", c.make("b32", "shl.b32", b, "16"));
    case "f16":
      return c.make("f32", "cvt.f32.f16", c.make("b16", "cvt.u16.u32", b));
    case "bool":
      return compare(c, "ne", "u32", b, "0");
    case "i8":
      return c.make("b32", "bfe.s32", b, "0", "8");
    default:
      return b;
  }
}
/** Two floats, rounded, in one register, the first in its lower half. */
export function packPair(c: Code, dtype: "f16" | "bf16", low: string, high: string): string {
  if (c.capability >= 80) return c.make("b32", `cvt.rn.${dtype}x2.f32`, high, low);
  const [a, b] = [low, high].map(x =>
    dtype === "f16" ? c.make("b16", "cvt.rn.f16.f32", x) : c.make("b32", "mov.b32", roundToBf16(c, x)),
  ) as [string, string]; // two for two
  return dtype === "f16" ? c.make("b32", "mov.b32", `{${a}, ${b}}`) : c.make("b32", "prmt.b32", a, b, "0x7632");
}
/** Both of them again, into two registers. */
export function unpackPair(c: Code, dtype: "f16" | "bf16", pair: string, low: string, high: string): void {
  if (dtype === "bf16") {
    c.put("mov.b32", [low, c.make("b32", "shl.b32", pair, "16")]);
    c.put("mov.b32", [high, c.make("b32", "and.b32", pair, "-65536")]);
    return;
  }
  const halves = [c.reg("b16"), c.reg("b16")] as const;
  c.put("mov.b32", [`{${halves.join(", ")}}`, pair]);
  c.put("cvt.f32.f16", [low, halves[0]]);
  c.put("cvt.f32.f16", [high, halves[1]]);
}
