// A WebGPU device as a subject of the conformance suite: Dawn over a Vulkan driver that runs on the CPU. One driver a process, chosen before Dawn looks for one.
import { test } from "uvu";
import { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { watch } from "../runtime/webgpu/watch.ts";
import { debianVersion, lavapipe, swiftshader, useVulkan, type Driver } from "../support/drivers.ts";
import { SKIPPED } from "../runner/totals.ts";
import { partOf, type Part } from "./part.ts";
import type { Subject } from "./suite.ts";

const drivers: Readonly<Record<"swiftshader" | "lavapipe", () => Driver>> = { swiftshader, lavapipe: () => lavapipe(25) };

/** `suite` with a device over that driver; without the driver it is skipped, and the reason printed. Every sample is tried with CONFORMANCE=all, a share of them otherwise. */
export async function onDawn(
  driver: keyof typeof drivers,
  suite: (s: Subject & Pick<Part, "share"> & { readonly device: WebGpuDevice }) => void,
): Promise<void> {
  const found = drivers[driver]();
  if (found.kind === "missing") {
    console.log(`${SKIPPED}Dawn over ${driver}: ${found.reason}`);
    test.skip(`Dawn over ${driver}`);
  } else {
    useVulkan(found.path);
    const device = watch(await WebGpuDevice.open({ software: driver === "swiftshader" })); // both drivers are; each way to cut kernels is tried on one
    const of = driver === "lavapipe" ? "mesa-vulkan-drivers" : "chromium"; // SwiftShader comes with it
    console.log(
      `Node ${process.version}, ${found.path === "" ? "the machine's own driver" : `${of} ${debianVersion(of) ?? "not of Debian"}`}`,
    );
    console.log(`${device.name}: subgroups of ${device.features.subgroup}, ${device.features.f16 ? "f16" : "no f16"}`);
    const { all, share } = partOf(name => process.env[name]);
    suite({
      device,
      lacks: ["f64"],
      accuracy: "shader",
      atOnce: 8,
      share,
      ...(all ? {} : { sample: 6, from: driver === "lavapipe" ? 3 : 0 }),
    });
  }
  test.run();
}
export { leavesNothing } from "./webgpu_subject.ts";
