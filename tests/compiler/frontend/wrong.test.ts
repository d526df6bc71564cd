// Wrong programs: what each is told, where, and what to do. The first half is refused when it is rewritten, the second half when it meets a tensor.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rewrite } from "../../../compiler/frontend/rewrite.ts";
import { toJavaScript, withInlineMap } from "../../../compiler/frontend/transpile.ts";
import { array, PullbackError, type Tensor } from "../../../stdlib/index.ts";

/** A mistake in the source: code, line:column, the sentence, the remedy. */
type Refused = readonly [name: string, source: string, code: string, place: string, message: string, help: string];
const body = (text: string): string => `export function f(x) {\n  "use tensor";\n  ${text}\n}\n`;
const waiting = "read values and iterate outside of the tensor scope, or leave the directive to the functions inside";
const directive = 'write "use tensor" as the first statement of the file or of a function';
const variable = "declare it with let before the statement, or with const inside it";
const varMessage = "var would not leave the branch or the loop, which becomes a function of its own";
const label = "put the inner loop into a function and return from it, or carry a flag";
const refused: readonly Refused[] = [
  ["a syntax error", body("return x +;"), "E1110", "3:13", "Expression expected.", "mend it; nothing of the file is rewritten before"],
  [
    "a missing brace",
    'function f(x) {\n  "use tensor";\n',
    "E1110",
    "3:1",
    "'}' expected.",
    "mend it; nothing of the file is rewritten before",
  ],
  [
    "a misspelt directive",
    'function f(x) {\n  "use tensors";\n  return x;\n}',
    "E1111",
    "2:3",
    '"use tensors" is not the directive',
    directive,
  ],
  ["a hyphen in the directive", '"use-tensor";\nconst a = 1;', "E1111", "1:1", '"use-tensor" is not the directive', directive],
  [
    "a directive behind a statement",
    'function f(x) {\n  const y = x;\n  "use tensor";\n  return y;\n}',
    "E1111",
    "3:3",
    '"use tensor" comes after other statements',
    directive,
  ],
  [
    "a directive in a block",
    'function f(x) {\n  if (x) {\n    "use tensor";\n  }\n}',
    "E1111",
    "3:5",
    '"use tensor" stands in a block that is no function\'s body',
    directive,
  ],
  ["an async function", 'async function f(x) {\n  "use tensor";\n}', "E1112", "1:16", "an async function cannot be traced", waiting],
  ["a generator", 'function* f(x) {\n  "use tensor";\n  yield x;\n}', "E1112", "1:11", "a generator cannot be traced", waiting],
  [
    "an async method of an object",
    'const o = { async m(x) { "use tensor"; } };',
    "E1112",
    "1:19",
    "an async function cannot be traced",
    waiting,
  ],
  ["a generator inside", body("function* g() { yield 1; } return x;"), "E1112", "3:13", "a generator cannot be traced", waiting],
  ["an async arrow inside", body("const g = async () => x; return x;"), "E1112", "3:13", "an async function cannot be traced", waiting],
  ["a labelled loop", body("out: for (;;) break out;"), "E1113", "3:3", "the label out stands in a tensor scope", label],
  ["a labelled block", body("if (x) { a: { break a; } }"), "E1113", "3:12", "the label a stands in a tensor scope", label],
  ["var in a branch", body("if (x > 0) { var y = 1; } return y;"), "E1114", "3:16", varMessage, variable],
  ["var in a loop", body("while (x > 0) { var y = x; x = y - 1; }"), "E1114", "3:19", varMessage, variable],
  ["var behind an early return", body("if (x > 0) return 1; var y = 2; return y;"), "E1114", "3:24", varMessage, variable],
  [
    "a function that uses a later const",
    body("const g = () => y; if (x > 0) return 1; const y = 2; return g();"),
    "E1115",
    "3:19",
    "y is used before the early exit after which it is declared",
    "move the declaration of y up, before its use",
  ],
  [
    "a function that is called before an early return",
    body("const y = g(x); if (y > 0) return y; function g(a) { return a; } return 2;"),
    "E1115",
    "3:13",
    "g is used before the early exit after which it is declared",
    "move the declaration of g up, before its use",
  ],
  ["eval", body("return eval('x');"), "E1116", "3:10", "eval runs text that was not rewritten", "write the code out, or call a function"],
  [
    "arguments",
    body("return arguments[0];"),
    "E1116",
    "3:10",
    "arguments belongs to a function whose statements may become functions of their own",
    "name the parameters, or take the rest: (...xs)",
  ],
  [
    "a counter that is captured and changed",
    body("const g = []; for (let i = 0; i < x; i++) { g.push(() => i); i += 1; }"),
    "E1117",
    "3:64",
    "the loop variable i is assigned in the body and captured by a function there",
    "copy it in the body: const j = i",
  ],
];
for (const [name, source, code, place, message, help] of refused)
  test(`${name} is refused`, () => {
    const { diagnostics, code: text, map } = rewrite(source, "f.ts");
    const [first] = diagnostics;
    assert.equal(first && [first.code, `${first.line}:${first.column}`, first.message, first.help], [code, place, message, help]);
    assert.is(text, source);
    assert.is(map, null);
  });

