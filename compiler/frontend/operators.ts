// Operators: a + b becomes $add(a, b). Expressions that cannot be tensors keep their operators.
import { isAssignment, isPatternTarget, rangeOf } from "./bindings.ts";
import { waits } from "./jumps.ts";
import { isMathCall, isText } from "./plain.ts";
import { guardedText } from "./targets.ts";
import { startsWithBrace, tokenOf } from "./tokens.ts";
import { ts } from "./typescript.ts";
import { tailArguments, varsOf } from "./variables.ts";
import type { Work } from "./work.ts";

const K = ts.SyntaxKind;
const binary: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.PlusToken, "$add"],
  [K.MinusToken, "$sub"],
  [K.AsteriskToken, "$mul"],
  [K.SlashToken, "$div"],
  [K.PercentToken, "$rem"],
  [K.AsteriskAsteriskToken, "$pow"],
  [K.AmpersandToken, "$bitAnd"],
  [K.BarToken, "$bitOr"],
  [K.CaretToken, "$bitXor"],
  [K.LessThanLessThanToken, "$shl"],
  [K.GreaterThanGreaterThanToken, "$shr"],
  [K.GreaterThanGreaterThanGreaterThanToken, "$ushr"],
  [K.LessThanToken, "$lt"],
  [K.LessThanEqualsToken, "$le"],
  [K.GreaterThanToken, "$gt"],
  [K.GreaterThanEqualsToken, "$ge"],
  [K.EqualsEqualsEqualsToken, "$eq"],
  [K.ExclamationEqualsEqualsToken, "$ne"],
  [K.EqualsEqualsToken, "$looseEq"],
  [K.ExclamationEqualsToken, "$looseNe"],
]);
const compound: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.PlusEqualsToken, "$add"],
  [K.MinusEqualsToken, "$sub"],
  [K.AsteriskEqualsToken, "$mul"],
  [K.SlashEqualsToken, "$div"],
  [K.PercentEqualsToken, "$rem"],
  [K.AsteriskAsteriskEqualsToken, "$pow"],
  [K.AmpersandEqualsToken, "$bitAnd"],
  [K.BarEqualsToken, "$bitOr"],
  [K.CaretEqualsToken, "$bitXor"],
  [K.LessThanLessThanEqualsToken, "$shl"],
  [K.GreaterThanGreaterThanEqualsToken, "$shr"],
  [K.GreaterThanGreaterThanGreaterThanEqualsToken, "$ushr"],
]);
const lazy: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.AmpersandAmpersandToken, "$and"],
  [K.BarBarToken, "$or"],
]);
const lazyAssignment: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.AmpersandAmpersandEqualsToken, "$and"],
  [K.BarBarEqualsToken, "$or"],
]);
const unary: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.MinusToken, "$neg"],
  [K.PlusToken, "$pos"],
  [K.TildeToken, "$bitNot"],
  [K.ExclamationToken, "$not"],
]);

/** Rewrite the operator of `node`, if it has one; what is inside is visited by the caller. */
export function rewriteOperator(w: Work, node: ts.Node): void {
  if (ts.isBinaryExpression(node)) rewriteBinary(w, node);
  else if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) rewriteUnary(w, node);
  else if (ts.isConditionalExpression(node)) rewriteConditional(w, node);
  else if (ts.isCallExpression(node) && isMathCall(node) && w.plain.isMath(node.expression.expression) && !w.plain.isValue(node)) {
    const math = node.expression.expression;
    w.edits.replace(math.getStart(), math.getEnd(), w.names.of("$math"));
  } else if (ts.isElementAccessExpression(node)) rewriteAccess(w, node);
}

