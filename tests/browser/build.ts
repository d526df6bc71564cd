// Bundles one module of the tests for a page, with Vite, from the sources. In the page "uvu" is uvu.ts beside this file.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, defaultClientConditions } from "vite";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A built folder, removed at the end. */
export interface Built extends AsyncDisposable {
  readonly folder: string;
}

/** Bundles `module` (a path from the root) and makes a page that loads it. Minified, as users' bundles are. */
export async function buildPage(module: string): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), "pullback-page-"));
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: "warn",
    resolve: {
      conditions: ["source", ...defaultClientConditions],
      alias: [{ find: /^uvu$/, replacement: join(root, "tests/browser/uvu.ts") }],
    },
    worker: { format: "es" },
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: "esnext",
      chunkSizeWarningLimit: 1e5,
      rolldownOptions: { checks: { pluginTimings: false }, input: { page: join(root, module) }, output: { entryFileNames: "[name].js" } },
    },
  });
  await writeFile(
    join(folder, "index.html"),
    `<!doctype html><meta charset="utf-8"><title>${module}</title><link rel="icon" href="data:,"><script type="module" src="./page.js"></script>\n`,
  );
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
