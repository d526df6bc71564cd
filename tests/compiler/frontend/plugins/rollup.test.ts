// The bundler plugin in Rollup, which knows neither types nor packages: a plugin after it takes types out and finds the package's sources.
import { rollup } from "rollup";
import { test } from "uvu";
import { pullback } from "../../../../compiler/frontend/plugins/unplugin.ts";
import { optional, testBundler } from "./bundles.ts";
import { sources } from "./rollup_sources.ts";

testBundler("rollup", async (out, entry) => {
  const bundle = await rollup({ input: entry, external: [...optional, /^node:/], plugins: [pullback.rollup(), sources] });
  await bundle.write({ file: out, format: "esm", sourcemap: true, inlineDynamicImports: true });
  await bundle.close();
});

test.run();
