// The package's command line as a user calls it: what it prints and the status it ends with.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { explain } from "../../runtime/errors/explain.ts";

const bin = fileURLToPath(new URL("../../bin/pullback.js", import.meta.url));
const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [bin, ...args], { encoding: "utf8" });

test("explain prints the page of the code, in either case", () => {
  for (const code of ["E0201", "e0201"]) {
    const { status, stdout, stderr } = run("explain", code);
    assert.equal([status, stdout, stderr], [0, explain("E0201"), ""]);
  }
});
test("an unknown code ends with status 2 and a message on standard error", () => {
  const { status, stdout, stderr } = run("explain", "E9999");
  assert.equal([status, stdout], [2, ""]);
  assert.match(stderr, `pullback: there is no error code "E9999"; codes look like E0201\n`);
});
test("--help prints the usage and succeeds", () => {
  const { status, stdout } = run("--help");
  assert.is(status, 0);
  assert.match(stdout, "usage: pullback explain CODE");
});
test("anything else is refused with the usage", () => {
  for (const [args, message] of [
    [[], "a command is missing"],
    [["explode"], `unknown command "explode"; there are: explain, check`],
    [["explain"], "explain takes exactly one code"],
    [["explain", "a", "b"], "explain takes exactly one code"],
    [["--verbose"], "Unknown option '--verbose'"],
  ] as const) {
    const { status, stderr } = run(...args);
    assert.is(status, 2, message);
    assert.ok(stderr.startsWith(`pullback: ${message}`), stderr);
    assert.match(stderr, "usage: pullback explain CODE");
  }
});

test.run();
