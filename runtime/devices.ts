// Which devices there are, and which one is used when nobody says. The default is made at first use, so importing costs nothing.
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
/** The device of that kind. @throws E0703 with the reason when it is unavailable: nothing falls back silently. */
export function device(kind: string): Device {
  if (kind === "wasm") return defaultDevice().kind === "wasm" ? defaultDevice() : new WasmDevice();
  throw new PullbackError("E0703", `the device "${kind}" is unavailable: this build has no ${kind} backend`, { help: 'use "wasm"' });
}
