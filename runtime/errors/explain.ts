// `npx pullback explain E0201`: the page of one code, as text.
import { errorPages, type ErrorCode } from "./codes.ts";

/** The page for `code`, or undefined when there is no such code. */
export function explain(code: string): string | undefined {
  const key = code.toUpperCase();
  if (!Object.hasOwn(errorPages, key)) return undefined;
  const page = errorPages[key as ErrorCode]; // hasOwn has just shown that the key is one
  return `${key}: ${page.title}\n\n${page.body.trim()}\n`;
}
