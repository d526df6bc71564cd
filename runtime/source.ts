// The user's place in a stack trace, and one line of a source file, for error messages. Never throws: no location and no text are fine answers.
import type { SourceLocation } from "./errors/error.ts";

const own = new URL("../", import.meta.url).href;
const ownFolders = ["compiler/", "stdlib/", "runtime/"].map(f => own + f);

/** Line `line` (from 1) of the file at `url`, or undefined where it cannot be read (browsers, bundles). */
export function sourceText(url: string, line: number): string | undefined {
  if (!url.startsWith("file:") || typeof process === "undefined" || typeof process.getBuiltinModule !== "function") return undefined;
  try {
    return process.getBuiltinModule("node:fs").readFileSync(new URL(url), "utf8").split("\n")[line - 1];
  } catch {
    return undefined; // moved or unreadable: the message goes without the line
  }
}

/** The first frame of a V8 stack that is not pullback's own, with its line of text where it can be read. */
export function userFrame(stack: string): SourceLocation | undefined {
  for (const line of stack.split("\n").slice(1)) {
    const m = /\(?((?:file:\/\/|\/|[A-Za-z]:\\|https?:\/\/|webpack)[^\s()]*):(\d+):(\d+)\)?$/.exec(line.trim());
    if (!m || m[1] === undefined) continue;
    const url = m[1].startsWith("/") ? `file://${m[1]}` : m[1];
    if (ownFolders.some(f => url.startsWith(f)) || url.includes("/node_modules/") || url.startsWith("node:")) continue;
    const at = { line: Number(m[2]), column: Number(m[3]) };
    const text = sourceText(url, at.line);
    return { file: url.replace(/^file:\/\//, ""), ...at, ...(text === undefined ? {} : { text }) };
  }
  return undefined;
}
