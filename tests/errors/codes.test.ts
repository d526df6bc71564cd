// Every error code has a page that explains it and a test that provokes it: a file of its own here where a program can provoke it on the CPU, else beside the device or the front end
// that raises it. No test file is left of a code that is gone.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { errorPages, type ErrorPage } from "../../runtime/errors/codes.ts";

const pages: Readonly<Record<string, ErrorPage>> = errorPages;
const here = readdirSync(new URL(".", import.meta.url)).flatMap(name => /^(E\d{4})\.test\.ts$/.exec(name)?.slice(1) ?? []);
const tests = fileURLToPath(new URL("..", import.meta.url));
const named = new Set(
  readdirSync(tests, { recursive: true, encoding: "utf8" })
    .filter(name => name.endsWith(".ts") && !name.endsWith("codes.test.ts"))
    .flatMap(name => readFileSync(`${tests}/${name}`, "utf8").match(/E\d{4}/g) ?? []),
);

test("each test file here is of a code that there is", () => {
  assert.equal(
    here.filter(code => !(code in pages)),
    [],
  );
});
test("each code of the compiler, the runtime and the library has a file here, or a test beside what raises it", () => {
  const elsewhere = /^E(07|11)/; // devices and the front end
  assert.equal(
    Object.keys(pages).filter(code => !here.includes(code) && !(elsewhere.test(code) && named.has(code))),
    [],
  );
});
test("each page has a title and says more than it", () => {
  for (const [code, { title, body }] of Object.entries(pages)) assert.ok(title.length > 10 && body.trim().length > title.length, code);
});
test.run();
