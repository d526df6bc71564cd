// `import "./model.ts?compiled"` in the bundlers: the program runs without its compiler, a model that changes is compiled again, and what is wrong with one fails the build, at its
// place. All bundlers here share one compilation, since nothing changes in between.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { rspack } from "@rspack/core";
import { build as esbuild } from "esbuild";
import { rolldown } from "rolldown";
import { rollup } from "rollup";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createServer } from "vite";
import webpack from "webpack";
import { pullback } from "../../../../compiler/frontend/plugins/unplugin.ts";
import { conditions } from "./bundles.ts";
import { sources } from "./rollup_sources.ts";

const folder = mkdtempSync(join(fileURLToPath(new URL(".", import.meta.url)), "built-")); // inside the package, so that it is importable by its name
test.after(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const options = { ahead: { devices: ["wasm"] } } as const;
const factor = write("factor.ts", "export const factor = 3;\n"),
  model = write(
    "model.ts",
    `import { type Tensor } from "pullback";
import { factor } from "./factor.ts";
export const scaled = (x: Tensor<["n"], "f32">): Tensor => x.mul(factor);
`,
  ),
  app = write(
    "app.mjs",
    `import { scaled } from "./model.ts?compiled&n=3";
console.log([...(await (await scaled(Float32Array.of(1, 2, 3))).data())].join());
`,
  );

interface Stats {
  hasErrors(): boolean;
  toString(options: "errors-only"): string;
}
const packed = (out: string): object => ({
  mode: "development",
  target: "node20",
  devtool: false,
  entry: app,
  experiments: { outputModule: true },
  output: { path: folder, filename: basename(out), module: true, chunkFormat: "module" },
  resolve: { conditionNames: conditions },
});
const bundlers: Readonly<Record<string, (out: string) => Promise<unknown>>> = {
  esbuild: out =>
    esbuild({
      entryPoints: [app],
      outfile: out,
      bundle: true,
      format: "esm",
      platform: "node",
      conditions,
      plugins: [pullback.esbuild(options)],
      logLevel: "silent",
    }),
  rolldown: async out => {
    const bundle = await rolldown({
      input: app,
      platform: "node",
      resolve: { conditionNames: conditions },
      plugins: [pullback.rolldown(options)],
    });
    await bundle.write({ file: out, format: "esm", codeSplitting: false });
    await bundle.close();
  },
  rollup: async out => {
    const bundle = await rollup({ input: app, external: /^node:/, plugins: [pullback.rollup(options), sources] });
    await bundle.write({ file: out, format: "esm", inlineDynamicImports: true });
    await bundle.close();
  },
  webpack: out =>
    new Promise((resolve, reject) => {
      const module = { rules: [{ test: /\.ts$/, use: fileURLToPath(new URL("types_loader.cjs", import.meta.url)) }] };
      const end = (e: Error | null, s: Stats | undefined): void =>
        e || s?.hasErrors() ? reject(e ?? new Error(s?.toString("errors-only"))) : resolve(undefined);
      webpack({ ...packed(out), module, plugins: [pullback.webpack(options)] }, end);
    }),
  rspack: out =>
    new Promise((resolve, reject) => {
      const module = { rules: [{ test: /\.ts$/, use: "builtin:swc-loader" }] };
      const end = (e: Error | null, s: Stats | undefined): void =>
        e || s?.hasErrors() ? reject(e ?? new Error(s?.toString("errors-only"))) : resolve(undefined);
      rspack({ ...packed(out), module, plugins: [pullback.rspack(options)] }, end);
    }),
};
for (const [name, build] of Object.entries(bundlers))
  test(`${name}: the compiled function runs, and the compiler is not there`, async () => {
    const out = join(folder, `${name}.mjs`);
    await build(out);
    const { stdout, stderr } = spawnSync(process.execPath, [out], { encoding: "utf8" });
    assert.is(stdout.trim(), "3,6,9", stderr);
    const text = readFileSync(out, "utf8");
    assert.match(text, "LaunchError");
    assert.not.match(text, "lowerFunc");
    assert.not.match(text, "class Tensor");
  });
test("TypeScript is told beside the model, in a file that is named by the query", () => {
  assert.ok(existsSync(join(folder, "model.compiled.n-3.d.ts")));
});
test("the development server compiles again when a file that the model imports has changed", async () => {
  const server = await createServer({
    root: folder,
    configFile: false,
    logLevel: "silent",
    plugins: [pullback.vite(options)],
    resolve: { conditions },
    server: { middlewareMode: true, ws: false },
    optimizeDeps: { noDiscovery: true },
  });
  try {
    await server.transformRequest(app); // a page begins there, and Vite learns who imports whom
    const code = async (): Promise<string | undefined> => (await server.transformRequest(`${model}?compiled&n=3`))?.code,
      before = await code();
    assert.is(await code(), before);
    const changed = new Promise<void>(resolve => {
      server.watcher.on("change", file => {
        if (file === factor) resolve();
      });
    });
    write("factor.ts", "export const factor = 5;\n");
    await changed;
    await new Promise(resolve => setTimeout(resolve, 100)); // the server hears of it too
    const after = await code();
    assert.match(after ?? "", "launch(");
    assert.is.not(after, before);
  } finally {
    await server.close();
  }
});
test("what is wrong with the model fails the build, at its place", async () => {
  const entry = write("wrong.mjs", 'import { scaled } from "./model.ts?compiled";\nscaled();\n');
  try {
    await esbuild({ entryPoints: [entry], write: false, bundle: true, plugins: [pullback.esbuild(options)], logLevel: "silent" });
    assert.unreachable("the build went through");
  } catch (error) {
    assert.match(String(error), /model\.ts:3:14 - error E1141: the dimension "n" of x has no size/);
  }
});
test.run();
