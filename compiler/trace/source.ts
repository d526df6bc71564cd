// Where in the user's program an equation was written. Taking the stack is cheap; reading it waits until an error needs it.
import { sourceText } from "../../runtime/source.ts";
import type { SourceLocation } from "../../runtime/errors/error.ts";
import type { Source } from "../ir/func.ts";

const own = new URL("../../", import.meta.url).href;
const ownFolders = ["compiler/", "stdlib/", "runtime/"].map(f => own + f);

/** The stack of the current operation, unread. */
export function captureSource(): Source {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 24;
  const trace = new Error();
  Error.stackTraceLimit = limit;
  let found: SourceLocation | undefined | null = null;
  return { locate: () => (found === null ? (found = userFrame(trace.stack ?? "")) : found) };
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
