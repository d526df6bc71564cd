// Which variable every name means, where it is assigned and where it is read. TypeScript's own checker resolves the names, of one file alone.
import { ts } from "./typescript.ts";
import { isFunction } from "./scopes.ts";

/** One use of a variable. */
interface Use {
  readonly node: ts.Identifier;
  readonly read: boolean;
  readonly write: boolean;
  /** The innermost function around it, or the file. */
  readonly owner: ts.Node;
}
/** A range of the text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}
/** A variable of the program. */
export type Variable = ts.Symbol;

/** Parse a file and resolve its names. */
export function programOf(source: string, fileName: string): { readonly file: ts.SourceFile; readonly program: ts.Program } {
  const name = /\.[cm]?[jt]sx?$/.test(fileName) ? fileName : `${fileName}.ts`;
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  const host: ts.CompilerHost = {
    getSourceFile: f => (f === name ? file : undefined),
    getDefaultLibFileName: () => "lib.d.ts",
    writeFile: () => {},
    getCurrentDirectory: () => "/",
    getCanonicalFileName: f => f,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => "\n",
    fileExists: f => f === name,
    readFile: () => undefined,
  };
  const options: ts.CompilerOptions = { noLib: true, noResolve: true, allowJs: true, target: ts.ScriptTarget.Latest, types: [] };
  return { file, program: ts.createProgram({ rootNames: [name], options, host }) };
}

/** The innermost function or file around `node`. */
export function ownerOf(node: ts.Node): ts.Node {
  let n = node.parent;
  while (n && !isFunction(n) && !ts.isSourceFile(n)) n = n.parent;
  return n;
}
const isLoop = (n: ts.Node): boolean => ts.isIterationStatement(n, false);
const within = (n: ts.Node, { start, end }: Range): boolean => n.getStart() >= start && n.getEnd() <= end;
/** The range of a node without what stands before it. */
export const rangeOf = (n: ts.Node): Range => ({ start: n.getStart(), end: n.getEnd() });

/** The uses of all variables of one file. */
export class Bindings {
  private readonly uses = new Map<Variable, Use[]>();
  private readonly checker: ts.TypeChecker;
  /** Variables that a function assigns which is not the one that declares them: any call may change them. */
  private readonly shared: ReadonlySet<Variable>;
  /** Every identifier's text. */
  readonly words: ReadonlySet<string>;

  constructor(file: ts.SourceFile, checker: ts.TypeChecker) {
    this.checker = checker;
    const words = new Set<string>();
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node)) {
        words.add(node.text);
        const variable = this.variableOf(node);
        if (variable) {
          const use = { node, ...accessOf(node), owner: ownerOf(node) };
          const known = this.uses.get(variable);
          if (known) known.push(use);
          else this.uses.set(variable, [use]);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    this.words = words;
    this.shared = new Set(
      [...this.uses].filter(([v, uses]) => uses.some(u => u.write && u.owner !== this.declaringOwner(v))).map(([v]) => v),
    );
  }

  /** The variable that an identifier names, if it names one of this file's. */
  variableOf(node: ts.Identifier): Variable | undefined {
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) return undefined;
    if (ts.isPropertyAssignment(parent) && parent.name === node) return undefined;
    const symbol = ts.isShorthandPropertyAssignment(parent)
      ? this.checker.getShorthandAssignmentValueSymbol(parent)
      : this.checker.getSymbolAtLocation(node);
    const value = ts.SymbolFlags.Variable | ts.SymbolFlags.Function | ts.SymbolFlags.Class | ts.SymbolFlags.Alias;
    return symbol && symbol.flags & value && symbol.declarations?.length ? symbol : undefined;
  }
  /** The first declaration. */
  declarationOf = (v: Variable): ts.Declaration | undefined => v.declarations?.[0];
  private declaringOwner(v: Variable): ts.Node | undefined {
    const d = this.declarationOf(v);
    return d && ownerOf(d);
  }
  /** All uses. */
  usesOf = (v: Variable): readonly Use[] => this.uses.get(v) ?? [];
  /** Is the variable declared inside the range? */
  isDeclaredIn = (v: Variable, range: Range): boolean => v.declarations?.some(d => within(d, range)) ?? false;

  /** Variables from outside the range that running it may assign, in the order of their first use. The range begins with `node` and may go on behind it. */
  assignedIn(range: Range, node: ts.Node): readonly Variable[] {
    const calls = hasCall(range.end > node.getEnd() ? node.parent : node, range);
    return [...this.uses]
      .filter(
        ([v, uses]) =>
          !this.isDeclaredIn(v, range) &&
          (uses.some(u => u.write && within(u.node, range)) || (calls && this.shared.has(v) && this.isVisible(v, node))),
      )
      .map(([v]) => v);
  }
  /** Is the variable declared before `node`, in a scope around it? */
  private isVisible(v: Variable, node: ts.Node): boolean {
    const d = this.declarationOf(v);
    if (!d || ts.isFunctionDeclaration(d) || ts.isClassDeclaration(d) || d.getStart() >= node.getStart()) return false;
    let scope: ts.Node = d.parent;
    while (!ts.isBlock(scope) && !isFunction(scope) && !ts.isSourceFile(scope) && !isLoop(scope) && !ts.isCaseBlock(scope))
      scope = scope.parent;
    return scope.getStart() <= node.getStart() && node.getEnd() <= scope.getEnd();
  }
  /** May the value that the variable has after `statement` be read? */
  isReadAfter(v: Variable, statement: ts.Node): boolean {
    const owner = this.declaringOwner(v);
    const uses = this.usesOf(v);
    if (!owner || ts.isSourceFile(owner) || uses.some(u => u.owner !== owner)) return true; // others may look at any time
    const end = statement.getEnd();
    if (uses.some(u => u.read && u.node.getStart() >= end)) return true;
    for (let n = statement.parent; n && n !== owner; n = n.parent) {
      if (!isLoop(n) || this.isDeclaredIn(v, rangeOf(n))) continue;
      if (uses.some(u => u.read && within(u.node, rangeOf(n)))) return true;
    }
    return false;
  }
}

