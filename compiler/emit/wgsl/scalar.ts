// One scalar operation as a WGSL expression, with the meanings of ir/scalar.ts. Arithmetic on constants alone would be done, and refused where it overflows, by the shader's
// compiler: the emitter hides one of them (see `hidden`).
import { bytesExpected } from "../float8.ts";
import { computeDType, type DType } from "../../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import type { BinaryOp, CompareOp, Expr, UnaryOp } from "../../ir/scalar.ts";
import type { Helper } from "./helpers.ts";

/** How a call of a helper is written; the module then holds it. */
export type Call = (helper: Helper, ...args: readonly string[]) => string;

/** The WGSL type that holds a value of `d`: f16 and bf16 as the f32 they are, i8 and u8 as 32-bit integers. */
export function typeOf(d: DType): "f32" | "i32" | "u32" | "bool" {
  const c = computeDType(d);
  if (c === "f64") throw new InternalError("f64 reached the WGSL emitter");
  return c === "f32" || c === "i32" || c === "u32" ? c : "bool";
}
const unsupported = (op: string, d: DType): never => {
  throw new InternalError(`${op} of ${d} must be expanded before emission`);
};
const paren = (...parts: readonly string[]): string => `(${parts.join(" ")})`;
/** An expression without the parentheses around all of it. */
export function bare(text: string): string {
  if (!text.startsWith("(")) return text;
  let depth = 0;
  for (let i = 0; i < text.length - 1; i++) {
    if (text[i] === "(") depth++;
    else if (text[i] === ")") depth--;
    if (depth === 0) return text;
  }
  return text.slice(1, -1);
}

const bits = new DataView(new ArrayBuffer(4));
function floatBits(x: number): number {
  bits.setFloat32(0, x);
  return bits.getUint32(0);
}
const hex = (n: number): string => `0x${(n >>> 0).toString(16).padStart(8, "0")}u`;
/** A constant. What a shader may not write (NaN, infinities) or may change (-0, subnormals) comes from bits that its compiler cannot see. */
export function literal(d: DType, value: number): string {
  switch (typeOf(d)) {
    case "f32": {
      const x = Math.fround(value),
        plain = Number.isFinite(x) && !Object.is(x, -0) && (x === 0 || Math.abs(x) >= 2 ** -126);
      if (!plain) return hidden(d, value);
      const text = String(x);
      return x < 0 ? `(${text}f)` : `${text}f`;
    }
    case "i32": {
      const n = value | 0;
      return n === -2147483648 ? "i32(-2147483648)" : n < 0 ? `(${n}i)` : `${n}i`;
    }
    case "u32":
      return `${value >>> 0}u`;
    case "bool":
      return value === 0 ? "false" : "true";
    default:
      return unreachable(typeOf(d) as never); // typeOf has four results
  }
}
/** A constant that no compiler can compute with: \`zero\` is a workgroup's place in a dimension that is never used. */
export function hidden(d: DType, value: number): string {
  switch (typeOf(d)) {
    case "f32":
      return `bitcast<f32>(${hex(floatBits(value))} | zero)`;
    case "i32":
      return `bitcast<i32>(${hex(value)} | zero)`;
    case "u32":
      return `(${hex(value)} | zero)`;
    case "bool":
      return `(zero ${value === 0 ? "!=" : "=="} 0u)`;
    default:
      return unreachable(typeOf(d) as never); // typeOf has four results
  }
}

/** One operand. */
export function unary(call: Call, op: UnaryOp, d: DType, x: string): string {
  const t = typeOf(d);
  switch (op) {
    case "neg":
      return t === "u32" ? paren("0u -", x) : `(-${x})`;
    case "abs":
    case "floor":
    case "ceil":
    case "trunc":
    case "round":
      return t === "f32" || (op === "abs" && t === "i32") ? `${op}(${x})` : x;
    case "sqrt":
      return `sqrt(${x})`;
    case "not":
      return t === "bool" ? `(!${x})` : `(~${x})`;
    case "popcount":
      return `countOneBits(${x})`;
    case "clz":
      return `countLeadingZeros(${x})`;
    case "isNan":
      return t === "f32" ? call("isNan", x) : "false";
    default:
      return unsupported(op, d);
  }
}

/** Two operands of dtype `d`. `y` is told as an expression too: division and shifts by constants are plain. */
export function binary(call: Call, op: BinaryOp, d: DType, x: string, y: string, by: Expr): string {
  const t = typeOf(d),
    known = by.kind === "const" ? by.value : undefined;
  if (t === "bool") {
    switch (op) {
      case "and":
      case "mul":
      case "min":
        return paren(x, "&", y);
      case "or":
      case "add":
      case "max":
        return paren(x, "|", y);
      case "xor":
        return paren(x, "!=", y);
      default:
        return unsupported(op, d);
    }
  }
  switch (op) {
    case "add":
      return paren(x, "+", y);
    case "sub":
      return paren(x, "-", y);
    case "mul":
      return paren(x, "*", y);
    case "div":
      if (t === "f32") return paren(x, "/", y);
      if (known !== undefined && known > 0) return paren(x, "/", y);
      return call(t === "i32" ? "divideInt" : "divideUint", x, y);
    case "rem":
      if (t === "f32") return call("remainder", x, y, "zero");
      if (known !== undefined && known > 0) return paren(x, "%", y);
      return call(t === "i32" ? "remainderInt" : "remainderUint", x, y);
    case "min":
    case "max":
      return t === "f32" ? call(op === "min" ? "minimum" : "maximum", x, y) : `${op}(${x}, ${y})`;
    case "and":
      return paren(x, "&", y);
    case "or":
      return paren(x, "|", y);
    case "xor":
      return paren(x, "^", y);
    case "shl":
    case "shr":
    case "sar":
      return shift(call, op, t, x, y, known);
    default:
      return unsupported(op, d);
  }
}
function shift(call: Call, op: "shl" | "shr" | "sar", t: "i32" | "u32" | "f32", x: string, y: string, known: number | undefined): string {
  const as = (want: "i32" | "u32", e: string): string => (t === want ? e : `bitcast<${want}>(${e})`),
    back = (from: "i32" | "u32", e: string): string => (t === from ? e : `bitcast<${t}>(${e})`),
    type = op === "sar" ? "i32" : op === "shr" ? "u32" : t === "i32" ? "i32" : "u32",
    arrow = op === "shl" ? "<<" : ">>";
  if (known === undefined) {
    const helper = op === "shl" ? "shiftLeft" : op === "shr" ? "shiftRight" : "shiftSigned";
    return op === "sar" ? back("i32", call(helper, as("i32", x), as("u32", y))) : back("u32", call(helper, as("u32", x), as("u32", y)));
  }
  const by = known >>> 0;
  if (by >= 32 && op !== "sar") return t === "i32" ? "0i" : "0u";
  return back(type, paren(as(type, x), arrow, `${Math.min(31, by)}u`));
}

