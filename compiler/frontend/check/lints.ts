// What JavaScript cannot trap, found by types: a tensor as a condition, tensors compared by identity, and functions that are traced but do something beside
// computing. Inside tensor scopes conditions and comparisons have become calls already, so nothing is left of them here.
import type { ErrorCode } from "../../../runtime/errors/codes.ts";
import type { ts, TypeScript } from "../typescript.ts";
import { isAlwaysTensor } from "./types.ts";

/** A complaint about a node. */
export interface Lint {
  readonly code: ErrorCode;
  readonly node: ts.Node;
  readonly message: string;
  readonly help: string;
}
/** Transforms that run their function once, to trace it. */
const tracers = new Set([
  "jit",
  "grad",
  "valueAndGrad",
  "jvp",
  "vjp",
  "linearize",
  "jacfwd",
  "jacrev",
  "hessian",
  "hvp",
  "vmap",
  "scan",
  "fori",
  "while_",
  "cond",
  "switch_",
  "remat",
  "checkpoint",
  "fsam",
  "sam",
]);
const mutators = new Set(["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "set", "add", "delete", "clear"]);

/** Everything wrong in a file. `ts` is the TypeScript that made the tree: in an editor, the editor's. */
export function lint(ts: TypeScript, file: ts.SourceFile, checker: ts.TypeChecker): Lint[] {
  const found: Lint[] = [];
  const typeOf = (n: ts.Node): ts.Type => checker.getTypeAtLocation(n);
  const condition = (n: ts.Expression, what: string): void => {
    if (isAlwaysTensor(typeOf(n)))
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
    else if (ts.isCallExpression(node)) call(node);
    ts.forEachChild(node, visit);
  };
  const binary = (node: ts.BinaryExpression): void => {
    const { kind } = node.operatorToken;
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken)
      condition(node.left, `the left side of ${node.operatorToken.getText()}`);
    const equality = [
      ts.SyntaxKind.EqualsEqualsEqualsToken,
      ts.SyntaxKind.ExclamationEqualsEqualsToken,
      ts.SyntaxKind.EqualsEqualsToken,
      ts.SyntaxKind.ExclamationEqualsToken,
    ];
    const comparable = (n: ts.Expression): boolean =>
      isAlwaysTensor(typeOf(n)) || (typeOf(n).flags & (ts.TypeFlags.NumberLike | ts.TypeFlags.BooleanLike)) !== 0;
    if (
      equality.includes(kind) &&
      (isAlwaysTensor(typeOf(node.left)) || isAlwaysTensor(typeOf(node.right))) &&
      comparable(node.left) &&
      comparable(node.right)
    )
      found.push({
        code: "E1132",
        node: node.operatorToken,
        message: `${node.operatorToken.getText()} compares tensors by identity, not by their elements`,
        help: 'use equal or notEqual, or put "use tensor" at the top of the function; for identity say Object.is(a, b)',
      });
  };
  const call = (node: ts.CallExpression): void => {
    const callee = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
    if (!ts.isIdentifier(callee) || !tracers.has(callee.text) || !isOurs(ts, callee, checker)) return;
    for (const a of node.arguments) if (ts.isArrowFunction(a) || ts.isFunctionExpression(a)) effects(ts, a, callee.text, checker, found);
  };
  visit(file);
  return found;
}

/** Does the name come from the library? */
function isOurs(ts: TypeScript, name: ts.Identifier, checker: ts.TypeChecker): boolean {
  const symbol = checker.getSymbolAtLocation(name);
  const target = symbol && (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol;
  return (target?.getDeclarations() ?? []).some(d => /[\\/](stdlib|compiler)[\\/]/.test(d.getSourceFile().fileName));
}
/** What a traced function does beside computing. */
function effects(
  ts: TypeScript,
  f: ts.ArrowFunction | ts.FunctionExpression,
  tracer: string,
  checker: ts.TypeChecker,
  found: Lint[],
): void {
  const outside = (n: ts.Expression): ts.Identifier | undefined => {
    let root: ts.Expression = n;
    while (ts.isPropertyAccessExpression(root) || ts.isElementAccessExpression(root)) root = root.expression;
    if (!ts.isIdentifier(root)) return undefined;
    const declaration = checker.getSymbolAtLocation(root)?.valueDeclaration;
    return declaration && (declaration.getStart() < f.getStart() || declaration.getEnd() > f.getEnd()) ? root : undefined;
  };
  const assigned = (node: ts.Node, target: ts.Expression): void => {
    const root = outside(target);
    if (root)
      found.push({
        code: "E1133",
        node,
        message: `${target.getText()} is changed inside a function that ${tracer} traces: it happens once, while tracing`,
        help: "return the value instead, or carry it through scan",
      });
  };
  const visit = (node: ts.Node): void => {
    if (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
      node.operatorToken.kind <= ts.SyntaxKind.LastAssignment
    )
      assigned(node, node.left);
    else if (
      (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) &&
      (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken)
    )
      assigned(node, node.operand);
    else if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { expression: object, name } = node.expression;
      const text = `${object.getText()}.${name.text}`;
      if (object.getText() === "console" || text === "Math.random" || text === "Date.now" || text === "performance.now")
        found.push({
          code: "E1134",
          node: node.expression,
          message: `${text} runs once, while ${tracer} traces, not at every call`,
          help: text === "Math.random" ? "use pullback/random with a key that is an argument" : "do it outside, on the results",
        });
      else if (
        mutators.has(name.text) &&
        !isAlwaysTensor(checker.getTypeAtLocation(object)) &&
        outside(object) &&
        isContainer(checker.getTypeAtLocation(object), checker)
      )
        assigned(node, object);
    }
    ts.forEachChild(node, visit);
  };
  visit(f.body);
}
const isContainer = (t: ts.Type, checker: ts.TypeChecker): boolean =>
  checker.isArrayType(t) || checker.isTupleType(t) || ["Map", "Set", "WeakMap", "WeakSet"].includes(t.getSymbol()?.getName() ?? "");
