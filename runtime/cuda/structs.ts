// The driver's C structures as bytes (64-bit, little-endian: all that CUDA runs on). Offsets are those of cuda.h.
import { LAUNCH_CLUSTER } from "./driver.ts";

/** Where and how a kernel runs. `cluster`: groups that share memory, along x. */
export interface LaunchShape {
  readonly grid: number;
  readonly block: number;
  readonly dynamicSharedBytes: number;
  readonly cluster: number;
}

/** CUDA_KERNEL_NODE_PARAMS (v2): func, grid, block, dynamic shared memory, native address of the parameters' pointers. */
export function kernelNode(fn: bigint, shape: LaunchShape, params: bigint): Uint8Array {
  const bytes = new Uint8Array(72),
    v = new DataView(bytes.buffer);
  v.setBigUint64(0, fn, true);
  [shape.grid, 1, 1, shape.block, 1, 1, shape.dynamicSharedBytes].forEach((x, i) => v.setUint32(8 + 4 * i, x, true));
  v.setBigUint64(40, params, true);
  return bytes;
}
/** CUDA_MEMCPY3D: `size` bytes in a row, from device memory to device memory. */
export function copyNode(to: number, from: number, size: number): Uint8Array {
  const bytes = new Uint8Array(200),
    v = new DataView(bytes.buffer),
    DEVICE = 2;
  v.setUint32(32, DEVICE, true);
  v.setBigUint64(48, BigInt(from), true);
  v.setUint32(120, DEVICE, true);
  v.setBigUint64(136, BigInt(to), true);
  [size, 1, 1].forEach((x, i) => v.setBigUint64(176 + 8 * i, BigInt(x), true));
  return bytes;
}
/** CUlaunchConfig with one attribute, which lies at the native address `attribute`. */
export function launchConfig(shape: LaunchShape, stream: bigint, attribute: bigint): Uint8Array {
  const bytes = new Uint8Array(56),
    v = new DataView(bytes.buffer);
  [shape.grid, 1, 1, shape.block, 1, 1, shape.dynamicSharedBytes].forEach((x, i) => v.setUint32(4 * i, x, true));
  v.setBigUint64(32, stream, true);
  v.setBigUint64(40, attribute, true);
  v.setUint32(48, 1, true);
  return bytes;
}
/** CUlaunchAttributeValue of a cluster of `size` groups along x. */
export function clusterValue(size: number): Uint8Array {
  const bytes = new Uint8Array(64),
    v = new DataView(bytes.buffer);
  [size, 1, 1].forEach((x, i) => v.setUint32(4 * i, x, true));
  return bytes;
}
/** CUlaunchAttribute of the same. */
export function clusterAttribute(size: number): Uint8Array {
  const bytes = new Uint8Array(72);
  new DataView(bytes.buffer).setUint32(0, LAUNCH_CLUSTER, true);
  bytes.set(clusterValue(size), 8);
  return bytes;
}
