// When `npm test` and `npm start` install: the comparison of the lock file with what is installed. The script is plain JavaScript
// that runs before anything is installed, so it is tested as it is used, in a Node without loader.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

interface Entry {
  readonly version: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}
type Packages = Readonly<Record<string, Entry>>;

const script = fileURLToPath(new URL("../../scripts/setup.mjs", import.meta.url));

/** The difference between two sets of packages on Linux, x64; null when there is none. */
function difference(lock: Packages | undefined, installed: Packages | undefined): unknown {
  const of = (packages: Packages | undefined): unknown => packages && { packages };
  const call = `import { difference } from ${JSON.stringify(script)}; const [a, b] = JSON.parse(process.argv[1]); console.log(JSON.stringify(difference(a ?? undefined, b ?? undefined, { platform: "linux", arch: "x64" }) ?? null))`;
  return JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "-e", call, JSON.stringify([of(lock), of(installed)])], { encoding: "utf8" }),
  );
}

const a: Entry = { version: "1.0.0" };
const here: Entry = { version: "1.0.0", optional: true, os: ["linux"], cpu: ["x64"] };

test("nothing is installed when everything is as the lock file says", () => {
  assert.is(
    difference({ "": a, "node_modules/a": a, "node_modules/here": here }, { "node_modules/a": a, "node_modules/here": here }),
    null,
  );
});
test("a missing installation, package or version is a difference", () => {
  assert.is(difference({ "node_modules/a": a }, undefined), "nothing is installed yet");
  assert.is(difference(undefined, undefined), "package-lock.json cannot be read");
  assert.is(difference({ "node_modules/a": a }, {}), "node_modules/a is missing, the lock file says 1.0.0");
  assert.is(
    difference({ "node_modules/a": { version: "2.0.0" } }, { "node_modules/a": a }),
    "node_modules/a is 1.0.0, the lock file says 2.0.0",
  );
});
test("a package that the lock file has dropped is a difference", () => {
  assert.is(difference({}, { "node_modules/a": a }), "node_modules/a is installed, the lock file does not name it");
});
test("an optional package may be missing, unless it is made for this platform", () => {
  for (const other of [
    { ...here, os: ["darwin"] },
    { ...here, cpu: ["arm64"] },
    { ...here, libc: ["musl"] },
    { version: "1.0.0", optional: true },
  ])
    assert.is(difference({ "node_modules/o": other }, {}), null);
  assert.is(difference({ "node_modules/o": here }, {}), "node_modules/o is missing, the lock file says 1.0.0");
});

test.run();
