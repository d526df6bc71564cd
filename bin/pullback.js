#!/usr/bin/env node
// The command line of the package: `npx pullback explain E0201`. In a clone it reads the sources, in an installed package
// dist/. It holds no text of its own about errors: runtime/errors has the pages.
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";

const usage = `pullback: help for the pullback library

usage: pullback explain CODE     what an error code means, and what to do (example: pullback explain E0201)
       pullback --help           this text
`;

/** @param {string} message @returns {never} */
function refuse(message) {
  console.error(`pullback: ${message}\n\n${usage}`);
  process.exit(2);
}

/** @returns {Promise<{ explain(code: string): string | undefined }>} */
async function loadPages() {
  const source = new URL("../runtime/errors/explain.ts", import.meta.url);
  const built = new URL("../dist/runtime/errors/explain.js", import.meta.url);
  if (existsSync(source) && existsSync(new URL("../node_modules/tsx", import.meta.url))) {
    const { tsImport } = await import("tsx/esm/api");
    return tsImport(source.href, import.meta.url);
  }
  if (existsSync(built)) return import(built.href);
  refuse("the error pages are not built: run `npm ci` in this clone first");
}

/** @param {string[]} argv */
function parse(argv) {
  try {
    return parseArgs({ args: argv, allowPositionals: true, options: { help: { type: "boolean", short: "h" } } });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals } = parse(process.argv.slice(2));
const [command, code, ...rest] = positionals;
if (values.help) {
  process.stdout.write(usage);
} else if (command === undefined) {
  refuse("a command is missing");
} else if (command !== "explain") {
  refuse(`unknown command ${JSON.stringify(command)}; there is: explain`);
} else if (code === undefined || rest.length > 0) {
  refuse("explain takes exactly one code");
} else {
  const page = (await loadPages()).explain(code);
  if (page === undefined) refuse(`there is no error code ${JSON.stringify(code)}; codes look like E0201`);
  process.stdout.write(page);
}
