// What stands where a tensor has no meaning: statements that stay JavaScript's, and writes that the program would not see. Each is an error that teaches.
import { isTensor, showAval } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { isDecided } from "./region.ts";

/** The condition of a statement that is left to JavaScript. @throws E1126 for a tensor */
export function $plain<T>(x: T, what: string): T {
  if (!isTensor(x)) return x;
  throw new PullbackError("E1126", `${what} is decided by a tensor ${showAval(x.aval)}`, {
    help: "this statement stays plain JavaScript: take the decision with if, while, for or ?: outside of it",
  });
}
/** Before a write to a property of `target`, which was made outside the innermost `depth` bodies of branches and loops. Where a tensor decides about one of them, the
 *  write would happen whether or not the body runs. @throws E1128 there, E1129 when `target` is a tensor */
export function $target<T>(target: T, depth: number, what: string): T {
  if (isTensor(target))
    throw new PullbackError("E1129", `${what} = … writes into a tensor ${showAval(target.aval)}, which never changes`, {
      help: "make a new one: x = x.setAt([i], value)",
    });
  if (isDecided(depth))
    throw new PullbackError("E1128", `${what} = … changes an object from outside a branch or a loop that a tensor decides`, {
      help: "assign to a variable instead, and build the object after the branch or the loop",
    });
  return target;
}
