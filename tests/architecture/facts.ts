// What the architecture's rules need to know of one source file, read off its syntax alone: no types, no resolution, no disk.
import { ts } from "ts-morph";

/** One import, export-from, `import()` or `import("x").T`. `typeOnly` when nothing of it is left at run time. Lines count from 1. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
}

/** Something found at a line. */
export interface Place {
  readonly what: string;
  readonly line: number;
}

/** The facts about one TypeScript file. `path` is relative to the root, with forward slashes. */
export interface Facts {
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** `any`, `enum` and suppressed checks, wherever they stand. */
  readonly banned: readonly Place[];
  /** Exported declarations without a doc comment of their own. */
  readonly undocumented: readonly Place[];
  /** `x as T` with no comment on the line. `as const` claims nothing, so it needs none. */
  readonly casts: readonly Place[];
  /** Whether the file starts with a comment. */
  readonly introduced: boolean;
}

/** Reads one file. Syntax errors are the type checker's business: what can be read is read. */
export function factsOf(path: string, text: string): Facts {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number): number => file.getLineAndCharacterOfPosition(position).line + 1;
  const imports: Import[] = [],
    banned: Place[] = [],
    casts: Place[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier && ts.isStringLiteralLike(specifier))
      imports.push({ specifier: specifier.text, line: lineOf(specifier.getStart()), typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (node.kind === ts.SyntaxKind.AnyKeyword) banned.push({ what: "the type any", line: lineOf(node.getStart()) });
    else if (ts.isEnumDeclaration(node)) banned.push({ what: "an enum", line: lineOf(node.getStart()) });
    else if ((ts.isAsExpression(node) && !ts.isConstTypeReference(node.type)) || ts.isTypeAssertionExpression(node)) {
      if (!explained(text, node)) casts.push({ what: `as ${node.type.getText()}`, line: lineOf(node.getEnd()) });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  for (const match of text.matchAll(/@ts-(?:ignore|nocheck)\b/g)) banned.push({ what: match[0], line: lineOf(match.index) });
  return {
    path,
    lines: countLines(text),
    imports,
    banned,
    casts,
    undocumented: undocumentedIn(file, text, lineOf),
    introduced: /^(?:#![^\n]*\n)?\s*\/[/*]/.test(text),
  };
}

/** Lines of a text: the number of line ends, and one more when the last line has none. */
export function countLines(text: string): number {
  return text === "" ? 0 : text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

/** Whether a cast has its reason: a comment at the end of its line, at the end of a line where something around it ends (up to its statement or
 *  the one around that), or right above its statement. */
function explained(text: string, cast: ts.Node): boolean {
  if (commented(text, cast.getEnd())) return true;
  let statements = 0;
  for (let node = cast.parent; statements < 2 && !ts.isSourceFile(node); node = node.parent) {
    if (commented(text, node.getEnd())) return true;
    if (!ts.isStatement(node) && !ts.isClassElement(node)) continue;
    statements++;
    if (statements === 1 && ts.getLeadingCommentRanges(text, node.getFullStart()) !== undefined) return true;
  }
  return false;
}

/** Whether a comment follows on the line of `position`. */
function commented(text: string, position: number): boolean {
  const end = text.indexOf("\n", position);
  return /\/[/*]/.test(text.slice(position, end === -1 ? undefined : end));
}

function undocumentedIn(file: ts.SourceFile, text: string, lineOf: (position: number) => number): Place[] {
  const exported = new Set<string>(),
    documented = new Set<string>(),
    seen = new Map<string, number>();
  for (const statement of file.statements) {
    if (
      ts.isExportDeclaration(statement) &&
      statement.moduleSpecifier === undefined &&
      statement.exportClause &&
      ts.isNamedExports(statement.exportClause)
    ) {
      for (const { propertyName, name } of statement.exportClause.elements) exported.add((propertyName ?? name).text);
    }
    for (const name of declaredNames(statement)) {
      if (!seen.has(name)) seen.set(name, lineOf(statement.getStart()));
      if (ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(m => m.kind === ts.SyntaxKind.ExportKeyword))
        exported.add(name);
      if (hasDoc(statement, text)) documented.add(name); // one overload with a comment is enough
    }
  }
  return [...seen].filter(([name]) => exported.has(name) && !documented.has(name)).map(([what, line]) => ({ what, line }));
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(d => d.name.getText());
  if (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement)
  )
    return [statement.name?.text ?? "default"];
  return [];
}

/** A doc comment that touches the declaration: one with a blank line below it belongs to the file. */
function hasDoc(statement: ts.Statement, text: string): boolean {
  const last = ts.getLeadingCommentRanges(text, statement.getFullStart())?.at(-1);
  return last !== undefined && text.startsWith("/**", last.pos) && !/\n\s*\n/.test(text.slice(last.end, statement.getStart()));
}
