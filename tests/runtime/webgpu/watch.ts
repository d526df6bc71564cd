// What is asked of every test file that uses WebGPU: no error came outside of an error scope, and of the buffers that the runtime made only those are left that a fresh
// device has.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WebGpuDevice } from "../../../runtime/webgpu/device.ts";

const watched = new Set<WebGpuDevice>(),
  strays: string[] = [];

/** `device`, looked after until the end of the file, or of the device. */
export function watch(device: WebGpuDevice): WebGpuDevice {
  watched.add(device);
  device.timeline.gpu.addEventListener?.("uncapturederror", ({ error }) => strays.push(`${device.name}: ${error.message}`));
  const destroy = device.destroy.bind(device);
  device.destroy = () => {
    destroy();
    watched.delete(device);
    assert.equal(buffersOf(device), { heap: 0, parameters: 0, staging: 0, times: 0, control: 0 }, "after destroy");
  };
  return device;
}
const buffersOf = ({ timeline: { buffers } }: WebGpuDevice): Record<string, number> =>
  Object.fromEntries((["heap", "parameters", "staging", "times", "control"] as const).map(p => [p, buffers.count(p)]));

/** Throws what is wrong. Programs that are still loaded may keep their control memory. */
export async function nothingStrayed(): Promise<void> {
  for (const device of watched) {
    if (device.lost) continue;
    await device.sync();
    device.staging.trim();
    const { control = 0, ...others } = buffersOf(device);
    assert.equal(
      others,
      { heap: 1, parameters: 1, staging: 0, times: 0 },
      `the buffers of ${device.name}, beside ${control} of loaded programs`,
    );
  }
  await new Promise(resolve => setTimeout(resolve, 20)); // events come when the program yields
  assert.equal(strays, []);
}
test.after(nothingStrayed);
