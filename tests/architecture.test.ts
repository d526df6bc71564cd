// Enforces the architecture on the repository itself: which floor may import which, how long a file may be, what it may not contain.
// The table below is the architecture; the rules are pure functions beside it, tested on inputs that break them.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bannedViolations,
  castViolations,
  documentationViolations,
  medianViolations,
  readmeViolations,
  sizeViolations,
  wordViolations,
  type Sizes,
} from "./architecture/content.ts";
import { factsOf } from "./architecture/facts.ts";
import { cycleViolations, floorOf, floorViolations, orderViolations, packageViolations, type Building } from "./architecture/imports.ts";
import { repositoryTexts, selfNames } from "./architecture/repository.ts";

/** Floors and the order of the compiler's folders, low to high ("" is compiler/ itself: compile.ts, jit.ts, the entries). */
const BUILDING: Building = {
  floors: {
    runtime: [],
    compiler: ["runtime"],
    stdlib: ["compiler", "runtime"],
    examples: [],
    bench: ["stdlib", "compiler", "runtime", "examples"],
    tests: ["bench", "examples", "stdlib", "compiler", "runtime", "scripts"],
  },
  guests: ["examples", "bench"],
  doors: { stdlib: { compiler: ["compiler/index.ts", "compiler/extend.ts"] } },
  order: {
    compiler: ["support", "ir", "trace", "primitives", "transforms", "control", "optimize", "lower", "emit", "reference", "", "frontend"],
  },
  packages: { "compiler/frontend/": ["ts-morph", "magic-string"], "compiler/frontend/plugins/": ["unplugin"] },
  closed: ["runtime", "compiler", "stdlib"],
  pure: { "compiler/": ["compiler/frontend/"] },
};

/** Limits on lines. `tables` are encoding tables, the only files that may be longer than the cap. */
const SIZES: Sizes = { cap: 400, table: 600, tables: ["compiler/emit/wasm/encoder/opcodes.ts"], median: 150 };

const texts = repositoryTexts();
const self = selfNames();
const sources = texts
  .filter(({ path }) => path.endsWith(".ts") && !path.endsWith(".d.ts") && floorOf(path) !== "")
  .map(({ path, text }) => factsOf(path, text));
const library = sources.filter(({ path }) => BUILDING.closed.includes(floorOf(path)));

function none(violations: readonly string[]): void {
  if (violations.length === 0) return;
  const error = new Error(
    `${violations.length === 1 ? "1 violation" : `${violations.length} violations`}\n${violations.map(violation => `      ${violation}`).join("\n")}`,
  );
  error.stack = ""; // where the rule was called says nothing about where it was broken
  throw error;
}

test("the library is there to be checked", () => {
  for (const floor of BUILDING.closed)
    assert.ok(
      library.some(({ path }) => floorOf(path) === floor),
      `${floor}/ has no source file`,
    );
});
test("imports go down from floor to floor", () => none(floorViolations(sources, BUILDING, self)));
test("imports go down the order of the compiler's folders", () => none(orderViolations(sources, BUILDING, self)));
test("the library depends on no package, and the compiler is pure", () => none(packageViolations(sources, BUILDING, self)));
test("no imports form a cycle", () => none(cycleViolations(sources, self)));
test("no file is too long", () => none(sizeViolations(sources, SIZES)));
test("the median file is short", () => none(medianViolations(library, SIZES)));
test("every file of the library says why it exists, every export what it is", () => none(documentationViolations(library)));
test("every folder of the library with more than two files has a README", () =>
  none(readmeViolations(library, new Set(texts.map(({ path }) => path)))));
test("there is no any, no enum and no suppressed check", () => none(bannedViolations(sources)));
test("every cast of the library gives its reason", () => none(castViolations(library)));
test("nothing is left unfinished, and no text names a registry's host or a machine's path", () => none(wordViolations(texts)));

test.run();
