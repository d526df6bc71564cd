// Which devices there are, and which one is used when nobody says. The default is made at first use, so importing costs nothing.
import { CudaDevice, type CudaOptions } from "./cuda/device.ts";
import type { Device } from "./device.ts";
import { PullbackError } from "./errors/error.ts";
import { WasmDevice, type WasmOptions } from "./wasm/device.ts";

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
let card: CudaDevice | undefined; // the one that device("cuda") gives: memory on it is shared by all who ask
/** The device of that kind. @throws E0703 with the reason when it is unavailable: nothing falls back silently. */
export function device(kind: string): Device {
  if (kind === "wasm") return defaultDevice().kind === "wasm" ? defaultDevice() : new WasmDevice();
  if (kind === "cuda") return (card = card && !card.lost ? card : new CudaDevice());
  throw new PullbackError("E0703", `the device "${kind}" is unavailable: this build has no ${kind} backend`, {
    help: 'use "wasm" or "cuda"',
  });
}
