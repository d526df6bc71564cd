// if, ?:, && and || . A plain condition chooses as JavaScript does and runs one side; a tensor records both sides and chooses in the program.
import { isTensor, type Tensor } from "../../compiler/extend.ts";
import { logicalAnd, logicalOr, where } from "../ops/compare.ts";
import { operands } from "./arithmetic.ts";
import { choose } from "./choose.ts";
import { $return, ended, known, left, surelyLeft, type End, type Jump } from "./jump.ts";
import { commit, idle, inBody, record, type Recording } from "./region.ts";
import { oneTruth, truthy } from "./truth.ts";
import { noVars, type Vars } from "./vars.ts";

const nothing = (): void => {};

/** if (test) then else otherwise; then `rest`, unless a body left. `rest` is what follows in the block, given when a body may leave. Results: how all of it ended.
 *  @throws E1122, E1123, E1124 */
export function $if<A = never, B = never, C = never>(
  test: unknown,
  then: () => End<A>,
  otherwise: (() => End<B>) | undefined = undefined,
  vars: Vars = noVars,
  rest: (() => End<C>) | undefined = undefined,
): Jump<A | B | C> {
  type Out = Jump<A | B | C>; // bodies end with their own values
  if (!isTensor(test)) return after(ended(inBody(false, test ? then : (otherwise ?? nothing))), vars, rest) as Out; // as the type says
  const chosen = oneTruth(test, "if");
  let yes = record(() => ended(inBody(true, then)), vars),
    no = record(() => ended(inBody(true, otherwise ?? nothing)), vars);
  const [leftYes, leftNo] = [surelyLeft(yes.jump), surelyLeft(no.jump)];
  if (!rest || (leftYes === false && leftNo === false) || (leftYes === true && leftNo === true))
    return after(choose(chosen, yes, no, vars), vars, rest) as Out; // as the type says
  // One side always leaves and the other never does: what follows belongs to the other side, and one cond is enough.
  const continued = (r: Recording): Recording =>
    record(() => {
      commit(r, vars);
      return ended(rest());
    }, vars);
  if (leftYes === true && leftNo === false) no = continued(no);
  else if (leftYes === false && leftNo === true) yes = continued(yes);
  else return after(choose(chosen, yes, no, vars), vars, rest) as Out; // as the type says
  return choose(chosen, yes, no, vars) as Out; // as the type says
}
/** What follows a statement that ended with `jump`: all of `rest`, none of it, or under a condition. */
export function after(jump: Jump, vars: Vars, rest: (() => End) | undefined): Jump {
  const gone = left(jump);
  if (gone === true || !rest) return jump;
  if (gone === false) return ended(rest());
  const no = record(() => ended(rest()), vars);
  return choose(gone, idle(known(jump), vars), no, vars);
}
/** A block that may be left, and what follows it. */
export const $block = <A = never, C = never>(body: () => End<A>, vars: Vars, rest: () => End<C>): Jump<A | C> =>
  after(ended(body()), vars, rest) as Jump<A | C>; // as above

/** test ? yes : no. One boolean as a tensor becomes a cond and only one side runs; several choose element by element, and both sides are computed. `vars` are those
 *  that a side assigns. @throws E1122, E1123, E1124 */
export function $cond<A, B>(test: unknown, yes: () => A, no: () => B, vars: Vars = noVars): A | B {
  if (!isTensor(test)) return test ? yes() : no();
  if (test.ndim > 0 && vars === noVars) return where(truthy(test), ...operands("?:", yes(), no())) as A & B; // where gives a tensor for operands of either type
  return chooseValue(oneTruth(test, "?:"), yes, no, vars) as A | B; // the sides' own values
}
const chooseValue = (test: Tensor, yes: () => unknown, no: () => unknown, vars: Vars): unknown => {
  const a = record(() => $return(yes()), vars),
    b = record(() => $return(no()), vars);
  return choose(test, a, b, vars).value;
};

/** x && y(): JavaScript's for plain x. For a tensor x both are computed and the result is chosen element by element; y() runs only where x holds when it assigns
 *  variables. @throws E1121, E1122 */
export function $and<A, B>(x: A, y: () => B, vars: Vars = noVars): A | B {
  if (!isTensor(x)) return x && y();
  if (vars !== noVars) return chooseValue(oneTruth(x, "&&"), y, () => x, vars) as A | B; // the sides' own values
  const [a, b] = operands("&&", x, y());
  return (isBool(a) && isBool(b) ? logicalAnd(a, b) : where(truthy(x), b, a)) as A & B; // a tensor for tensors
}
/** x || y(), as $and. @throws E1121, E1122 */
export function $or<A, B>(x: A, y: () => B, vars: Vars = noVars): A | B {
  if (!isTensor(x)) return x || y();
  if (vars !== noVars) return chooseValue(oneTruth(x, "||"), () => x, y, vars) as A | B; // as above
  const [a, b] = operands("||", x, y());
  return (isBool(a) && isBool(b) ? logicalOr(a, b) : where(truthy(x), a, b)) as A & B; // as above
}
const isBool = (x: unknown): boolean => typeof x === "boolean" || (isTensor(x) && x.dtype === "bool");
