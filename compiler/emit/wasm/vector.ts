// One operation on lanes: 4 lanes of 32-bit values, or 2 lanes (f64 programs; 32-bit values then use the lower half of a vector). A bool is a mask as
// wide as the lanes. What SIMD lacks is done lane by lane with the scalar operation.
import type { DType } from "../../../runtime/dtype.ts";
import type { BinaryOp, CompareOp, UnaryOp } from "../../ir/scalar.ts";
import type { FuncBuilder, Local } from "./encoder/function.ts";
import type { PlainOp } from "./encoder/opcodes.ts";
import { binary as scalarBinary, bitcast as scalarBitcast, compare as scalarCompare, convert as scalarConvert, unary as scalarUnary, type Host } from "./scalar.ts";
import { register, type Half } from "./types.ts";

/** What lane code needs of its module. */
export interface LaneContext { readonly f: FuncBuilder; readonly lanes: 2 | 4; readonly host: Host; readonly half: Half; readonly fma: boolean }

const shapeOf = (d: DType): "f32x4" | "f64x2" | "i32x4" => (register(d) === "f32" ? "f32x4" : register(d) === "f64" ? "f64x2" : "i32x4");
const isUnsigned = (d: DType): boolean => d === "u32" || d === "u8";

/** Push lane `k` of x as a scalar. */
export function extract({ f, lanes }: LaneContext, d: DType, x: Local, k: number): void {
  f.get(x);
  if (d === "bool") { if (lanes === 4) f.lane("i32x4.extract_lane", k).i32(1).op("i32.and"); else f.lane("i32x4.extract_lane", 2 * k).i32(1).op("i32.and"); return; }
  f.lane(`${shapeOf(d)}.extract_lane`, k);
}
/** Push a vector of the scalars that `lane(k)` pushes. */
export function build({ f, lanes }: LaneContext, d: DType, lane: (k: number) => void): void {
  if (d === "bool") {
    f.v128(new Uint8Array(16));
    for (let k = 0; k < lanes; k++) {
      f.i32(0);
      lane(k);
      f.op("i32.sub");
      if (lanes === 4) f.lane("i32x4.replace_lane", k);
      else f.op("i64.extend_i32_s").lane("i64x2.replace_lane", k);
    }
    return;
  }
  const shape = shapeOf(d);
  f.v128(new Uint8Array(16));
  for (let k = 0; k < lanes; k++) { lane(k); f.lane(`${shape}.replace_lane`, k); }
}
/** Push a vector with the scalar local in every lane. */
export function splat({ f, lanes }: LaneContext, d: DType, x: Local): void {
  if (d === "bool") { f.i32(0).get(x).op("i32.sub"); if (lanes === 4) f.op("i32x4.splat"); else f.op("i64.extend_i32_s").op("i64x2.splat"); return; }
  f.get(x).op(`${shapeOf(d)}.splat`);
}

