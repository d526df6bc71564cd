// E0706: a blocking read on an asynchronous device.
import { test } from "uvu";
import { fromHost } from "../../stdlib/index.ts";
import { onDevice, open } from "../runtime/webgpu/device.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0706",
  "a read that would have to wait is refused with the one that may",
  import.meta.url,
  async () => {
    const device = await open({ label: "a GPU" });
    const x = fromHost("f32", [1], Float32Array.of(1), device);
    x.dataSync();
  },
  {
    fact: "a tensor on a GPU cannot be read without waiting",
    at: "dataSync(",
    help: "read with await: x.data(), x.itemAsync(), x.tolistAsync(), or all of a tree at once with toDevice(tree, wasm())",
  },
  onDevice,
);
test.run();
