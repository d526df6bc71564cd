// What is asked of every WebGPU device at the end of a suite.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WebGpuDevice } from "../../runtime/webgpu/device.ts";

/** The last test of a suite that gives back what it takes. */
export function leavesNothing(device: WebGpuDevice): void {
  test("nothing is left on the device", async () => {
    await device.sync();
    assert.is(device.memory().arrays, 0);
  });
}
