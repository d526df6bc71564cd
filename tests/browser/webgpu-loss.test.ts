// The loss of a device in a real browser: Chromium's GPU process is made to crash, over the DevTools protocol, while a page trains on it.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { crashGpuProcess } from "./chromium.ts";
import { pageTests } from "./harness.ts";

const runs = await pageTests("tests/browser/webgpu-loss.page.ts", {
  "WebGPU on SwiftShader": {
    gpu: true,
    asked: (what, browser) => (what === "crash the GPU process" ? crashGpuProcess(browser) : Promise.reject(new Error(what))),
  },
});
for (const run of runs.values())
  test("the page says that the device was lost, and what to do", () => {
    assert.match(
      String(run.values.get("message")),
      /^E0704: the device webgpu [^]* was lost: [^]*make a new device and go on from the last checkpoint/,
    );
  });

test.run();
