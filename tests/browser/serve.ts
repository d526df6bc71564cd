// Serves a folder on this machine only, with the headers that a test asks for: cross-origin isolation, a Content-Security-Policy.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";

/** `isolated`: pages may share memory between threads. `csp`: their Content-Security-Policy. */
export interface ServeOptions {
  readonly isolated?: boolean;
  readonly csp?: string;
}
/** A running server; `url` ends with a slash. */
export interface Served extends AsyncDisposable {
  readonly url: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Serves `folder` at a free port of the loopback interface. */
export async function serve(folder: string, { isolated = false, csp }: ServeOptions = {}): Promise<Served> {
  const headers = {
    "Cache-Control": "no-store",
    ...(isolated ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" } : {}),
    ...(csp === undefined ? {} : { "Content-Security-Policy": csp }),
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = normalize(join(folder, decodeURIComponent(pathname.endsWith("/") ? `${pathname}index.html` : pathname)));
    const missing = (): void => {
      response.writeHead(404, headers).end();
    };
    if (!path.startsWith(normalize(folder + sep))) {
      missing();
      return;
    }
    readFile(path).then(body => {
      response.writeHead(200, { ...headers, "Content-Type": types[extname(path)] ?? "application/octet-stream" }).end(body);
    }, missing);
  });
  await new Promise<void>(resolve => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    url: `http://localhost:${port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
