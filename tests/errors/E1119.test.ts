// E1119: what the front end needs is not installed.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";

test("without ts-morph the loader says what to install", () => {
  const hide = `export function resolve(s, c, next) { if (s === "ts-morph") throw new Error("hidden"); return next(s, c); }`;
  const hooks = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hide)}");`;
  const register = new URL("../../compiler/frontend/register.ts", import.meta.url).href;
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      "--import",
      "tsx",
      "--conditions=source",
      "--import",
      `data:text/javascript,${encodeURIComponent(hooks)}`,
      "--import",
      register,
      "-e",
      "0",
    ],
    { encoding: "utf8" },
  );
  assert.is.not(status, 0);
  assert.match(stderr, "E1119: tensor scopes are rewritten with ts-morph, which is not installed");
  assert.match(stderr, "help: npm install --save-dev ts-morph magic-string");
});
test.run();
