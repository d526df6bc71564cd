// One thing that `pullback check` has to say about a file, and how a terminal and a program are told it.
/** A complaint. Lines and columns count from 1; `end` is the column after the last character on the same line. */
export interface Finding {
  /** One of ours (E1101), or TypeScript's (TS2345). */
  readonly code: string;
  readonly message: string;
  readonly help?: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly end: number;
}

/** `model.ts:13:14 - error E1101: …`, the line, a wave under the place, and the remedy. `source` is the file's text. */
export function formatFinding(f: Finding, source: string, file: string = f.file): string {
  const line = source.split("\n")[f.line - 1] ?? "",
    gutter = String(f.line);
  return [
    `${file}:${f.line}:${f.column} - error ${f.code}: ${f.message}`,
    "",
    `${gutter} | ${line}`,
    `${" ".repeat(gutter.length)} | ${line.slice(0, f.column - 1).replace(/[^\t]/g, " ")}${"~".repeat(Math.max(1, f.end - f.column))}`,
    ...(f.help === undefined ? [] : [`  help: ${f.help}`]),
  ].join("\n");
}

/** By file, then by place; the same complaint at the same place once. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>();
  for (const f of findings) {
    const key = `${f.file}:${f.line}:${f.column}:${f.code}:${f.message}`;
    if (!seen.has(key)) seen.set(key, f);
  }
  return [...seen.values()].sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1));
}
