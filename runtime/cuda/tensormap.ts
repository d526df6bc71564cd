// Descriptors for bulk copies of tiles (TMA, capability 90 and up): the driver packs a tensor's address, sizes and swizzle into 128 bytes that a kernel takes
// as a parameter.
import { InternalError } from "../errors/error.ts";
import type { PtxTensor } from "../artifact.ts";
import type { DType } from "../dtype.ts";
import type { Calls } from "./calls.ts";

/** CUtensorMapDataType */
const types: Readonly<Record<DType, number>> = {
  u8: 0,
  bool: 0,
  i8: 0,
  u32: 2,
  i32: 3,
  f16: 6,
  f32: 7,
  f64: 8,
  bf16: 9,
  f8e4m3: 0,
  f8e5m2: 0,
};
const L2_PROMOTION_128 = 2;

/** Write the descriptor of a tensor at device address `address` to the native address `map` (128 bytes, aligned to 64). */
export function encodeTensorMap(calls: Calls, map: bigint, address: number, spec: Omit<PtxTensor, "param" | "offset">): void {
  const rank = spec.dims.length;
  if (spec.box.length !== rank || spec.strides.length !== rank - 1)
    throw new InternalError(`a tensor map of rank ${rank} with a box of ${spec.box.length} and ${spec.strides.length} strides`);
  calls.do(
    "cuTensorMapEncodeTiled",
    `describing a tensor of ${spec.dtype} [${spec.dims.join(", ")}]`,
    map,
    types[spec.dtype],
    rank,
    address,
    BigUint64Array.from(spec.dims, BigInt),
    BigUint64Array.from(spec.strides, BigInt),
    Uint32Array.from(spec.box),
    new Uint32Array(rank).fill(1),
    0,
    [0, 32, 64, 128].indexOf(spec.swizzle),
    L2_PROMOTION_128,
    0,
  );
}
