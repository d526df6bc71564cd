// The front end: the text of a file with tensor scopes becomes plain TypeScript that calls the operators. Pure: text in, text, map and complaints out.
import { Bindings, programOf } from "./bindings.ts";
import { positionOf, type Diagnostic } from "./diagnostics.ts";
import { Edits, type RawSourceMap } from "./edits.ts";
import { isControl } from "./jumps.ts";
import { Names } from "./names.ts";
import { rewriteOperator } from "./operators.ts";
import { Plain } from "./plain.ts";
import { directive, directiveOf, isFunction, isTensorFunction, misplaced, suspends, type FunctionNode } from "./scopes.ts";
import { rewriteJump, rewriteList, rewriteStatement, trapped } from "./statements.ts";
import { rewriteTarget } from "./targets.ts";
import { ts } from "./typescript.ts";
import type { Place, Work } from "./work.ts";

/** What a file becomes. With diagnostics the code is the source as it was. */
export interface Rewritten {
  readonly code: string;
  /** From the code to the source; null when the file has no tensor scope. */
  readonly map: RawSourceMap | null;
  readonly diagnostics: readonly Diagnostic[];
}
/** `module`: where the operators are imported from, "pullback/operators" unless told otherwise. `forTypes`: the text is type-checked and never run. */
export interface RewriteOptions {
  readonly module?: string;
  readonly forTypes?: boolean;
}

/** Rewrite the tensor scopes of a file. The extension of `fileName` says whether it is TypeScript, JavaScript, with JSX. */
export function rewrite(source: string, fileName: string, options: RewriteOptions = {}): Rewritten {
  const untouched = { code: source, map: null, diagnostics: [] };
  if (!/use[\s_-]*tensor/i.test(source)) return untouched;
  const { file, program } = programOf(source, fileName);
  const diagnostics: Diagnostic[] = [];
  const complain: Work["complain"] = (code, node, message, help) => report(code, node.getStart(), node.getEnd(), message, help);
  const report = (code: Diagnostic["code"], start: number, end: number, message: string, help: string): void => {
    diagnostics.push({ code, message, help, file: fileName, start, end, ...positionOf(source, start) });
  };
  for (const d of program.getSyntacticDiagnostics(file))
    report(
      "E1110",
      d.start,
      d.start + d.length,
      ts.flattenDiagnosticMessageText(d.messageText, " "),
      "mend it; nothing of the file is rewritten before",
    );
  if (diagnostics.length > 0) return { ...untouched, diagnostics };
  for (const { node, why } of misplaced(file))
    complain("E1111", node, why, `write "${directive}" as the first statement of the file or of a function`);

  const bindings = new Bindings(file, program.getTypeChecker());
  const edits = new Edits(source);
  const names = new Names(bindings.words);
  const w: Work = {
    file,
    edits,
    bindings,
    names,
    forTypes: options.forTypes ?? false,
    plain: new Plain(bindings),
    native: new Set(),
    closures: [],
    complain,
    visit: (n, p) => visit(w, n, p),
  };
  const whole = directiveOf(file.statements);
  if (whole) {
    edits.replace(whole.getStart(), whole.getEnd(), " ".repeat(whole.getWidth())); // it has done its work, and bundlers ask what a directive of a module is for
    rewriteList(w, file.statements, { level: "module", native: false });
  } else findScopes(w, file);
  diagnostics.sort((a, b) => a.start - b.start);
  if (diagnostics.length > 0) return { ...untouched, diagnostics };
  edits.append(names.importFrom(options.module ?? "pullback/operators"));
  return { ...edits.finish(fileName), diagnostics };
}

/** Rewrite the functions inside `node` that are tensor scopes. */
function findScopes(w: Work, node: ts.Node): void {
  ts.forEachChild(node, n => {
    if (isFunction(n) && isTensorFunction(n)) visitFunction(w, n);
    else findScopes(w, n);
  });
}
function visitFunction(w: Work, f: FunctionNode): void {
  const place: Place = { level: "function", native: false };
  if (suspends(f)) {
    const kind = "asteriskToken" in f && f.asteriskToken ? "a generator" : "an async function";
    w.complain(
      "E1112",
      "name" in f && f.name ? f.name : f,
      `${kind} cannot be traced`,
      "read values and iterate outside of the tensor scope, or leave the directive to the functions inside",
    );
    return;
  }
  for (const p of f.parameters) visit(w, p, place);
  if (ts.isBlock(f.body)) rewriteList(w, f.body.statements, place);
  else visit(w, f.body, place);
}

function visit(w: Work, node: ts.Node, place: Place): void {
  if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
  if (isFunction(node)) {
    // In a file-level scope, functions that wait stay plain JavaScript.
    if (place.level === "module" && suspends(node) && !isTensorFunction(node)) findScopes(w, node);
    else visitFunction(w, node);
    return;
  }
  if (ts.isBlock(node)) {
    rewriteList(w, node.statements, place);
    return;
  }
  if (isControl(node)) {
    rewriteStatement(w, node, place);
    return;
  }
  refuse(w, node, place);
  if (ts.isReturnStatement(node) || ts.isBreakOrContinueStatement(node)) rewriteJump(w, node, place);
  if (ts.isSwitchStatement(node) || ts.isForInStatement(node)) {
    w.native.add(node);
    trapped(w, node.expression, ts.isSwitchStatement(node) ? "switch" : "for…in");
  }
  rewriteOperator(w, node);
  rewriteTarget(w, node);
  const native = ts.isSwitchStatement(node) || ts.isForInStatement(node) || ts.isTryStatement(node);
  const inside = native ? { ...place, native: true } : place;
  ts.forEachChild(node, n => visit(w, n, inside));
}

/** What a tensor scope cannot hold. */
function refuse(w: Work, node: ts.Node, place: Place): void {
  if (ts.isLabeledStatement(node))
    w.complain(
      "E1113",
      node.label,
      `the label ${node.label.text} stands in a tensor scope`,
      "put the inner loop into a function and return from it, or carry a flag",
    );
  else if (ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === 0 && place.level === "body")
    w.complain(
      "E1114",
      node,
      "var would not leave the branch or the loop, which becomes a function of its own",
      "declare it with let before the statement, or with const inside it",
    );
  else if (ts.isWithStatement(node)) w.complain("E1116", node, "with decides at run time what names mean", "name the object");
  else if (ts.isIdentifier(node) && w.bindings.variableOf(node) === undefined) {
    if (node.text === "eval" && ts.isCallExpression(node.parent) && node.parent.expression === node)
      w.complain("E1116", node, "eval runs text that was not rewritten", "write the code out, or call a function");
    if (node.text === "arguments" && !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node))
      w.complain(
        "E1116",
        node,
        "arguments belongs to a function whose statements may become functions of their own",
        "name the parameters, or take the rest: (...xs)",
      );
  }
}
