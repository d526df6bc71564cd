// The language-service plugin of TypeScript 6 and earlier, after its entry (bin/editor.cjs) has loaded: in a project with tensor scopes, errors and hovers come from the
// shadows, at the user's place, and so do members after a dot and the types of inlay hints. Everything else is the editor's own.
import type { Finding } from "../check/finding.ts";
import { lint } from "../check/lints.ts";
import { placeOf, typeError, type Shadow } from "../check/shadow.ts";
import type { ts, TypeScript } from "../typescript.ts";
import { hoverAt } from "./hover.ts";
import { hintsIn } from "./inlay.ts";
import { memberAt, membersAt } from "./members.ts";
import { ShadowService, type EditorProject } from "./service.ts";

/** The methods that this plugin replaces. */
export type Replaced = Pick<
  ts.LanguageService,
  "getSemanticDiagnostics" | "getQuickInfoAtPosition" | "getCompletionsAtPosition" | "getCompletionEntryDetails" | "provideInlayHints"
>;

/** The plugin for one project. `api` is the editor's TypeScript. */
export function editorHelp(api: TypeScript, editor: EditorProject): Replaced {
  const shadows = new ShadowService(api, editor),
    own = editor.languageService;
  return {
    getSemanticDiagnostics: file => (shadows.isNeeded ? diagnosticsOf(api, shadows, own, file) : own.getSemanticDiagnostics(file)),
    getQuickInfoAtPosition: (file, offset, length) =>
      (shadows.isNeeded ? hoverAt(api, shadows, file, offset) : undefined) ?? own.getQuickInfoAtPosition(file, offset, length),
    getCompletionsAtPosition: (file, offset, ...more) =>
      membersAt(shadows, file, offset, more[0]) ?? own.getCompletionsAtPosition(file, offset, ...more),
    getCompletionEntryDetails: (file, offset, name, ...more) =>
      memberAt(shadows, file, offset, name) ?? own.getCompletionEntryDetails(file, offset, name, ...more),
    provideInlayHints: (file, span, preferences) =>
      (shadows.isNeeded ? hintsIn(api, shadows, own, file, span, preferences) : undefined) ??
      own.provideInlayHints(file, span, preferences),
  };
}

function diagnosticsOf(api: TypeScript, shadows: ShadowService, own: ts.LanguageService, file: string): ts.Diagnostic[] {
  const typed = shadows.typed(file),
    source = own.getProgram()?.getSourceFile(file);
  if (!typed || !source) return own.getSemanticDiagnostics(file);
  const shadow: Shadow = shadows.shadowOf(file) ?? { file, source: source.text, text: source.text, findings: [], lines: undefined };
  const told = (f: Finding, category: ts.DiagnosticCategory): ts.Diagnostic => {
    const start = source.getPositionOfLineAndCharacter(f.line - 1, f.column - 1);
    return {
      file: source,
      start,
      length: f.end - f.column,
      category,
      source: "pullback",
      code: Number(f.code.slice(1)),
      messageText: `${f.code}: ${f.message}${f.help === undefined ? "" : `\n  help: ${f.help}`}`,
    };
  };
  const refused = shadow.findings.filter(f => f.code !== "E1110"); // the editor shows syntax errors itself
  if (shadow.findings.length > 0) return refused.map(f => told(f, api.DiagnosticCategory.Error));
  const types = typed.service.getSemanticDiagnostics(file).map((d): ts.Diagnostic => {
    const finding = typeError(shadow, d);
    const at = told(finding, d.category);
    return finding.code.startsWith("E") ? at : { ...d, file: source, start: at.start, length: at.length };
  });
  const lints = lint(api, typed.tree, typed.checker).map(({ code, node, message, help }) => {
    const start = node.getStart(typed.tree);
    return told({ code, message, help, ...placeOf(shadow, start, node.getEnd() - start) }, api.DiagnosticCategory.Warning);
  });
  return [...types, ...lints];
}
