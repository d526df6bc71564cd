// Tensors and GPUBuffers of the user's on the same GPUDevice: copies on the device, and a tensor's own memory without a copy. Elsewhere there are no such buffers, and that is said.
import { defaultDevice } from "../runtime/devices.ts";
import type { Device } from "../runtime/device.ts";
import type { DType } from "../runtime/dtype.ts";
import { PullbackError } from "../runtime/errors/error.ts";
import type { GpuBuffer } from "../runtime/webgpu/api.ts";
import { WebGpuArray } from "../runtime/webgpu/array.ts";
import type { Borrowed, BorrowOptions } from "../runtime/webgpu/borrow.ts";
import { WebGpuDevice } from "../runtime/webgpu/device.ts";
import { showAval, sizeOf, type Shape } from "./ir/aval.ts";
import { concrete } from "./execute.ts";
import type { Tensor } from "./trace/tensor.ts";

/** What a buffer holds: storage of `dtype` (f32), row-major, from byte `offset` (0) on. `device`: the one that the buffer belongs to (the default). */
export interface GpuBufferLayout {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly offset?: number;
  readonly device?: Device;
}

/** A tensor with the contents that a GPUBuffer of yours has now. The buffer stays yours: keep it until `device.sync()`. @throws E0709 when it cannot be copied, or `device` has no such buffers */
export function fromGpuBuffer(buffer: GpuBuffer, { shape, dtype = "f32", offset = 0, device = defaultDevice() }: GpuBufferLayout): Tensor {
  if (!(device instanceof WebGpuDevice)) throw elsewhere(`the device ${device.name}`);
  return concrete({ dtype, shape }, device.fromBuffer(buffer, dtype, sizeOf(shape), offset));
}
/** Copies a tensor into a GPUBuffer of yours, from byte `offset` on. @throws E0709 when it cannot be written, E0701 for a released tensor */
export function toGpuBuffer(x: Tensor, buffer: GpuBuffer, offset = 0): void {
  const a = arrayOf(x);
  a.device.toBuffer(a, buffer, offset);
}
/** Lends the memory of `x` itself to work of yours, without a copy: `use` is called when its turn has come, and may submit commands that read `x`, or with `writes` fill it. What
 *  it is given is good until it returns. @throws (rejects) what `use` throws; E0707 for what the driver refuses, E0701, E0704, E0709 */
export async function borrowGpuBuffer(x: Tensor, use: (borrowed: Borrowed) => void, options: BorrowOptions = {}): Promise<void> {
  const a = arrayOf(x);
  await a.device.borrow(a, use, options);
}

function arrayOf(x: Tensor): WebGpuArray {
  const array = x.storage.kind === "concrete" ? x.storage.array : undefined;
  if (array instanceof WebGpuArray) return array;
  throw elsewhere(array ? `a tensor on ${array.device.name}` : `a traced tensor ${showAval(x.aval)}`);
}
const elsewhere = (what: string): PullbackError =>
  new PullbackError("E0709", `${what} has no GPUBuffer`, {
    help: "only concrete tensors on a WebGPU device have one: await toDevice(x, await webgpu({ device }))",
  });
