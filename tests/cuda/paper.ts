// A CUDA device without a card: the runtime's own device over the driver of `fake.ts`, with little memory so that many fit into a test.
import * as assert from "uvu/assert";
import { CudaDevice, type CudaOptions } from "../../runtime/cuda/device.ts";
import type { Driver } from "../../runtime/cuda/driver.ts";
import { FakeDriver } from "./fake.ts";
import type { FakeOptions } from "./card.ts";

/** The device and what is under it. */
export interface Paper {
  readonly device: CudaDevice;
  readonly driver: FakeDriver;
}
/** A device on a fresh driver. `wrap`: what stands between the two (faults). */
export function paper(fake: FakeOptions = {}, options: CudaOptions = {}, wrap: (driver: Driver) => Driver = d => d): Paper {
  const driver = new FakeDriver(fake);
  return { driver, device: new CudaDevice({ regionBytes: 2 ** 21, stagingBytes: 2 ** 16, ...options, driver: wrap(driver) }) };
}
/** Nothing was done that a driver would not allow, no kernel misbehaved, and the device leaves nothing behind. */
export function closes({ device, driver }: Paper): void {
  device.dispose();
  assert.equal(driver.violations.slice(0, 5), []);
  assert.equal(driver.faults, []);
  assert.equal(
    Object.entries(driver.live()).filter(([, n]) => n > 0),
    [],
  );
}
