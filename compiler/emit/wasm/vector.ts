// One operation on a vector of 128 bits: 4 lanes of 32 bits or 2 of 64. Operands are locals or code that pushes them, the result is left on the stack.
// Truth values are masks as wide as the lanes they came from. What SIMD lacks is done lane by lane with the scalar operation.
import type { DType } from "../../../runtime/dtype.ts";
import { unreachable } from "../../../runtime/errors/error.ts";
import type { BinaryOp, CompareOp, UnaryOp } from "../../ir/scalar.ts";
import type { FuncBuilder, Local } from "./encoder/function.ts";
import type { PlainOp } from "./encoder/opcodes.ts";
import { binary as scalarBinary, bitcast as scalarBitcast, unary as scalarUnary } from "./scalar.ts";
import { register, type Routines } from "./types.ts";

/** What lane code needs of its function. */
export interface LaneContext {
  readonly f: FuncBuilder;
  readonly routines: Routines;
  readonly fma: boolean;
  /** Push these 32 bits in every lane, from before the loop if they are known there. */
  readonly constant: (bits: number) => void;
}
/** A vector: a local, or code that pushes it once. */
export type Vector = Local | (() => void);
/** Bits of a lane. */
export type Width = 32 | 64;

/** Lane width of a dtype; a truth value has that of what it was computed from. */
export const widthOf = (d: DType): Width => (d === "f64" ? 64 : 32);
/** Lanes of a vector of this width. */
export const lanesOf = (w: Width): 2 | 4 => (w === 64 ? 2 : 4);
/** The shape prefix of operation names. */
export const shapeOf = (d: DType): "f32x4" | "f64x2" | "i32x4" =>
  register(d) === "f32" ? "f32x4" : register(d) === "f64" ? "f64x2" : "i32x4";
const isUnsigned = (d: DType): boolean => d === "u32" || d === "u8" || d === "bool";

/** The vector in a local. */
export function held(f: FuncBuilder, x: Vector): Local {
  if (typeof x !== "function") return x;
  const to = f.local("v128");
  x();
  f.set(to);
  return to;
}

/** Push lane `k` of x as a scalar; `width` is the mask's for bool. */
export function extract(f: FuncBuilder, d: DType, width: Width, x: Local, k: number): void {
  f.get(x);
  if (d === "bool")
    f.lane("i32x4.extract_lane", width === 64 ? 2 * k : k)
      .i32(1)
      .op("i32.and");
  else f.lane(`${shapeOf(d)}.extract_lane`, k);
}
/** Push a vector of the scalars that `lane(k)` pushes (not bool). */
export function build(f: FuncBuilder, d: DType, lane: (k: number) => void): void {
  const shape = shapeOf(d);
  lane(0);
  f.op(`${shape}.splat`);
  for (let k = 1; k < lanesOf(widthOf(d)); k++) {
    lane(k);
    f.lane(`${shape}.replace_lane`, k);
  }
}
/** Push a vector with the scalar local in every lane; a mask fits both widths. */
export function splat(f: FuncBuilder, d: DType, x: Local): void {
  if (d === "bool") f.i32(0).get(x).op("i32.sub").op("i32x4.splat");
  else f.get(x).op(`${shapeOf(d)}.splat`);
}

const plainUnary: { readonly [K in UnaryOp]?: string } = {
  neg: "neg",
  abs: "abs",
  floor: "floor",
  ceil: "ceil",
  trunc: "trunc",
  round: "nearest",
  sqrt: "sqrt",
};
/** Push op(x); for `isNan`, and `not` of bool, the mask. */
export function unary(c: LaneContext, op: UnaryOp, d: DType, x: Vector): void {
  const { f } = c,
    shape = shapeOf(d),
    plain = plainUnary[op];
  if (op === "not") {
    f.push(x).op("v128.not");
    return;
  }
  if (shape !== "i32x4") {
    if (op === "isNan") {
      const y = held(f, x);
      f.get(y).get(y).op(`${shape}.ne`);
      return;
    }
    if (op === "neg" && d === "f64") {
      f.push(x).f64x2(-0).op("v128.xor"); // V8 13.6 may pair f64x2.neg into wrong code; the sign bit is all that it changes
      return;
    }
    if (plain !== undefined) {
      f.push(x).op(`${shape}.${plain}` as PlainOp);
      return;
    } // each exists for f32x4 and f64x2
  } else {
    if (op === "isNan") {
      f.i32x4(0);
      return;
    }
    if (op === "neg" || (op === "abs" && !isUnsigned(d))) {
      f.push(x).op(`i32x4.${op}`);
      return;
    }
    if (op === "popcount") {
      f.push(x).op("i8x16.popcnt").op("i16x8.extadd_pairwise_i8x16_u").op("i32x4.extadd_pairwise_i16x8_u");
      return;
    }
  }
  byLane(c, d, [[held(f, x), d]], ([a]) => scalarUnary(f, op, d, a as Local)); // one operand
}