/** Push op(x) on lanes. */
export function unary(c: LaneContext, op: UnaryOp, d: DType, x: Local): void {
  const { f } = c, r = register(d), shape = shapeOf(d);
  if (r !== "i32") {
    const plain = ({ neg: "neg", abs: "abs", floor: "floor", ceil: "ceil", trunc: "trunc", round: "nearest", sqrt: "sqrt" } as const as { readonly [k: string]: string })[op]; // absent for the rest
    if (plain !== undefined) { f.get(x).op(`${shape}.${plain}` as PlainOp); return; } // each exists for f32x4 and f64x2
    if (op === "isNan") { f.get(x).get(x).op(`${shape}.ne` as PlainOp); fitMask(c, d); return; } // exists for both
  } else {
    if (op === "not") { f.get(x).op("v128.not"); return; }
    if (op === "neg" || op === "abs" && !isUnsigned(d)) { f.get(x).op(`i32x4.${op}`); return; }
  }
  byLane(c, op === "isNan" ? "bool" : d, [[x, d]], ([a]) => scalarUnary(f, op, d, a as Local, c.host)); // one operand
}
/** Push op(x, y) on lanes. `shift`: y as a scalar local when it is the same in every lane. */
export function binary(c: LaneContext, op: BinaryOp, d: DType, x: Local, y: Local, shift?: Local): void {
  const { f } = c, r = register(d), shape = shapeOf(d);
  if (op === "and" || op === "or" || op === "xor") { f.get(x).get(y).op(`v128.${op}`); return; }
  if (r !== "i32" && (op === "add" || op === "sub" || op === "mul" || op === "div" || op === "min" || op === "max")) { f.get(x).get(y).op(`${shape}.${op}` as PlainOp); return; } // exists for both
  if (r === "i32") {
    if (op === "add" || op === "sub" || op === "mul") { f.get(x).get(y).op(`i32x4.${op}`); return; }
    if ((op === "min" || op === "max") && d !== "bool") { f.get(x).get(y).op(`i32x4.${op}_${isUnsigned(d) ? "u" : "s"}`); return; }
    if (shift && (op === "shl" || op === "shr")) { f.get(x).get(shift).op(op === "shl" ? "i32x4.shl" : "i32x4.shr_u").v128(new Uint8Array(16)).get(shift).i32(32).op("i32.lt_u").op("select"); return; }
    if (shift && op === "sar") { f.get(x).get(shift).i32(31).get(shift).i32(31).op("i32.lt_u").op("select").op("i32x4.shr_s"); return; }
  }
  byLane(c, d, [[x, d], [y, d]], ([a, b]) => scalarBinary(f, op, d, a as Local, b as Local, c.host)); // two operands
}
/** Push x·y + z on lanes. */
export function fma(c: LaneContext, d: DType, x: Local, y: Local, z: Local): void {
  const { f } = c, shape = shapeOf(d);
  if (shape !== "i32x4" && c.fma) f.get(x).get(y).get(z).op(`${shape}.relaxed_madd`);
  else f.get(x).get(y).op(`${shape}.mul`).get(z).op(`${shape}.add`);
}
/** Push the mask of x op y. */
export function compare(c: LaneContext, op: CompareOp, d: DType, x: Local, y: Local): void {
  const { f } = c, shape = shapeOf(d);
  if (d === "bool") { byLane(c, "bool", [[x, d], [y, d]], ([a, b]) => scalarCompare(f, op, d, a as Local, b as Local)); return; } // two operands
  const name = shape !== "i32x4" || op === "eq" || op === "ne" ? op : `${op}_${isUnsigned(d) ? "u" : "s"}`;
  f.get(x).get(y).op(`${shape}.${name}` as PlainOp); // each exists
  fitMask(c, d);
}
/** A comparison's mask is as wide as what was compared: widen it to the lanes. */
function fitMask({ f, lanes }: LaneContext, d: DType): void { if (lanes === 2 && register(d) !== "f64") f.op("i64x2.extend_low_i32x4_s"); }
/** Push x where the mask is set, else y. */
export function select({ f, lanes }: LaneContext, d: DType, mask: Local, x: Local, y: Local): void {
  f.get(x).get(y).get(mask);
  if (lanes === 2 && d !== "bool" && register(d) !== "f64") f.get(mask).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
  f.op("v128.bitselect");
}
/** Push x converted. */
export function convert(c: LaneContext, from: DType, to: DType, x: Local): void {
  const { f } = c;
  if (from === "f32" && to === "i32") f.get(x).op("i32x4.trunc_sat_f32x4_s");
  else if (from === "f32" && to === "u32") f.get(x).op("i32x4.trunc_sat_f32x4_u");
  else if ((from === "i32" || from === "u32") && to === "f32") f.get(x).op(`f32x4.convert_i32x4_${from === "i32" ? "s" : "u"}`);
  else if ((from === "i32" || from === "u32") && to === "f64" && c.lanes === 2) f.get(x).op(`f64x2.convert_low_i32x4_${from === "i32" ? "s" : "u"}`);
  else if ((from === "i32" && to === "u32") || (from === "u32" && to === "i32")) f.get(x);
  else if (from === "f32" && to === "f64" && c.lanes === 2) f.get(x).op("f64x2.promote_low_f32x4");
  else if (from === "f64" && to === "f32") f.get(x).op("f32x4.demote_f64x2_zero");
  else byLane(c, to, [[x, from]], ([a]) => scalarConvert(f, from, to, a as Local, c.half)); // one operand
}
/** Push x's bits as another dtype. */
export function bitcast(c: LaneContext, from: DType, to: DType, x: Local): void {
  if (register(from) !== "f64" && [from, to].every(d => d === "f32" || d === "i32" || d === "u32")) c.f.get(x);
  else byLane(c, to, [[x, from]], ([a]) => scalarBitcast(c.f, from, to, a as Local, c.half)); // one operand
}

/** Lane by lane through scalar locals. */
function byLane(c: LaneContext, to: DType, operands: readonly (readonly [Local, DType])[], op: (xs: readonly Local[]) => void): void {
  const { f } = c, scalars = operands.map(([, d]) => f.local(register(d)));
  build(c, to, k => {
    operands.forEach(([x, d], i) => { extract(c, d, x, k); f.set(scalars[i] as Local); }); // equal lengths
    op(scalars);
  });
}
