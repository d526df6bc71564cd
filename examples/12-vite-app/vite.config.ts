// How the page is built: one plugin. `conditions` is for this repository, where the library is its own sources; an app that has installed pullback leaves it out.
import { fileURLToPath } from "node:url";
import { pullback } from "pullback/plugin";
import { defaultClientConditions, type InlineConfig } from "vite";

/** For Vite's `createServer` and `build`. */
export const config: InlineConfig = {
  root: fileURLToPath(new URL(".", import.meta.url)),
  configFile: false,
  plugins: [pullback.vite({ ahead: { devices: ["webgpu", "wasm"] } })],
  resolve: { conditions: ["source", ...defaultClientConditions] },
  build: { target: "esnext", sourcemap: true },
};
