// The loss of a device in a real browser: Chromium's GPU process is made to crash, over the DevTools protocol, while a page trains on it.
import type { Browser } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pageTests } from "./harness.ts";

/** The crash takes down only that process: the browser starts another. */
async function crash(browser: Browser): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  await session.send("Browser.crashGpuProcess").catch(() => undefined); // there may be no answer
  await session.detach().catch(() => undefined);
}
const runs = await pageTests("tests/browser/webgpu-loss.page.ts", {
  "WebGPU on SwiftShader": {
    gpu: true,
    asked: (what, browser) => (what === "crash the GPU process" ? crash(browser) : Promise.reject(new Error(what))),
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
