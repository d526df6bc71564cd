// How long the device works on a program: by its own clock where it has timestamps, and nobody takes a profile, else by the host's from submit to end.
import type { DeviceArray } from "../device.ts";
import type { WebGpuDevice } from "./device.ts";
import type { WebGpuExecutable } from "./executable.ts";
import { Profile } from "./profile.ts";

/** Milliseconds of one of `times` runs. Shaders are compiled before anything is put on the timeline: one that the driver does not take makes nothing void. @throws E0707, DeviceLostError */
export async function measure(device: WebGpuDevice, exe: WebGpuExecutable, inputs: readonly DeviceArray[], times: number): Promise<number> {
  const { timeline, recorder } = device;
  await exe.ready();
  await timeline.done();
  const profile =
    timeline.gpu.features.has("timestamp-query") && !recorder.profile
      ? (recorder.profile = new Profile(timeline, device.staging))
      : undefined;
  const start = performance.now();
  let written = 0;
  try {
    for (let i = 0; i < times; i++)
      for (const out of exe.run(inputs)) {
        written = Math.max(written, device.writtenBy(out));
        out.dispose();
      }
    await timeline.done();
  } finally {
    if (profile && recorder.profile === profile) recorder.profile = undefined;
  }
  const waited = performance.now() - start,
    fault = timeline.faultOf(written),
    rows = (await profile?.finish()) ?? [];
  if (fault) throw fault;
  const own = rows.filter(r => exe.kernels.has(r.kernel)),
    timed = own.length > 0 && own.every(r => r.timed === r.launches) ? own.reduce((ms, r) => ms + r.milliseconds, 0) : 0;
  return (timed > 0 ? timed : waited) / times;
}
