// The memory of choices: files and pages' storage, what other processes write, broken and foreign files, and what a failing write leaves behind.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { choicesOn, fileShelf, storedChoices, usualPath, type Shelf } from "../../../runtime/tuning/choices.ts";

const folder = mkdtempSync(join(tmpdir(), "pullback-tuning-"));
test.after(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name, "tuning.json");

test("what one process chose another finds, by device; folders are made", () => {
  const path = file("two");
  storedChoices("card A", path).set("q", "fast");
  assert.is(storedChoices("card A", path).get("q"), "fast");
  assert.is(storedChoices("card B", path).get("q"), undefined);
  const [one, two] = [storedChoices("card A", path), storedChoices("card A", path)];
  assert.is(one.get("q"), "fast");
  assert.is(two.get("r"), undefined);
  one.set("r", "1");
  two.set("s", "2");
  storedChoices("card B", path).set("q", "other");
  const later = storedChoices("card A", path);
  assert.equal(
    ["q", "r", "s"].map(q => later.get(q)),
    ["fast", "1", "2"],
    "neither lost what the other wrote",
  );
  assert.equal(readdirSync(join(folder, "two")), ["tuning.json"], "nothing is left beside it");
});
test("broken files, other programs' files and other versions are ignored with one warning, and replaced", () => {
  for (const [text, why] of [
    ["{", "JSON"],
    ['{"a": 1}', "another program's"],
    ['{"pullback": "tuning", "version": 99, "devices": {}}', "version 99"],
    ['{"pullback": "tuning", "version": 1, "devices": []}', "no devices"],
    ['{"pullback": "tuning", "version": 1, "devices": {"card": {"q": 1}}}', "no table"],
  ] as const) {
    const path = file("broken"),
      warnings: string[] = [];
    mkdirSync(join(folder, "broken"), { recursive: true });
    writeFileSync(path, text);
    const choices = choicesOn(fileShelf(path), "card", w => warnings.push(w));
    assert.is(choices.get("q"), undefined);
    choices.set("q", "new");
    assert.is(warnings.length, 1, warnings.join());
    assert.ok(warnings[0]?.includes(why) && warnings[0].includes(path), warnings[0]);
    assert.is(storedChoices("card", path).get("q"), "new");
  }
});
test("names of the language's own are names like others", () => {
  const path = file("names");
  storedChoices("__proto__", path).set("constructor", "x");
  storedChoices("toString", path).set("__proto__", "y");
  assert.is(storedChoices("card", path).get("constructor"), undefined);
  assert.is(storedChoices("toString", path).get("__proto__"), "y");
});
test("a write that fails leaves the old file and nothing else, and is told once; answers stay in memory", () => {
  const path = file("full"),
    warnings: string[] = [];
  storedChoices("card", path).set("q", "old");
  const before = readFileSync(path, "utf8"),
    broken: Shelf = {
      ...fileShelf(path),
      write: () => {
        throw new Error("the disk is full");
      },
    };
  const choices = choicesOn(broken, "card", w => warnings.push(w));
  choices.set("r", "1");
  choices.set("s", "2");
  assert.is(choices.get("r"), "1");
  assert.is(readFileSync(path, "utf8"), before);
  assert.is(warnings.length, 1);
  const blocked = join(folder, "blocked");
  mkdirSync(join(blocked, "tuning.json"), { recursive: true }); // a folder where the file should be: the move fails
  assert.throws(() => fileShelf(join(blocked, "tuning.json")).write("{}"));
  assert.equal(readdirSync(blocked), ["tuning.json"]);
});
test("without a cache nothing is written; a page keeps choices in localStorage", () => {
  const none = storedChoices("card", false);
  none.set("q", "x");
  assert.is(none.get("q"), "x");
  const kept = new Map<string, string>(),
    page: Shelf = { name: "localStorage", read: () => kept.get("k"), write: text => void kept.set("k", text) };
  choicesOn(page, "card").set("q", "x");
  assert.is(choicesOn(page, "card").get("q"), "x");
});
test("the usual place is the user's folder for caches", () => {
  assert.is(usualPath({ XDG_CACHE_HOME: "/c", HOME: "/h" }, "linux"), "/c/pullback/tuning.json");
  assert.is(usualPath({ HOME: "/h" }, "linux"), "/h/.cache/pullback/tuning.json");
  assert.is(usualPath({ HOME: "/h", XDG_CACHE_HOME: "" }, "darwin"), "/h/Library/Caches/pullback/tuning.json");
  assert.is(usualPath({ LOCALAPPDATA: "C:/l" }, "win32"), "C:/l/pullback/tuning.json");
  assert.is(usualPath({}, "linux"), undefined);
  assert.not(existsSync(join(folder, "nowhere")));
});

test.run();
