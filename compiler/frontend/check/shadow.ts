// What TypeScript is given in the place of a file with tensor scopes, and the way back from places in it to the user's. Pure.
import type { ErrorCode } from "../../../runtime/errors/codes.ts";
import { rewrite } from "../rewrite.ts";
import { decode, originOf, type Segment } from "../sourcemaps.ts";
import { positionOf } from "../diagnostics.ts";
import { ts } from "../typescript.ts";
import type { Finding } from "./finding.ts";

/** A file as TypeScript sees it. */
export interface Shadow {
  readonly file: string;
  readonly source: string;
  /** The rewritten text; the source itself where there is nothing to rewrite, or where the front end has complaints. */
  readonly text: string;
  /** The front end's own complaints. */
  readonly findings: readonly Finding[];
  readonly lines: readonly (readonly Segment[])[] | undefined;
}

/** The shadow of a file's text. */
export function shadowOf(file: string, source: string): Shadow {
  const { code, map, diagnostics } = rewrite(source, file, { forTypes: true });
  const findings = diagnostics.map(({ code: c, message, help, line, column, start, end }): Finding => ({
    code: c,
    message,
    help,
    file,
    line,
    column,
    end: column + Math.max(1, end - start),
  }));
  return { file, source, text: code, findings, lines: map ? decode(map.mappings) : undefined };
}

/** The user's place of the range [start, start + length) of the shadow. A range that was put in stands for the token that the user wrote there. */
export function placeOf(s: Shadow, start: number, length: number): Pick<Finding, "file" | "line" | "column" | "end"> {
  const at = positionOf(s.text, start);
  if (!s.lines) return { file: s.file, ...at, end: at.column + Math.max(1, length) };
  const origin = originOf(s.lines, at.line - 1, at.column - 1) ?? { line: 0, column: 0 };
  const text = s.source.split("\n")[origin.line] ?? "",
    column = origin.column + 1;
  const written = s.text.slice(start, start + length);
  const width = text.startsWith(written, origin.column)
    ? written.length
    : (/^[\w$]+|^[^\w\s]+/.exec(text.slice(origin.column))?.[0].length ?? 1);
  return { file: s.file, line: origin.line + 1, column, end: column + Math.max(1, width) };
}
/** Where the token that begins at an offset of the source went: the places of the shadow that stand for it. */
export function placesFrom(s: Shadow, offset: number): readonly number[] {
  if (!s.lines) return [offset];
  const from = positionOf(s.source, offset),
    found: number[] = [];
  let start = 0;
  s.text.split("\n").forEach((text, line) => {
    for (const [column, , l, c] of s.lines?.[line] ?? []) if (l === from.line - 1 && c === from.column - 1) found.push(start + column);
    start += text.length + 1;
  });
  return found;
}

/** The offset in the source of a character of the shadow that the user wrote, and undefined for one that was put in. */
export function offsetFrom(s: Shadow, offset: number): number | undefined {
  if (!s.lines) return offset;
  const at = positionOf(s.text, offset),
    column = at.column - 1,
    segment = s.lines[at.line - 1]?.findLast(([c]) => c <= column);
  if (!segment || segment.length === 1) return undefined;
  const [from, , line = 0, c = 0] = segment,
    start = s.source.split("\n", line).reduce((n, text) => n + text.length + 1, 0) + c,
    piece = s.text.slice(offset - (column - from), offset + 1);
  return s.source.startsWith(piece, start) ? start + piece.length - 1 : undefined;
}

/** TypeScript's complaint at the user's place. Shapes that contradict each other have a sentence of their own inside its long one. */
export function typeError(shadow: Shadow, d: ts.Diagnostic): Finding {
  const text = ts.flattenDiagnosticMessageText(d.messageText, "\n"),
    place = placeOf(shadow, d.start ?? 0, d.length ?? 1);
  const shapes = /ShapeError<"((?:[^"\\]|\\.)*)">/.exec(text)?.[1];
  if (shapes === undefined) return { code: `TS${d.code}`, message: text, ...place };
  const code: ErrorCode = "E1101";
  return {
    code,
    message: JSON.parse(`"${shapes}"`) as string,
    help: "look at the shapes where the values come from: a dimension is missing, or is another one than its name says",
    ...place,
  }; // a quoted string
}
