// The playground for a long time: some hundreds of steps with pauses and a new start in between, and nothing grows, neither tensors nor memory on the device nor GPU buffers nor
// the page's own heap. PLAYGROUND_SOAK says how many steps (120); an hour is about 20,000 on a software driver.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CDPSession, Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "vite";
import { config } from "../../examples/11-playground/vite.config.ts";
import { launch } from "../browser/chromium.ts";
import { serve } from "../browser/serve.ts";
import { chromium } from "../support/drivers.ts";
import { withDrivers } from "../support/skip.ts";

const STEPS = Number(process.env["PLAYGROUND_SOAK"] ?? 120);

/** Counts the live GPUBuffers of a page. Runs in the page, before its scripts. */
function countBuffers(): void {
  const live = new Set<GPUBuffer>();
  const { createBuffer } = GPUDevice.prototype,
    { destroy } = GPUBuffer.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    live.add(buffer);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    live.delete(this);
    return destroy.call(this);
  };
  Reflect.set(globalThis, "liveBuffers", () => live.size);
}
interface Facts {
  readonly step: number;
  readonly arrays: number;
  readonly live: number;
  readonly buffers: number;
  readonly heap: number;
}
/** What is live while the page is paused and its garbage is collected: the least of a few looks, for finalizers come when they come. */
async function facts(page: Page, session: CDPSession): Promise<Facts> {
  let least: Facts | undefined;
  for (let i = 0; i < 4; i++) {
    await session.send("HeapProfiler.collectGarbage");
    await page.waitForTimeout(700); // the page writes its memory down twice a second
    const now = await page.evaluate(() => {
      const { arrays, live } = document.getElementById("memory")?.dataset ?? {};
      const step = Number(/step (\d+)/.exec(document.getElementById("status")?.textContent ?? "")?.[1]);
      return { step, arrays: Number(arrays), live: Number(live), buffers: (Reflect.get(globalThis, "liveBuffers") as () => number)() }; // countBuffers has put it there
    });
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    if (!least || now.arrays < least.arrays || (now.arrays === least.arrays && usedSize < least.heap)) least = { ...now, heap: usedSize };
  }
  return least as Facts; // the loop runs
}
const toggleSays = (page: Page, text: string): Promise<unknown> =>
  page.waitForFunction(t => document.getElementById("toggle")?.textContent === t, text, { timeout: 60_000 });
/** Lets it train to `step`, then pauses it. */
async function trainTo(page: Page, step: number): Promise<void> {
  if ((await page.textContent("#toggle")) !== "Pause") await page.click("#toggle");
  await toggleSays(page, "Pause");
  await page.waitForFunction(n => Number(/step (\d+)/.exec(document.getElementById("status")?.textContent ?? "")?.[1]) >= n, step, {
    timeout: 0,
    polling: 200,
  });
  await page.click("#toggle");
  await toggleSays(page, "Go on");
}

withDrivers([chromium()])(
  `${STEPS} steps on WebGPU with pauses and a new start leave no more behind than the first few`,
  async (path = "") => {
    const folder = await mkdtemp(join(tmpdir(), "pullback-soak-"));
    try {
      await build({ ...config, logLevel: "warn", build: { ...config.build, outDir: folder, emptyOutDir: true } });
      await using server = await serve(folder, { isolated: true });
      await using browser = await launch(path, { gpu: true });
      const page = await browser.newPage(),
        complaints: string[] = [];
      page.on("pageerror", e => complaints.push(String(e)));
      page.on("console", m => {
        if (m.type() === "error") complaints.push(m.text());
      });
      await page.addInitScript(countBuffers);
      const session = await page.context().newCDPSession(page);
      await page.goto(`${server.url}?layers=1&dim=16&context=16&batch=2&validate=5&write=0&sharpness=0&steps=1000000`);
      await trainTo(page, 10);
      const first = await facts(page, session);
      assert.ok(first.arrays > 0 && first.buffers > 0, JSON.stringify(first));
      const flat = async (heap: number): Promise<Facts> => {
        const now = await facts(page, session);
        console.log(`soak: ${JSON.stringify(now)}`);
        assert.ok(now.arrays <= first.arrays + 40, `${first.arrays} tensors, ${now.arrays} at step ${now.step}`); // of the last step some may still be held by its promises
        assert.ok(now.live <= first.live + (128 << 10), `${first.live} bytes, ${now.live} at step ${now.step}`);
        assert.ok(now.buffers <= first.buffers + 4, `${first.buffers} buffers, then ${now.buffers}`); // read buffers are kept for later
        assert.ok(now.heap < heap + 400 * now.step, `a heap of ${now.heap}, not ${heap}`); // the curves grow
        return now;
      };
      for (let part = 1; part <= 3; part++) {
        await trainTo(page, Math.max(10 + part, Math.round((STEPS * part) / 3)));
        await flat(first.heap + (2 << 20));
      }
      let heap = first.heap + (16 << 20); // a new start compiles anew, and the caches of compiled programs fill; a second one finds them full
      for (let start = 0; start < 2; start++) {
        await page.click("#restart");
        await page.waitForFunction(() => /step [1-9] of/.test(document.getElementById("status")?.textContent ?? ""), undefined, {
          timeout: 60_000,
        });
        await trainTo(page, 10);
        ({ heap } = await flat(heap));
        heap += 2 << 20;
      }
      assert.equal(complaints, []);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

test.run();
