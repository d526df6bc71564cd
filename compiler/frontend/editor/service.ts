// A second language service beside the editor's own: it sees shadows in the place of files with tensor scopes, so that operators on tensors have types there. It reads
// files through the editor's host, as they are in its buffers, and runs the editor's TypeScript.
import { shadowOf, type Shadow } from "../check/shadow.ts";
import { directive } from "../scopes.ts";
import type { ts, TypeScript } from "../typescript.ts";

/** What a plugin is given, as far as it is used here. */
export interface EditorProject {
  readonly languageService: ts.LanguageService;
  readonly languageServiceHost: ts.LanguageServiceHost;
  /** Does the editor's project hold the file? */
  knows(file: string): boolean;
}

interface Known {
  readonly version: string;
  /** Null for a file without a tensor scope. */
  readonly shadow: Shadow | null;
  /** The last shadow that could be rewritten: while the user types, other files go on seeing it. */
  readonly text: string | undefined;
}

/** The shadows of one project. */
export class ShadowService {
  private readonly service: ts.LanguageService;
  private readonly known = new Map<string, Known>();
  private readonly editor: EditorProject;
  /** A file that reads otherwise for the length of one question. */
  private trial: { readonly file: string; readonly text: string } | undefined;
  private trials = 0;
  constructor(api: TypeScript, editor: EditorProject) {
    this.editor = editor;
    const host = editor.languageServiceHost;
    /** Files that shadows import and nothing else does (the operators' declarations) are read from the disk, once. */
    const outside = (file: string): boolean => !editor.knows(file);
    this.service = api.createLanguageService(
      {
        getCompilationSettings: () => host.getCompilationSettings(),
        getScriptFileNames: () => host.getScriptFileNames(),
        getScriptVersion: f => (outside(f) ? "0" : f === this.trial?.file ? `trial ${this.trials}` : host.getScriptVersion(f)),
        getScriptSnapshot: f => {
          if (f === this.trial?.file) return api.ScriptSnapshot.fromString(this.trial.text);
          const text = outside(f) ? host.readFile(f) : this.recordOf(f).text;
          return text === undefined ? host.getScriptSnapshot(f) : api.ScriptSnapshot.fromString(text);
        },
        getCurrentDirectory: () => host.getCurrentDirectory(),
        getDefaultLibFileName: o => host.getDefaultLibFileName(o),
        fileExists: f => host.fileExists(f),
        readFile: (f, encoding) => host.readFile(f, encoding),
        readDirectory: (...args) => host.readDirectory?.(...args) ?? [],
        directoryExists: f => host.directoryExists?.(f) ?? true,
        getDirectories: f => host.getDirectories?.(f) ?? [],
        realpath: f => host.realpath?.(f) ?? f,
        useCaseSensitiveFileNames: () => host.useCaseSensitiveFileNames?.() ?? true,
        getProjectVersion: () => {
          const version = host.getProjectVersion?.();
          return version === undefined ? "" : `${version}, trial ${this.trials}`;
        },
      },
      api.createDocumentRegistry(),
    );
  }

  /** The shadow of a file as it is in the editor now; null where it has no tensor scope. */
  shadowOf(file: string): Shadow | null {
    return this.recordOf(file).shadow;
  }
  /** Has any file of the project a tensor scope? Else there is nothing to do here. */
  get isNeeded(): boolean {
    return (this.editor.languageService.getProgram()?.getSourceFiles() ?? []).some(
      f => !f.isDeclarationFile && this.shadowOf(f.fileName) !== null,
    );
  }
  /** The project with shadows, its types, and the file in it. */
  typed(
    file: string,
  ): { readonly service: ts.LanguageService; readonly checker: ts.TypeChecker; readonly tree: ts.SourceFile } | undefined {
    const program = this.service.getProgram(),
      tree = program?.getSourceFile(file);
    return program && tree ? { service: this.service, checker: program.getTypeChecker(), tree } : undefined;
  }

  /** What `ask` learns while the file reads as `text`, which has been rewritten. */
  during<R>(file: string, text: string, ask: (service: ts.LanguageService) => R): R {
    this.trial = { file, text };
    this.trials++;
    try {
      return ask(this.service);
    } finally {
      this.trial = undefined;
      this.trials++;
    }
  }

  private recordOf(file: string): Known {
    const host = this.editor.languageServiceHost,
      before = this.known.get(file),
      version = host.getScriptVersion(file);
    if (before?.version === version) return before;
    const snapshot = host.getScriptSnapshot(file),
      source = snapshot?.getText(0, snapshot.getLength()) ?? "";
    const shadow = source.includes(directive) && !file.endsWith(".d.ts") ? shadowOf(file, source) : null;
    const text = shadow === null ? undefined : shadow.findings.length > 0 ? (before?.text ?? shadow.text) : shadow.text;
    const record = { version, shadow, text };
    this.known.set(file, record);
    return record;
  }
}
