// A device for tests: Dawn over SwiftShader, which runs on any CPU, found before the package is loaded.
import { withDrivers } from "../../support/skip.ts";
import { swiftshader, useVulkan, type Driver } from "../../support/drivers.ts";
import { WebGpuDevice, type WebGpuOptions } from "../../../runtime/webgpu/device.ts";
import { watch } from "./watch.ts";

const driver = swiftshader();
if (driver.kind === "found") useVulkan(driver.path);
const dawn: Driver = await import("webgpu").then(
  () => ({ kind: "found", path: "webgpu" }) as const,
  (e: unknown) => ({ kind: "missing", reason: `the package webgpu cannot be loaded: ${String(e)}` }) as const,
);

/** A test that needs the driver, skipped with the reason where it is missing. */
export const onDevice: (name: string, body: () => Promise<void>) => void = withDrivers([driver, dawn]);
/** A fresh device, watched until the end of the file. */
export const open = async (options: WebGpuOptions = {}): Promise<WebGpuDevice> => watch(await WebGpuDevice.open(options));
/** Numbers as f32. */
export const f32 = (...xs: readonly number[]): Float32Array => Float32Array.from(xs);
/** A read as plain numbers. */
export const numbersOf = async (x: { read(): Promise<ArrayLike<number>> } | undefined): Promise<number[]> => {
  if (!x) throw new Error("there is no such result");
  return Array.from(await x.read());
};
/** What a promise rejects with. */
export const failure = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => {
      throw new Error("this should have failed");
    },
    (e: unknown) => e,
  );
