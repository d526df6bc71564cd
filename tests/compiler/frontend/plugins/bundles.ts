// One model with tensor scopes, built by a bundler with the plugin: the bundle runs, and what it throws maps back to the user's line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
/** A folder for models and bundles, inside the package so that it is importable by its name. It is removed when the process ends. */
export const folder: string = mkdtempSync(join(root, "tests/compiler/frontend/plugins/built-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const source = `"use tensor";
import { array, jit, zeros, type Tensor } from "pullback";

const step = jit((x: Tensor, n: Tensor): Tensor => {
  let y = x * 2;
  while (y.sum() < n) y = y + x / 4;
  return y;
});
console.log(step(array([1, 2]), array(20)).tolist());
export const fail = (a: Tensor): Tensor =>
  a.mul(3) + zeros([3]);
if (process.env["FAIL"]) fail(zeros([2]));
`;
const model = join(folder, "model.ts");
writeFileSync(model, source);
const expected = (() => {
  let y = [2, 4];
  while (y.reduce((a, b) => a + b) < 20) y = y.map((v, i) => v + (i + 1) / 4);
  return y;
})();

/** The conditions under which the package is its sources. */
export const conditions: string[] = ["source", "import", "node"];
/** Packages that the library asks for when a device wants them. */
export const optional: string[] = ["koffi", "webgpu"];
/** Builds the module `entry` into the file `out`, with a map beside it. */
export type Build = (out: string, entry: string) => Promise<void>;

/** The tests of one bundler. */
export function testBundler(name: string, build: Build): void {
  test(`${name} builds it: the result is right, and an error's place is the user's operator`, async () => {
    const out = join(folder, `${name}.mjs`);
    await build(out, model);
    const run = spawnSync(process.execPath, [out], { encoding: "utf8" });
    assert.is(run.status, 0, run.stderr);
    assert.is(run.stdout.trim(), `[ ${expected.join(", ")} ]`);
    const failed = spawnSync(process.execPath, [out], { encoding: "utf8", env: { ...process.env, FAIL: "1" } });
    const frames = [...failed.stderr.matchAll(/at .*?\(?(?:file:\/\/)?([^()\s]+\.mjs):(\d+):(\d+)\)?/g)];
    const map = new TraceMap(readFileSync(`${out}.map`, "utf8"));
    const origins = frames.map(([, , line, column]) => originalPositionFor(map, { line: Number(line), column: Number(column) - 1 }));
    const own = origins.find(o => o.source?.endsWith("model.ts"));
    assert.equal([own?.line, own?.column], [11, 11], failed.stderr);
    assert.match(failed.stderr, "PullbackError: E0201: add cannot broadcast [2] with [3]\n  help:"); // without maps no place is told, rather than one in the bundle
    const mapped = spawnSync(process.execPath, ["--enable-source-maps", out], { encoding: "utf8", env: { ...process.env, FAIL: "1" } });
    assert.match(mapped.stderr, /PullbackError: E0201: add cannot broadcast \[2\] with \[3\]\n {2}\S*\/model\.ts:11:12\n/);
  });
}
