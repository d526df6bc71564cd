// A user's project as TypeScript sees it: shadows in the place of files with tensor scopes. It stays warm: a changed file is read again, the rest is kept.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { directive } from "../scopes.ts";
import { Project, ts } from "../typescript.ts";
import type { Finding } from "./finding.ts";
import { lint } from "./lints.ts";
import { placeOf, shadowOf, typeError, type Shadow } from "./shadow.ts";
import { argumentType, type ArgumentType } from "./types.ts";

/** A function that a module exports, with what its parameters' types say; or why it cannot be traced from them. */
export interface Exported {
  readonly file: string;
  readonly name: string;
  readonly line: number;
  readonly column: number;
  readonly args: readonly ArgumentType[] | string;
  /** The parameters' names, as many as `args`. */
  readonly names: readonly string[];
}
/** Why a function without parameters is not traced. */
export const takesNothing = "it takes nothing";
/** The nearest tsconfig.json at or above a folder. */
export function configAbove(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, "tsconfig.json");
    if (existsSync(file)) return file;
    if (dirname(at) === at) return undefined;
  }
}

/** The declaration files that a project names: they say what imports without a file (`./model.ts?compiled`, `virtual:data`) give. */
function declarationsOf(config: string): string[] {
  const { config: json } = ts.readConfigFile(config, f => ts.sys.readFile(f)) as { readonly config?: unknown }; // any, in TypeScript's words
  return ts.parseJsonConfigFileContent(json ?? {}, ts.sys, dirname(config)).fileNames.filter(f => /\.d\.[cm]?ts$/.test(f));
}

/** Files that belong together. Paths are absolute. */
export class CheckedProject {
  private readonly project: Project;
  private readonly shadows = new Map<string, Shadow>();
  private readonly seen = new Set<string>();
  constructor(config: string | undefined) {
    this.project = new Project({
      ...(config === undefined ? {} : { tsConfigFilePath: config }),
      skipAddingFilesFromTsConfig: true,
      compilerOptions: { noEmit: true, allowImportingTsExtensions: true },
    });
    if (config !== undefined) for (const f of declarationsOf(config)) this.project.addSourceFileAtPathIfExists(f);
  }

  /** Read a file again, and whatever it imports for the first time. */
  refresh(file: string): void {
    const source = readFileSync(file, "utf8");
    if (this.shadows.get(file)?.source === source) return;
    const shadow = shadowOf(file, source);
    this.shadows.set(file, shadow);
    const known = this.project.getSourceFile(file);
    if (known?.getFullText() === shadow.text) return; // only its comments speak of scopes
    if (known) known.replaceWithText(shadow.text);
    else this.project.createSourceFile(file, shadow.text, { overwrite: true });
    this.project.resolveSourceFileDependencies();
    for (const f of this.project.getSourceFiles()) {
      const path = f.getFilePath();
      if (this.seen.has(path)) continue;
      this.seen.add(path);
      if (!this.shadows.has(path) && !f.isDeclarationFile() && !path.includes("/node_modules/") && f.getFullText().includes(directive))
        this.refresh(path);
    }
  }
  /** Everything there is to say about a file without running it. */
  findings(file: string): Finding[] {
    const shadow = this.shadowOf(file),
      program = this.project.getProgram().compilerObject,
      tree = program.getSourceFile(file);
    if (!tree) return [...shadow.findings];
    const typed = [...program.getSyntacticDiagnostics(tree), ...program.getSemanticDiagnostics(tree)].map(d => typeError(shadow, d));
    const linted = lint(ts, tree, program.getTypeChecker()).map(({ code, node, message, help }): Finding => ({
      code,
      message,
      help,
      ...placeOf(shadow, node.getStart(), node.getEnd() - node.getStart()),
    }));
    return [...shadow.findings, ...(shadow.findings.length > 0 ? [] : typed), ...linted];
  }
  /** The functions that a file exports. */
  exports(file: string): Exported[] {
    const shadow = this.shadowOf(file),
      program = this.project.getProgram().compilerObject,
      checker = program.getTypeChecker(),
      tree = program.getSourceFile(file),
      symbol = tree && checker.getSymbolAtLocation(tree);
    if (!symbol) return [];
    return checker.getExportsOfModule(symbol).flatMap((s): Exported[] => {
      const at = s.valueDeclaration ?? s.declarations?.[0];
      if (!at || at.getSourceFile() !== tree) return [];
      const [signature, ...more] = checker.getTypeOfSymbolAtLocation(s, at).getCallSignatures();
      if (!signature) return [];
      const name = ts.getNameOfDeclaration(at as ts.Declaration) ?? at; // an export's declaration
      const { line, column } = placeOf(shadow, name.getStart(), 1);
      const params = parametersOf(signature, checker),
        args = more.length > 0 ? "it has several signatures" : argumentsOf(signature, params, checker);
      return [{ file, name: s.getName(), line, column, args, names: params.map(q => q.name) }];
    });
  }
  /** The files of the project itself that have been read: what a model is made of, without declarations and packages. */
  files(): string[] {
    return this.project
      .getSourceFiles()
      .filter(f => !f.isDeclarationFile() && !f.isInNodeModules())
      .map(f => f.getFilePath());
  }
  /** The text as the user wrote it. */
  sourceOf(file: string): string {
    return this.shadowOf(file).source;
  }
  private shadowOf(file: string): Shadow {
    if (!this.shadows.has(file)) this.refresh(file);
    return this.shadows.get(file) as Shadow; // just read
  }
}

interface Parameter {
  readonly name: string;
  readonly type: ts.Type;
  /** It may be left out. */
  readonly optional: boolean;
}
/** The parameters; those of a rest parameter with a type of known length (`jit`'s result has one) are parameters of their own. */
function parametersOf(signature: ts.Signature, checker: ts.TypeChecker): Parameter[] {
  return signature.getParameters().flatMap((p): Parameter[] => {
    const at = p.valueDeclaration,
      type = at ? checker.getTypeOfSymbolAtLocation(p, at) : checker.getTypeOfSymbol(p),
      rest = at && ts.isParameter(at) && at.dotDotDotToken !== undefined;
    if (!rest || !checker.isTupleType(type))
      return [
        {
          name: rest ? `...${p.name}` : p.name,
          type,
          optional: at !== undefined && ts.isParameter(at) && !rest && checker.isOptionalParameter(at),
        },
      ];
    const tuple = type as ts.TupleTypeReference, // it has been asked
      { elementFlags, labeledElementDeclarations: labels } = tuple.target;
    return checker.getTypeArguments(tuple).map((t, i) => {
      const label = labels?.[i]?.name,
        name = label && ts.isIdentifier(label) ? label.text : p.name + i;
      return { name, type: t, optional: elementFlags[i] !== ts.ElementFlags.Required };
    });
  });
}
function argumentsOf(signature: ts.Signature, params: readonly Parameter[], checker: ts.TypeChecker): readonly ArgumentType[] | string {
  if (signature.getTypeParameters()) return "it is generic";
  const args: ArgumentType[] = [];
  for (const { name, type, optional } of params) {
    if (name.startsWith("...")) return `${name.slice(3)} is a rest parameter`;
    const arg = optional ? ({ kind: "absent" } as const) : argumentType(type, checker);
    if (typeof arg === "string") return `${name}: ${arg}`;
    args.push(arg);
  }
  return args.length === 0 ? takesNothing : args;
}
