// Lanes of 32 and of 64 bits beside each other: values converted, and truth values resized, from one width to the other.
import { unreachable } from "../../../runtime/errors/error.ts";
import type { Expr } from "../../ir/scalar.ts";
import type { LaneEmitter } from "./lanes.ts";
import { register } from "./types.ts";
import * as vec from "./vector.ts";
import { widthOf, type Width } from "./vector.ts";

/** Push part `p` of a conversion. */
export function convertLanes(lanes: LaneEmitter, e: Extract<Expr, { kind: "convert" }>, p: number): void {
  const { f } = lanes.e,
    from = e.x.dtype,
    to = e.dtype;
  if (from === "bool") {
    f.push(lanes.maskOperand(e.x, widthOf(to), p));
    if (register(to) === "f32") f.f32x4(1);
    else if (to === "f64") f.f64x2(1);
    else f.i32x4(1);
    f.op("v128.and");
  } else if (widthOf(from) === 32 && widthOf(to) === 32) vec.convert32(lanes.context, from, to, lanes.operand(e.x, p));
  else if (widthOf(from) === 64 && widthOf(to) === 64) f.push(lanes.operand(e.x, p));
  else if (widthOf(to) === 64) {
    const x = lanes.local(e.x, p >> 1);
    f.get(x);
    if (p % 2 === 1) f.get(x).shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
    f.op(
      register(from) === "f32"
        ? "f64x2.promote_low_f32x4"
        : from === "u32" || from === "u8"
          ? "f64x2.convert_low_i32x4_u"
          : "f64x2.convert_low_i32x4_s",
    );
  } else {
    const half =
      register(to) === "f32" ? "f32x4.demote_f64x2_zero" : to === "u32" ? "i32x4.trunc_sat_f64x2_u_zero" : "i32x4.trunc_sat_f64x2_s_zero";
    f.push(lanes.operand(e.x, 2 * p))
      .op(half)
      .push(lanes.operand(e.x, 2 * p + 1))
      .op(half)
      .shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
    if (register(to) === "f32") vec.roundTo(lanes.context, to);
    else vec.clampTo(f, to);
  }
}

/** The lane width a bool is computed in, or undefined when it follows its operands. */
export function maskWidth(e: Expr): Width | undefined {
  switch (e.kind) {
    case "compare":
      return e.x.dtype === "bool" ? undefined : widthOf(e.x.dtype);
    case "unary":
      return e.op === "isNan" ? widthOf(e.x.dtype) : undefined;
    case "convert":
    case "bitcast":
      return e.x.dtype === "bool" ? undefined : widthOf(e.x.dtype);
    case "load":
    case "var":
      return 32;
    case "binary":
    case "select":
    case "const":
    case "fma":
      return undefined;
    default:
      return unreachable(e);
  }
}
/** Push part `p` of a bool computed in lanes of `own` bits, in lanes of the other width. */
export function resizeMask(lanes: LaneEmitter, e: Expr, own: Width, p: number): void {
  const { f } = lanes.e;
  if (own === 64) {
    const low = lanes.mask(e, 64, 2 * p),
      high = lanes.mask(e, 64, 2 * p + 1);
    f.get(low).get(high).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
    return;
  }
  f.get(lanes.mask(e, 32, p >> 1)).op(p % 2 === 0 ? "i64x2.extend_low_i32x4_s" : "i64x2.extend_high_i32x4_s");
}
