// The bundler plugin in esbuild, Rolldown and Vite, which take types out themselves.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { rolldown } from "rolldown";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build as vite } from "vite";
import { pullback } from "../../../../compiler/frontend/plugins/unplugin.ts";
import { conditions, folder, testBundler } from "./bundles.ts";

testBundler("esbuild", async (out, entry) => {
  await esbuild({
    entryPoints: [entry],
    outfile: out,
    bundle: true,
    format: "esm",
    platform: "node",
    sourcemap: true,
    conditions,
    plugins: [pullback.esbuild()],
    logLevel: "silent",
  });
});
testBundler("rolldown", async (out, entry) => {
  const bundle = await rolldown({
    input: entry,
    platform: "node",
    resolve: { conditionNames: conditions },
    plugins: [pullback.rolldown()],
  });
  await bundle.write({ file: out, format: "esm", sourcemap: true, codeSplitting: false });
  await bundle.close();
});
testBundler("vite", async (out, entry) => {
  await vite({
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
  });
});

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
