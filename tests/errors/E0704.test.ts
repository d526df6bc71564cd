// E0704: the device was lost.
import { test } from "uvu";
import { fromHost, add } from "../../stdlib/index.ts";
import { onDevice, open } from "../runtime/webgpu/device.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0704",
  "an operation on a lost device says what took it",
  import.meta.url,
  async () => {
    const device = await open({ label: "a GPU" });
    const x = fromHost("f32", [1], Float32Array.of(1), device);
    device.timeline.gpu.destroy();
    await device.timeline.gpu.lost;
    add(x, x);
  },
  {
    fact: "the device a GPU was lost: device was destroyed",
    help: "make a new device and go on from the last checkpoint; tensors on the lost one can only be disposed",
  },
  onDevice,
);
test.run();
