// Runs a module of tests in Deno, from its sources, and brings its results to uvu here. The module is an ordinary test file (`test` from uvu, `test.run()` at the end), named
// *.deno.ts; in Deno uvu's place is taken by the same stand-in as in a page.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import { lineOf, type Message, type Result } from "../browser/channel.ts";
import { SKIPPED } from "../runner/totals.ts";
import type { Driver } from "../support/drivers.ts";

const root = new URL("../../", import.meta.url);
const at = (path: string): string => new URL(path, root).href;

/** What Deno is run with. `seconds`: the time limit. `follow`: a line for each test as it ends. */
export interface DenoOptions {
  readonly seconds: number;
  readonly follow?: boolean;
  readonly env: Readonly<Record<string, string>>;
}
/** Every test of `module` (a path from the root) becomes a test here, under the name `way`; what it prints is printed. Without one of `drivers` (the first is Deno) the module is
 *  skipped, with the reason. */
export async function denoTests(
  module: string,
  way: string,
  drivers: readonly [Driver, ...Driver[]],
  options: (paths: readonly string[]) => DenoOptions,
): Promise<void> {
  const reasons = drivers.flatMap(d => (d.kind === "missing" ? [d.reason] : []));
  if (reasons.length > 0) {
    console.log(`${SKIPPED}${module}: ${reasons.join("; ")}`);
    test.skip(module);
    return;
  }
  const paths = drivers.flatMap(d => (d.kind === "found" ? [d.path] : []));
  for (const m of await run(paths[0] ?? "", module, options(paths)))
    if (m.kind === "skip") test.skip(`${way}: ${m.name}`);
    else
      test(`${way}: ${m.name}`, () => {
        if (m.error === undefined) return;
        const error = new Error(m.error);
        error.stack = ""; // Deno's own is in the message
        throw error;
      });
}

/** @throws when the module fails outside its tests, or does not end */
async function run(deno: string, module: string, { seconds, follow = false, env }: DenoOptions): Promise<readonly Result[]> {
  const folder = await mkdtemp(join(tmpdir(), "pullback-deno-"));
  try {
    const map = join(folder, "map.json");
    await writeFile(map, JSON.stringify({ imports: { uvu: at("tests/browser/uvu.ts") } }));
    const flags = ["--unstable-webgpu", "--no-check", "--no-remote", "--allow-all", "--conditions=source", `--import-map=${map}`];
    const child = spawn(deno, ["run", ...flags, fileURLToPath(at("tests/deno/main.ts")), at(module)], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: seconds * 1000,
      env: { ...process.env, DENO_DIR: join(tmpdir(), "pullback-deno"), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1", ...env },
    });
    const results: Result[] = [];
    let done = false,
      complaints = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
    const code = new Promise<number | string | null>(resolve => {
      child.on("close", (c, signal) => resolve(c ?? signal));
    });
    for await (const line of createInterface(child.stdout)) {
      const message = parsed(line);
      if (message === undefined) console.log(line);
      else if (message.kind === "test" || message.kind === "skip") {
        results.push(message);
        if (follow) console.log(lineOf(message));
      } else done ||= message.kind === "done";
    }
    const ended = await code;
    if (!done || ended !== 0)
      throw new Error(`Deno ended with ${ended} after ${results.length} tests, the last ${results.at(-1)?.name ?? "none"}\n${complaints}`);
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
/** A line of main.ts's; undefined for what the tests print. */
function parsed(line: string): Message | undefined {
  if (!line.startsWith('{"kind":')) return undefined;
  return JSON.parse(line) as Message; // main.ts prints messages
}