/** A mistake that a tensor shows: code, line:column, the sentence, the remedy. */
type Thrown = readonly [name: string, source: string, code: string, place: string, fact: string, help: string];
const oneValue = "reduce it: .all() or .any(); for a choice per element write a ? b : c, or where";
const oneType = "convert (x.astype) or broadcast (broadcastTo) to one type before, or in both branches";
const oneKind = "give it a tensor, a number, or a tree of one structure on every path; declare variables that one path needs inside it";
const beside = "beside a tensor stands a tensor, a number or a boolean; to print a tensor, read it first: x.item(), x.tolist()";
const keeps =
  "a loop that runs in the program keeps the types of its variables: begin with the type that a step gives, or declare the variable inside the loop";
const stays = "this statement stays plain JavaScript: take the decision with if, while, for or ?: outside of it";
const thrown: readonly Thrown[] = [
  ["a tensor and undefined", body("let y; return x + y;"), "E1121", "4:19", "+ got a tensor f32[] and undefined", beside],
  ["a tensor and a string", body("const s = String('a'); return x * s;"), "E1121", "4:35", "* got a tensor f32[] and string", beside],
  ["a tensor and an array", body("const a = [1]; return x < a;"), "E1121", "4:27", "< got a tensor f32[] and an array", beside],
  [
    "a function of Math for numbers",
    body("return Math.imul(x, 2);"),
    "E1121",
    "4:15",
    "Math.imul got a tensor f32[], number",
    "Math.imul is for numbers; tensors have none",
  ],
  [
    "an array indexed by a tensor",
    body("const a = [1, 2]; return a[x];"),
    "E1121",
    "4:29",
    "a JavaScript array or object was indexed by a tensor",
    "stack the values into a tensor, or choose with switch_(index, [() => a, () => b])",
  ],
  [
    "a vector as the condition of if",
    body("const v = pb.array([1, 0]); if (v > 0) return 1; return 2;"),
    "E1122",
    "4:31",
    "if chooses by bool[2], which is not one value",
    oneValue,
  ],
  [
    "a vector as the condition of while",
    body("let v = pb.array([1, 0]); while (v > 0) { v = v - 1; } return v;"),
    "E1122",
    "4:29",
    "while chooses by bool[2], which is not one value",
    oneValue,
  ],
  [
    "two shapes",
    body("let y = x; if (x > 0) y = pb.zeros([2]); return y;"),
    "E1123",
    "4:14",
    "a condition on tensors decides whether y is f32[2] or f32[]",
    oneType,
  ],
  [
    "two dtypes",
    body("if (x > 0) return x; return x > 1;"),
    "E1123",
    "4:3",
    "a condition on tensors decides whether the returned value is f32[] or bool[]",
    oneType,
  ],
  [
    "a value on one path",
    body("let y; if (x > 0) y = 1; return y;"),
    "E1124",
    "4:10",
    "a condition on tensors decides whether y is the number 1 or undefined",
    oneKind,
  ],
  [
    "strings",
    body("let y = 'a'; if (x > 0) y = 'b'; return y;"),
    "E1124",
    "4:16",
    "a condition on tensors decides whether y is string or string",
    oneKind,
  ],
  [
    "two structures",
    body("return x > 0 ? { a: x } : { b: x };"),
    "E1124",
    "4:16",
    "a condition on tensors decides whether the returned value is {a: *} or {b: *}",
    oneKind,
  ],
  [
    "a shape that grows in a loop",
    body("let s = x; while (x < 5) { s = pb.stack([x, x]); x = x + 1; } return s;"),
    "E1125",
    "4:14",
    "s is f32[] before the loop and f32[2] after a step",
    keeps,
  ],
  [
    "an integer that becomes a float",
    body("let i = pb.array(1, { dtype: 'i32' }); while (i < 9) { i = i * 1.5; } return i;"),
    "E1125",
    "4:42",
    "i is i32[] before the loop and f32[] after a step",
    keeps,
  ],
  [
    "a variable that begins in the loop",
    body("let last; for (const v of pb.array([1, 2])) { last = v; } return last;"),
    "E1125",
    "4:13",
    "last is undefined before the loop and f32[] after a step",
    keeps,
  ],
  [
    "a switch on a tensor",
    body("switch (x) { case 1: return 2; } return 3;"),
    "E1126",
    "4:11",
    "switch is decided by a tensor f32[]",
    stays,
  ],
  [
    "a return out of try",
    body("try { if (x > 0) return 1; } finally { } return 2;"),
    "E1126",
    "4:13",
    "if is decided by a tensor bool[]",
    stays,
  ],
  [
    "a missing return",
    body("if (x > 0) return 1;"),
    "E1127",
    "4:3",
    "the function returns a value where a condition on tensors holds, and nothing elsewhere",
    "end the function with a return of the same type",
  ],
  [
    "a write under a condition",
    body("const o = {}; if (x > 0) { o.y = 1; } return x;"),
    "E1128",
    "4:30",
    "o.y = … changes an object from outside a branch or a loop that a tensor decides",
    "assign to a variable instead, and build the object after the branch or the loop",
  ],
  [
    "a write into a tensor",
    body("const v = pb.zeros([2]); v[0] = x; return v;"),
    "E1129",
    "4:28",
    "v[0] = … writes into a tensor f32[2], which never changes",
    "make a new one: x = x.setAt([i], value)",
  ],
  [
    "for…of over a scalar",
    body("let s = 0; for (const v of x) { s += v; } return s;"),
    "E1130",
    "4:14",
    "for…of runs over f32[], which has no axis",
    "give it a tensor of one dimension or more; to count up to n write arange(n)",
  ],
];
const folder = mkdtempSync(join(fileURLToPath(new URL("./", import.meta.url)), "wrong-")); // inside the package, so that it is importable by its name
test.after(() => rmSync(folder, { recursive: true }));
process.setSourceMapsEnabled(true); // as the loader does
/** The function of a program as the loader runs it: a module with a map to the user's text, which lies beside it. */
async function loaded(name: string, source: string): Promise<(x: Tensor) => unknown> {
  const file = join(folder, `${name.replaceAll(/\W+/g, "_")}.ts`),
    module = file.replace(/ts$/, "mjs");
  writeFileSync(file, source);
  writeFileSync(module, withInlineMap(toJavaScript(source, file)));
  const { f } = (await import(pathToFileURL(module).href)) as { readonly f: (x: Tensor) => unknown }; // what every program exports
  return f;
}
for (const [name, text, code, place, fact, help] of thrown)
  test(`${name} is an error that teaches, at its place`, async () => {
    const source = `import * as pb from "pullback";\n${text}`,
      f = await loaded(name, source);
    try {
      f(array(3));
    } catch (e) {
      if (!(e instanceof PullbackError)) throw e;
      const [line = 0, column = 0] = place.split(":").map(Number),
        written = source.split("\n")[line - 1] ?? "";
      assert.equal(
        [e.code, ...e.message.split("\n").map(l => l.trimEnd())],
        [
          code,
          `${code}: ${fact}`,
          `  ${e.at?.file}:${place}`,
          `${String(line).padStart(4)} | ${written.trim()}`,
          `     | ${" ".repeat(column - 1 - (written.length - written.trimStart().length))}^`,
          `  help: ${help}`,
        ],
      );
      assert.ok(e.at?.file.startsWith(folder) && e.at.file.endsWith(".ts"), e.at?.file);
      return;
    }
    assert.unreachable("nothing was thrown");
  });
test.run();
