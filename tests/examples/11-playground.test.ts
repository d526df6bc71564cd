// The playground in a real browser: it trains on WebGPU and, where there is none, on WebAssembly and says so; the loss falls, the three methods differ, it pauses, goes on and
// starts again, shows its programs, and gives no console error. When the browser's GPU process dies it goes on from the state it kept, on the same curve.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "vite";
import { config } from "../../examples/11-playground/vite.config.ts";
import { crashGpuProcess, launch, type LaunchOptions } from "../browser/chromium.ts";
import { serve } from "../browser/serve.ts";
import { chromium } from "../support/drivers.ts";
import { withDrivers } from "../support/skip.ts";

const browserHere = chromium();
let folder = "";
test.before(async () => {
  if (browserHere.kind === "missing") return;
  folder = await mkdtemp(join(tmpdir(), "pullback-playground-"));
  await build({ ...config, logLevel: "warn", build: { ...config.build, outDir: folder, emptyOutDir: true } });
});
test.after(() => (folder === "" ? undefined : rm(folder, { recursive: true, force: true })));

const small = "layers=1&dim=32&context=32&batch=4&validate=10";
/** Opens the page, runs `look`, and fails on anything that the page complained about. */
async function visit(
  path: string,
  query: string,
  options: LaunchOptions,
  look: (page: Page, browser: Browser) => Promise<void>,
): Promise<void> {
  await using server = await serve(folder, { isolated: true });
  await using browser = await launch(path, options);
  const page = await browser.newPage(),
    complaints: string[] = [];
  page.on("pageerror", e => complaints.push(String(e)));
  page.on("console", m => {
    if (m.type() === "error") complaints.push(m.text());
  });
  await page.goto(`${server.url}?${query}`);
  await look(page, browser);
  assert.equal(complaints, []);
}
const stepOf = async (page: Page): Promise<number> => Number(/step (\d+)/.exec((await page.textContent("#status")) ?? "")?.[1] ?? 0);
const losses = async (page: Page): Promise<number[]> => {
  const rows = await page.locator("#table tr").allTextContents();
  assert.is(rows.length, 4, rows.join("\n"));
  return (await page.locator("#table td:nth-child(2)").allTextContents()).map(Number);
};
async function finished(page: Page, steps: number): Promise<void> {
  const done = (n: number): boolean =>
    (document.getElementById("status")?.textContent ?? "").startsWith(`step ${n} of ${n}`) &&
    document.getElementById("toggle")?.textContent === "Go on";
  await page.waitForFunction(done, steps, { timeout: 250_000 });
}

const inBrowser = withDrivers([browserHere]);
inBrowser("on WebGPU it trains, shows curves, a table and continuations, and the code of the device", (path = "") =>
  visit(path, `${small}&steps=20&write=20&sharpness=0`, { gpu: true }, async page => {
    await finished(page, 20);
    assert.match((await page.textContent("#device")) ?? "", /^WebGPU: /);
    const [adamw = NaN, sam = NaN, fsam = NaN] = await losses(page);
    for (const l of [adamw, sam, fsam]) assert.ok(l < 4.3 && l > 2, `${l}`); // the mean of 20 steps; ln of the vocabulary, about 4.5, at the start
    assert.ok(adamw !== sam && sam !== fsam, "the methods differ");
    assert.ok((await page.locator("#curves svg path").count()) >= 6);
    assert.ok(((await page.locator("#samples p").first().textContent()) ?? "").length > 100);
    await page.selectOption("#stage", "wgsl");
    assert.match((await page.textContent("#code")) ?? "", /@compute/);
  }),
);
inBrowser("without WebGPU it says why, trains on WebAssembly, pauses, goes on and starts again", (path = "") =>
  visit(path, `${small}&steps=60&write=60&sharpness=60`, {}, async page => {
    assert.match((await page.textContent("#device")) ?? "", /WebAssembly|…/);
    await page.waitForFunction(() => /^step [1-9]/.test(document.getElementById("status")?.textContent ?? ""), undefined, {
      timeout: 120_000,
    });
    await page.click("#toggle");
    await page.waitForFunction(() => document.getElementById("toggle")?.textContent === "Go on");
    const paused = await stepOf(page);
    await page.waitForTimeout(300);
    assert.is(await stepOf(page), paused);
    await page.selectOption("#stage", "func");
    assert.match((await page.textContent("#code")) ?? "", /^func\(/);
    await page.click("#toggle");
    await finished(page, 60);
    assert.match((await page.textContent("#device")) ?? "", /^WebAssembly .*since WebGPU is not here/);
    const first = await losses(page);
    await page.click("#restart");
    await page.waitForFunction(() => document.getElementById("toggle")?.textContent === "Pause");
    await finished(page, 60);
    assert.equal(await losses(page), first, "the same start and batches give the same losses");
  }),
);
/** Every number of the curves and of the table, but for times: what the page would draw. */
const drawn = async (page: Page): Promise<readonly string[]> => [
  ...(await page.locator("#table td:not(:last-child)").allTextContents()),
  ...(await page.locator("#curves svg path").evaluateAll(paths => paths.map(p => p.getAttribute("d") ?? ""))),
  ...(await page.locator("#samples p").allTextContents()),
];
const reached = (page: Page, step: number): Promise<unknown> =>
  page.waitForFunction(n => Number(/step (\d+)/.exec(document.getElementById("status")?.textContent ?? "")?.[1]) >= n, step, {
    timeout: 120_000,
    polling: 20,
  });
const tiny = "layers=1&dim=16&context=16&batch=2&validate=5&write=0&sharpness=0&steps=24&keep=5";
inBrowser(
  "when the GPU process dies it says so, goes on from the state it kept, and ends with the curves of a run that nothing happened to",
  (path = "") =>
    visit(path, tiny, { gpu: true }, async (page, browser) => {
      await finished(page, 24);
      const want = await drawn(page);
      await page.reload();
      await reached(page, 12);
      await crashGpuProcess(browser);
      await page.waitForFunction(() => /from step/.test(document.getElementById("notice")?.textContent ?? ""), undefined, {
        timeout: 60_000,
      });
      await finished(page, 24);
      assert.match(
        (await page.textContent("#notice")) ?? "",
        /^The device was lost at step \d\d \(E0704: .*\)\. Training goes on from step \d+, the last that was kept, on webgpu/,
      );
      assert.match((await page.textContent("#device")) ?? "", /^WebGPU: /);
      assert.equal(await drawn(page), want);
    }),
);
inBrowser(
  "when the device is lost while paused and no adapter comes back, it goes on with WebAssembly from the state it kept, and says so",
  (path = "") =>
    visit(path, tiny, { gpu: true }, async (page, browser) => {
      await reached(page, 12);
      await page.click("#toggle");
      await page.waitForFunction(() => document.getElementById("toggle")?.textContent === "Go on");
      await page.evaluate(() => {
        navigator.gpu.requestAdapter = () => Promise.resolve(null);
      });
      await crashGpuProcess(browser);
      await page.waitForTimeout(1000);
      await page.click("#toggle");
      await finished(page, 24);
      assert.match(
        (await page.textContent("#notice")) ?? "",
        /^The device was lost at step \d\d .* Training goes on from step \d+, the last that was kept, on wasm/,
      );
      assert.match((await page.textContent("#device")) ?? "", /^WebAssembly .*since WebGPU is not here: .*there is no adapter/);
      for (const l of await losses(page)) assert.ok(l < 4.4 && l > 2, `${l}`);
    }),
);

test.run();
