// Bits and truth values, element by element. Nothing here has a derivative.
// 8-bit integers are computed in 32 bits, so the operations that look at high bits first cut their operand to 8.
import { dtypeInfo, type DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { showAval } from "../ir/aval.ts";
import type { BinaryOp, Expr, ScalarOps, UnaryOp } from "../ir/scalar.ts";
import { bitTypes, integers } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { binaryMap, elementwiseAval, unaryMap } from "./rules.ts";

/** Bitwise or logical and. */
export const and: Operation<2> = binaryMap("and", "and", bitTypes, [null, null]);
/** Bitwise or logical or. */
export const or: Operation<2> = binaryMap("or", "or", bitTypes, [null, null]);
/** Bitwise or logical exclusive or. */
export const xor: Operation<2> = binaryMap("xor", "xor", bitTypes, [null, null]);
/** Bitwise or logical complement. */
export const not: Operation<1> = unaryMap("not", bitTypes, null);

/** The low bits of an integer held in a wider one, unsigned. */
const cut = (s: ScalarOps, x: Expr, dtype: DType): Expr => (dtypeInfo(dtype).bits === 8 ? s.binary("and", x, s.const(255, x.dtype)) : x);

/** x · 2^y: bits move up; 0 when y is at least the number of bits. @throws E0201, E0204 */
export const shiftLeft: Operation<2> = shift("shiftLeft", "shl", (_s, x) => x);
/** Bits move down and zeros come in. */
export const shiftRightLogical: Operation<2> = shift("shiftRightLogical", "shr", cut);
/** Bits move down and the sign comes in; signed integers only. */
export const shiftRightArithmetic: Operation<2> = shift("shiftRightArithmetic", "sar", (_s, x) => x);

function shift(name: string, op: BinaryOp, operand: (s: ScalarOps, x: Expr, dtype: DType) => Expr): Operation<2> {
  return definePrimitive<2>({
    name,
    aval(ins) {
      const out = elementwiseAval(name, integers, ins);
      if (op === "sar" && dtypeInfo(out.dtype).class === "uint")
        throw new PullbackError("E0204", `${name} needs signed integers, got ${showAval(out)}`, {
          help: "unsigned integers have no sign to keep: use shiftRightLogical",
        });
      return out;
    },
    lower: { kind: "map", scalar: (s, [x, y], _p, outs) => s.binary(op, operand(s, x, outs[0]?.dtype ?? x.dtype), y) },
    jvp: [null, null],
  });
}

/** Number of one bits. */
export const popcount: Operation<1> = count("popcount", 0);
/** Number of zero bits above the highest one bit. */
export const clz: Operation<1> = count("clz", 24);

/** `excess`: what the 32-bit answer has too much for 8 bits. */
function count(op: UnaryOp, excess: number): Operation<1> {
  return definePrimitive<1>({
    name: op,
    aval: ins => elementwiseAval(op, integers, ins),
    lower: {
      kind: "map",
      scalar(s, [x], _p, outs) {
        const dtype = outs[0]?.dtype ?? x.dtype;
        const n = s.unary(op, cut(s, x, dtype));
        return dtypeInfo(dtype).bits === 8 && excess > 0 ? s.binary("sub", n, s.const(excess, n.dtype)) : n;
      },
    },
    jvp: [null],
  });
}
