// Statements: if, while, do, for and for…of become calls whose bodies are closures. A statement that may be left early takes what follows it in its block along, as a
// closure of its own.
import { ownerOf, rangeOf } from "./bindings.ts";
import { controlsIn, isControl, leaves, stepLeaves, targetOf, waits, type ControlStatement } from "./jumps.ts";
import { startsWithBrace, tokenOf, tokensOf } from "./tokens.ts";
import { ts } from "./typescript.ts";
import { tailArguments, varsOf } from "./variables.ts";
import type { Place, Work } from "./work.ts";

const K = ts.SyntaxKind;
const inBody: Place = { level: "body", native: false };

/** Rewrite the statements of a block. */
export function rewriteList(w: Work, statements: readonly ts.Statement[], place: Place): void {
  for (const [i, s] of statements.entries()) {
    const rest = statements.slice(i + 1);
    const movable = ts.isBlock(s) || (isControl(s) && !staysNative(w, s));
    if (movable && !place.native && place.level !== "module" && leaves(s)) {
      checkHidden(w, rest);
      const prefix = place.level === "function" ? `return ${w.names.of("$value")}(` : "return ";
      const suffix = place.level === "function" ? "));" : ");";
      if (ts.isBlock(s)) rewriteBlock(w, s, rest, prefix, suffix);
      else if (isControl(s)) rewriteControl(w, s, { rest, prefix, suffix });
      rewriteList(w, rest, inBody);
      return;
    }
    w.visit(s, place);
  }
}

/** Rewrite an if or a loop that is not followed by a closure. */
export function rewriteStatement(w: Work, s: ControlStatement, place: Place): void {
  if (staysNative(w, s)) keep(w, s, place, false);
  else if (leaves(s) || waits(s) || !canBecomeCall(s)) keep(w, s, place, true);
  else rewriteControl(w, s, { rest: undefined, prefix: "", suffix: ");" });
}
const canBecomeCall = (s: ControlStatement): boolean =>
  !ts.isForOfStatement(s) || ts.isVariableDeclarationList(s.initializer) || ts.isIdentifier(s.initializer);

/** Is the statement decided by plain values alone, and can everything inside leave it as JavaScript does? */
function staysNative(w: Work, s: ControlStatement): boolean {
  const test = ts.isForOfStatement(s) ? undefined : ts.isForStatement(s) ? s.condition : s.expression;
  const plain = ts.isForOfStatement(s) ? isPlainList(s.expression) : test === undefined || w.plain.isTest(test);
  return plain && controlsIn(s).every(c => !leaves(c) || staysNative(w, c));
}
const isPlainList = (e: ts.Expression): boolean =>
  ts.isArrayLiteralExpression(e) || (ts.isCallExpression(e) && /^Object\.(?:keys|values|entries)$/.test(e.expression.getText()));
/** Leave the statement to JavaScript; `trap`: with an error for a tensor that decides it. */
function keep(w: Work, s: ControlStatement, place: Place, trap: boolean): void {
  w.native.add(s);
  const test = ts.isForStatement(s) ? s.condition : s.expression;
  if (trap && test) trapped(w, test, ts.isIfStatement(s) ? "if" : ts.isWhileStatement(s) ? "while" : ts.isDoStatement(s) ? "do" : "for");
  ts.forEachChild(s, c => w.visit(c, { ...place, native: true }));
}
/** Wrap an expression that must not be a tensor. */
export function trapped(w: Work, e: ts.Expression, what: string): void {
  w.edits.open(e.getStart(), `${w.names.of("$plain")}(`);
  w.edits.close(e.getEnd(), `, ${JSON.stringify(what)})`);
}

/** How a call stands in its block: what is written before and after it, and the statements that it takes along. */
interface Setting {
  readonly rest: readonly ts.Statement[] | undefined;
  readonly prefix: string;
  readonly suffix: string;
}
/** Close the call: its last arguments, then what follows it as a closure. */
function finish(w: Work, s: ts.Statement, { rest, suffix }: Setting, args: readonly (string | undefined)[]): void {
  const last = rest?.at(-1);
  if (!last) {
    w.edits.close(s.getEnd(), `${tailArguments(args)}${suffix}`);
    return;
  }
  w.edits.close(s.getEnd(), `${args.map(a => `, ${a ?? "undefined"}`).join("")}, () => {`);
  w.edits.close(last.getEnd(), ` }${suffix}`);
}
const rangeWith = (s: ts.Statement, { rest }: Setting): { readonly start: number; readonly end: number } => ({
  start: s.getStart(),
  end: rest?.at(-1)?.getEnd() ?? s.getEnd(),
});

