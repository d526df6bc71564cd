// `npm run playground`: the page on this machine, until Ctrl-C.
import { createServer } from "vite";
import { config } from "./vite.config.ts";

const server = await createServer(config);
await server.listen();
server.printUrls();
console.log("  Ctrl-C ends it.");
