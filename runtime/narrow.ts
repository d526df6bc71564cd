// The floats that are stored in fewer bits than they are computed in, as raw patterns: which functions know which format.
import { isFloat8, type DType, type Float8 } from "./dtype.ts";
import { bf16ToF32, f16ToF32, f32ToBf16, f64ToF16 } from "./float16.ts";
import { fromFloat8, toFloat8 } from "./float8.ts";

/** Stored as a bit pattern, computed in f32. */
export type NarrowFloat = "f16" | "bf16" | Float8;
/** Is `d` stored as a bit pattern? */
export const isNarrowFloat = (d: DType): d is NarrowFloat => d === "f16" || d === "bf16" || isFloat8(d);

/** The pattern of the value nearest to `x`. bf16 rounds through f32. */
export const toPattern = (d: NarrowFloat, x: number): number =>
  d === "f16" ? f64ToF16(x) : d === "bf16" ? f32ToBf16(Math.fround(x)) : toFloat8(d, x);
/** The value of a pattern. */
export const fromPattern = (d: NarrowFloat, bits: number): number =>
  d === "f16" ? f16ToF32(bits) : d === "bf16" ? bf16ToF32(bits) : fromFloat8(d, bits);
