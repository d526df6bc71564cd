// The entry of the language-service plugin: `"plugins": [{ "name": "pullback" }]` in tsconfig.json. Editors load plugins with require and at once, the library is made of
// ES modules: until those are there the editor is as it was, and then its diagnostics are asked for again. In a clone it runs the sources, in an installed package dist/.
const { existsSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

/** @returns {Promise<typeof import("../compiler/frontend/editor/plugin.ts")>} */
async function load() {
  const source = join(__dirname, "../compiler/frontend/editor/plugin.ts");
  if (existsSync(source) && existsSync(join(__dirname, "../node_modules/tsx"))) {
    const { tsImport } = await import("tsx/esm/api");
    return tsImport(pathToFileURL(source).href, pathToFileURL(__filename).href);
  }
  return import(pathToFileURL(join(__dirname, "../dist/compiler/frontend/editor/plugin.js")).href);
}

/** @param {{ typescript: import("../compiler/frontend/typescript.ts").TypeScript }} modules */
module.exports = ({ typescript }) => ({
  /** @param {import("../compiler/frontend/typescript.ts").ts.server.PluginCreateInfo} info */
  create(info) {
    const { languageService, languageServiceHost, project } = info;
    /** @type {Record<string, unknown>} */
    let help = {};
    const log = (/** @type {unknown} */ error) =>
      project.projectService.logger.info(`pullback: ${error instanceof Error ? error.stack : String(error)}`);
    load().then(({ editorHelp }) => {
      help = {
        ...editorHelp(typescript, { languageService, languageServiceHost, knows: file => project.getScriptInfo(file) !== undefined }),
      };
      project.refreshDiagnostics();
    }, log);
    /** What the editor would say, where this plugin has nothing better or fails. @param {string} name @param {Function} own */
    const method =
      (name, own) =>
      (/** @type {unknown[]} */ ...args) => {
        const ours = help[name];
        if (typeof ours !== "function") return own(...args);
        try {
          return ours(...args);
        } catch (error) {
          log(error);
          return own(...args);
        }
      };
    return Object.fromEntries(
      Object.entries(languageService).map(([name, own]) => [name, typeof own === "function" ? method(name, own) : own]),
    );
  },
});
