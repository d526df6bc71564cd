// The playground for a long time: training with pauses and new starts in between, and nothing grows: neither tensors nor memory on the device, nor GPU buffers, WebAssembly memory
// or nodes of the document, and the page's own heap by no more than the points of its curves. 120 steps on WebGPU and on WebAssembly; PLAYGROUND_SOAK says how many minutes instead.
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

const MINUTES = Number(process.env["PLAYGROUND_SOAK"] ?? 0),
  DEVICES = (process.env["PLAYGROUND_DEVICE"] ?? "webgpu,wasm").split(","),
  PARTS = MINUTES > 0 ? Math.max(3, Math.ceil(MINUTES / 5)) : 3;

/** Counts the live GPUBuffers of a page, and its bytes of WebAssembly memory. Runs in the page, before its scripts. */
function countMemory(): void {
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
  const memories: WeakRef<WebAssembly.Memory>[] = [];
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(descriptor);
      memories.push(new WeakRef(memory));
      return memory;
    },
  });
  Reflect.set(globalThis, "liveMemory", () => ({
    buffers: live.size,
    wasm: memories.reduce((sum, m) => sum + (m.deref()?.buffer.byteLength ?? 0), 0),
  }));
}
interface Facts {
  readonly step: number;
  readonly arrays: number;
  readonly live: number;
  readonly buffers: number;
  readonly wasm: number;
  readonly nodes: number;
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
      const memory = (Reflect.get(globalThis, "liveMemory") as () => Pick<Facts, "buffers" | "wasm">)(); // countMemory has put it there
      return { step, arrays: Number(arrays), live: Number(live), ...memory };
    });
    const { usedSize } = await session.send("Runtime.getHeapUsage"),
      { nodes } = await session.send("Memory.getDOMCounters");
    if (!least || now.arrays < least.arrays || (now.arrays === least.arrays && usedSize < least.heap))
      least = { ...now, nodes, heap: usedSize };
  }
  return least as Facts; // the loop runs
}
const toggleSays = (page: Page, text: string): Promise<unknown> =>
  page.waitForFunction(t => document.getElementById("toggle")?.textContent === t, text, { timeout: 120_000, polling: 100 });
/** Lets it train to `step` and for so many minutes, then pauses it. */
async function trainTo(page: Page, step: number, minutes = 0): Promise<void> {
  if ((await page.textContent("#toggle")) !== "Pause") await page.click("#toggle");
  await toggleSays(page, "Pause");
  await page.waitForFunction(n => Number(/step (\d+)/.exec(document.getElementById("status")?.textContent ?? "")?.[1]) >= n, step, {
    timeout: 0,
    polling: 200,
  });
  await page.waitForTimeout(minutes * 60_000);
  await page.click("#toggle");
  await toggleSays(page, "Go on");
}

for (const device of DEVICES)
  withDrivers([chromium()])(
    `${device}: ${MINUTES > 0 ? `${MINUTES} minutes` : "120 steps"} with pauses and new starts leave no more behind than the first few steps`,
    async (path = "") => {
      const folder = await mkdtemp(join(tmpdir(), "pullback-soak-"));
      try {
        await build({ ...config, logLevel: "warn", build: { ...config.build, outDir: folder, emptyOutDir: true } });
        await using server = await serve(folder, { isolated: true });
        await using browser = await launch(path, { gpu: device === "webgpu" });
        const page = await browser.newPage(),
          complaints: string[] = [];
        page.setDefaultTimeout(120_000); // an hour beside other work
        page.on("pageerror", e => complaints.push(String(e)));
        page.on("console", m => {
          if (m.type() === "error") complaints.push(m.text());
        });
        await page.addInitScript(countMemory);
        const session = await page.context().newCDPSession(page);
        await page.goto(
          `${server.url}?layers=1&dim=16&context=16&batch=2&validate=5&write=0&sharpness=0&keep=5&steps=1000000&device=${device}`,
        );
        await trainTo(page, 10);
        const first = await facts(page, session);
        console.log(`${device}: ${JSON.stringify(first)}`);
        assert.ok(first.arrays > 0 && (device === "webgpu" ? first.buffers : first.wasm) > 0, JSON.stringify(first));
        const flat = async (heap: number, live: number): Promise<Facts> => {
          const now = await facts(page, session);
          console.log(`${device}: ${JSON.stringify(now)}`);
          assert.ok(now.arrays <= first.arrays + 40, `${first.arrays} tensors, ${now.arrays} at step ${now.step}`); // of the last step some may still be held by its promises
          assert.ok(now.live <= live, `${live} bytes, ${now.live} at step ${now.step}`);
          assert.ok(now.buffers <= first.buffers + 4, `${first.buffers} buffers, then ${now.buffers}`); // read buffers are kept for later
          assert.ok(now.wasm <= first.wasm + (4 << 20), `${first.wasm} bytes of WebAssembly memory, ${now.wasm} at step ${now.step}`);
          assert.ok(now.nodes <= first.nodes + 600, `${first.nodes} nodes, ${now.nodes} at step ${now.step}`); // ticks and labels of the plot come and go
          assert.ok(now.heap < heap + 260 * now.step, `a heap of ${now.heap}, not ${heap}`); // the points of the curves: some 210 bytes a step
          return now;
        };
        for (let part = 1; part <= PARTS; part++) {
          await trainTo(page, MINUTES > 0 ? 0 : 40 * part, MINUTES / PARTS);
          await flat(first.heap + (2 << 20), first.live + (128 << 10));
        }
        let heap = first.heap + (16 << 20),
          live = first.live + (1 << 20); // a new start compiles anew, and the caches of compiled programs fill; later ones find them full
        for (let start = 0; start < 3; start++) {
          await page.evaluate(() => {
            const status = document.getElementById("status");
            if (status) status.textContent = "starting"; // the steps of before are not those that are waited for
          });
          await page.click("#restart");
          await toggleSays(page, "Pause");
          await trainTo(page, 10);
          ({ heap, live } = await flat(heap, live));
          heap += 2 << 20;
          live += 64 << 10;
        }
        assert.equal(complaints, []);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );

test.run();
