// What a hover shows: names with the types that they have in the shadow, and for an operator the type of what it computes.
import { placesFrom, type Shadow } from "../check/shadow.ts";
import type { ts, TypeScript } from "../typescript.ts";
import type { ShadowService } from "./service.ts";

interface Token {
  readonly start: number;
  readonly text: string;
  readonly name: boolean;
}
const word = /[\w$]/,
  sign = /[-+*/%<>=!&|^~?[]/;
/** The name or the sign around an offset. */
function tokenAt(source: string, offset: number): Token | undefined {
  for (const [kind, name] of [
    [word, true],
    [sign, false],
  ] as const) {
    let start = offset,
      end = offset;
    while (start > 0 && kind.test(source[start - 1] ?? "")) start--;
    while (end < source.length && kind.test(source[end] ?? "")) end++;
    if (start < end) return { start, text: source.slice(start, end), name };
  }
  return undefined;
}

/** The hover at an offset of the user's text; undefined where the shadow has nothing to add to the editor's own. */
export function hoverAt(api: TypeScript, shadows: ShadowService, file: string, offset: number): ts.QuickInfo | undefined {
  const typed = shadows.typed(file),
    shadow = shadows.shadowOf(file);
  if (!typed || (shadow && shadow.findings.length > 0)) return undefined;
  if (!shadow?.lines) return typed.service.getQuickInfoAtPosition(file, offset);
  const token = tokenAt(shadow.source, offset);
  if (!token) return undefined;
  const textSpan = { start: token.start, length: token.text.length };
  if (token.name) {
    const place = placesFrom(shadow, token.start).find(
      p => shadow.text.startsWith(token.text, p) && !word.test(shadow.text[p + token.text.length] ?? ""),
    );
    const info = place === undefined ? undefined : typed.service.getQuickInfoAtPosition(file, place);
    return info && { ...info, textSpan };
  }
  const type = operatorType(api, typed, shadow, token.start);
  return type === undefined
    ? undefined
    : {
        kind: api.ScriptElementKind.unknown,
        kindModifiers: "",
        textSpan,
        displayParts: [
          { text: `(operator) ${token.text}`, kind: "text" },
          { text: ": ", kind: "punctuation" },
          { text: type, kind: "text" },
        ],
      };
}
/** The type of the call that stands for the operator at `offset`. */
function operatorType(
  api: TypeScript,
  { checker, tree }: NonNullable<ReturnType<ShadowService["typed"]>>,
  shadow: Shadow,
  offset: number,
): string | undefined {
  for (const place of placesFrom(shadow, offset)) {
    if (shadow.text[place] !== "$") continue;
    let call: ts.CallExpression | undefined;
    const visit = (n: ts.Node): void => {
      if (place < n.getStart(tree) || place >= n.getEnd()) return;
      if (api.isCallExpression(n) && n.getStart(tree) === place && n.expression.getStart(tree) === place) call = n;
      api.forEachChild(n, visit);
    };
    visit(tree);
    if (call) return checker.typeToString(checker.getTypeAtLocation(call), call, api.TypeFormatFlags.NoTruncation);
  }
  return undefined;
}
