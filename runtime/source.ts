// Reads one line of a source file for error messages, where there is a file system. Never throws: no text is a fine answer.

/** Line `line` (from 1) of the file at `url`, or undefined where it cannot be read (browsers, bundles). */
export function sourceText(url: string, line: number): string | undefined {
  if (!url.startsWith("file:") || typeof process === "undefined" || typeof process.getBuiltinModule !== "function") return undefined;
  try {
    return process.getBuiltinModule("node:fs").readFileSync(new URL(url), "utf8").split("\n")[line - 1];
  } catch {
    return undefined; // moved or unreadable: the message goes without the line
  }
}
