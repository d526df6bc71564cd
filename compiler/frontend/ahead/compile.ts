// Makes compiled modules for bundlers and for Node's loader: one process a request, and nothing twice while neither the request nor a file has changed.
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Answer } from "./answer.ts";
import type { Request } from "./request.ts";

const known = new Map<string, { readonly digest: string; readonly answer: Promise<Answer> }>();
/** The module, or what is wrong with it. Its declaration is written beside the model where the request says so. @throws when the process fails */
export async function compileAhead(request: Request): Promise<Answer> {
  const key = JSON.stringify(request),
    old = known.get(key);
  if (old && digestOf((await old.answer).files) === old.digest) return old.answer;
  const made = inProcess(request),
    { files, outcome } = await made;
  known.set(key, { digest: digestOf(files), answer: made });
  if (outcome.kind === "module" && request.types) writeIfNew(declarationFile(request), outcome.types);
  return made;
}
const digestOf = (files: readonly string[]): string => {
  const hash = createHash("sha256");
  for (const f of files) hash.update(existsSync(f) ? readFileSync(f) : "gone");
  return hash.digest("hex");
};

/** `model.compiled.d.ts`; an import that says more has a file of its own, `model.compiled.batch-32.d.ts`. */
function declarationFile({ file, query }: Request): string {
  const more = query.replace(/^\?compiled/, "").replace(/[^\w]+/g, "-");
  return file.replace(/\.[cm]?[jt]sx?$/, "") + `.compiled${more.replace(/^-?/, more === "" ? "" : ".")}.d.ts`;
}
function writeIfNew(file: string, text: string): void {
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}

const here = (name: string): string => new URL(`${name}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url).href;
/** Node's options that say how modules are found and loaded: those of this process, and tensor scopes. */
function loaders(): string[] {
  const kept: string[] = [],
    args = process.execArgv;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (!/^(--import|--conditions|-C|--require|-r|--loader|--experimental-loader)(=|$)/.test(arg)) continue;
    kept.push(arg);
    if (!arg.includes("=") && i + 1 < args.length) kept.push(args[++i] ?? "");
  }
  const register = here("../register");
  return kept.some(a => a.endsWith(register)) ? kept : [...kept, "--import", register];
}
function inProcess(request: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(here("child")), { execArgv: loaders(), stdio: ["ignore", 2, 2, "ipc"] }); // what the model prints is no output of ours
    child.once("message", (a: Answer) => resolve(a));
    child.once("error", reject);
    child.once("exit", code => reject(new Error(`compiling ${request.file} ended with status ${String(code)}`))); // after an answer it changes nothing
    child.send(request);
  });
}
