// Changes of element type: by value, and by bits. The only way from one dtype to another; nothing converts implicitly.
import { computeDType, dtypeInfo, isFloat, type DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { aval, showAval } from "../ir/aval.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { avalOf, only, perOperand } from "./rules.ts";

/** The dtype of the result. */
export type ConvertParams = { readonly dtype: DType };
/** The same value in another dtype. Float to integer truncates and saturates, NaN gives 0; integer to integer wraps; to bool is `≠ 0`.
 *  f64 to a narrower float rounds through f32. Differentiable between floats. */
export const convert: Operation<1, ConvertParams> = definePrimitive<1, ConvertParams>({
  name: "convert",
  aval: ([x], { dtype }) => aval(dtype, x.shape),
  lower: {
    kind: "map",
    scalar(s, [x], { dtype }) {
      const { class: kind, bits } = dtypeInfo(dtype);
      if (bits !== 8 || kind === "bool" || kind === "float" || !isFloat(x.dtype)) return s.convert(x, computeDType(dtype));
      const [low, high] = kind === "int" ? [-128, 127] : [0, 255]; // saturate where the value still is a float
      return s.convert(s.binary("min", s.binary("max", x, s.const(low, x.dtype)), s.const(high, x.dtype)), computeDType(dtype));
    },
  },
  linear: "jointly",
  jvp: ([dx], [x], { dtype }) => only(dx && isFloat(dtype) && isFloat(x.dtype) ? convert(dx, { dtype }) : null),
  transpose: perOperand<1, ConvertParams>((ct, [x]) => convert(ct, { dtype: avalOf(x).dtype })),
  simplify: ([x], { dtype }) => (x.dtype === dtype ? [x] : undefined),
});

/** The same bits read as another dtype of equal size: among f32, i32 and u32, or i8 and u8. @throws E0204 */
export const bitcast: Operation<1, ConvertParams> = definePrimitive<1, ConvertParams>({
  name: "bitcast",
  aval([x], { dtype }) {
    const from = dtypeInfo(x.dtype),
      to = dtypeInfo(dtype);
    const integers = from.class !== "float" && from.class !== "bool" && to.class !== "float" && to.class !== "bool";
    if (x.dtype !== dtype && !(from.bits === to.bits && (from.bits === 32 || integers))) {
      throw new PullbackError("E0204", `cannot read the bits of ${showAval(x)} as ${dtype}`, {
        help: "bitcast works among f32, i32 and u32, and between i8 and u8; convert changes values",
      });
    }
    return aval(dtype, x.shape);
  },
  lower: { kind: "map", scalar: (s, [x], { dtype }) => s.bitcast(x, computeDType(dtype)) },
  jvp: [null],
  simplify: ([x], { dtype }) => (x.dtype === dtype ? [x] : undefined),
});
