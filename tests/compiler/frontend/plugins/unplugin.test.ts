// The bundler plugin: a model with a tensor scope is built by several bundlers, runs, and what it throws maps back to the user's line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { build as esbuild } from "esbuild";
import { rolldown } from "rolldown";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build as vite } from "vite";
import { pullback } from "../../../../compiler/frontend/plugins/unplugin.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const folder = mkdtempSync(join(root, "tests/compiler/frontend/plugins/built-")); // inside the package, so that it is importable by its name
test.after(() => rmSync(folder, { recursive: true }));
const source = `"use tensor";
import { array, jit, zeros, type Tensor } from "pullback";

const step = jit((x: Tensor, n: Tensor): Tensor => {
  let y = x * 2;
  while (y.sum() < n) y = y + x / 4;
  return y;
});
console.log(step(array([1, 2]), array(20)).tolist());
export const fail = (a: Tensor): Tensor =>
  a.mul(3) + zeros([3]);
if (process.env["FAIL"]) fail(zeros([2]));
`;
const model = join(folder, "model.ts");
writeFileSync(model, source);
const expected = (() => {
  let y = [2, 4];
  while (y.reduce((a, b) => a + b) < 20) y = y.map((v, i) => v + (i + 1) / 4);
  return y;
})();
const conditions = ["source", "import", "node"];
type Build = (out: string, entry: string) => Promise<unknown>;
const bundlers: Readonly<Record<string, Build>> = {
  esbuild: (out, entry) =>
    esbuild({
      entryPoints: [entry],
      outfile: out,
      bundle: true,
      format: "esm",
      platform: "node",
      sourcemap: true,
      conditions,
      plugins: [pullback.esbuild()],
      logLevel: "silent",
    }),
  rolldown: async (out, entry) => {
    const bundle = await rolldown({
      input: entry,
      platform: "node",
      resolve: { conditionNames: conditions },
      plugins: [pullback.rolldown()],
    });
    await bundle.write({ file: out, format: "esm", sourcemap: true, codeSplitting: false });
    await bundle.close();
  },
  vite: (out, entry) =>
    vite({
      root: folder,
      configFile: false,
      logLevel: "silent",
      plugins: [pullback.vite()],
      ssr: { noExternal: true, resolve: { conditions } },
      build: {
        ssr: entry,
        outDir: join(out, ".."),
        emptyOutDir: false,
        sourcemap: true,
        minify: false,
        rollupOptions: { output: { entryFileNames: out.split("/").at(-1) ?? "", codeSplitting: false } },
      },
    }),
};

for (const [name, build] of Object.entries(bundlers)) {
  test(`${name} builds it: the result is right, and an error's place is the user's operator`, async () => {
    const out = join(folder, `${name}.mjs`);
    await build(out, model);
    const run = spawnSync(process.execPath, [out], { encoding: "utf8" });
    assert.is(run.status, 0, run.stderr);
    assert.is(run.stdout.trim(), `[ ${expected.join(", ")} ]`);
    const failed = spawnSync(process.execPath, [out], { encoding: "utf8", env: { ...process.env, FAIL: "1" } });
    const frames = [...failed.stderr.matchAll(/at .*?\(?(?:file:\/\/)?([^()\s]+\.mjs):(\d+):(\d+)\)?/g)];
    const map = new TraceMap(readFileSync(`${out}.map`, "utf8"));
    const origins = frames.map(([, , line, column]) => originalPositionFor(map, { line: Number(line), column: Number(column) - 1 }));
    const own = origins.find(o => o.source?.endsWith("model.ts"));
    assert.equal([own?.line, own?.column], [11, 11], failed.stderr);
  });
}

test("what the front end refuses fails the build, at its place", async () => {
  const wrong = join(folder, "wrong.ts");
  writeFileSync(wrong, '"use tensor";\nexport function* g(x: number) { "use tensor"; yield x; }\n');
  try {
    await esbuild({ entryPoints: [wrong], write: false, bundle: true, plugins: [pullback.esbuild()], logLevel: "silent" });
    assert.unreachable("the build went through");
  } catch (error) {
    assert.match(String(error), /wrong\.ts:2:\d+ - error E1112: a generator cannot be traced/);
  }
});

test.run();
