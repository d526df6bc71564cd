// What `pullback check` has to say, in the order in which it is told.
import type { Told } from "../diagnostics.ts";

/** A complaint: one of ours (E1101), or TypeScript's (TS2345). */
export type Finding = Told;

/** By file, then by place; the same complaint at the same place once. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>();
  for (const f of findings) {
    const key = `${f.file}:${f.line}:${f.column}:${f.code}:${f.message}`;
    if (!seen.has(key)) seen.set(key, f);
  }
  return [...seen.values()].sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1));
}
