// What the installer of Debian's packages decides: which packages, whether it may, and where the backports are. Nothing is installed here. Like
// setup.mjs, the script is plain JavaScript and is tested as it is used, in a Node without loader.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chromium, deno, lavapipe, swiftshader, type Driver } from "../support/drivers.ts";

const script = fileURLToPath(new URL("../../scripts/debian.mjs", import.meta.url));
/** The value of an expression over the script's exports `d`; null for undefined. */
function ask(expression: string): unknown {
  const call = `const d = await import(${JSON.stringify(script)}); console.log(JSON.stringify((${expression}) ?? null))`;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", call], { encoding: "utf8" }));
}
const debian = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_CODENAME=bookworm\n`;

test("only what is missing is asked for, and a lavapipe that Dawn refuses counts as missing", () => {
  assert.equal(
    ask(`[d.missing({ chromium: true, swiftshader: true, mesa: 25 }), d.missing({ chromium: true, swiftshader: false, mesa: 22 }),
    d.missing({ chromium: true, swiftshader: true })]`),
    [[], ["chromium", "mesa-vulkan-drivers"], ["mesa-vulkan-drivers"]],
  );
});
test("it installs as root or with sudo on Debian, and nowhere else", () => {
  const may = (change: string): unknown =>
    ask(
      `d.refusal({ platform: "linux", release: ${JSON.stringify(debian)}, env: {}, apt: true, root: true, sudo: () => false, ...${change} })`,
    );
  assert.is(may("{}"), null);
  assert.is(may("{ root: false, sudo: () => true }"), null);
  assert.is(may("{ root: false }"), "installing needs root, or sudo without a password");
  assert.is(may(`{ env: { PULLBACK_INSTALL: "no" } }`), "PULLBACK_INSTALL is no");
  for (const other of [`{ platform: "darwin" }`, `{ release: "ID=ubuntu\\nID_LIKE=debian\\n" }`, "{ apt: false }"])
    assert.is(may(other), "packages are installed on Debian only");
});
test("the backports are looked for where the release itself comes from, in both of apt's formats", () => {
  const of = (text: string): unknown => ask(`d.backportsSource(${JSON.stringify(text)}, "bookworm")`);
  assert.equal(of("# deb http://old.example/d bookworm main\ndeb [arch=amd64] http://some.example/d bookworm main contrib\n"), {
    name: "backports.list",
    text: "deb [arch=amd64] http://some.example/d bookworm-backports main\n",
  });
  const stanzas = `Types: deb\nURIs: http://some.example/security\nSuites: bookworm-security\nComponents: main\n\nTypes: deb\n# a note\nURIs: http://some.example/d\nSuites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By: /usr/share/keyrings/k.gpg\n`;
  assert.equal(of(stanzas), {
    name: "backports.sources",
    text: "Types: deb\nURIs: http://some.example/d\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/k.gpg\n\n",
  });
  assert.is(of("deb http://some.example/d trixie main\n"), null);
});
test("what tests find is there, and what they do not find has a reason", () => {
  for (const driver of [chromium(), swiftshader(), lavapipe(25), deno()] satisfies Driver[])
    if (driver.kind === "found") assert.ok(existsSync(driver.path), driver.path);
    else assert.ok(driver.reason.length > 10, driver.reason);
  const own = process.env["CHROME_PATH"];
  process.env["CHROME_PATH"] = "/nowhere/chrome";
  assert.equal(chromium(), { kind: "missing", reason: "CHROME_PATH is /nowhere/chrome, which does not exist" });
  if (own === undefined) delete process.env["CHROME_PATH"];
  else process.env["CHROME_PATH"] = own;
});

test.run();
