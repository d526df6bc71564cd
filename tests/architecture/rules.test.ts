// Shows that each rule of the architecture catches what it is for, on small files that break it, and lets the lawful ones pass.
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
} from "./content.ts";
import { countLines, factsOf, type Facts } from "./facts.ts";
import { cycleViolations, floorViolations, orderViolations, packageViolations, resolve, type Building } from "./imports.ts";

const building: Building = {
  floors: { low: [], middle: ["low"], high: ["middle", "low"], guest: [] },
  guests: ["guest"],
  doors: { high: { middle: ["middle/index.ts"] } },
  order: { middle: ["one", "two", ""] },
  packages: { "middle/two/": ["tool"] },
  closed: ["low", "middle", "high"],
  pure: { "middle/": ["middle/two/"] },
};
const self = { lib: "high/index.ts", "lib/nn": "high/nn/index.ts" };
const sizes = { cap: 4, table: 6, tables: ["low/table.ts"], median: 2 };

const one = (path: string, text: string): readonly Facts[] => [factsOf(path, text)];
const long = (path: string, lines: number): Facts => factsOf(path, "//\n".repeat(lines));
const floors = (path: string, text: string): string[] => floorViolations(one(path, text), building, self);
const order = (path: string, text: string): string[] => orderViolations(one(path, text), building, self);
const packages = (path: string, text: string): string[] => packageViolations(one(path, text), building, self);

