// One scalar operation as WebAssembly: operands are locals, the result is left on the stack. Integer division never traps.
import type { DType } from "../../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import type { BinaryOp, CompareOp, UnaryOp } from "../../ir/scalar.ts";
import type { FuncBuilder, Local } from "./encoder/function.ts";
import type { PlainOp } from "./encoder/opcodes.ts";
import { register, type Routines } from "./types.ts";

const isUnsigned = (d: DType): boolean => d === "u32" || d === "u8";
const floatUnary: { readonly [K in UnaryOp]?: string } = {
  neg: "neg",
  abs: "abs",
  floor: "floor",
  ceil: "ceil",
  trunc: "trunc",
  round: "nearest",
  sqrt: "sqrt",
};

/** Push op(x). */
export function unary(f: FuncBuilder, op: UnaryOp, d: DType, x: Local): void {
  const r = register(d);
  if (op === "isNan") {
    if (r === "i32") f.i32(0);
    else f.get(x).get(x).op(`${r}.ne`);
    return;
  }
  if (r === "i32") {
    integerUnary(f, op, d, x);
    return;
  }
  const plain = floatUnary[op];
  if (plain !== undefined) {
    f.get(x).op(`${r}.${plain}` as PlainOp);
    return;
  } // each of these exists for f32 and f64
  throw new InternalError(`${op} of ${d} has not been expanded`);
}
function integerUnary(f: FuncBuilder, op: UnaryOp, d: DType, x: Local): void {
  switch (op) {
    case "neg":
      f.i32(0).get(x).op("i32.sub");
      break;
    case "abs":
      f.get(x);
      if (!isUnsigned(d)) f.i32(0).get(x).op("i32.sub").get(x).i32(0).op("i32.ge_s").op("select");
      break;
    case "not":
      f.get(x);
      if (d === "bool") f.op("i32.eqz");
      else f.i32(-1).op("i32.xor");
      break;
    case "popcount":
      f.get(x).op("i32.popcnt");
      break;
    case "clz":
      f.get(x).op("i32.clz");
      break;
    case "floor":
    case "ceil":
    case "trunc":
    case "round":
      f.get(x);
      break;
    default:
      throw new InternalError(`${op} of ${d}`);
  }
}

/** Push op(x, y). */
export function binary(f: FuncBuilder, op: BinaryOp, d: DType, x: Local, y: Local, routines: Routines): void {
  const r = register(d);
  if (r !== "i32") {
    switch (op) {
      case "add":
      case "sub":
      case "mul":
      case "div":
      case "min":
      case "max":
        f.get(x).get(y).op(`${r}.${op}`);
        return;
      case "rem":
        f.get(x);
        if (r === "f32") f.op("f64.promote_f32");
        f.get(y);
        if (r === "f32") f.op("f64.promote_f32");
        f.call(routines.remainder());
        if (r === "f32") f.op("f32.demote_f64");
        return;
      default:
        throw new InternalError(`${op} of ${d}`);
    }
  }
  const u = isUnsigned(d) || d === "bool";
  if (d === "bool" && (op === "add" || op === "mul" || op === "sub")) {
    f.get(x)
      .get(y)
      .op(op === "add" ? "i32.or" : op === "mul" ? "i32.and" : "i32.xor");
    return;
  }
  switch (op) {
    case "add":
    case "sub":
    case "mul":
    case "and":
    case "or":
    case "xor":
      f.get(x).get(y).op(`i32.${op}`);
      break;
    case "min":
      f.get(x)
        .get(y)
        .get(x)
        .get(y)
        .op(u ? "i32.lt_u" : "i32.lt_s")
        .op("select");
      break;
    case "max":
      f.get(x)
        .get(y)
        .get(x)
        .get(y)
        .op(u ? "i32.gt_u" : "i32.gt_s")
        .op("select");
      break;
    case "div": // x/0 is all ones; the one overflow, -2^31 / -1, is -2^31
      f.get(y)
        .op("i32.eqz")
        .if_(
          () => {
            f.i32(-1);
          },
          () => {
            if (u) f.get(x).get(y).op("i32.div_u");
            else
              f.get(y)
                .i32(-1)
                .op("i32.eq")
                .if_(
                  () => {
                    f.i32(0).get(x).op("i32.sub");
                  },
                  () => {
                    f.get(x).get(y).op("i32.div_s");
                  },
                  "i32",
                );
          },
          "i32",
        );
      break;
    case "rem":
      f.get(y)
        .op("i32.eqz")
        .if_(
          () => {
            f.get(x);
          },
          () => {
            f.get(x)
              .get(y)
              .op(u ? "i32.rem_u" : "i32.rem_s");
          },
          "i32",
        );
      break;
    case "shl":
    case "shr":
      f.get(x)
        .get(y)
        .op(op === "shl" ? "i32.shl" : "i32.shr_u")
        .i32(0)
        .get(y)
        .i32(32)
        .op("i32.lt_u")
        .op("select");
      break;
    case "sar":
      f.get(x).get(y).i32(31).get(y).i32(31).op("i32.lt_u").op("select").op("i32.shr_s");
      break;
    case "pow":
    case "atan2":
    case "nextAfter":
      throw new InternalError(`${op} of ${d} has not been expanded`);
    default:
      unreachable(op);
  }
}
const signedCompare = { eq: "eq", ne: "ne", lt: "lt_s", le: "le_s", gt: "gt_s", ge: "ge_s" } as const;
/** Push x op y as 0 or 1. */
export function compare(f: FuncBuilder, op: CompareOp, d: DType, x: Local, y: Local): void {
  const r = register(d),
    u = isUnsigned(d) || d === "bool";
  f.get(x)
    .get(y)
    .op(r === "i32" ? (`i32.${u ? signedCompare[op].replace("_s", "_u") : signedCompare[op]}` as PlainOp) : `${r}.${op}`); // the unsigned spellings exist
}

