// What the front end tells about a file: a code, a place, a remedy; and how a terminal shows it, as tsc does.
import type { ErrorCode } from "../../runtime/errors/codes.ts";

/** One complaint. Offsets count UTF-16 units from 0, lines and columns from 1. */
export interface Diagnostic {
  readonly code: ErrorCode;
  readonly message: string;
  readonly help: string;
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** Line and column, from 1, of an offset. */
export function positionOf(source: string, offset: number): { readonly line: number; readonly column: number } {
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}

/** What a terminal is told of. Lines and columns count from 1; `end` is the column after the last character, on the same line. */
export interface Told {
  readonly code: string;
  readonly message: string;
  readonly help?: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly end: number;
}
/** `model.ts:13:14 - error E1113: …`, the line, a wave under the place, and the remedy. `source` is the file's text. */
export function format(t: Told, source: string): string {
  const line = source.split("\n")[t.line - 1] ?? "",
    gutter = String(t.line);
  return [
    `${t.file}:${t.line}:${t.column} - error ${t.code}: ${t.message}`,
    "",
    `${gutter} | ${line}`,
    `${" ".repeat(gutter.length)} | ${line.slice(0, t.column - 1).replace(/[^\t]/g, " ")}${"~".repeat(Math.max(1, t.end - t.column))}`,
    ...(t.help === undefined ? [] : [`  help: ${t.help}`]),
  ].join("\n");
}
/** A complaint as a terminal shows it; of a place that goes on over the end of its line, what is on it. */
export function formatDiagnostic(d: Diagnostic, source: string): string {
  const lineEnd = source.indexOf("\n", d.start);
  return format({ ...d, end: d.column + Math.min(d.end, lineEnd === -1 ? source.length : lineEnd) - d.start }, source);
}

/** A file with complaints was to be run. */
export class RewriteError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[], source: string) {
    super(diagnostics.map(d => formatDiagnostic(d, source)).join("\n\n"));
    this.name = "RewriteError";
    this.diagnostics = diagnostics;
  }
}
