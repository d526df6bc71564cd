#!/usr/bin/env node
// The command line of the package: `npx pullback explain E0201`, `npx pullback check model.ts`. In a clone it runs the sources, in an installed package dist/. It
// holds no text of its own about errors: runtime/errors has the pages.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const usage = `pullback: help for the pullback library

usage: pullback explain CODE     what an error code means, and what to do (example: pullback explain E0201)
       pullback check FILE...    type-checks tensor scopes, traces exported functions with known shapes (pullback check --help)
       pullback --help           this text
`;

/** @param {string} message @returns {never} */
function refuse(message) {
  console.error(`pullback: ${message}\n\n${usage}`);
  process.exit(2);
}

/** Whether this is a clone with its development packages. @param {string} source */
const fromSources = source =>
  existsSync(new URL(`../${source}`, import.meta.url)) && existsSync(new URL("../node_modules/tsx", import.meta.url));

/** @returns {Promise<{ explain(code: string): string | undefined }>} */
async function loadPages() {
  const built = new URL("../dist/runtime/errors/explain.js", import.meta.url);
  if (fromSources("runtime/errors/explain.ts")) {
    const { tsImport } = await import("tsx/esm/api");
    return tsImport(new URL("../runtime/errors/explain.ts", import.meta.url).href, import.meta.url);
  }
  if (existsSync(built)) return import(built.href);
  refuse("the error pages are not built: run `npm ci` in this clone first");
}

/** Runs the checker in a process of its own, which can load the user's modules as the user's program would. @param {string[]} args @returns {number} */
function check(args) {
  const sources = fromSources("compiler/frontend/check/main.ts");
  /** @param {string} path */
  const file = path => fileURLToPath(new URL(`../${sources ? path : `dist/${path.replace(/ts$/, "js")}`}`, import.meta.url));
  const loaders = sources ? ["--import", "tsx", "--conditions=source"] : [];
  const r = spawnSync(
    process.execPath,
    [
      ...loaders,
      "--import",
      new URL(`file://${file("compiler/frontend/register.ts")}`).href,
      file("compiler/frontend/check/main.ts"),
      ...args,
    ],
    { stdio: "inherit" },
  );
  return r.status ?? 1;
}

/** @param {string[]} argv */
function parse(argv) {
  try {
    return parseArgs({ args: argv, allowPositionals: true, options: { help: { type: "boolean", short: "h" } } });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const argv = process.argv.slice(2);
if (argv[0] === "check") {
  process.exit(check(argv.slice(1)));
}
const { values, positionals } = parse(argv);
const [command, code, ...rest] = positionals;
if (values.help) {
  process.stdout.write(usage);
} else if (command === undefined) {
  refuse("a command is missing");
} else if (command !== "explain") {
  refuse(`unknown command ${JSON.stringify(command)}; there are: explain, check`);
} else if (code === undefined || rest.length > 0) {
  refuse("explain takes exactly one code");
} else {
  const page = (await loadPages()).explain(code);
  if (page === undefined) refuse(`there is no error code ${JSON.stringify(code)}; codes look like E0201`);
  process.stdout.write(page);
}
