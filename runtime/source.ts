// The user's place in a stack trace, and one line of a source file, for error messages. Never throws: no location and no text are fine answers.
import type { SourceLocation } from "./errors/error.ts";

const folders = ["compiler/", "stdlib/", "runtime/"];
const place = /\(?((?:file:\/\/|\/|[A-Za-z]:\\|https?:\/\/|webpack)[^\s()]*):(\d+):(\d+)\)?$/;

/** The current stack, not read yet: reading is what costs. Deep enough for transforms of transforms of the user's function. */
export function takeStack(): { readonly stack?: string } {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const taken = new Error();
  Error.stackTraceLimit = limit;
  return taken;
}

/** Line `line` (from 1) of the file at `url`, or undefined where it cannot be read (browsers, bundles). */
export function sourceText(url: string, line: number): string | undefined {
  if (!url.startsWith("file:") || typeof process === "undefined" || typeof process.getBuiltinModule !== "function") return undefined;
  try {
    return process.getBuiltinModule("node:fs").readFileSync(new URL(url), "utf8").split("\n")[line - 1];
  } catch {
    return undefined; // moved or unreadable: the message goes without the line
  }
}

/** The first frame of a stack from `takeStack` that is not pullback's own, with its line of text where it can be read. Undefined in a bundle without source maps: there nothing
 *  tells the library's frames from the user's. */
export function userFrame(stack: string): SourceLocation | undefined {
  const frames = stack.split("\n").flatMap(line => {
    const [, file = "", row, column] = place.exec(line.trim()) ?? [];
    return file === "" ? [] : [{ url: file.startsWith("/") ? `file://${file}` : file, line: Number(row), column: Number(column) }];
  });
  const inPackages = (url: string): boolean => url.includes("/node_modules/");
  const here = frames[0]?.url ?? "", // takeStack
    root = /^(.*)runtime\/source\.[jt]s$/.exec(here)?.[1];
  if (root === undefined && !inPackages(here)) return undefined;
  const isOwn = (url: string): boolean => root !== undefined && folders.some(f => url.startsWith(root + f));
  const user = frames.find(f => !isOwn(f.url) && !inPackages(f.url) && !f.url.startsWith("node:"));
  if (!user) return undefined;
  const { url, line, column } = user,
    text = sourceText(url, line);
  return { file: url.replace(/^file:\/\//, ""), line, column, ...(text === undefined ? {} : { text }) };
}
