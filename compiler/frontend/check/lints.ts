// What JavaScript cannot trap, found by types: a tensor as a condition, tensors compared by identity, and effects where code runs another number of times than it is
// written. Inside tensor scopes conditions and comparisons have become calls already, so nothing is left of them here.
import type { ts, TypeScript } from "../typescript.ts";
import { bodiesOf, effectsOf, type Lint } from "./effects.ts";
import { isAlwaysTensor } from "./types.ts";

/** Everything wrong in a file. `ts` is the TypeScript that made the tree: in an editor, the editor's. */
export function lint(ts: TypeScript, file: ts.SourceFile, checker: ts.TypeChecker): Lint[] {
  const found: Lint[] = [],
    told = new Set<ts.Node>(); // bodies lie in each other: the outermost speaks
  const isTensor = (n: ts.Expression): boolean => isAlwaysTensor(checker.getTypeAtLocation(n));
  const condition = (n: ts.Expression, what: string): void => {
    if (isTensor(n))
      found.push({
        code: "E1131",
        node: n,
        message: `a tensor is ${what}: it is always true`,
        help: 'read it (x.item()), choose with cond or where, or put "use tensor" at the top of the function',
      });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isIfStatement(node)) condition(node.expression, "the condition of an if");
    else if (ts.isWhileStatement(node) || ts.isDoStatement(node)) condition(node.expression, "the condition of a loop");
    else if (ts.isForStatement(node) && node.condition) condition(node.condition, "the condition of a loop");
    else if (ts.isConditionalExpression(node)) condition(node.condition, "the condition of ?:");
    else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
      condition(node.operand, "negated with !");
    else if (ts.isBinaryExpression(node)) binary(node);
    else if (ts.isSwitchStatement(node) && isTensor(node.expression)) identity(node.expression, "switch");
    else if (ts.isCallExpression(node))
      for (const body of bodiesOf(ts, node, checker))
        for (const l of effectsOf(ts, body, checker))
          if (!told.has(l.node)) {
            told.add(l.node);
            found.push(l);
          }
    ts.forEachChild(node, visit);
  };
  const identity = (node: ts.Node, what: string): void => {
    found.push({
      code: "E1132",
      node,
      message: `${what} compares tensors by identity, not by their elements`,
      help: 'use equal or notEqual, or put "use tensor" at the top of the function; for identity say Object.is(a, b)',
    });
  };
  const equalities: readonly ts.SyntaxKind[] = [
    ts.SyntaxKind.EqualsEqualsEqualsToken,
    ts.SyntaxKind.ExclamationEqualsEqualsToken,
    ts.SyntaxKind.EqualsEqualsToken,
    ts.SyntaxKind.ExclamationEqualsToken,
  ];
  const binary = ({ left, right, operatorToken: token }: ts.BinaryExpression): void => {
    if (token.kind === ts.SyntaxKind.AmpersandAmpersandToken || token.kind === ts.SyntaxKind.BarBarToken)
      condition(left, `the left side of ${token.getText()}`);
    const comparable = (n: ts.Expression): boolean =>
      isTensor(n) || (checker.getTypeAtLocation(n).flags & (ts.TypeFlags.NumberLike | ts.TypeFlags.BooleanLike)) !== 0;
    if (equalities.includes(token.kind) && (isTensor(left) || isTensor(right)) && comparable(left) && comparable(right))
      identity(token, token.getText());
  };
  visit(file);
  return found;
}