function rewriteBinary(w: Work, node: ts.BinaryExpression): void {
  const { left, right, operatorToken: token } = node;
  const at = token.getStart();
  const swap = (text: string): void => swapToken(w, left, token, text);
  const operator = binary.get(token.kind);
  if (operator !== undefined) {
    if (w.plain.isValue(node) || w.plain.isTest(node) || (token.kind === K.PlusToken && (isText(left) || isText(right)))) return;
    w.edits.open(node.getStart(), `${w.names.of(operator)}(`, at);
    swap(",");
    w.edits.close(node.getEnd(), ")");
    return;
  }
  const choice = lazy.get(token.kind);
  if (choice !== undefined) {
    if (w.plain.isTest(left) || waits(right)) return;
    if (isUnused(node)) {
      const not = choice === "$or";
      w.edits.open(node.getStart(), `${w.names.of("$if")}(${not ? `${w.names.of("$not")}(` : ""}`, at);
      swap(`${not ? ")" : ""}, () => {`);
      w.edits.close(node.getEnd(), ` }${tailArguments([undefined, varsOf(w, node, rangeOf(right))])})`);
      return;
    }
    w.edits.open(node.getStart(), `${w.names.of(choice)}(`, at);
    swap(",");
    thunk(w, right);
    w.edits.close(node.getEnd(), `${varsArgument(w, right, node)})`);
    return;
  }
  if (!isAssignment(token.kind) || !isSimpleTarget(left)) return;
  const target = left.getText();
  const step = compound.get(token.kind);
  if (step !== undefined) {
    if (isText(right) || (w.plain.isValue(left) && w.plain.isValue(right))) return;
    swap(`= ${w.names.of(step)}(${target},`);
    w.edits.close(node.getEnd(), ")");
    return;
  }
  const lazyStep = lazyAssignment.get(token.kind);
  if (lazyStep === undefined || waits(right)) return;
  swap(`= ${w.names.of(lazyStep)}(${target},`);
  thunk(w, right);
  w.edits.close(node.getEnd(), `${varsArgument(w, right, node)})`);
}

/** `text` in the place of the token behind `before`, and of the blanks between them where a comma is put. */
function swapToken(w: Work, before: ts.Node, token: ts.Node, text: string): void {
  const gap = w.edits.source.slice(before.getEnd(), token.getStart());
  w.edits.replace(text.startsWith(",") && /^[ \t]+$/.test(gap) ? before.getEnd() : token.getStart(), token.getEnd(), text);
}
/** `e` evaluated when asked: () => e. */
function thunk(w: Work, e: ts.Expression): void {
  const brace = startsWithBrace(e);
  w.edits.open(e.getStart(), brace ? "() => (" : "() => ");
  if (brace) w.edits.close(e.getEnd(), ")");
}
const varsArgument = (w: Work, inside: ts.Node, node: ts.Node): string => {
  const vars = varsOf(w, node, rangeOf(inside));
  return vars === undefined ? "" : `, ${vars}`;
};

/** Is the value of the expression thrown away, so that it is a statement? */
function isUnused(node: ts.Expression): boolean {
  const { parent } = node;
  if (ts.isParenthesizedExpression(parent)) return isUnused(parent);
  if (ts.isBinaryExpression(parent)) return lazy.has(parent.operatorToken.kind) && parent.right === node && isUnused(parent);
  if (ts.isConditionalExpression(parent)) return parent.condition !== node && isUnused(parent);
  return ts.isExpressionStatement(parent);
}

/** A variable, or a property of variables: it can be written twice without evaluating anything twice. */
function isSimpleTarget(e: ts.Expression): boolean {
  if (ts.isIdentifier(e) || e.kind === K.ThisKeyword) return true;
  if (ts.isPropertyAccessExpression(e)) return e.questionDotToken === undefined && isSimpleTarget(e.expression);
  return (
    ts.isElementAccessExpression(e) &&
    e.questionDotToken === undefined &&
    isSimpleTarget(e.expression) &&
    (ts.isIdentifier(e.argumentExpression) || ts.isNumericLiteral(e.argumentExpression) || ts.isStringLiteral(e.argumentExpression))
  );
}

function rewriteUnary(w: Work, node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression): void {
  const { operand } = node;
  const token = ts.isPrefixUnaryExpression(node) ? node.getStart() : operand.getEnd();
  if (node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken) {
    if (!isSimpleTarget(operand) || w.plain.isValue(operand)) return;
    const target = operand.getText();
    const assignment = `${guardedText(w, operand)} = ${w.names.of(node.operator === K.PlusPlusToken ? "$inc" : "$dec")}(${target})`;
    const unused = isUnused(node) || (ts.isForStatement(node.parent) && node.parent.condition !== node);
    const text = unused
      ? assignment
      : ts.isPrefixUnaryExpression(node)
        ? `(${assignment})`
        : `${w.names.of("$before")}(${target}, ${assignment})`;
    w.edits.replace(node.getStart(), node.getEnd(), text);
    return;
  }
  const operator = unary.get(node.operator);
  if (operator === undefined || w.plain.isValue(node) || (operator === "$not" && w.plain.isTest(node))) return;
  w.edits.replace(token, token + 1, `${w.names.of(operator)}(`);
  w.edits.close(node.getEnd(), ")");
}

function rewriteConditional(w: Work, node: ts.ConditionalExpression): void {
  const { condition, whenTrue, whenFalse, questionToken, colonToken } = node;
  if (w.plain.isTest(condition) || waits(whenTrue) || waits(whenFalse)) return;
  const vars = varsOf(w, node, { start: whenTrue.getStart(), end: whenFalse.getEnd() });
  if (isUnused(node)) {
    w.edits.open(node.getStart(), `${w.names.of("$if")}(`, questionToken.getStart());
    swapToken(w, condition, questionToken, ", () => {");
    swapToken(w, whenTrue, colonToken, "}, () => {");
    w.edits.close(node.getEnd(), ` }${tailArguments([vars])})`);
    return;
  }
  w.edits.open(node.getStart(), `${w.names.of("$cond")}(`, questionToken.getStart());
  swapToken(w, condition, questionToken, ",");
  thunk(w, whenTrue);
  swapToken(w, whenTrue, colonToken, ",");
  thunk(w, whenFalse);
  w.edits.close(node.getEnd(), `${vars === undefined ? "" : `, ${vars}`})`);
}

/** x[i] that is read. Called and assigned elements, and parts of optional chains, stay. */
function rewriteAccess(w: Work, node: ts.ElementAccessExpression): void {
  const { argumentExpression: index, parent } = node;
  if (node.questionDotToken || isOptional(node) || isText(index) || w.plain.isValue(node)) return;
  if ((ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression === node) return;
  if (ts.isTaggedTemplateExpression(parent) || ts.isDeleteExpression(parent) || isPatternTarget(node)) return;
  if (ts.isBinaryExpression(parent) && parent.left === node && isAssignment(parent.operatorToken.kind)) return;
  if (
    (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent)) &&
    (parent.operator === K.PlusPlusToken || parent.operator === K.MinusMinusToken)
  )
    return;
  const open = tokenOf(node, K.OpenBracketToken),
    close = tokenOf(node, K.CloseBracketToken);
  w.edits.open(node.getStart(), `${w.names.of("$index")}(`, open.getStart());
  w.edits.replace(open.getStart(), open.getEnd(), ", ");
  w.edits.replace(close.getStart(), close.getEnd(), ")");
  // x[i, j], which formatters write as x[(i, j)]: each is an argument.
  if (
    ts.isParenthesizedExpression(index) &&
    ts.isBinaryExpression(index.expression) &&
    index.expression.operatorToken.kind === K.CommaToken
  ) {
    w.edits.replace(index.getStart(), index.getStart() + 1, " ");
    w.edits.replace(index.getEnd() - 1, index.getEnd(), " ");
  }
}
function isOptional(node: ts.Node): boolean {
  return (node.flags & ts.NodeFlags.OptionalChain) !== 0;
}
