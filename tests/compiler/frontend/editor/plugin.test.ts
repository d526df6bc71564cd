// The plugin on a language service in memory, with a small library in the place of the real one: what it replaces, what it leaves alone.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { editorHelp } from "../../../../compiler/frontend/editor/plugin.ts";
import type { EditorProject } from "../../../../compiler/frontend/editor/service.ts";
import { ts } from "../../../../compiler/frontend/typescript.ts";

const library: Readonly<Record<string, string>> = {
  "/lib.d.ts":
    "interface Array<T> { length: number; push(x: T): number } interface String {} interface Number {} interface Boolean {} interface Function {} interface CallableFunction {} interface NewableFunction {} interface IArguments {} interface Object {} interface RegExp {}",
  "/node_modules/pullback/package.json": '{ "name": "pullback", "types": "./index.d.ts" }',
  "/node_modules/pullback/index.d.ts": 'export * from "./trace/tensor";',
  "/node_modules/pullback/trace/tensor.d.ts": "export declare class Tensor { readonly ndim: number; private x: unknown }",
  "/node_modules/pullback/operators.d.ts":
    'import type { Tensor } from "./index"; export declare function $add(x: Tensor | number, y: Tensor | number): Tensor; export declare function $if(c: Tensor | boolean, f: () => void, g?: () => void, v?: unknown): void; export declare function $gt(x: Tensor, y: number): Tensor; export declare function $vars<T extends readonly unknown[]>(n: string[], l: number, get: () => readonly [...T], set: (v: T) => void): unknown;',
};
/** An editor with these files open: its own service, the plugin's methods, and a way to type. */
function editorWith(buffers: Record<string, string>): {
  readonly own: ts.LanguageService;
  readonly help: ReturnType<typeof editorHelp>;
  type(file: string, text: string): void;
} {
  const files = { ...library, ...buffers },
    versions = new Map<string, number>();
  const host: ts.LanguageServiceHost = {
    getCompilationSettings: () => ({
      strict: true,
      noEmit: true,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      types: [],
    }),
    getScriptFileNames: () => Object.keys(buffers),
    getScriptVersion: f => String(versions.get(f) ?? 0),
    getScriptSnapshot: f => (files[f] === undefined ? undefined : ts.ScriptSnapshot.fromString(files[f])),
    getCurrentDirectory: () => "/",
    getDefaultLibFileName: () => "/lib.d.ts",
    fileExists: f => files[f] !== undefined,
    readFile: f => files[f],
  };
  const own = ts.createLanguageService(host, ts.createDocumentRegistry());
  const editor: EditorProject = { languageService: own, languageServiceHost: host, knows: f => !f.endsWith("operators.d.ts") };
  return {
    own,
    help: editorHelp(ts, editor),
    type(file, text) {
      files[file] = text;
      versions.set(file, (versions.get(file) ?? 0) + 1);
    },
  };
}
const told = (found: readonly ts.Diagnostic[]): string[] =>
  found.map(d => `${d.start}+${d.length} ${d.code} ${ts.flattenDiagnosticMessageText(d.messageText, "\n").split("\n")[0]}`);
const scope =
  'import type { Tensor } from "pullback";\nexport function f(x: Tensor) {\n  "use tensor";\n  let y = x + 1;\n  if (y > 0) { y = y + x; }\n  return y;\n}\n';

