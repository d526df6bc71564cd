// Inlay hints: types are those of the shadow, where the user's own words stand; names of parameters are the editor's own.
import { offsetFrom } from "../check/shadow.ts";
import type { ts, TypeScript } from "../typescript.ts";
import type { ShadowService } from "./service.ts";

/** The hints for a range of a file; undefined where the shadow has nothing to add to the editor's own. */
export function hintsIn(
  api: TypeScript,
  shadows: ShadowService,
  own: ts.LanguageService,
  file: string,
  span: ts.TextSpan,
  preferences: ts.UserPreferences | undefined,
): ts.InlayHint[] | undefined {
  const typed = shadows.typed(file),
    shadow = shadows.shadowOf(file);
  if (!typed || (shadow && shadow.findings.length > 0)) return undefined;
  if (!shadow?.lines) return typed.service.provideInlayHints(file, span, preferences);
  const isType = (h: ts.InlayHint): boolean => h.kind === api.InlayHintKind.Type;
  const types = typed.service
    .provideInlayHints(file, { start: 0, length: shadow.text.length }, preferences)
    .flatMap((h): ts.InlayHint[] => {
      const last = isType(h) ? offsetFrom(shadow, h.position - 1) : undefined, // the end of a name, or of parameters
        position = last === undefined ? undefined : last + 1;
      return position === undefined || position < span.start || position > span.start + span.length ? [] : [{ ...h, position }];
    });
  return [...own.provideInlayHints(file, span, preferences).filter(h => !isType(h)), ...types];
}
