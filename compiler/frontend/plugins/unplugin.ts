// One plugin for every bundler, through unplugin: tensor scopes are rewritten before anything else sees the file, with a source map, and their complaints become the bundler's
// errors; imports with ?compiled become modules that were compiled ahead of time. The bundler strips types and does the rest.
import { dirname, isAbsolute, resolve } from "node:path";
import { createUnplugin, type UnpluginFactory, type UnpluginInstance } from "unplugin";
import { compileAhead } from "../ahead/compile.ts";
import { compiledImport, requestOf, type AheadOptions } from "../ahead/request.ts";
import { formatDiagnostic } from "../diagnostics.ts";
import { rewrite, type RewriteOptions } from "../rewrite.ts";
import { directive } from "../scopes.ts";

/** What the plugin may be told. */
export interface PluginOptions extends Pick<RewriteOptions, "module"> {
  /** How imports with ?compiled are compiled. */
  readonly ahead?: AheadOptions;
}

const factory: UnpluginFactory<PluginOptions | undefined> = (options = {}) => ({
  name: "pullback",
  enforce: "pre",
  resolveId: {
    filter: { id: compiledImport },
    handler(source, importer) {
      const [path = "", ...query] = source.split("?");
      if (!path.startsWith(".") && !isAbsolute(path)) return undefined; // the bundler knows packages and aliases
      const from = importer === undefined ? "." : dirname(importer.replace(/\?.*$/, ""));
      return `${resolve(from, path)}?${query.join("?")}`;
    },
  },
  load: {
    filter: { id: compiledImport },
    async handler(id) {
      const { files, outcome } = await compileAhead(requestOf(id, options.ahead));
      for (const f of files) this.addWatchFile(f);
      if (outcome.kind === "refused") throw new Error(outcome.complaints); // esbuild overlooks what this.error says here
      for (const s of outcome.skipped) this.warn(`${id}: not compiled: ${s}`);
      return { code: outcome.code, map: null };
    },
  },
  transform: {
    filter: { id: { include: /\.[cm]?[jt]sx?(\?|$)/, exclude: [/[\\/]node_modules[\\/]/, compiledImport] }, code: directive },
    handler(source, id) {
      const { code, map, diagnostics } = rewrite(source, id.replace(/\?.*$/, ""), options);
      if (diagnostics.length > 0) {
        this.error(diagnostics.map(d => formatDiagnostic(d, source)).join("\n\n"));
        return undefined;
      }
      return map === null
        ? undefined
        : {
            code,
            map: {
              ...map,
              sources: [...map.sources],
              sourcesContent: [...(map.sourcesContent ?? [])].map(s => s ?? ""),
              names: [...map.names],
            },
          };
    },
  },
});

/** The plugin: `pullback.vite()`, `.rollup()`, `.rolldown()`, `.webpack()`, `.rspack()`, `.esbuild()`. */
export const pullback: UnpluginInstance<PluginOptions | undefined> = createUnplugin(factory);