test("a project without scopes is left to the editor's own service", () => {
  const { own, help } = editorWith({ "/a.ts": "export const a: string = 1;" });
  assert.equal(told(help.getSemanticDiagnostics("/a.ts")), told(own.getSemanticDiagnostics("/a.ts")));
  assert.is(help.getSemanticDiagnostics("/a.ts").length, 1);
});
test("the editor's own complaints about operators inside a scope are gone, and only those", () => {
  const { own, help, type } = editorWith({ "/a.ts": scope });
  assert.ok(told(own.getSemanticDiagnostics("/a.ts")).some(t => /236[25]/.test(t)));
  assert.equal(told(help.getSemanticDiagnostics("/a.ts")), []);
  type("/a.ts", scope.replace("y + x", "y + missing"));
  assert.equal(told(help.getSemanticDiagnostics("/a.ts")), [`${scope.indexOf("y + x") + 4}+7 2304 Cannot find name 'missing'.`]);
});
test("what the operators refuse stays an error, at the operand", () => {
  const { help } = editorWith({ "/a.ts": scope.replace("x + 1", "x + {}") });
  assert.equal(told(help.getSemanticDiagnostics("/a.ts")), [
    `${scope.indexOf("x + 1") + 4}+2 2345 Argument of type '{}' is not assignable to parameter of type 'number | Tensor'.`,
  ]);
});
test("a hover over a name shows its type in the rewritten program, and marks the user's word", () => {
  const { help } = editorWith({ "/a.ts": scope });
  const at = scope.indexOf("y = x");
  const info = help.getQuickInfoAtPosition("/a.ts", at);
  assert.is(ts.displayPartsToString(info?.displayParts), "let y: Tensor");
  assert.equal(info?.textSpan, { start: at, length: 1 });
});
test("a hover over an operator shows the type of what it computes; where there is nothing to add, the editor's own", () => {
  const { own, help } = editorWith({ "/a.ts": scope });
  assert.is(ts.displayPartsToString(help.getQuickInfoAtPosition("/a.ts", scope.indexOf("+ 1"))?.displayParts), "(operator) +: Tensor");
  assert.is(ts.displayPartsToString(help.getQuickInfoAtPosition("/a.ts", scope.indexOf("> 0"))?.displayParts), "(operator) >: Tensor");
  const at = scope.indexOf("Tensor");
  assert.equal(help.getQuickInfoAtPosition("/a.ts", at)?.displayParts, own.getQuickInfoAtPosition("/a.ts", at)?.displayParts);
});
test("lints are warnings, refused statements are errors that withhold the rest", () => {
  const { help } = editorWith({
    "/a.ts": scope,
    "/b.ts": 'import type { Tensor } from "pullback";\nexport const g = (x: Tensor) => (x ? 1 : 2);\n',
  });
  const [lint] = help.getSemanticDiagnostics("/b.ts");
  assert.equal([lint?.code, lint?.category, lint?.source], [1131, ts.DiagnosticCategory.Warning, "pullback"]);
  const { help: other } = editorWith({ "/a.ts": scope.replace("function f", "async function f") });
  const [refused, ...more] = other.getSemanticDiagnostics("/a.ts");
  assert.equal([refused?.code, refused?.category, more], [1112, ts.DiagnosticCategory.Error, []]);
});
test("a file that is being typed has no semantic errors, and another sees its last good state", () => {
  const { help, type } = editorWith({
    "/a.ts": scope,
    "/b.ts": 'import { f } from "./a";\nexport const n: number = f(f as never).ndim;\n',
  });
  assert.equal(told(help.getSemanticDiagnostics("/b.ts")), []);
  type("/a.ts", scope.replace("x + 1", "x + "));
  assert.equal(told(help.getSemanticDiagnostics("/a.ts")), []);
  assert.equal(told(help.getSemanticDiagnostics("/b.ts")), []);
});

test("after a dot stand the members that the rewritten program knows, also while the line does not parse", () => {
  for (const [text, what] of [
    [scope.replace("return y;", "y.\n  return y;"), "y.\n"],
    [scope.replace("return y;", "const z = y + x;\n  return z.ndi;"), "z.ndi"],
  ] as const) {
    const { own, help } = editorWith({ "/a.ts": text });
    const at = text.indexOf(what) + what.trimEnd().length;
    assert.equal(
      help.getCompletionsAtPosition("/a.ts", at, undefined)?.entries.map(e => e.name),
      ["ndim"],
    );
    const details = help.getCompletionEntryDetails("/a.ts", at, "ndim", undefined, undefined, undefined, undefined);
    assert.is(ts.displayPartsToString(details?.displayParts), "(property) Tensor.ndim: number");
    const other = text.indexOf("x + 1");
    assert.equal(help.getCompletionsAtPosition("/a.ts", other, undefined), own.getCompletionsAtPosition("/a.ts", other, undefined));
    assert.is(ts.displayPartsToString(help.getQuickInfoAtPosition("/a.ts", text.indexOf("x + 1"))?.displayParts) !== "", true);
  }
});
test("inlay hints show the types of the rewritten program, at the user's names, and nothing of what was put in", () => {
  const text = scope.replace("return y;", "const z = y + x, g = (a: Tensor) => a + z;\n  return g(z);");
  const { own, help } = editorWith({ "/a.ts": text });
  const preferences = {
    includeInlayVariableTypeHints: true,
    includeInlayFunctionLikeReturnTypeHints: true,
    includeInlayParameterNameHints: "all",
  } as const;
  const hints = (service: Pick<ts.LanguageService, "provideInlayHints">): string[] =>
    service
      .provideInlayHints("/a.ts", { start: 0, length: text.length }, preferences)
      .map(
        h =>
          `${text.slice(0, h.position).match(/\S+$/)?.[0]}|${h.text || ts.displayPartsToString(h.displayParts as ts.SymbolDisplayPart[])}`,
      );
  assert.ok(hints(own).includes("y|: any"), hints(own).join());
  assert.equal(hints(help), ["g(|a:", "Tensor)|: Tensor", "y|: Tensor", "z|: Tensor", "g|: (a: Tensor) => Tensor", "Tensor)|: Tensor"]);
});

test.run();
