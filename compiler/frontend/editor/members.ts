// Completions after a dot. What is being typed there (`y.`) rarely parses, so a name is put in its place: the file is rewritten with it, and the shadow is asked what could
// stand there. All other completions are the editor's own.
import { shadowOf } from "../check/shadow.ts";
import type { ts } from "../typescript.ts";
import type { ShadowService } from "./service.ts";

const word = /[\w$]/,
  member = "pullback$member";
/** The source with a name of ours for the member at `offset`; undefined where no member stands. */
function withMember(source: string, offset: number): string | undefined {
  let start = offset,
    end = offset;
  while (start > 0 && word.test(source[start - 1] ?? "")) start--;
  while (end < source.length && word.test(source[end] ?? "")) end++;
  const before = source.slice(0, start).trimEnd();
  if (!before.endsWith(".") || before.endsWith("..") || /(^|[^\w$.])\d+\.$/.test(before)) return undefined; // a spread, a number
  return source.slice(0, start) + member + source.slice(end);
}
/** The answer about the member at `offset` of a file with scopes; undefined where the editor's own is as good. */
function ask<R>(
  shadows: ShadowService,
  file: string,
  offset: number,
  question: (service: ts.LanguageService, offset: number) => R | undefined,
): R | undefined {
  const source = shadows.shadowOf(file)?.source,
    text = source === undefined ? undefined : withMember(source, offset);
  if (text === undefined) return undefined;
  const shadow = shadowOf(file, text),
    place = shadow.text.indexOf(member);
  return shadow.lines && place >= 0 ? shadows.during(file, shadow.text, service => question(service, place + member.length)) : undefined;
}

/** The members that may be named at `offset`. */
export function membersAt(
  shadows: ShadowService,
  file: string,
  offset: number,
  options: ts.GetCompletionsAtPositionOptions | undefined,
): ts.CompletionInfo | undefined {
  const info = ask(shadows, file, offset, (service, place) => service.getCompletionsAtPosition(file, place, options));
  if (!info?.isMemberCompletion) return undefined;
  const { optionalReplacementSpan: _, ...rest } = info; // a range of the shadow
  return { ...rest, entries: info.entries.filter(e => e.replacementSpan === undefined && e.name !== member) };
}
/** What is known about one of them. */
export const memberAt = (shadows: ShadowService, file: string, offset: number, name: string): ts.CompletionEntryDetails | undefined =>
  ask(shadows, file, offset, (service, place) =>
    service.getCompletionEntryDetails(file, place, name, undefined, undefined, undefined, undefined),
  );
