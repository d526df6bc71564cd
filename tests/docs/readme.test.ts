// The README's program runs as written, and its primitive type-checks and differentiates.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const root = new URL("../../", import.meta.url).pathname;
const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(m => m[1] ?? "");
/** Run a program with the package importable by its name: it must lie inside the package. */
function run(source: string): { readonly status: number | null; readonly output: string } {
  const folder = mkdtempSync(join(root, "tests/docs/readme-"));
  try {
    const file = join(folder, "main.ts");
    writeFileSync(file, source);
    const r = spawnSync(process.execPath, ["--import", "tsx", "--conditions=source", file], { cwd: root, encoding: "utf8" });
    return { status: r.status, output: r.stdout + r.stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the twenty lines run and the loss falls", () => {
  const { status, output } = run(blocks[0] ?? "");
  assert.is(status, 0, output);
  const loss = Number(/loss (\d+\.\d+)/.exec(output)?.[1]);
  assert.ok(loss < 0.65, output);
});
test("the primitive of the README differentiates: its derivative matches a difference quotient", () => {
  const { status, output } = run(`${blocks[1] ?? ""}
import { array, grad, type Tensor } from "pullback";
const f = (x: Tensor) => softplusPrime(x), at = (v: number) => f(array(v, { dtype: "f64" })).item(), h = 1e-5;
console.log(Math.abs(grad(f)(array(0.3, { dtype: "f64" })).item() - (at(0.3 + h) - at(0.3 - h)) / (2 * h)) < 1e-9);`);
  assert.is(status, 0, output);
  assert.match(output, /true/);
});

test.run();
