// The sample app's model under Node's loader: the same files train there, without a build.
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url);

test("node --import pullback/register runs the app's training, compiled ahead of time", async () => {
  const { stdout, stderr } = await run(
    process.execPath,
    [
      "--import",
      import.meta.resolve("tsx"),
      "--conditions=source",
      "--import",
      new URL("compiler/frontend/register.ts", root).href,
      fileURLToPath(new URL("examples/12-vite-app/node.ts", root)),
      "600",
    ],
    { cwd: fileURLToPath(root) },
  );
  const [first = "", last = "", end] = stdout.split("\n");
  assert.match(first, /^step 500: loss 0\.\d{4}, \d+\.\d % of new points right$/);
  assert.ok(Number(/([\d.]+) %/.exec(last)?.[1]) > 95, last);
  assert.is(end, "");
  assert.is(stderr, "");
});
test.run();
