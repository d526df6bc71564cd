// E0710: the driver computes wrongly.
import { test } from "uvu";
import type { GpuDevice } from "../../runtime/webgpu/api.ts";
import { onDevice, open } from "../runtime/webgpu/device.ts";
import { teaches } from "./teaches.ts";

/** A device whose shader compiler gets one thing wrong: shifts to the left go one too far. */
const wrong = (gpu: GpuDevice): GpuDevice =>
  new Proxy(gpu, {
    get(target, key) {
      if (key === "createShaderModule")
        return (d: { code: string }) => target.createShaderModule({ ...d, code: d.code.replace("<< 7u", "<< 8u") });
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
teaches(
  "E0710",
  "a driver that shifts wrongly fails the self test, which says what is wrong",
  import.meta.url,
  async () => {
    const device = await open({ device: wrong((await open()).timeline.gpu), label: "a GPU" });
    await device.selfTest();
  },
  {
    fact: "a GPU fails 1 of 6 self tests: integers wrap and shift: 0xe35e67b2 0x3779b901 is not 0xe35e67b2 0x1bbcdc81",
    help: "update or change the driver, or use wasm()",
  },
  onDevice,
);
test.run();