/** Push op(x, y). `shift`: y as a scalar local when it is the same in every lane. */
export function binary(c: LaneContext, op: BinaryOp, d: DType, x: Vector, y: Vector, shift?: Local): void {
  const { f } = c,
    shape = shapeOf(d);
  if (op === "and" || op === "or" || op === "xor") {
    f.push(x).push(y).op(`v128.${op}`);
    return;
  }
  if (d === "bool") {
    const as = { min: "and", mul: "and", max: "or", add: "or", sub: "xor" } as const;
    if (op in as) {
      f.push(x)
        .push(y)
        .op(`v128.${as[op as keyof typeof as]}`);
      return;
    } // `in` has shown that op is a key
  } else if (op === "add" || op === "sub" || op === "mul") {
    f.push(x).push(y).op(`${shape}.${op}`);
    return;
  }
  if (shape !== "i32x4") {
    if (op === "div" || op === "min" || op === "max") {
      f.push(x).push(y).op(`${shape}.${op}`);
      return;
    }
  } else {
    if (op === "min" || op === "max") {
      f.push(x)
        .push(y)
        .op(`i32x4.${op}_${isUnsigned(d) ? "u" : "s"}`);
      return;
    }
    if (shift && (op === "shl" || op === "shr")) {
      f.push(x)
        .get(shift)
        .op(op === "shl" ? "i32x4.shl" : "i32x4.shr_u")
        .i32x4(0)
        .get(shift)
        .i32(32)
        .op("i32.lt_u")
        .op("select");
      return;
    }
    if (shift && op === "sar") {
      f.push(x).get(shift).i32(31).get(shift).i32(31).op("i32.lt_u").op("select").op("i32x4.shr_s");
      return;
    }
  }
  byLane(
    c,
    d,
    [
      [held(f, x), d],
      [held(f, y), d],
    ],
    ([a, b]) => scalarBinary(f, op, d, a as Local, b as Local, c.routines),
  ); // two operands
}
/** Push x shifted by a constant number of bits, 0 to 31. */
export function shiftBy({ f }: LaneContext, op: "shl" | "shr" | "sar", x: Vector, bits: number): void {
  f.push(x)
    .i32(bits)
    .op(op === "shl" ? "i32x4.shl" : op === "shr" ? "i32x4.shr_u" : "i32x4.shr_s");
}
/** Push the mask of x op y (operands that are not bool). */
export function compare({ f }: LaneContext, op: CompareOp, d: DType, x: Vector, y: Vector): void {
  const shape = shapeOf(d),
    name = shape !== "i32x4" || op === "eq" || op === "ne" ? op : `${op}_${isUnsigned(d) ? "u" : "s"}`;
  f.push(x)
    .push(y)
    .op(`${shape}.${name}` as PlainOp); // each exists
}
/** Push the mask of x op y for masks. */
export function compareMasks({ f }: LaneContext, op: CompareOp, x: Vector, y: Vector): void {
  switch (op) {
    case "ne":
      f.push(x).push(y).op("v128.xor");
      break;
    case "eq":
      f.push(x).push(y).op("v128.xor").op("v128.not");
      break;
    case "lt":
      f.push(y).push(x).op("v128.andnot");
      break;
    case "gt":
      f.push(x).push(y).op("v128.andnot");
      break;
    case "le":
      f.push(x).push(y).op("v128.andnot").op("v128.not");
      break;
    case "ge":
      f.push(y).push(x).op("v128.andnot").op("v128.not");
      break;
    default:
      unreachable(op);
  }
}

/** Push x converted between dtypes whose lanes are 32 bits wide (not from or to bool). */
export function convert32(c: LaneContext, from: DType, to: DType, x: Vector): void {
  const { f } = c,
    a = register(from),
    b = register(to);
  if (a === "f32" && b === "i32") {
    f.push(x).op(to === "u32" ? "i32x4.trunc_sat_f32x4_u" : "i32x4.trunc_sat_f32x4_s");
    clampTo(f, to);
    return;
  }
  if (a === "i32" && b === "f32") {
    f.push(x).op(`f32x4.convert_i32x4_${isUnsigned(from) ? "u" : "s"}`);
    roundTo(c, to);
    return;
  }
  f.push(x);
  if (a === "f32") {
    if (from !== to) roundTo(c, to);
  } else wrapTo(f, to);
}
/** Saturate the i32 lanes on the stack to a storage dtype. */
export function clampTo(f: FuncBuilder, to: DType): void {
  if (to === "i8") f.i32x4(-128).op("i32x4.max_s").i32x4(127).op("i32x4.min_s");
  else if (to === "u8") f.i32x4(0).op("i32x4.max_s").i32x4(255).op("i32x4.min_s");
}
function wrapTo(f: FuncBuilder, to: DType): void {
  if (to === "i8") f.i32(24).op("i32x4.shl").i32(24).op("i32x4.shr_s");
  else if (to === "u8") f.i32x4(255).op("v128.and");
}
/** Round the f32 lanes on the stack to a 16-bit float, as f32. */
export function roundTo(c: LaneContext, to: DType): void {
  if (to !== "f16" && to !== "bf16") return;
  halfBits(c, to);
  halfValue(c, to);
}
/** Push x's bits as another dtype of the same size. */
export function bitcast(c: LaneContext, from: DType, to: DType, x: Vector): void {
  const { f } = c,
    is32 = (d: DType): boolean => d === "f32" || d === "i32" || d === "u32",
    isHalf = (d: DType): boolean => d === "f16" || d === "bf16";
  if (is32(from) && is32(to)) f.push(x);
  else if (isHalf(from) && isHalf(to)) {
    f.push(x);
    if (from !== to) {
      halfBits(c, from);
      halfValue(c, to);
    }
  } else byLane(c, to, [[held(f, x), from]], ([a]) => scalarBitcast(f, from, to, a as Local, c.routines)); // one operand
}

