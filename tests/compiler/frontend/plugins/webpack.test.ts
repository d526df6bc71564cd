// The bundler plugin in webpack and Rspack: types are taken out by a loader that runs after it.
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { rspack } from "@rspack/core";
import { test } from "uvu";
import webpack from "webpack";
import { pullback } from "../../../../compiler/frontend/plugins/unplugin.ts";
import { conditions, optional, testBundler } from "./bundles.ts";

interface Stats {
  hasErrors(): boolean;
  toString(options: "errors-only"): string;
}
/** What a compiler calls at its end. */
const ended =
  (resolve: () => void, reject: (e: unknown) => void) =>
  (error: Error | null | undefined, stats: Stats | undefined): void =>
    error || stats?.hasErrors() ? reject(error ?? new Error(stats?.toString("errors-only"))) : resolve();

testBundler(
  "webpack",
  (out, entry) =>
    new Promise((resolve, reject) => {
      webpack(
        {
          mode: "development",
          target: "node20",
          devtool: "source-map",
          entry,
          experiments: { outputModule: true },
          output: { path: dirname(out), filename: basename(out), module: true, chunkFormat: "module" },
          resolve: { conditionNames: conditions },
          externals: optional,
          externalsType: "module",
          module: { rules: [{ test: /\.ts$/, use: fileURLToPath(new URL("types_loader.cjs", import.meta.url)) }] },
          plugins: [pullback.webpack()],
        },
        ended(resolve, reject),
      );
    }),
);
testBundler(
  "rspack",
  (out, entry) =>
    new Promise((resolve, reject) => {
      rspack(
        {
          mode: "development",
          target: "node20",
          devtool: "source-map",
          entry,
          output: { path: dirname(out), filename: basename(out), module: true, chunkFormat: "module" },
          resolve: { conditionNames: conditions },
          externals: optional,
          externalsType: "module",
          module: { rules: [{ test: /\.ts$/, use: "builtin:swc-loader" }] },
          plugins: [pullback.rspack()],
        },
        ended(resolve, reject),
      );
    }),
);

test.run();
