// Where the front end works: files and functions whose first statement is the directive "use tensor".
import { ts } from "./typescript.ts";

/** The directive. */
export const directive = "use tensor";
/** A function of any kind with a body. */
export type FunctionNode = ts.FunctionLikeDeclaration & { readonly body: ts.ConciseBody };
/** Is `node` a function with a body? */
export const isFunction = (node: ts.Node): node is FunctionNode => ts.isFunctionLike(node) && "body" in node && node.body !== undefined;

const textOf = (s: ts.Statement | undefined): string | undefined =>
  s && ts.isExpressionStatement(s) && ts.isStringLiteral(s.expression) ? s.expression.text : undefined;
/** The directives a list of statements begins with. */
function prologue(statements: readonly ts.Statement[]): readonly ts.Statement[] {
  const end = statements.findIndex(s => textOf(s) === undefined);
  return end < 0 ? statements : statements.slice(0, end);
}
/** The directive that a list of statements begins with. */
export const directiveOf = (statements: readonly ts.Statement[]): ts.Statement | undefined =>
  prologue(statements).find(s => textOf(s) === directive);
/** Does the list of statements begin with the directive? */
export const isTensorScope = (statements: readonly ts.Statement[]): boolean => directiveOf(statements) !== undefined;
/** Is `node` a function that begins with the directive? */
export const isTensorFunction = (node: FunctionNode): boolean => ts.isBlock(node.body) && isTensorScope(node.body.statements);
/** async, or a generator. */
export const suspends = (node: ts.Node): boolean =>
  ts.isFunctionLike(node) &&
  (("asteriskToken" in node && node.asteriskToken !== undefined) ||
    (ts.canHaveModifiers(node) && (ts.getModifiers(node)?.some(m => m.kind === ts.SyntaxKind.AsyncKeyword) ?? false)));

/** Statements that look like the directive and have no effect, with the reason. */
export function misplaced(file: ts.SourceFile): readonly { readonly node: ts.Node; readonly why: string }[] {
  const found: { node: ts.Node; why: string }[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isSourceFile(node) || ts.isBlock(node) || ts.isModuleBlock(node)) && node.statements.length > 0) {
      const scope = ts.isSourceFile(node) || (ts.isBlock(node) && isFunction(node.parent));
      const first = new Set(prologue(node.statements));
      for (const s of node.statements) {
        const text = textOf(s);
        if (text === undefined || !/^\s*use[\s_-]*tensors?\s*;?\s*$/i.test(text)) continue;
        if (text !== directive) found.push({ node: s, why: `${JSON.stringify(text)} is not the directive` });
        else if (!scope) found.push({ node: s, why: `"${directive}" stands in a block that is no function's body` });
        else if (!first.has(s)) found.push({ node: s, why: `"${directive}" comes after other statements` });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