function rewriteBlock(w: Work, s: ts.Block, rest: readonly ts.Statement[], prefix: string, suffix: string): void {
  const setting: Setting = { rest, prefix, suffix };
  w.edits.open(s.getStart(), `${prefix}${w.names.of("$block")}(() => `);
  finish(w, s, setting, [varsOf(w, s, rangeWith(s, setting))]);
  rewriteList(w, s.statements, inBody);
}

function rewriteControl(w: Work, s: ControlStatement, setting: Setting): void {
  if (ts.isIfStatement(s)) rewriteIf(w, s, setting);
  else if (ts.isWhileStatement(s)) rewriteWhile(w, s, setting);
  else if (ts.isDoStatement(s)) rewriteDo(w, s, setting);
  else if (ts.isForStatement(s)) rewriteFor(w, s, setting);
  else rewriteForOf(w, s, setting);
}

/** A statement as the body of a closure. */
function closure(w: Work, s: ts.Statement): void {
  w.closures.push(s);
  if (ts.isBlock(s)) {
    rewriteList(w, s.statements, inBody);
    return;
  }
  w.edits.open(s.getStart(), "{ ");
  w.edits.close(s.getEnd(), " }");
  rewriteList(w, [s], inBody);
}
function expressionClosure(w: Work, e: ts.Expression, before: string): void {
  const brace = startsWithBrace(e);
  w.edits.open(e.getStart(), `${before}() => ${brace ? "(" : ""}`);
  if (brace) w.edits.close(e.getEnd(), ")");
  w.visit(e, inBody);
}
const replaceToken = (w: Work, token: ts.Node, text: string): void => w.edits.replace(token.getStart(), token.getEnd(), text);

function rewriteIf(w: Work, s: ts.IfStatement, setting: Setting): void {
  w.edits.replace(s.getStart(), s.expression.getStart(), `${setting.prefix}${w.names.of("$if")}(`);
  const vars = varsOf(w, s, rangeWith(s, setting));
  finish(w, s, setting, s.elseStatement ? [vars] : [undefined, vars]);
  replaceToken(w, tokenOf(s, K.CloseParenToken), ", () =>");
  if (s.elseStatement) replaceToken(w, tokenOf(s, K.ElseKeyword), ", () =>");
  w.visit(s.expression, inBody);
  closure(w, s.thenStatement);
  if (s.elseStatement) closure(w, s.elseStatement);
}

function rewriteWhile(w: Work, s: ts.WhileStatement, setting: Setting): void {
  w.edits.replace(s.getStart(), s.expression.getStart(), `${setting.prefix}${w.names.of("$while")}(`);
  finish(w, s, setting, [varsOf(w, s, rangeWith(s, setting)), stepLeaves(s) ? "true" : undefined]);
  replaceToken(w, tokenOf(s, K.CloseParenToken), ", () =>");
  expressionClosure(w, s.expression, "");
  closure(w, s.statement);
}

function rewriteDo(w: Work, s: ts.DoStatement, setting: Setting): void {
  const keyword = tokenOf(s, K.DoKeyword);
  replaceToken(w, keyword, `${setting.prefix}${w.names.of("$do")}(() =>`);
  w.edits.replace(tokenOf(s, K.CloseParenToken).getStart(), s.getEnd(), " ");
  finish(w, s, setting, [varsOf(w, s, rangeWith(s, setting))]);
  closure(w, s.statement);
  w.edits.replace(tokenOf(s, K.WhileKeyword).getStart(), s.expression.getStart(), ", ");
  expressionClosure(w, s.expression, "");
}

