// Where in the user's program an equation was written. Taking the stack is cheap; reading it waits until an error needs it.
import { takeStack, userFrame } from "../../runtime/source.ts";
import type { SourceLocation } from "../../runtime/errors/error.ts";
import type { Source } from "../ir/func.ts";

let pinned: Source | undefined;
/** Run `f` with `source` as the place of every operation: an equation that is emitted again keeps its line. */
export function withSource<T>(source: Source | undefined, f: () => T): T {
  const previous = pinned;
  pinned = source ?? previous;
  try {
    return f();
  } finally {
    pinned = previous;
  }
}
/** The stack of the current operation, unread. */
export function captureSource(): Source {
  if (pinned) return pinned;
  const taken = takeStack();
  let found: SourceLocation | undefined | null = null;
  return { locate: () => (found === null ? (found = userFrame(taken.stack ?? "")) : found) };
}