test("an import up to a higher floor is caught, as value, type, re-export and import()", () => {
  for (const text of [
    `import { a } from "../middle/a.ts";`,
    `import type { A } from "../middle/a.ts";`,
    `export * from "../middle/a.ts";`,
    `const a = await import("../middle/a.ts");`,
    `let a: import("../middle/a.ts").A;`,
  ]) {
    assert.equal(floors("low/x.ts", text), ["low/x.ts:1: low may not import middle/a.ts (only itself)"], text);
  }
});
test("an import down, or inside the floor, is lawful", () => {
  assert.equal(floors("middle/x.ts", `import { a } from "../low/a.ts";\nimport { b } from "./one/b.ts";`), []);
});
test("a floor with doors is entered only through them", () => {
  assert.equal(floors("high/x.ts", `import { a } from "../middle/index.ts";`), []);
  assert.equal(floors("high/x.ts", `\nimport { a } from "../middle/one/a.ts";`), [
    "high/x.ts:2: high may import middle only through middle/index.ts, not middle/one/a.ts",
  ]);
});
test("a guest uses the package's name, never its files", () => {
  assert.equal(floors("guest/x.ts", `import { a } from "lib";\nimport { b } from "lib/nn";\nimport { c } from "./c.ts";`), []);
  assert.equal(floors("guest/x.ts", `import { a } from "../high/index.ts";`), [
    "guest/x.ts:1: guest may not import high/index.ts (only the package by its name)",
  ]);
});
test("the package's own name does not hide an import up", () => {
  assert.equal(floors("low/x.ts", `import { a } from "lib";`).length, 1);
});
test("a folder that the table does not name is caught", () => {
  assert.equal(floors("attic/x.ts", `import { a } from "../low/a.ts";`), ["attic/x.ts:1: the folder attic/ is not a floor of the table"]);
  assert.equal(order("middle/three/x.ts", `import { a } from "../one/a.ts";`), [
    "middle/three/x.ts:1: the folder middle/three/ has no place in the order",
  ]);
  assert.equal(order("middle/one/x.ts", `import { a } from "../three/a.ts";`), [
    "middle/one/x.ts:1: the folder middle/three/ has no place in the order",
  ]);
});
test("an import up the order is caught, a type-only import is not", () => {
  assert.equal(order("middle/one/x.ts", `import { a } from "../two/a.ts";`), [
    "middle/one/x.ts:1: one is below two, so it may not import middle/two/a.ts (a type-only import may)",
  ]);
  assert.equal(order("middle/one/x.ts", `import type { A } from "../two/a.ts";`), []);
  assert.equal(order("middle/two/x.ts", `import { a } from "../one/a.ts";`), []);
  assert.equal(order("middle/x.ts", `import { a } from "./two/a.ts";`), []);
  assert.equal(order("middle/two/x.ts", `import { a } from "../x.ts";`).length, 1);
});
test("an import of types by inline modifiers still runs the module, so it counts as a value", () => {
  assert.equal(order("middle/one/x.ts", `import { type A } from "../two/a.ts";`).length, 1);
});
test("foreign packages and Node's modules are caught where they may not be", () => {
  assert.equal(packages("low/x.ts", `import { a } from "tool";`), ["low/x.ts:1: the library may not depend on the package tool"]);
  assert.equal(packages("middle/one/x.ts", `import { readFileSync } from "node:fs";`), [
    "middle/one/x.ts:1: this folder is pure, it may not import node:fs",
  ]);
  assert.equal(packages("middle/two/x.ts", `import { a } from "tool";\nimport { readFileSync } from "fs";`), []);
  assert.equal(packages("low/x.ts", `import { readFileSync } from "node:fs";\nimport type { T } from "tool";`), []);
  assert.equal(packages("guest/x.ts", `import { a } from "tool";`), []);
});
test("a cycle at run time is caught, one of types is not", () => {
  const cycle = (first: string): string[] =>
    cycleViolations(
      [factsOf("low/a.ts", first), factsOf("low/b.ts", `import { c } from "./c.ts";`), factsOf("low/c.ts", `import { a } from "./a.ts";`)],
      self,
    );
  assert.equal(cycle(`import { b } from "./b.ts";`), ["low/a.ts -> low/b.ts -> low/c.ts -> low/a.ts: an import cycle"]);
  assert.equal(cycle(`import type { B } from "./b.ts";`), []);
  assert.equal(cycleViolations(one("low/a.ts", `import "./a.ts";`), self), ["low/a.ts -> low/a.ts: an import cycle"]);
});
test("a relative specifier resolves against the importing file", () => {
  assert.is(resolve("low/in/x.ts", "../y.ts", self), "low/y.ts");
  assert.is(resolve("low/x.ts", "lib/nn", self), "high/nn/index.ts");
  assert.is(resolve("low/x.ts", "constructor", self), undefined);
});
test("long files, and needless exemptions, are caught", () => {
  assert.equal(sizeViolations([long("low/a.ts", 4), long("low/table.ts", 6)], sizes), []);
  assert.equal(sizeViolations([long("low/a.ts", 5), long("low/table.ts", 7)], sizes), [
    "low/a.ts: 5 lines, the limit is 4",
    "low/table.ts: 7 lines, the limit is 6",
  ]);
  assert.equal(sizeViolations([long("low/table.ts", 4)], sizes), [
    "low/table.ts: is on the list of long tables, but is no file over 4 lines",
  ]);
});
test("a long median is caught", () => {
  assert.equal(medianViolations([long("a", 1), long("b", 2), long("c", 4)], sizes), []);
  assert.equal(medianViolations([long("a", 1), long("b", 3), long("c", 4)], sizes), ["the median file has 3 lines, the limit is 2"]);
});
test("lines are counted with and without a last line end", () => {
  assert.equal([countLines(""), countLines("a"), countLines("a\n"), countLines("a\nb")], [0, 1, 1, 2]);
});
test("an export without a doc comment is caught, whatever declares it", () => {
  const text = [
    "// Why.",
    "export const a = 1;",
    "/** B. */",
    "export const b = 2;",
    "export function c(): void {}",
    "export class D {}",
    "export interface E {}",
    "export type F = 1;",
    "function g(): void {}",
    "export { g };",
    "function local(): void {}",
    "// not a doc comment",
    "export const h = local;",
    "",
  ].join("\n");
  assert.equal(
    documentationViolations(one("low/x.ts", text)),
    ["a:2", "c:5", "D:6", "E:7", "F:8", "g:9", "h:13"].map(
      s => `low/x.ts:${s.split(":")[1]}: ${s.split(":")[0]} is exported without a doc comment`,
    ),
  );
});
test("a re-export, one documented overload, and a doc comment above another comment's end are enough", () => {
  assert.equal(
    documentationViolations(
      one(
        "low/x.ts",
        `// Why.\nexport * from "./a.ts";\nexport { b } from "./b.ts";\n/** C. */\nexport function c(x: number): void;\nexport function c(x: string): void;\nexport function c(): void {}\n`,
      ),
    ),
    [],
  );
});
test("the comment of the file does not document its first export", () => {
  assert.equal(documentationViolations(one("low/x.ts", `/** Why. */\n\nexport const a = 1;\n`)), [
    "low/x.ts:3: a is exported without a doc comment",
  ]);
});
test("a file without an opening comment is caught", () => {
  assert.equal(documentationViolations(one("low/x.ts", "const a = 1;\n")), [
    "low/x.ts:1: the file does not start with a comment that says why it exists",
  ]);
});
test("any, enum and suppressed checks are caught, words in strings and comments are not", () => {
  assert.equal(bannedViolations(one("low/x.ts", `let a: any;\nlet b: Array<any>;\nenum C { D }\n// @ts-${"ignore"}\n`)), [
    "low/x.ts:1: the type any is not allowed",
    "low/x.ts:2: the type any is not allowed",
    "low/x.ts:3: an enum is not allowed",
    `low/x.ts:4: @ts-${"ignore"} is not allowed`,
  ]);
  assert.equal(bannedViolations(one("low/x.ts", `// any enum\nconst any = "any";\n`)), []);
});
test("a cast without a reason on its line is caught", () => {
  assert.equal(
    castViolations(one("low/x.ts", `const a = b as C;\nconst d = [1] as const;\nconst e = f as G; // proven above\nconst h = <I>j;\n`)),
    [
      "low/x.ts:1: as C: a cast gives its reason in a comment on its line",
      "low/x.ts:4: as I: a cast gives its reason in a comment on its line",
    ],
  );
});
test("a folder of three files without a README is caught", () => {
  const files = ["low/a.ts", "low/b.ts", "low/c.ts", "high/a.ts", "high/b.ts"].map(path => long(path, 1));
  assert.equal(readmeViolations(files, new Set()), ["low/: 3 files and no README.md"]);
  assert.equal(readmeViolations(files, new Set(["low/README.md"])), []);
});
test("unfinished work, a registry's host and a machine's path are caught", () => {
  const words = (text: string): number => wordViolations([{ path: "x", text }]).length;
  for (const bad of [
    `// ${"TO"}DO: later`,
    `${"FIX"}ME`,
    `https://${"regis"}try.example.com/a`,
    `see ${"pyp"}i.org`,
    `open("${"/wo"}rk/a")`,
    `cd ${"/ho"}me/ann/a`,
    `a=${"/tm"}p/a`,
  ])
    assert.is(words(bad), 1, bad);
  for (const good of ["mastodon", "https://example.com/work/a", "src/work/a", "./tmp/a", "/workshop/a", "a /root b", "registry.get(a)"])
    assert.is(words(good), 0, good);
});

test.run();