/** Two operands of dtype `d`, a truth value. */
export function compare(call: Call, op: CompareOp, d: DType, x: string, y: string): string {
  const t = typeOf(d),
    sign = { eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=" }[op];
  if (t === "i32" || t === "u32") return paren(x, sign, y);
  if (t === "bool") return op === "eq" || op === "ne" ? paren(x, sign, y) : paren(`u32(${x})`, sign, `u32(${y})`);
  switch (op) {
    case "eq":
    case "lt":
    case "le":
      return call(op, x, y);
    case "ne":
      return `(!${call("eq", x, y)})`;
    case "gt":
      return call("lt", y, x);
    case "ge":
      return call("le", y, x);
    default:
      return unreachable(op);
  }
}
/** x*y + z: a float's may round once or twice, as ir/scalar.ts allows (SwiftShader's `fma` rounds twice). */
export const fma = (d: DType, x: string, y: string, z: string): string =>
  typeOf(d) === "f32" ? `fma(${x}, ${y}, ${z})` : paren(paren(x, "*", y), "+", z);
/** cond ? x : y. */
export const select = (cond: string, x: string, y: string): string => `select(${y}, ${x}, ${cond})`;

/** Value conversion. */
export function convert(call: Call, from: DType, to: DType, x: string): string {
  const source = typeOf(from);
  if (from === to) return x;
  switch (to) {
    case "bool":
      return source === "bool"
        ? x
        : source === "f32"
          ? `((bitcast<u32>(${x}) & 0x7fffffffu) != 0u)`
          : `(${x} != ${source === "i32" ? "0i" : "0u"})`;
    case "f32":
      return source === "f32" ? x : source === "bool" ? `select(0f, 1f, ${x})` : `f32(${x})`;
    case "f16":
      return call("fromHalf", call("toHalf", convert(call, from, "f32", x)));
    case "bf16":
      return `bitcast<f32>(${call("toBrain", convert(call, from, "f32", x))} << 16u)`;
    case "i32":
    case "i8": {
      const n = source === "f32" ? call("toInt", x) : source === "i32" ? x : source === "bool" ? `i32(${x})` : `bitcast<i32>(${x})`;
      if (to === "i32" || source === "bool") return n;
      return source === "f32" ? `clamp(${n}, -128i, 127i)` : signExtended(n);
    }
    case "u32":
    case "u8": {
      const n = source === "f32" ? call("toUint", x) : source === "u32" ? x : source === "bool" ? `u32(${x})` : `bitcast<u32>(${x})`;
      if (to === "u32" || source === "bool") return n;
      return source === "f32" ? `min(${n}, 255u)` : paren(n, "& 255u");
    }
    case "f64":
      throw new InternalError("f64 reached the WGSL emitter");
    case "f8e4m3":
    case "f8e5m2":
      return bytesExpected(to);
    default:
      return unreachable(to);
  }
}
const signExtended = (n: string): string => paren(paren(n, "<< 24u"), ">> 24u");

/** The bits of a value in the low end of a word. */
export function toBits(call: Call, d: DType, x: string): string {
  switch (d) {
    case "f16":
      return call("toHalf", x);
    case "bf16":
      return `(bitcast<u32>(${x}) >> 16u)`;
    case "i8":
      return `(bitcast<u32>(${x}) & 255u)`;
    case "bool":
      return `u32(${x})`;
    case "u32":
    case "u8":
      return x;
    default:
      return `bitcast<u32>(${x})`;
  }
}
/** The value whose bits are in the low end of a word. */
export function fromBits(call: Call, d: DType, b: string): string {
  switch (d) {
    case "f16":
      return call("fromHalf", b);
    case "bf16":
      return `bitcast<f32>(${b} << 16u)`;
    case "i8":
      return signExtended(`bitcast<i32>(${b})`);
    case "bool":
      return `(${b} != 0u)`;
    case "u32":
    case "u8":
      return b;
    default:
      return `bitcast<${typeOf(d)}>(${b})`;
  }
}
/** The same bits as another dtype of equal size. */
export function bitcast(call: Call, from: DType, to: DType, x: string): string {
  if (from === to) return x;
  const direct = (d: DType): boolean => d === "f32" || d === "i32" || d === "u32";
  return direct(from) && direct(to) ? `bitcast<${typeOf(to)}>(${x})` : fromBits(call, to, toBits(call, from, x));
}
