// The launcher's error: the codes and the words of PullbackError, without what finds the user's line, which a bundle does not have. Stacks go through the bundle's source map.
import type { ErrorCode } from "../errors/codes.ts";

/** A mistake in the use of a compiled function, or a device that fails. `npx pullback explain CODE` says more. */
export class LaunchError extends Error {
  readonly code: ErrorCode;
  readonly help: string | undefined;
  constructor(code: ErrorCode, fact: string, help?: string, cause?: unknown) {
    super(`${code}: ${fact}${help ? `\n  help: ${help}` : ""}`, cause ? { cause } : undefined);
    this.name = "LaunchError";
    this.code = code;
    this.help = help;
  }
}
