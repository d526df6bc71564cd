// E0709: a GPUBuffer of the user's does not fit.
import { test } from "uvu";
import { onDevice, open } from "../runtime/webgpu/device.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0709",
  "a buffer that is too small is refused with both sizes",
  import.meta.url,
  async () => {
    const device = await open();
    const buffer = device.timeline.gpu.createBuffer({ size: 16, usage: 0x4 | 0x8 });
    device.fromBuffer(buffer, "f32", 4, 4);
  },
  {
    fact: "a GPUBuffer cannot hold 4 f32: it has 16 bytes, 20 are needed",
    at: "fromBuffer(",
    help: "create it with COPY_SRC | COPY_DST, sizes and offsets in multiples of 4",
  },
  onDevice,
);
test.run();
