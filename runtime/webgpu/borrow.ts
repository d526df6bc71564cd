// A tensor's memory lent to work of the user's on the same GPUDevice: nothing is copied. Kernels see the heap as one binding, so a tensor cannot lie in a buffer of the
// user's; but the user's commands may read and write a tensor where it lies, in their turn on the timeline.
import { byteSize } from "../dtype.ts";
import type { GpuBuffer, GpuDevice } from "./api.ts";
import type { WebGpuArray } from "./array.ts";
import type { WebGpuDevice } from "./device.ts";

/** Where a tensor lies, as long as the callback runs: the next command may move it. `offset` and `bytes` are for copies. `binding` is for a bind group: it begins at an offset
 *  that the device can bind, `first` elements before the tensor. The buffer has the usages STORAGE, COPY_SRC and COPY_DST. */
export interface Borrowed {
  readonly gpu: GpuDevice;
  readonly buffer: GpuBuffer;
  readonly offset: number;
  readonly bytes: number;
  readonly binding: { readonly buffer: GpuBuffer; readonly offset: number; readonly size: number };
  readonly first: number;
}
/** `writes`: the callback's commands write the tensor; if they fail its contents are void. */
export interface BorrowOptions {
  readonly writes?: boolean;
}

/** Calls `use` in its turn: after all that was issued before, and before all that comes later. What it submits to the device's queue there is in that order too. Resolves when the
 *  driver has accepted it. @throws (rejects) what `use` throws, E0707 for what the driver refuses, E0701 for a released tensor, E0704 */
export async function borrow(
  device: WebGpuDevice,
  a: WebGpuArray,
  use: (borrowed: Borrowed) => void,
  { writes = false }: BorrowOptions = {},
): Promise<void> {
  a.requireLive("borrowed");
  a.requireSound();
  const { timeline } = device,
    { address } = a.place;
  const seq = await new Promise<number>((resolve, reject) => {
    const issued = timeline.issue({
      execute(seq) {
        try {
          timeline.attempt(seq, () => use(view(device, a, address)));
          resolve(seq);
        } catch (e) {
          reject(e instanceof Error ? e : new Error(String(e)));
          throw e;
        }
      },
      voided: reject,
    });
    if (writes) a.place.written = issued;
  });
  await timeline.settled();
  const fault = timeline.faultOf(seq);
  if (fault) throw fault;
}
function view({ timeline: { gpu }, buffer }: WebGpuDevice, { elements, dtype }: WebGpuArray, offset: number): Borrowed {
  const size = byteSize(dtype),
    bytes = elements * size,
    start = offset - (offset % gpu.limits.minStorageBufferOffsetAlignment);
  const whole = Math.max(4, Math.ceil((offset + bytes - start) / 4) * 4); // bindings are whole words, and not empty
  return { gpu, buffer, offset, bytes, binding: { buffer, offset: start, size: whole }, first: (offset - start) / size };
}