function rewriteFor(w: Work, s: ts.ForStatement, setting: Setting): void {
  const [first, second] = tokensOf(s, K.SemicolonToken);
  const head = s.initializer?.getStart() ?? tokenOf(s, K.OpenParenToken).getEnd();
  w.edits.replace(s.getStart(), head, `${setting.prefix}${w.names.of("$for")}(() => { `);
  const own =
    s.initializer && ts.isVariableDeclarationList(s.initializer)
      ? s.initializer.declarations.flatMap(d => declaredIn(d.name)).flatMap(n => w.bindings.variableOf(n) ?? [])
      : [];
  const body = rangeOf(s.statement);
  const captured = own.filter(v => w.bindings.usesOf(v).some(u => u.node.getStart() >= body.start && u.owner !== ownerOf(s)));
  for (const v of captured) {
    const write = w.bindings.usesOf(v).find(u => u.write && u.node.getStart() >= body.start && u.node.getEnd() <= body.end);
    if (write)
      w.complain(
        "E1117",
        write.node,
        `the loop variable ${v.name} is assigned in the body and captured by a function there`,
        `copy it in the body: const j = ${v.name}`,
      );
  }
  const copies = captured.map(v => v.name).join(", ");
  const range = rangeWith(s, setting);
  const inner = [`() => [${copies}]`, varsOf(w, s, range, own), stepLeaves(s) ? "true" : undefined];
  const outer = varsOf(w, s, range);
  finish(w, s, setting, [outer]);
  w.edits.close(s.getEnd(), `${tailArguments(inner)}); }`);
  if (s.initializer) w.visit(s.initializer, inBody);
  const loop = ` return ${w.names.of("$loop")}(`;
  if (s.condition) expressionClosure(w, s.condition, loop);
  else if (first) w.edits.close(first.getEnd(), `${loop}undefined`);
  if (second) replaceToken(w, second, ", () => {");
  if (s.incrementor) w.visit(s.incrementor, inBody);
  replaceToken(w, tokenOf(s, K.CloseParenToken), ` }, (${copies}) =>`);
  closure(w, s.statement);
}
/** The names that a declaration binds. */
function declaredIn(name: ts.BindingName): readonly ts.Identifier[] {
  return ts.isIdentifier(name) ? [name] : name.elements.flatMap(e => (ts.isBindingElement(e) ? declaredIn(e.name) : []));
}

function rewriteForOf(w: Work, s: ts.ForOfStatement, setting: Setting): void {
  w.edits.replace(s.getStart(), s.expression.getStart(), `${setting.prefix}${w.names.of("$of")}(`);
  finish(w, s, setting, [varsOf(w, s, rangeWith(s, setting))]);
  const close = tokenOf(s, K.CloseParenToken);
  w.visit(s.expression, inBody);
  const declared = ts.isVariableDeclarationList(s.initializer) ? s.initializer.declarations[0]?.name.getText() : undefined;
  if (declared !== undefined) {
    replaceToken(w, close, `, (${declared}) =>`);
    closure(w, s.statement);
    return;
  }
  const item = w.names.fresh("$x");
  replaceToken(w, close, `, (${item}) => { ${s.initializer.getText()} = ${item};`);
  w.edits.close(s.getEnd(), " }");
  rewriteList(w, [s.statement], inBody);
}

/** return, break and continue in a body that became a closure say how it ended. */
export function rewriteJump(w: Work, s: ts.ReturnStatement | ts.BreakOrContinueStatement, place: Place): void {
  if (place.level !== "body") return;
  if (ts.isReturnStatement(s)) {
    if (!s.expression) w.edits.replace(s.getStart(), s.getStart() + "return".length, `return ${w.names.of("$return")}(undefined)`);
    else {
      w.edits.open(s.expression.getStart(), `${w.names.of("$return")}(`);
      w.edits.close(s.expression.getEnd(), ")");
    }
    return;
  }
  const target = targetOf(s);
  if (s.label || (target && w.native.has(target))) return;
  const word = ts.isBreakStatement(s) ? "break" : "continue";
  w.edits.replace(s.getStart(), s.getStart() + word.length, `return ${w.names.of(`$${word}`)}`);
}

/** Names declared in what becomes a closure must not be used before it. */
function checkHidden(w: Work, rest: readonly ts.Statement[]): void {
  const start = rest[0]?.getStart();
  if (start === undefined) return;
  for (const s of rest) {
    const names = ts.isVariableStatement(s)
      ? s.declarationList.declarations.flatMap(d => declaredIn(d.name))
      : (ts.isFunctionDeclaration(s) || ts.isClassDeclaration(s)) && s.name
        ? [s.name]
        : [];
    for (const name of names) {
      const variable = w.bindings.variableOf(name);
      const early = variable && w.bindings.usesOf(variable).find(u => u.node.getStart() < start);
      if (early)
        w.complain(
          "E1115",
          early.node,
          `${name.text} is used before the early exit after which it is declared`,
          `move the declaration of ${name.text} up, before its use`,
        );
    }
  }
}
