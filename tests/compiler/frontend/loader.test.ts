// `node --import pullback/register`: TypeScript with tensor scopes runs, plain modules beside it too, and errors show the user's place.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";

const run = promisify(execFile);
const tsx = import.meta.resolve("tsx");
const register = new URL("../../../compiler/frontend/register.ts", import.meta.url).href;
const node = (...files: readonly string[]): Promise<{ stdout: string; stderr: string }> =>
  run(process.execPath, ["--import", tsx, "--conditions=source", "--import", register, ...files], {
    cwd: fileURLToPath(new URL("../../../", import.meta.url)),
  });

test("a TypeScript file with tensor scopes runs, and an error shows the operator at fault", async () => {
  const file = fileURLToPath(new URL("fixtures/main.tensor.ts", import.meta.url));
  const line =
    readFileSync(file, "utf8")
      .split("\n")
      .findIndex(l => l.includes("y + array(")) + 1;
  const { stdout, stderr } = await node(file);
  const lines = stdout.split("\n");
  assert.is(lines[0], "102");
  assert.is(lines[1], "PullbackError: E0201: add cannot broadcast [2] with [3]");
  assert.is(lines[2], `  ${file}:${line}:12`);
  assert.equal(lines.slice(3, 5), [`  ${line} | return y + array([1, 2, 3]);`, "     |          ^"]);
  assert.is(stderr, "");
});
test("a file that cannot be rewritten is refused as it is loaded, with its place", async () => {
  const folder = mkdtempSync(join(tmpdir(), "loader-"));
  try {
    writeFileSync(join(folder, "wrong.ts"), 'export async function f(x: number) {\n  "use tensor";\n  return x * 2;\n}\n');
    const error: unknown = await node(join(folder, "wrong.ts")).catch((e: unknown) => e);
    const { stderr } = error as { readonly stderr: string }; // execFile's error
    assert.match(
      stderr,
      /wrong\.ts:1:23 - error E1112: an async function cannot be traced\n\n1 \| export async function f\(x: number\) \{\n {2}\| {23}~\n {2}help: read values/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
test.run();
