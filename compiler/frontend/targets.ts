// Writes to properties and elements: o.p = e, o[i] += e, o.p++. Tensors are never written into, and an object must not be changed from inside a branch or a loop that
// a tensor decides: which of the bodies around the write are inside the object's scope is counted here, what decides about them is known at run time.
import { isAssignment, ownerOf } from "./bindings.ts";
import { bare } from "./plain.ts";
import { ts } from "./typescript.ts";
import type { Work } from "./work.ts";

/** Guard the target of an assignment, if `node` is one. */
export function rewriteTarget(w: Work, node: ts.Node): void {
  if (!ts.isBinaryExpression(node) || !isAssignment(node.operatorToken.kind)) return;
  const target = node.left;
  const guard = guardOf(w, target);
  if (!guard) return;
  w.edits.open(guard.object.getStart(), guard.before, target.getStart());
  w.edits.close(guard.object.getEnd(), guard.after);
}
/** The text of a target that is written twice, guarded. */
export function guardedText(w: Work, target: ts.Expression): string {
  const guard = guardOf(w, target);
  if (!guard) return target.getText();
  const { object, before, after } = guard;
  return `${before}${object.getText()}${after}${target.getText().slice(object.getEnd() - target.getStart())}`;
}
function guardOf(
  w: Work,
  target: ts.Expression,
): { readonly object: ts.Expression; readonly before: string; readonly after: string } | undefined {
  if (!ts.isPropertyAccessExpression(target) && !ts.isElementAccessExpression(target)) return undefined;
  const object = target.expression;
  const depth = depthOf(w, target);
  if (object.kind === ts.SyntaxKind.SuperKeyword || (depth === 0 && ts.isPropertyAccessExpression(target))) return undefined;
  return { object, before: `${w.names.of("$target")}(`, after: `, ${depth}, ${JSON.stringify(target.getText())})` };
}
/** How many bodies around the write do not hold the declaration of the object's variable. */
function depthOf(w: Work, target: ts.Expression): number {
  let root = target;
  while (ts.isPropertyAccessExpression(root) || ts.isElementAccessExpression(root)) root = bare(root.expression);
  const variable = ts.isIdentifier(root) ? w.bindings.variableOf(root) : undefined;
  const declaration = variable && w.bindings.declarationOf(variable);
  const owner = ownerOf(target);
  const holds = (outer: ts.Node, inner: ts.Node): boolean => outer.getStart() <= inner.getStart() && inner.getEnd() <= outer.getEnd();
  return w.closures.filter(c => ownerOf(c) === owner && holds(c, target) && !(declaration && holds(c, declaration))).length;
}
