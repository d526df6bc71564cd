// What a page's Content-Security-Policy forbids is told in words: engines only say that code generation was refused.
import { PullbackError } from "../errors/error.ts";

/** The error for an engine's refusal to compile because of the policy; undefined for any other message. */
export function forbidden(device: string, message: string): PullbackError | undefined {
  if (!/content security policy|disallowed by embedder|call to WebAssembly\.\w+\(\) blocked by CSP/i.test(message)) return undefined;
  return new PullbackError("E0703", `${device} is unavailable: the page's Content-Security-Policy forbids WebAssembly`, {
    help: "add 'wasm-unsafe-eval' to its script-src",
    cause: message,
  });
}