/** Push x converted. */
export function convert(f: FuncBuilder, from: DType, to: DType, x: Local, routines: Routines): void {
  const a = register(from),
    b = register(to),
    u = isUnsigned(from) || from === "bool";
  f.get(x);
  if (to === "bool") {
    if (a === "i32") f.i32(0).op("i32.ne");
    else if (a === "f32") f.f32(0).op("f32.ne");
    else f.f64(0).op("f64.ne");
    return;
  }
  if (b === "i32") {
    if (a !== "i32") {
      floatToInteger(f, a, to);
      return;
    }
    if (to === "i8") f.op("i32.extend8_s");
    else if (to === "u8") f.i32(255).op("i32.and");
    return;
  }
  if (a === "i32") f.op(`${b}.convert_i32_${u ? "u" : "s"}`);
  else if (a === "f32" && b === "f64") f.op("f64.promote_f32");
  else if (a === "f64" && b === "f32") f.op("f32.demote_f64");
  if ((to === "f16" || to === "bf16") && from !== to) f.call(routines.bits(to)).call(routines.value(to));
}
function floatToInteger(f: FuncBuilder, a: "f32" | "f64", to: DType): void {
  if (to === "i32" || to === "u32") {
    f.op(`i32.trunc_sat_${a}_${to === "u32" ? "u" : "s"}`);
    return;
  }
  const v = f.local("i32"),
    [lo, hi] = to === "i8" ? [-128, 127] : [0, 255];
  f.op(`i32.trunc_sat_${a}_s`).set(v);
  f.get(v).i32(lo).get(v).i32(lo).op("i32.gt_s").op("select").set(v);
  f.get(v).i32(hi).get(v).i32(hi).op("i32.lt_s").op("select");
}

/** Push x's bits as another dtype. */
export function bitcast(f: FuncBuilder, from: DType, to: DType, x: Local, routines: Routines): void {
  f.get(x);
  const narrow = from === "f16" || from === "bf16";
  if (narrow) f.call(routines.bits(from));
  else if (from === "f32") f.op("i32.reinterpret_f32");
  if (to === "f16" || to === "bf16") f.i32(0xffff).op("i32.and").call(routines.value(to));
  else if (to === "f32") f.op("f32.reinterpret_i32");
  else if (to === "i8") f.op("i32.extend8_s");
  else if (to === "u8" || to === "bool") f.i32(255).op("i32.and");
}
