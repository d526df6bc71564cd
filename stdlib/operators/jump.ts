// How the body of a control statement ends: normally, or by return, break or continue. A body that has become a closure says so in its result; where a
// tensor decides which, each way out is a truth value of the program.
import { PullbackError } from "../../runtime/errors/error.ts";
import { either, type Truth } from "./truth.ts";

/** The ways out of a body. `value` is what is returned where `returned` holds, and means nothing elsewhere. */
export interface Jump<T = unknown> {
  readonly returned: Truth;
  readonly broke: Truth;
  readonly continued: Truth;
  readonly value: T;
}
/** What a body may end with: nothing, when it runs to its end. */
export type End<T = unknown> = Jump<T> | void;

/** Ran to its end. */
export const normal: Jump<never> = { returned: false, broke: false, continued: false, value: undefined as never }; // nothing is returned
/** `return value`. */
export const $return = <T>(value: T): Jump<T> => ({ ...normal, returned: true, value });
/** `break`. */
export const $break: Jump<never> = { ...normal, broke: true };
/** `continue`. */
export const $continue: Jump<never> = { ...normal, continued: true };

/** The end of a body as a Jump. */
export const ended = (end: End): Jump => end ?? normal;
/** Does what follows the statement not run? */
export const left = (j: Jump): Truth => either(either(j.returned, j.broke), j.continued);
/** Does the loop around not go on? */
export const finished = (j: Jump): Truth => either(j.returned, j.broke);
const certain = (...ways: readonly Truth[]): boolean | undefined =>
  ways.includes(true) ? true : ways.every(w => w === false) ? false : undefined;
/** The same two questions about a body that was recorded, whose tensors are not at hand here: undefined when a tensor decides. */
export const surelyLeft = (j: Jump): boolean | undefined => certain(j.returned, j.broke, j.continued);
/** Does the loop around surely go on, or surely not? */
export const surelyFinished = (j: Jump): boolean | undefined => certain(j.returned, j.broke);
/** `j`, where it is known that control left: what must be true is true. */
export const known = (j: Jump): Jump =>
  j.broke === false && j.continued === false
    ? { ...j, returned: true }
    : j.returned === false && j.continued === false
      ? { ...j, broke: true }
      : j;
/** `j` behind the loop that it belongs to: break and continue have had their effect. */
export const outside = (j: Jump): Jump => ({ ...j, broke: false, continued: false });

/** The result of a function whose body ended with `end`. @throws E1127 when a value is returned only where a condition holds */
export function $value<T>(end: End<T>): T {
  const jump = ended(end);
  if (jump.returned === true) return jump.value as T; // what $return was given
  if (jump.returned !== false && jump.value !== undefined)
    throw new PullbackError("E1127", "the function returns a value where a condition on tensors holds, and nothing elsewhere", {
      help: "end the function with a return of the same type",
    });
  return undefined as T; // the function ran to its end, as in JavaScript
}
