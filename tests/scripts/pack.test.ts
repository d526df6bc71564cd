// The archive for machines with a GPU: what it holds follows the lock file, and unpacked into an empty folder it runs, with no network, no npm and no Node but its own.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const script = fileURLToPath(new URL("../../scripts/pack.mjs", import.meta.url));

test("a package comes with all that it needs, from the nearest node_modules upwards, and without what is not there", () => {
  const packages = {
    "node_modules/a": { dependencies: { b: "1", c: "1" } },
    "node_modules/a/node_modules/c": { dependencies: { d: "1" } },
    "node_modules/b": { optionalDependencies: { "not-here": "1" }, peerDependencies: { a: "1" } },
    "node_modules/c": {},
    "node_modules/d": {},
    "node_modules/other": {},
  };
  const call = `const p = await import(${JSON.stringify(script)}); console.log(JSON.stringify(p.closure(${JSON.stringify(packages)}, ["a"])))`;
  assert.equal(JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", call], { encoding: "utf8" })), [
    "node_modules/a",
    "node_modules/a/node_modules/c",
    "node_modules/b",
    "node_modules/d",
  ]);
});
test("unpacked in an empty folder, without a network and with an empty PATH but for the system's, it runs a smoke test", () => {
  const folder = mkdtempSync(join(tmpdir(), "pullback-unpacked-"));
  try {
    const file = join(folder, "archive.tar.gz");
    execFileSync(process.execPath, [script, file]);
    execFileSync("tar", ["-C", folder, "-xzf", file]);
    const run = join(folder, "pullback-gpu/run");
    const packages = join(folder, "pullback-gpu/pullback/node_modules");
    assert.equal(readdirSync(join(packages, "webgpu/dist")), [`${process.platform}-${process.arch}`]);
    assert.not(existsSync(join(packages, "vite")));
    const apart = spawnSync("unshare", ["-rn", "true"]).status === 0; // may not be permitted: then only the PATH is empty
    const [command = "", ...args] = [...(apart ? ["unshare", "-rn"] : []), run, "smoke"];
    const { status, stdout, stderr } = spawnSync(command, args, {
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", HOME: folder, CHROME_PATH: process.env["CHROME_PATH"] },
      timeout: 200_000,
    });
    assert.is(status, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, /^built: 6 \* 7 = 42\n/);
    assert.match(stdout, /\n\d\d+ passed, 0 failed/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