// Bits of the f32 numbers that the conversions of f16 work with.
const TWO_112 = 0x77800000,
  TWO_MINUS_14 = 0x38800000,
  HALF = 0x3f000000,
  TOO_LARGE = 0x477ff000,
  INFINITE = 0x7f800000,
  REBIAS = (0xfff - (112 << 23)) | 0;
/** What `halfValue` and `halfBits` want as constants before a loop. */
export const halfConstants = (d: DType): readonly number[] =>
  d === "f16"
    ? [0x7fff, TWO_112, 0x7c00, INFINITE, 0x8000, 0x7e00, HALF, REBIAS, 1, TWO_MINUS_14, TOO_LARGE]
    : d === "bf16"
      ? [0x40, 0x7fff, 1]
      : [];
/** i32 lanes with 16-bit patterns on the stack -> f32 lanes. */
export function halfValue({ f, constant: c }: LaneContext, d: DType): void {
  if (d === "bf16") {
    f.i32(16).op("i32x4.shl");
    return;
  }
  const h = f.local("v128"),
    magnitude = f.local("v128");
  f.set(h)
    .get(h)
    .push(() => c(0x7fff))
    .op("v128.and")
    .i32(13)
    .op("i32x4.shl")
    .push(() => c(TWO_112))
    .op("f32x4.mul")
    .set(magnitude); // infinities and NaNs come out finite
  f.get(h)
    .push(() => c(0x7c00))
    .op("v128.and")
    .push(() => c(0x7c00))
    .op("i32x4.eq")
    .push(() => c(INFINITE))
    .op("v128.and");
  f.get(magnitude)
    .op("v128.or")
    .get(h)
    .push(() => c(0x8000))
    .op("v128.and")
    .i32(16)
    .op("i32x4.shl")
    .op("v128.or");
}
/** f32 lanes on the stack -> i32 lanes with 16-bit patterns, to nearest even. */
export function halfBits({ f, constant: c }: LaneContext, d: DType): void {
  const x = f.local("v128"),
    a = f.local("v128");
  f.set(x);
  if (d === "bf16") {
    f.get(x)
      .i32(16)
      .op("i32x4.shr_u")
      .push(() => c(0x40))
      .op("v128.or"); // a quiet NaN
    f.get(x)
      .push(() => c(0x7fff))
      .op("i32x4.add")
      .get(x)
      .i32(16)
      .op("i32x4.shr_u")
      .push(() => c(1))
      .op("v128.and")
      .op("i32x4.add")
      .i32(16)
      .op("i32x4.shr_u");
    f.get(x).get(x).op("f32x4.ne").op("v128.bitselect");
    return;
  }
  f.get(x).op("f32x4.abs").set(a);
  c(0x7e00); // NaN
  c(0x7c00); // too large
  f.get(a)
    .push(() => c(HALF))
    .op("f32x4.add")
    .push(() => c(HALF))
    .op("i32x4.sub"); // subnormal: adding 1/2 rounds at the right bit
  f.get(a)
    .push(() => c(REBIAS))
    .op("i32x4.add")
    .get(a)
    .i32(13)
    .op("i32x4.shr_u")
    .push(() => c(1))
    .op("v128.and")
    .op("i32x4.add")
    .i32(13)
    .op("i32x4.shr_u");
  f.get(a)
    .push(() => c(TWO_MINUS_14))
    .op("f32x4.lt")
    .op("v128.bitselect");
  f.get(a)
    .push(() => c(TOO_LARGE))
    .op("f32x4.ge")
    .op("v128.bitselect");
  f.get(a).get(a).op("f32x4.ne").op("v128.bitselect");
  f.get(x)
    .i32(16)
    .op("i32x4.shr_u")
    .push(() => c(0x8000))
    .op("v128.and")
    .op("v128.or");
}

/** Lane by lane through scalar locals. */
function byLane({ f }: LaneContext, to: DType, operands: readonly (readonly [Local, DType])[], op: (xs: readonly Local[]) => void): void {
  const scalars = operands.map(([, d]) => f.local(register(d)));
  build(f, to, k => {
    operands.forEach(([x, d], i) => {
      extract(f, d, widthOf(d), x, k);
      f.set(scalars[i] as Local);
    }); // equal lengths
    op(scalars);
  });
}
