// What Rollup needs beside the plugin, as it knows neither types nor packages: a plugin that takes types out and finds the package's sources.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import type { Plugin } from "rollup";

/** It stands after ours. */
export const sources: Plugin = {
  name: "sources",
  resolveId: (id, from) =>
    id.startsWith("pullback")
      ? fileURLToPath(import.meta.resolve(id))
      : id.startsWith(".") && from !== undefined
        ? join(from, "..", id)
        : null,
  transform: code => transform(code, { loader: "ts", sourcemap: true }),
};
