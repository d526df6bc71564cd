// Which devices there are, and which one is used when nobody says. The default is made at first use, so importing costs nothing.
import { CudaDevice, type CudaOptions } from "./cuda/device.ts";
import type { Device } from "./device.ts";
import { PullbackError } from "./errors/error.ts";
import { WasmDevice, type WasmOptions } from "./wasm/device.ts";
import { WebGpuDevice, type WebGpuOptions } from "./webgpu/device.ts";

let current: Device | undefined;
/** The device in force: the CPU (WebAssembly) unless `setDefaultDevice` chose another. */
export function defaultDevice(): Device {
  current ??= new WasmDevice();
  return current;
}
/** Use `device` from now on. Tensors stay where they are. */
export function setDefaultDevice(device: Device): void {
  current = device;
}
/** A CPU device with explicit options. */
export const wasm = (options: WasmOptions = {}): WasmDevice => new WasmDevice(options);
/** An NVIDIA card with explicit options. @throws E0703 with the reason when there is no card, driver or library */
export const cuda = (options: CudaOptions = {}): CudaDevice => new CudaDevice(options);
/** A WebGPU device: of yours, of the browser, or of the package `webgpu` in Node. @throws E0703 with the reason when there is none */
export const webgpu = (options: WebGpuOptions = {}): Promise<WebGpuDevice> => WebGpuDevice.open(options);

let card: CudaDevice | undefined, // the ones that `device` gives: memory on them is shared by all who ask
  adapter: Promise<WebGpuDevice> | undefined;
/** The device of that kind: `setDefaultDevice(await device("webgpu"))`. @throws E0703 with the reason when it is unavailable: nothing falls back silently. */
export async function device(kind: string): Promise<Device> {
  switch (kind) {
    case "wasm":
      return defaultDevice().kind === "wasm" ? defaultDevice() : new WasmDevice();
    case "cuda":
      return (card = card && !card.lost ? card : new CudaDevice());
    case "webgpu": {
      const known = await adapter?.catch(() => undefined); // a driver that was missing may be there now
      if (known && !known.lost) return known;
      return (adapter = webgpu());
    }
    default:
      throw new PullbackError("E0703", `the device "${kind}" is unavailable: this build has no ${kind} backend`, {
        help: 'use "wasm", "webgpu" or "cuda"',
      });
  }
}
