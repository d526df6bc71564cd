// `pullback check --watch`: what a change in an imported file means for the file that was named, to its types and to its traces.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Finding } from "../../../compiler/frontend/check/finding.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = mkdtempSync(join(root, "tests/compiler/frontend/checked-")); // inside the package, so that it is importable by its name
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const helper = (type: string, size: number): string =>
  `import { zeros, type Tensor } from "pullback";\nexport const bias = (): ${type} => zeros([${size}])${type === "Tensor" ? "" : ` as ${type}`};\n`;
write("helper.ts", helper("Tensor", 3));
write(
  "model.ts",
  `"use tensor";
import type { Tensor } from "pullback";
import { bias } from "./helper.ts";
export const moved = (x: Tensor<["n", 3], "f32">) => x + bias();
`,
);
const command = spawn(
  process.execPath,
  [
    ...["--import", "tsx", "--conditions=source", "--import", new URL(`file://${root}compiler/frontend/register.ts`).href],
    ...[join(root, "compiler/frontend/check/main.ts"), "--watch", "--json", "model.ts"],
  ],
  { cwd: folder, stdio: ["ignore", "pipe", "inherit"] },
);
test.after(() => {
  command.kill();
  rmSync(folder, { recursive: true });
});
const lines = createInterface({ input: command.stdout })[Symbol.asyncIterator]();
/** The next report: findings as `line:column code message`, and how many functions were traced. */
async function report(): Promise<readonly [readonly string[], number]> {
  const { findings, traced } = JSON.parse(String((await lines.next()).value)) as {
    readonly findings: readonly Finding[];
    readonly traced: number;
  }; // what --json prints
  return [findings.map(f => `${f.line}:${f.column} ${f.code} ${f.message}`), traced];
}

test("the file that was named is checked and traced again when one that it imports changes", async () => {
  assert.equal(await report(), [[], 1]);
  await new Promise(resolve => setTimeout(resolve, 200)); // the files are watched after the first report
  write("helper.ts", helper("Tensor", 4));
  assert.equal(await report(), [["4:56 E0201 add cannot broadcast [11,3] with [4] (tracing moved)"], 0]);
  write("helper.ts", helper('Tensor<[5], "f32">', 5));
  assert.equal(await report(), [["4:58 E1101 cannot broadcast [n, 3] with [5]"], 0]);
  write("helper.ts", helper("Tensor", 3));
  assert.equal(await report(), [[], 1]);
});

test.run();
