// `node scripts/start.mjs examples/12-vite-app/serve.ts`: the page on this machine, until Ctrl-C. An edited model is compiled again.
import { createServer } from "vite";
import { config } from "./vite.config.ts";

const server = await createServer(config);
await server.listen();
server.printUrls();
console.log("  Ctrl-C ends it.");