/** How an identifier is used. Declarations neither read nor write what was there before. */
function accessOf(node: ts.Identifier): { readonly read: boolean; readonly write: boolean } {
  let n: ts.Node = node;
  for (let p = n.parent; ; n = p, p = p.parent) {
    if (ts.isParenthesizedExpression(p) || ts.isNonNullExpression(p) || ts.isAsExpression(p) || ts.isSatisfiesExpression(p)) continue;
    if (ts.isPrefixUnaryExpression(p) || ts.isPostfixUnaryExpression(p)) {
      const changes = p.operator === ts.SyntaxKind.PlusPlusToken || p.operator === ts.SyntaxKind.MinusMinusToken;
      return { read: true, write: changes };
    }
    if (ts.isBinaryExpression(p) && p.left === n && isAssignment(p.operatorToken.kind))
      return { read: p.operatorToken.kind !== ts.SyntaxKind.EqualsToken, write: true };
    break;
  }
  if (isPatternTarget(n)) return { read: false, write: true };
  const declared = "name" in node.parent && node.parent.name === node && ts.isVariableDeclaration(node.parent);
  return { read: !declared, write: false };
}
/** Is the token = or one of the compound assignments? */
export const isAssignment = (kind: ts.SyntaxKind): boolean => kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
/** Does the expression stand where a destructuring assignment (or the head of a for…of) writes? */
export function isPatternTarget(node: ts.Node): boolean {
  const p = node.parent;
  if (ts.isForOfStatement(p) || ts.isForInStatement(p)) return p.initializer === node;
  if (ts.isBinaryExpression(p) && p.operatorToken.kind === ts.SyntaxKind.EqualsToken && p.left === node)
    return ts.isArrayLiteralExpression(node) || ts.isObjectLiteralExpression(node) || isPatternTarget(p);
  if (ts.isArrayLiteralExpression(p) || ts.isSpreadElement(p) || ts.isSpreadAssignment(p) || ts.isObjectLiteralExpression(p))
    return isPatternTarget(p);
  if (ts.isPropertyAssignment(p) && p.initializer === node) return isPatternTarget(p);
  if (ts.isShorthandPropertyAssignment(p) && p.name === node) return isPatternTarget(p);
  return false;
}
function hasCall(node: ts.Node, { start, end }: Range): boolean {
  if (node.getEnd() <= start || node.getStart() >= end) return false;
  if ((ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isTaggedTemplateExpression(node)) && node.getStart() >= start)
    return true;
  return ts.forEachChild(node, n => hasCall(n, { start, end }) || undefined) ?? false;
}
