// The language-service plugin in a real tsserver: no squiggles under operators on tensors, pullback's own errors at their place, shapes on hover.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Tsserver } from "./tsserver.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const folder = mkdtempSync(join(root, "tests/compiler/frontend/editor/project-"));
mkdirSync(join(folder, "node_modules"));
symlinkSync(root, join(folder, "node_modules/pullback"));
const config = {
  compilerOptions: {
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    customConditions: ["source"],
    types: [],
    typeRoots: [],
    plugins: [{ name: "pullback" }],
  },
  files: ["model.ts", "app.ts"],
};
writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
const model = `import { matmul, type Tensor } from "pullback";
type F32<S extends readonly (number | string)[]> = Tensor<S, "f32">;

export const dense = (x: F32<["batch", 784]>, w: F32<[784, 256]>, b: F32<[256]>) => {
  "use tensor";
  const h = matmul(x, w) + b;
  const scaled = h * 2;
  return scaled;
};
export const outside = (x: Tensor) => x * 2;
`;
const app = `import type { Tensor } from "pullback";
import { dense } from "./model.ts";
export const f = (x: Tensor<["batch", 784], "f32">, w: Tensor<[784, 256], "f32">, b: Tensor<[256], "f32">) => dense(x, w, b).sum();
`;
const files = { model: join(folder, "model.ts"), app: join(folder, "app.ts") };
writeFileSync(files.model, model);
writeFileSync(files.app, app);

const server = new Tsserver(folder);
test.after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

interface Place {
  readonly line: number;
  readonly offset: number;
}
interface Told {
  readonly start: Place;
  readonly end: Place;
  readonly code: number;
  readonly text: string;
  readonly source?: string;
  readonly category: string;
}
/** Errors as `line:column-column source code first line`. */
async function errors(file: string): Promise<string[]> {
  const found = (await server.ask("semanticDiagnosticsSync", { file })) as readonly Told[]; // the protocol's
  return found.map(d => `${d.start.line}:${d.start.offset}-${d.end.offset} ${d.source ?? "ts"} ${d.code} ${d.text.split("\n")[0]}`);
}
/** What a hover at the first `what` of a text says. */
async function hover(file: string, text: string, what: string, inside = 0): Promise<string> {
  const at = text.indexOf(what) + inside,
    before = text.slice(0, at).split("\n");
  const info = await server.ask("quickinfo", { file, line: before.length, offset: (before.at(-1)?.length ?? 0) + 1 });
  return (info as { readonly displayString: string }).displayString; // the protocol's
}
/** The editor's buffer becomes `text`. */
function type(file: string, text: string): void {
  server.tell("updateOpen", { closedFiles: [], changedFiles: [], openFiles: [{ file, fileContent: text }] });
}

test("the plugin loads, and then the editor asks again", async () => {
  const again = server.event("projectsUpdatedInBackground");
  server.tell("configure", { preferences: { includePackageJsonAutoImports: "off" } }); // else it reads the package a second time
  for (const file of Object.values(files)) server.tell("open", { file });
  await again;
});
test("operators on tensors have no errors inside a scope, and have them outside", async () => {
  assert.equal(await errors(files.model), [
    "10:39-40 ts 2362 The left-hand side of an arithmetic operation must be of type 'any', 'number', 'bigint' or an enum type.",
  ]);
});
test("files that use what a scope returns see a tensor", async () => assert.equal(await errors(files.app), []));
test("a hover shows shapes: of names, of operators, and in other files", async () => {
  assert.is(await hover(files.model, model, "h = "), 'const h: Tensor<readonly ["batch", 256], "f32">');
  assert.is(await hover(files.model, model, "scaled;"), 'const scaled: Tensor<readonly ["batch", 256], "f32">');
  assert.is(await hover(files.model, model, "+ b"), '(operator) +: Tensor<readonly ["batch", 256], "f32">');
  assert.match(await hover(files.app, app, "dense(x", 2), /^\(alias\) dense\(x: .*\): Tensor<readonly \["batch", 256\], "f32">\n/s);
});
test("completions after a dot are a tensor's, and inlay hints say shapes", async () => {
  const text = model.replace("return scaled;", "scaled.\n  return scaled;");
  type(files.model, text);
  const completions = (await server.ask("completionInfo", { file: files.model, line: 8, offset: 10 })) as {
    readonly entries: readonly { readonly name: string }[];
  }; // the protocol's
  const names = completions.entries.map(e => e.name);
  assert.ok(names.includes("reshape") && !names.includes("toFixed"), names.join());
  type(files.model, model);
  server.tell("configure", { preferences: { includeInlayVariableTypeHints: true } });
  const hints = (await server.ask("provideInlayHints", { file: files.model, start: 0, length: model.length })) as readonly {
    readonly text: string;
    readonly position: Place;
  }[]; // the protocol's
  assert.equal(
    hints.map(h => `${h.position.line}:${h.position.offset}${h.text}`),
    [
      '4:19: (x: F32<["batch", 784]>, w: F32<[784, 256]>, b: F32<[256]>) => Tensor<readonly ["batch", 256], "f32">',
      '6:10: Tensor<readonly ["batch", 256], "f32">',
      '7:15: Tensor<readonly ["batch", 256], "f32">',
      "10:21: (x: Tensor<Dims, DType>) => number",
    ],
  );
});
test("shapes that contradict each other are told where they meet, as they are typed", async () => {
  type(files.model, model.replace("F32<[256]>", "F32<[10]>"));
  assert.equal(await errors(files.model), [
    "6:28-29 pullback 1101 E1101: cannot broadcast [batch, 256] with [10]",
    "10:39-40 ts 2362 The left-hand side of an arithmetic operation must be of type 'any', 'number', 'bigint' or an enum type.",
  ]);
});
test("what the front end refuses is told, and what JavaScript cannot trap", async () => {
  type(files.model, model.replace('"use tensor";', '"use tensor"; label: for (;;) break label;'));
  assert.equal(await errors(files.model), ["5:17-22 pullback 1113 E1113: the label label stands in a tensor scope"]);
  type(files.model, model.replace("x * 2;", "(x ? 1 : 2);"));
  assert.equal(await errors(files.model), ["10:40-41 pullback 1131 E1131: a tensor is the condition of ?:: it is always true"]);
});
test("while a file is being typed, others go on seeing its last good state", async () => {
  type(files.model, model.replace("h * 2", "h * "));
  assert.equal(await errors(files.model), []);
  assert.equal(await errors(files.app), []);
  type(files.model, model);
  assert.is((await errors(files.model)).length, 1);
});

test.run();
