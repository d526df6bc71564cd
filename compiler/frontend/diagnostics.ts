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

/** `model.ts:13:14 - error E1113: …`, the line, and a wave under the place. */
export function formatDiagnostic(d: Diagnostic, source: string): string {
  const lineStart = source.lastIndexOf("\n", d.start - 1) + 1;
  const lineEnd = source.indexOf("\n", d.start);
  const line = source.slice(lineStart, lineEnd === -1 ? undefined : lineEnd);
  const gutter = String(d.line);
  const width = Math.max(1, Math.min(d.end, lineStart + line.length) - d.start);
  return [
    `${d.file}:${d.line}:${d.column} - error ${d.code}: ${d.message}`,
    "",
    `${gutter} | ${line}`,
    `${" ".repeat(gutter.length)} | ${line.slice(0, d.column - 1).replace(/[^\t]/g, " ")}${"~".repeat(width)}`,
    `  help: ${d.help}`,
  ].join("\n");
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
