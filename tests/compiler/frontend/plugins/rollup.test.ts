// The bundler plugin in Rollup, which knows neither types nor packages: a plugin after it takes types out and finds the package's sources.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { rollup, type Plugin } from "rollup";
import { test } from "uvu";
import { pullback } from "../../../../compiler/frontend/plugins/unplugin.ts";
import { optional, testBundler } from "./bundles.ts";

const sources: Plugin = {
  name: "sources",
  resolveId: (id, from) =>
    id.startsWith("pullback")
      ? fileURLToPath(import.meta.resolve(id))
      : id.startsWith(".") && from !== undefined
        ? join(from, "..", id)
        : null,
  transform: code => transform(code, { loader: "ts", sourcemap: true }),
};

testBundler("rollup", async (out, entry) => {
  const bundle = await rollup({ input: entry, external: [...optional, /^node:/], plugins: [pullback.rollup(), sources] });
  await bundle.write({ file: out, format: "esm", sourcemap: true, inlineDynamicImports: true });
  await bundle.close();
});

test.run();
