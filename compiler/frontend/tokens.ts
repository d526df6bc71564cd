// Finding the tokens of a node: parentheses, semicolons, keywords.
import { InternalError } from "../../runtime/errors/error.ts";
import { ts } from "./typescript.ts";

/** The tokens of one kind that belong to the node itself, in order. */
export const tokensOf = (node: ts.Node, kind: ts.SyntaxKind): readonly ts.Node[] => node.getChildren().filter(c => c.kind === kind);
/** The `nth` token of a kind. */
export function tokenOf(node: ts.Node, kind: ts.SyntaxKind, nth = 0): ts.Node {
  const token = tokensOf(node, kind)[nth];
  if (!token) throw new InternalError(`no ${ts.SyntaxKind[kind]} in ${ts.SyntaxKind[node.kind]}`);
  return token;
}
/** Does the expression begin with a brace, which after => would be a block? */
export const startsWithBrace = (e: ts.Node): boolean => e.getText().startsWith("{");
