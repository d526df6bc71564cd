// Node's module hooks: what `node --import pullback/register` installs. Files with a tensor scope are rewritten as they are loaded; TypeScript that nothing else loads is
// made JavaScript; an import with ?compiled becomes a module that was compiled ahead of time. Everything else is left to Node, and to loaders that were there before.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { compileAhead } from "./ahead/compile.ts";
import { compiledImport, requestOf } from "./ahead/request.ts";
import { directive } from "./scopes.ts";
import { isTypeScript, toJavaScript, withInlineMap } from "./transpile.ts";

interface Resolved {
  readonly url: string;
  readonly format?: string | null;
  readonly shortCircuit?: boolean;
}
interface Loaded {
  readonly format: string;
  readonly source?: string | ArrayBuffer | Uint8Array;
  readonly shortCircuit?: boolean;
}
interface ResolveContext {
  readonly parentURL?: string | undefined;
}

const again = /\?version=\d+$/;
/** A module that is loaded again (`./model.ts?version=2`, as `pullback check --watch` does) loads what it imports by path again. */
export async function resolve(
  specifier: string,
  context: ResolveContext,
  next: (specifier: string, context?: ResolveContext) => Promise<Resolved>,
): Promise<Resolved> {
  const found = await resolvePath(specifier, context, next),
    [version] = again.exec(context.parentURL ?? "") ?? [];
  return version !== undefined && specifier.startsWith(".") && found.url.startsWith("file:") && !found.url.includes("?")
    ? { ...found, url: found.url + version }
    : found;
}
/** `./model.js` may be `./model.ts`. */
async function resolvePath(
  specifier: string,
  context: ResolveContext,
  next: (specifier: string, context?: ResolveContext) => Promise<Resolved>,
): Promise<Resolved> {
  try {
    return await next(specifier, context);
  } catch (error) {
    const typed = specifier.replace(/\.(m?)js(x?)$/, ".$1ts$2");
    if (!specifier.startsWith(".") || typed === specifier || context.parentURL === undefined) throw error;
    const url = new URL(typed, context.parentURL);
    if (url.protocol !== "file:" || !existsSync(url)) throw error;
    return next(typed, context);
  }
}

/** Rewrite what has a scope, transpile what nobody else can load. */
export async function load(url: string, context: object, next: (url: string, context?: object) => Promise<Loaded>): Promise<Loaded> {
  const { pathname, protocol } = new URL(url);
  if (protocol === "file:" && compiledImport.test(url)) return compiled(url);
  if (protocol !== "file:" || !/\.m?[jt]sx?$/.test(pathname) || pathname.includes("/node_modules/")) return next(url, context);
  const source = await readFile(fileURLToPath(url), "utf8");
  if (source.includes(directive)) return javaScript(source, url);
  if (again.test(url) && isTypeScript(pathname)) return javaScript(source, url); // other loaders look at how a URL ends
  if (!isTypeScript(pathname)) return next(url, context);
  try {
    return await next(url, context);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "ERR_UNKNOWN_FILE_EXTENSION") throw error; // Node's errors have codes
    return javaScript(source, url);
  }
}
async function compiled(url: string): Promise<Loaded> {
  const { outcome } = await compileAhead(requestOf(fileURLToPath(url.replace(/\?.*$/, "")) + new URL(url).search, { types: false }));
  if (outcome.kind === "refused") throw new Error(outcome.complaints);
  return { format: "module", source: outcome.code, shortCircuit: true };
}
const javaScript = (source: string, url: string): Loaded => ({
  format: "module",
  source: withInlineMap(toJavaScript(source, url.replace(/\?.*$/, ""))), // the ending says which language it is
  shortCircuit: true,
});
