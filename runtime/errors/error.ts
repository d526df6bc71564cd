// The one error class users see. It formats code, fact, location and remedy; it never decides what is wrong.
import { takeStack, userFrame } from "../source.ts";
import type { ErrorCode } from "./codes.ts";

/** Where in the user's program something was written. `line` and `column` count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text?: string;
}
/** What an error may carry beside its sentence. */
export interface ErrorDetails {
  readonly help?: string;
  readonly at?: SourceLocation;
  readonly cause?: unknown;
}

/** A mistake in the use of pullback: a code (see `npx pullback explain CODE`), both facts, the user's line, a remedy. */
export class PullbackError extends Error {
  readonly code: ErrorCode;
  readonly help: string | undefined;
  readonly at: SourceLocation | undefined;
  /** Without `at`, the location is the user's frame of the current stack. */
  constructor(code: ErrorCode, fact: string, details: ErrorDetails = {}) {
    const at = details.at ?? callersFrame();
    super(format(code, fact, at, details.help), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "PullbackError";
    this.code = code;
    this.help = details.help;
    this.at = at;
  }
}

/** A bug in pullback itself: an invariant that no user input should break. */
export class InternalError extends Error {
  constructor(message: string) {
    super(`internal: ${message} (please report this)`);
    this.name = "InternalError";
  }
}

/** Ends an exhaustive switch; the argument's type is proof that no case is missing. */
export function unreachable(x: never): never {
  throw new InternalError(`unreachable case ${JSON.stringify(x)}`);
}

/** The user's place in the program that calls this: the first frame outside the library. */
export const callersFrame = (): SourceLocation | undefined => userFrame(takeStack().stack ?? "");

function format(code: ErrorCode, fact: string, at: SourceLocation | undefined, help: string | undefined): string {
  const lines = [`${code}: ${fact}`];
  if (at) {
    lines.push(`  ${at.file}:${at.line}:${at.column}`);
    if (at.text !== undefined) {
      const gutter = String(at.line).padStart(4);
      const indent = at.text.length - at.text.trimStart().length;
      lines.push(
        `${gutter} | ${at.text.slice(indent)}`,
        `${" ".repeat(gutter.length)} | ${" ".repeat(Math.max(0, at.column - 1 - indent))}^`,
      );
    }
  }
  if (help !== undefined) lines.push(`  help: ${help}`);
  return lines.join("\n");
}
