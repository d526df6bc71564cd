// What code does beside computing, where it runs another number of times than it is written: in functions that a transform traces, and in branches and loops of a tensor
// scope that a tensor decides. Found in the shadow, where those are calls whose bodies are closures.
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
/** A function whose body is looked at, and how often it runs. */
export interface Body {
  readonly f: ts.FunctionLikeDeclaration;
  /** As in "xs is changed {where}". */
  readonly where: string;
  /** As in "Math.random {when}". */
  readonly when: string;
  /** The transform, the branch or the loop: variables that its body assigns are followed in tensor scopes, so only what is inside objects counts there. */
  readonly kind: "traced" | "decided";
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
/** What branches and loops of a scope become. */
const branches = new Set(["$if", "$cond", "$and", "$or"]),
  loops = new Set(["$while", "$do", "$loop", "$of"]);
const mutators = new Set(["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "set", "add", "delete", "clear"]);

/** The bodies that a call runs another number of times than it stands there. */
export function bodiesOf(ts: TypeScript, call: ts.CallExpression, checker: ts.TypeChecker): readonly Body[] {
  const callee = ts.isPropertyAccessExpression(call.expression) ? call.expression.name : call.expression;
  if (!ts.isIdentifier(callee) || !isOurs(ts, callee, checker)) return [];
  const name = callee.text;
  if (tracers.has(name))
    return call.arguments
      .flatMap(a => functionOf(ts, a, checker) ?? [])
      .map(f => ({
        f,
        where: `inside a function that ${name} traces: it happens once, while tracing`,
        when: `runs once, while ${name} traces, not at every call`,
        kind: "traced",
      }));
  const isBranch = branches.has(name);
  if ((!isBranch && !loops.has(name)) || !isDecided(ts, name, call, checker)) return [];
  const bodies = call.arguments.filter(a => ts.isArrowFunction(a));
  return bodies.map(f =>
    isBranch
      ? {
          f,
          where: "in a branch that a tensor decides: it happens whether or not the branch is taken",
          when: "runs whether or not the branch is taken, which a tensor decides",
          kind: "decided",
        }
      : {
          f,
          where: "in a loop that runs in the program: it happens while tracing, not at every step",
          when: "runs while the loop is traced, not at every step",
          kind: "decided",
        },
  );
}
/** Does a tensor decide about the branch or the loop? */
function isDecided(ts: TypeScript, name: string, call: ts.CallExpression, checker: ts.TypeChecker): boolean {
  const test = call.arguments[name === "$do" ? 1 : 0];
  if (!test) return false;
  const type = checker.getTypeAtLocation(test);
  if (ts.isArrowFunction(test)) return type.getCallSignatures().some(s => isAlwaysTensor(s.getReturnType()));
  return isAlwaysTensor(type);
}
/** The function that an argument is, here or by its name. */
function functionOf(ts: TypeScript, a: ts.Expression, checker: ts.TypeChecker): ts.FunctionLikeDeclaration | undefined {
  if (ts.isArrowFunction(a) || ts.isFunctionExpression(a)) return a;
  if (!ts.isIdentifier(a)) return undefined;
  const d = checker.getSymbolAtLocation(a)?.valueDeclaration;
  if (!d || d.getSourceFile() !== a.getSourceFile()) return undefined;
  if (ts.isFunctionDeclaration(d)) return d;
  return ts.isVariableDeclaration(d) && d.initializer ? functionOf(ts, d.initializer, checker) : undefined;
}
/** Does the name come from the library? */
function isOurs(ts: TypeScript, name: ts.Identifier, checker: ts.TypeChecker): boolean {
  const symbol = checker.getSymbolAtLocation(name);
  const target = symbol && (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol;
  return (target?.getDeclarations() ?? []).some(d => /[\\/](stdlib|compiler)[\\/]/.test(d.getSourceFile().fileName));
}

/** What a body does beside computing. */
export function effectsOf(ts: TypeScript, { f, where, when, kind }: Body, checker: ts.TypeChecker): readonly Lint[] {
  const found: Lint[] = [];
  const { body } = f;
  if (!body) return found;
  /** The variable from outside of the function in which an assigned place lies. */
  const outside = (n: ts.Expression): ts.Identifier | undefined => {
    let root: ts.Expression = n;
    for (;;) {
      if (ts.isPropertyAccessExpression(root) || ts.isElementAccessExpression(root) || ts.isParenthesizedExpression(root))
        root = root.expression;
      else if (isGuard(ts, root)) root = root.arguments[0] as ts.Expression; // a guard has its target
      else break;
    }
    if (!ts.isIdentifier(root)) return undefined;
    const declaration = checker.getSymbolAtLocation(root)?.valueDeclaration;
    return declaration && (declaration.getStart() < f.getStart() || declaration.getEnd() > f.getEnd()) ? root : undefined;
  };
  const changed = (node: ts.Node, target: ts.Expression): void => {
    if (outside(target))
      found.push({
        code: "E1133",
        node,
        message: `${textOf(ts, target)} is changed ${where}`,
        help:
          kind === "traced"
            ? "return the value instead, or carry it through scan"
            : "assign to a variable instead (xs = [...xs, x]), or stack tensors and choose with where",
      });
  };
  const assigned = (node: ts.Node, target: ts.Expression): void => {
    if (kind === "traced") changed(node, target); // in a branch, variables are followed and properties are refused at run time (E1128)
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
    else if (ts.isDeleteExpression(node)) changed(node, node.expression);
    else if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { expression: object, name } = node.expression;
      const text = `${object.getText().replace(/^\$math\$*$/, "Math")}.${name.text}`;
      if (object.getText() === "console" || text === "Math.random" || text === "Date.now" || text === "performance.now")
        found.push({
          code: "E1134",
          node: node.expression,
          message: `${text} ${when}`,
          help: text === "Math.random" ? "use pullback/random with a key that is an argument" : "do it outside, on the results",
        });
      else if (text === "Object.assign" && node.arguments[0]) changed(node, node.arguments[0]);
      else if (mutators.has(name.text) && isContainer(checker.getTypeAtLocation(object), checker)) changed(node, object);
    }
    ts.forEachChild(node, visit);
  };
  visit(body);
  return found;
}
type Guard = ts.CallExpression & { readonly expression: ts.Identifier };
/** $target(o, …), which guards a write to a property of o. */
const isGuard = (ts: TypeScript, n: ts.Expression): n is Guard =>
  ts.isCallExpression(n) && ts.isIdentifier(n.expression) && /^\$target\$*$/.test(n.expression.text);
/** An assigned place as the user wrote it. */
function textOf(ts: TypeScript, n: ts.Expression): string {
  const object = ts.isPropertyAccessExpression(n) || ts.isElementAccessExpression(n) ? n.expression : undefined;
  const whole = object && isGuard(ts, object) ? object.arguments[2] : undefined;
  return whole && ts.isStringLiteral(whole) ? whole.text : n.getText();
}
const isContainer = (t: ts.Type, checker: ts.TypeChecker): boolean =>
  checker.isArrayType(t) || checker.isTupleType(t) || ["Map", "Set", "WeakMap", "WeakSet"].includes(t.getSymbol()?.getName() ?? "");
