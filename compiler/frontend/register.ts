// `node --import pullback/register app.ts`: installs the hooks, and turns on source maps, so that errors and debuggers show the user's lines.
import { register } from "node:module";
import { setFlagsFromString } from "node:v8";
import { PullbackError } from "../../runtime/errors/error.ts";

for (const name of ["ts-morph", "magic-string"]) {
  try {
    import.meta.resolve(name);
  } catch (cause) {
    throw new PullbackError("E1119", `tensor scopes are rewritten with ${name}, which is not installed`, {
      help: "npm install --save-dev ts-morph magic-string",
      cause,
    });
  }
}
process.setSourceMapsEnabled(true);
if (Number.parseInt(process.versions.node, 10) <= 20) setFlagsFromString("--experimental-wasm-relaxed-simd"); // as the library's device does: ?compiled has its bits
register(import.meta.url.endsWith(".ts") ? "./hooks.ts" : "./hooks.js", import.meta.url);
