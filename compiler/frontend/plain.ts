// Expressions that cannot be tensors, whatever the program's values are: they keep their operators, and statements that they decide stay as they are. It looks at
// syntax alone, so it only knows the plainest: literals, sizes, typeof, comparisons with strings and null.
import { ts } from "./typescript.ts";
import type { Bindings, Variable } from "./bindings.ts";

const K = ts.SyntaxKind;
const arithmetic: ReadonlySet<ts.SyntaxKind> = new Set([
  K.PlusToken,
  K.MinusToken,
  K.AsteriskToken,
  K.SlashToken,
  K.PercentToken,
  K.AsteriskAsteriskToken,
]);
const comparison: ReadonlySet<ts.SyntaxKind> = new Set([
  K.LessThanToken,
  K.LessThanEqualsToken,
  K.GreaterThanToken,
  K.GreaterThanEqualsToken,
  K.EqualsEqualsToken,
  K.EqualsEqualsEqualsToken,
  K.ExclamationEqualsToken,
  K.ExclamationEqualsEqualsToken,
]);
const equality: ReadonlySet<ts.SyntaxKind> = new Set([
  K.EqualsEqualsToken,
  K.EqualsEqualsEqualsToken,
  K.ExclamationEqualsToken,
  K.ExclamationEqualsEqualsToken,
]);
const sizes: ReadonlySet<string> = new Set(["length", "ndim", "size", "dtype"]);

/** Without parentheses and type assertions. */
export function bare(e: ts.Expression): ts.Expression {
  while (ts.isParenthesizedExpression(e) || ts.isAsExpression(e) || ts.isNonNullExpression(e) || ts.isSatisfiesExpression(e))
    e = e.expression;
  return e;
}
/** A string, or something that makes one. */
export const isText = (e: ts.Expression): boolean => {
  const x = bare(e);
  return (
    ts.isStringLiteralLike(x) ||
    ts.isTemplateExpression(x) ||
    ts.isTypeOfExpression(x) ||
    (ts.isBinaryExpression(x) && x.operatorToken.kind === K.PlusToken && (isText(x.left) || isText(x.right)))
  );
};
const isNothing = (e: ts.Expression): boolean => {
  const x = bare(e);
  return x.kind === K.NullKeyword || (ts.isIdentifier(x) && x.text === "undefined") || ts.isVoidExpression(x);
};

/** Decides about the expressions of one file. */
export class Plain {
  private readonly bindings: Bindings;
  private readonly known = new Map<Variable, boolean>();
  constructor(bindings: Bindings) {
    this.bindings = bindings;
  }
  /** Is the expression a number or a string that no tensor has part in? */
  isValue(e: ts.Expression): boolean {
    const x = bare(e);
    if (ts.isNumericLiteral(x) || ts.isBigIntLiteral(x) || isText(x)) return true;
    if (ts.isPrefixUnaryExpression(x)) return x.operator !== K.ExclamationToken && this.isValue(x.operand);
    if (ts.isPropertyAccessExpression(x)) return sizes.has(x.name.text) || this.isMath(x.expression);
    if (ts.isElementAccessExpression(x)) return isShape(x.expression);
    if (ts.isBinaryExpression(x)) return arithmetic.has(x.operatorToken.kind) && this.isValue(x.left) && this.isValue(x.right);
    if (ts.isCallExpression(x)) return isMathCall(x) && this.isMath(x.expression.expression) && x.arguments.every(a => this.isValue(a));
    if (ts.isIdentifier(x)) {
      const variable = this.bindings.variableOf(x);
      return variable !== undefined && this.isCounter(variable);
    }
    return false;
  }
  /** Is the expression true or false (or truthy and falsy) without a tensor having part in it? */
  isTest(e: ts.Expression): boolean {
    const x = bare(e);
    if (x.kind === K.TrueKeyword || x.kind === K.FalseKeyword || isNothing(x) || this.isValue(x)) return true;
    if (ts.isPrefixUnaryExpression(x)) return x.operator === K.ExclamationToken && this.isTest(x.operand);
    if (ts.isBinaryExpression(x)) {
      const { kind } = x.operatorToken;
      if (kind === K.AmpersandAmpersandToken || kind === K.BarBarToken) return this.isTest(x.left) && this.isTest(x.right);
      if (kind === K.InstanceOfKeyword || kind === K.InKeyword) return true;
      if (equality.has(kind) && [x.left, x.right].some(s => isText(s) || isNothing(s))) return true;
      return comparison.has(kind) && this.isValue(x.left) && this.isValue(x.right);
    }
    if (ts.isCallExpression(x)) {
      const f = x.expression.getText();
      return /^(?:Array\.isArray|Number\.is\w+|Object\.(?:is|hasOwn)|isTensor)$/.test(f);
    }
    return false;
  }
  /** A const that is a plain value, or a loop's counter: begun with one and changed by plain steps in the loop's head alone. */
  private isCounter(v: Variable): boolean {
    const known = this.known.get(v);
    if (known !== undefined) return known;
    this.known.set(v, true); // a counter's steps may name the counter
    const d = this.bindings.declarationOf(v);
    const ok =
      d !== undefined &&
      ts.isVariableDeclaration(d) &&
      ts.isIdentifier(d.name) &&
      d.initializer !== undefined &&
      this.isValue(d.initializer) &&
      this.bindings.usesOf(v).every(u => !u.write || this.isStep(u.node, d));
    this.known.set(v, ok);
    return ok;
  }
  private isStep(target: ts.Identifier, d: ts.VariableDeclaration): boolean {
    const loop = d.parent.parent;
    if (!ts.isForStatement(loop) || loop.initializer !== d.parent || !loop.incrementor || !loop.condition || !this.isTest(loop.condition))
      return false;
    const { incrementor } = loop;
    if (target.getStart() < incrementor.getStart() || target.getEnd() > incrementor.getEnd()) return false;
    const step = target.parent;
    return ts.isBinaryExpression(step) ? step.left === target && this.isValue(step.right) : true;
  }
  /** Is it the global Math? */
  isMath(e: ts.Expression): boolean {
    return ts.isIdentifier(e) && e.text === "Math" && this.bindings.variableOf(e) === undefined;
  }
}
/** Math.f(…), by syntax. */
export const isMathCall = (x: ts.CallExpression): x is ts.CallExpression & { readonly expression: ts.PropertyAccessExpression } =>
  ts.isPropertyAccessExpression(x.expression) && ts.isIdentifier(x.expression.expression) && x.expression.expression.text === "Math";
const isShape = (e: ts.Expression): boolean => {
  const x = bare(e);
  return ts.isPropertyAccessExpression(x) && x.name.text === "shape";
};
