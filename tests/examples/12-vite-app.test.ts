// The sample app: built by Vite with the plugin, its bundle holds programs and a launcher and nothing of the compiler; it trains in a real browser on WebAssembly and WebGPU, and what
// it throws maps back to the user's line.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import type { Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build, type Rolldown } from "vite";
import { config } from "../../examples/12-vite-app/vite.config.ts";
import { launch, type LaunchOptions } from "../browser/chromium.ts";
import { serve } from "../browser/serve.ts";
import { chromium } from "../support/drivers.ts";
import { withDrivers } from "../support/skip.ts";

const app = fileURLToPath(new URL("../../examples/12-vite-app/", import.meta.url)),
  declaration = join(app, "model.tensor.compiled.d.ts"),
  declared = await readFile(declaration, "utf8"),
  folder = await mkdtemp(join(tmpdir(), "pullback-app-"));
test.after(() => rm(folder, { recursive: true, force: true }));
const { output } = (await build({
  ...config,
  logLevel: "warn",
  build: {
    ...config.build,
    outDir: folder,
    emptyOutDir: true,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "launcher", test: /[\\/]runtime[\\/]/ }] } } }, // a file of its own, to be measured
  },
})) as Rolldown.RolldownOutput; // one build, not watched
const chunks = output.filter(o => o.type === "chunk");

test("the bundle has the launcher and the app, and nothing of tracer, compiler or library", () => {
  const modules = chunks.flatMap(c => c.moduleIds).map(id => id.replace(/^.*\/(?=runtime|stdlib|compiler|examples)/, ""));
  for (const id of modules) assert.match(id, /^runtime\/aot\/\w+\.ts$|^examples\/12-vite-app\/|^\0|modulepreload|rolldown/, id);
  assert.ok(modules.some(id => id.startsWith("examples/12-vite-app/model.tensor.ts?compiled")));
});
test("the launcher is under 10 kB, WebAssembly and WebGPU together", () => {
  const [launcher, ...more] = chunks.filter(c => c.name === "launcher");
  assert.is(more.length, 0);
  const size = Buffer.byteLength((launcher?.code ?? "").replace(/\/\/# sourceMappingURL=.*\s*$/, "")),
    all = chunks.reduce((n, c) => n + Buffer.byteLength(c.code), 0);
  console.log(`the launcher is ${size} bytes, the app with its programs ${all}`);
  assert.ok(size > 5000 && size < 10_000, `${size} bytes`);
});
test("the declaration beside the model is what the build writes", async () => {
  assert.is(await readFile(declaration, "utf8"), declared);
});

/** Opens the page, waits for its end, and looks at it. */
async function visit(
  path: string,
  query: string,
  options: LaunchOptions,
  look: (page: Page, errors: readonly Error[]) => Promise<void>,
): Promise<void> {
  await using server = await serve(folder);
  await using browser = await launch(path, options);
  const page = await browser.newPage(),
    errors: Error[] = [];
  page.on("pageerror", e => errors.push(e));
  await page.goto(`${server.url}?${query}`);
  await page.waitForFunction(() => document.body.dataset["done"] !== undefined, undefined, { timeout: 120_000 });
  await look(page, errors);
}
const text = async (page: Page, id: string): Promise<string> => (await page.textContent(`#${id}`)) ?? "";
const accuracy = (status: string): number => Number(/([\d.]+) % of new points/.exec(status)?.[1]);

const inBrowser = withDrivers([chromium()]);
inBrowser("on WebAssembly it learns the spiral, and says that there is no GPU", (path = "") =>
  visit(path, "steps=1500", {}, async (page, errors) => {
    assert.equal(errors, []);
    assert.match(await text(page, "device"), /^WebAssembly, since WebGPU is unavailable: there is no \w/);
    const status = await text(page, "status");
    console.log(`${await text(page, "device")}; ${status}`);
    assert.ok(accuracy(status) > 95, status);
  }),
);
inBrowser("on WebGPU it learns too", (path = "") =>
  visit(path, "steps=120", { gpu: true }, async (page, errors) => {
    assert.equal(errors, []);
    assert.match(await text(page, "device"), /^WebGPU \(\w+\): /);
    const status = await text(page, "status");
    console.log(`${await text(page, "device")}; ${status}`);
    assert.ok(accuracy(status) > 70, status);
  }),
);
inBrowser("an error of a call maps back to the line and column of the call", (path = "") =>
  visit(path, "batch=255&device=wasm", {}, async (page, [error, ...more]) => {
    const said = "E0205: step: x is 510 numbers, and was compiled for f32[256,2]";
    assert.is(await text(page, "status"), said);
    assert.is(more.length, 0);
    const frames = [...(error?.stack ?? "").matchAll(/\/(assets\/[\w.-]+\.js):(\d+):(\d+)/g)],
      files = await readdir(join(folder, "assets"));
    assert.ok(frames.length > 1, error?.stack);
    const places = await Promise.all(
      frames.map(async ([, file = "", line, column]) => {
        assert.ok(files.includes(`${file.slice("assets/".length)}.map`));
        const map = new TraceMap(await readFile(join(folder, `${file}.map`), "utf8"));
        return originalPositionFor(map, { line: Number(line), column: Number(column) - 1 });
      }),
    );
    const lines = (await readFile(join(app, "train.ts"), "utf8")).split("\n"),
      at = lines.findIndex(l => l.includes("await step("));
    const own = places.find(p => p.source?.endsWith("12-vite-app/train.ts"));
    assert.equal([own?.line, own?.column], [at + 1, lines[at]?.indexOf("step(")], JSON.stringify(places));
  }),
);
test.run();
