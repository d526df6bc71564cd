// Which statements may be left early, and where return, break and continue go.
import { ts } from "./typescript.ts";
import { isFunction } from "./scopes.ts";

/** A return, break or continue. */
export type JumpStatement = ts.ReturnStatement | ts.BreakOrContinueStatement;
const isJump = (n: ts.Node): n is JumpStatement => ts.isReturnStatement(n) || ts.isBreakOrContinueStatement(n);
const isBreakable = (n: ts.Node): boolean => ts.isIterationStatement(n, false) || ts.isSwitchStatement(n);

/** The loop or switch that a break or continue belongs to. */
export function targetOf(jump: ts.BreakOrContinueStatement): ts.Node | undefined {
  for (let n: ts.Node = jump.parent; n && !isFunction(n); n = n.parent)
    if (ts.isBreakStatement(jump) ? isBreakable(n) : ts.isIterationStatement(n, false)) return n;
  return undefined;
}
/** All jumps of a statement, not those of functions inside it. */
export function jumpsIn(node: ts.Node): readonly JumpStatement[] {
  const found: JumpStatement[] = [];
  const visit = (n: ts.Node): void => {
    if (isJump(n)) found.push(n);
    else if (!isFunction(n) && !ts.isClassLike(n)) ts.forEachChild(n, visit);
  };
  visit(node);
  return found;
}
/** Does control leave `statement` by a jump to somewhere around it? */
export const leaves = (statement: ts.Node): boolean =>
  jumpsIn(statement).some(j => {
    if (ts.isReturnStatement(j)) return true;
    const target = targetOf(j);
    return target === undefined || !(target.getStart() >= statement.getStart() && target.getEnd() <= statement.getEnd());
  });
/** May a step of the loop end early? */
export const stepLeaves = (loop: ts.IterationStatement): boolean =>
  jumpsIn(loop.statement).some(j => ts.isReturnStatement(j) || targetOf(j) === loop || targetOf(j) === undefined);

/** if, and the loops. */
export type ControlStatement = ts.IfStatement | ts.WhileStatement | ts.DoStatement | ts.ForStatement | ts.ForOfStatement;
/** Is `n` an if or a loop that can run in a program? */
export const isControl = (n: ts.Node): n is ControlStatement =>
  ts.isIfStatement(n) || ts.isWhileStatement(n) || ts.isDoStatement(n) || ts.isForStatement(n) || ts.isForOfStatement(n);
/** The control statements directly inside `node`, not those inside others or inside functions. */
export function controlsIn(node: ts.Node): readonly ControlStatement[] {
  const found: ControlStatement[] = [];
  const visit = (n: ts.Node): void => {
    if (isControl(n)) found.push(n);
    else if (!isFunction(n) && !ts.isClassLike(n)) ts.forEachChild(n, visit);
  };
  ts.forEachChild(node, visit);
  return found;
}
/** Does the node wait (await, yield), not counting functions inside it? */
export function waits(node: ts.Node): boolean {
  if (ts.isAwaitExpression(node) || ts.isYieldExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier)) return true;
  if (isFunction(node)) return false;
  return ts.forEachChild(node, n => waits(n) || undefined) ?? false;
}
