// Between host arrays and tensors: upload, read, dispose. Reading is always explicit.
import { defaultDevice } from "../runtime/devices.ts";
import type { Device, DeviceArray } from "../runtime/device.ts";
import { hostArray, type DType, type HostArray } from "../runtime/dtype.ts";
import { PullbackError } from "../runtime/errors/error.ts";
import { OutOfMemoryError } from "../runtime/errors/memory.ts";
import { fromPattern, isNarrowFloat, toPattern } from "../runtime/narrow.ts";
import { showAval, sizeOf, type Shape } from "./ir/aval.ts";
import { flatten, unflatten } from "./support/tree.ts";
import { Tensor } from "./trace/tensor.ts";

/** Numbers in the storage format of `dtype`: rounded, f16, bf16 and 8-bit floats as bit patterns, bool as 0/1. */
export function toStorage(dtype: DType, values: ArrayLike<number>): HostArray {
  const out = hostArray(dtype, values.length);
  const encode = isNarrowFloat(dtype)
    ? (x: number) => toPattern(dtype, x)
    : dtype === "bool"
      ? (x: number) => (x === 0 ? 0 : 1)
      : (x: number) => x;
  for (let i = 0; i < values.length; i++) out[i] = encode(values[i] ?? 0);
  return out;
}
/** The inverse: plain numbers from storage. */
export function fromStorage(dtype: DType, data: HostArray): ArrayLike<number> {
  return isNarrowFloat(dtype) ? Float32Array.from(data, bits => fromPattern(dtype, bits)) : data;
}

/** A concrete tensor from data in storage format, row-major. @throws E0205 when sizes differ. */
export function fromHost(dtype: DType, shape: Shape, data: HostArray, device: Device = defaultDevice()): Tensor {
  if (data.length !== sizeOf(shape))
    throw new PullbackError(
      "E0205",
      `${data.length} numbers cannot fill ${showAval({ dtype, shape })}, which has ${sizeOf(shape)} elements`,
    );
  return new Tensor({ dtype, shape }, { kind: "concrete", array: device.upload(dtype, data) });
}

function memoryOf(x: Tensor, verb: string): DeviceArray {
  if (x.storage.kind === "concrete") return x.storage.array;
  throw new PullbackError("E0101", `a traced tensor ${showAval(x.aval)} has no value to ${verb} yet`, {
    help: "return it from the traced function and read the result",
  });
}
/** A host copy of the values, in storage format (f16, bf16 and 8-bit floats as bit patterns). May wait for the device. @throws E0101 while tracing, E0701 after dispose. */
export const readSync = (x: Tensor): HostArray =>
  x.storage.kind === "staged" && x.storage.atom.kind === "lit"
    ? toStorage(x.dtype, [x.storage.atom.value])
    : memoryOf(x, "read").readSync();
/** The same without blocking. */
export const read = async (x: Tensor): Promise<HostArray> =>
  x.storage.kind === "staged" && x.storage.atom.kind === "lit" ? readSync(x) : memoryOf(x, "read").read();
/** A tree whose tensors lie on `device` (the default one unless given): those that do already, and copies of the others. It waits for what they come from, so
 *  `await toDevice(tree, wasm())` is also how values of an asynchronous device are read all at once. The originals stay. @throws E0101 while tracing, E0705 for a dtype that `device` lacks */
export async function toDevice<T>(tree: T, device: Device = defaultDevice()): Promise<T> {
  const { leaves, def } = flatten(tree);
  const data = await Promise.all(leaves.map(x => (x instanceof Tensor && !liesOn(x, device) ? read(x) : undefined)));
  const made: Tensor[] = [];
  try {
    const moved: unknown[] = [];
    for (const [i, x] of leaves.entries()) {
      const host = data[i];
      if (host) made.push(await uploadPatiently(x as Tensor, host, device)); // only tensors have been read
      moved.push(host ? made.at(-1) : x);
    }
    return unflatten(def, moved) as T; // tensors for tensors
  } catch (e) {
    made.forEach(disposeTensor); // nobody will ever see them
    throw e;
  }
}
/** Where there is no room, there may be when the calls under way are done. */
async function uploadPatiently({ dtype, shape }: Tensor, data: HostArray, device: Device): Promise<Tensor> {
  try {
    return fromHost(dtype, shape, data, device);
  } catch (e) {
    if (!(e instanceof OutOfMemoryError)) throw e;
    await device.sync();
    return fromHost(dtype, shape, data, device);
  }
}
const liesOn = (x: Tensor, device: Device): boolean => x.storage.kind === "concrete" && x.storage.array.device === device;
/** Release the memory now; using the tensor afterwards is an error. Idempotent. */
export function disposeTensor(x: Tensor): void {
  if (x.storage.kind === "concrete") x.storage.array.dispose();
}
