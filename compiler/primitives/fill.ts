// Tensors made of constants and of positions. Constants are broadcast literals: no buffer is ever filled on the host.
import type { DType } from "../../runtime/dtype.ts";
import { computeDType } from "../../runtime/dtype.ts";
import { aval, type Aval, type Shape } from "../ir/aval.ts";
import { lit } from "../trace/builder.ts";
import type { Tensor } from "../trace/tensor.ts";
import { broadcastInDim } from "./broadcast.ts";
import { needAxis, needDType, needSizes, nth, numbers } from "./check.ts";
import { definePrimitive, type Operation } from "./define.ts";

/** `value` everywhere (bool: 0 or 1). A scalar is the literal itself. */
export const full = (shape: Shape, value: number, dtype: DType): Tensor =>
  shape.length === 0 ? lit(value, dtype) : broadcastInDim(lit(value, dtype), { shape, dims: [] });
/** Zeros of this type. */
export const zeros = (a: Aval): Tensor => full(a.shape, 0, a.dtype);
/** Ones of this type. */
export const ones = (a: Aval): Tensor => full(a.shape, 1, a.dtype);
/** `value` with the dtype and shape of `x`. */
export const fullLike = (x: Tensor, value: number): Tensor => full(x.shape, value, x.dtype);
/** The scalar `value` with the dtype of `x`. */
export const scalarLike = (x: Tensor, value: number): Tensor => lit(value, x.dtype);

/** Type of the result and the axis that is counted. */
export type IotaParams = { readonly dtype: DType; readonly shape: Shape; readonly axis: number };
/** The position along `axis`: out[.., i, ..] = i. @throws E0203, E0204 for bool, E0205 */
export const iota: Operation<0, IotaParams> = definePrimitive<0, IotaParams>({
  name: "iota",
  aval(_ins, { dtype, shape, axis }) {
    const out = aval(dtype, shape);
    needSizes("iota", shape);
    needDType("iota", numbers, out);
    needAxis("iota", axis, out);
    return out;
  },
  lower: { kind: "index", element: (s, out, _read, { dtype, axis }) => s.convert(nth(out, axis), computeDType(dtype)) },
  jvp: [],
});
