// One plugin for every bundler, through unplugin: tensor scopes are rewritten before anything else sees the file, with a source map, and their complaints become the bundler's
// errors. The bundler strips types and does the rest.
import { createUnplugin, type UnpluginFactory, type UnpluginInstance } from "unplugin";
import { formatDiagnostic } from "../diagnostics.ts";
import { rewrite, type RewriteOptions } from "../rewrite.ts";
import { directive } from "../scopes.ts";

const factory: UnpluginFactory<RewriteOptions | undefined> = (options = {}) => ({
  name: "pullback",
  enforce: "pre",
  transform: {
    filter: { id: { include: /\.[cm]?[jt]sx?(\?|$)/, exclude: /[\\/]node_modules[\\/]/ }, code: directive },
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
export const pullback: UnpluginInstance<RewriteOptions | undefined> = createUnplugin(factory);
