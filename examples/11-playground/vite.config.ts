// How the page is built and served: from the sources in a clone, with the headers that let threads share memory.
import { fileURLToPath } from "node:url";
import { defaultClientConditions, type InlineConfig, type Plugin } from "vite";
import { corpusModule, corpusSource } from "./corpus.ts";

const corpus: Plugin = {
  name: "corpus",
  resolveId: id => (id === corpusModule ? `\0${corpusModule}` : undefined),
  load: id => (id === `\0${corpusModule}` ? corpusSource() : undefined),
};
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** For Vite's `createServer` and `build`. */
export const config: InlineConfig = {
  root: fileURLToPath(new URL(".", import.meta.url)),
  configFile: false,
  plugins: [corpus],
  resolve: { conditions: ["source", ...defaultClientConditions] },
  server: { headers: isolation },
  preview: { headers: isolation },
  build: { target: "esnext", chunkSizeWarningLimit: 1e5 },
};
