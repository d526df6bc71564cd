// Loops that run in the program: while_ when a tensor decides how long, scan over the leading axis of a tensor. Where a body may leave, the way it left is
// part of the carry.
import { isTensor, type Aval, type Tensor } from "../../compiler/extend.ts";
import { scan, while_ } from "../../compiler/index.ts";
import { zeros } from "../ops/creation.ts";
import { withWeak } from "../ops/promotion.ts";
import { carryOf, trial, type Carry } from "./carry.ts";
import { choose } from "./choose.ts";
import { $return, ended, finished, normal, surelyFinished, surelyLeft, type End, type Jump } from "./jump.ts";
import { fill } from "./merge.ts";
import { idle, inBody, mapLeaves, record } from "./region.ts";
import { truthOf, type Truth } from "./truth.ts";
import type { Vars } from "./vars.ts";

/** The parts of a loop. `update` runs after a step that does not leave. */
export interface Loop {
  /** The statement's name, for messages. */
  readonly what: string;
  readonly test: () => unknown;
  readonly body: () => End;
  readonly update?: () => void;
  readonly vars: Vars;
}
/** Whether the loop was left by return, and with what; null when no step can return. */
type Exit = { readonly returned: Truth; readonly value: unknown } | null;

/** Run `loop` in the program. The condition is looked at before the first step (while, for) or after it (do). @throws E1122, E1125 */
export function whileInProgram(loop: Loop, order: "test first" | "body first"): Jump {
  const { vars } = loop;
  const body = trial(() => ended(inBody(true, loop.body)), vars).jump;
  const assigns = trial(() => {
    loop.test();
    return normal;
  }, vars).assigns;
  return order === "test first" && !assigns && surelyLeft(body) === false ? plainWhile(loop) : leavableWhile(loop, order, exitOf(body));
}
function plainWhile(loop: Loop): Jump {
  const { vars } = loop;
  const step = (values: readonly unknown[]): readonly unknown[] => {
    vars.set(values);
    inBody(true, loop.body);
    loop.update?.();
    return vars.get();
  };
  const carry = carryOf({ names: vars.names, values: vars.get() }, step, vars);
  const test = (now: readonly Tensor[]): Tensor => {
    const before = vars.get();
    vars.set(carry.state(now));
    try {
      return asBool(truthOf(loop.test(), loop.what));
    } finally {
      vars.set(before);
    }
  };
  vars.set(carry.state(while_(test, now => carry.step(now, []), carry.init)));
  return normal;
}
/** The carry holds the truth value that the next step waits for, so that a step may leave and a condition may assign. */
function leavableWhile(loop: Loop, order: "test first" | "body first", exit: Exit): Jump {
  const { vars } = loop;
  const onward = (): Truth => {
    loop.update?.();
    return truthOf(loop.test(), loop.what);
  };
  const first = order === "body first" ? true : truthOf(loop.test(), loop.what);
  const step = (values: readonly unknown[]): readonly unknown[] => {
    vars.set(values.slice(0, -2));
    const end = ended(inBody(true, loop.body)),
      gone = finished(end);
    const going = gone === true ? false : gone === false ? onward() : unless(gone, onward, vars);
    return [...vars.get(), going, exit && exitAfter(end, values.at(-1) as Exit)]; // the last part of the state
  };
  const carry = carryOf(withOwn(vars, first, exit), step, vars);
  const going = (now: readonly Tensor[]): Tensor => asBool(carry.state(now).at(-2));
  return leave(carry.state(while_(going, now => carry.step(now, []), carry.init)), vars);
}
/** onward() where the loop has not been left, else false. */
function unless(gone: Tensor, onward: () => Truth, vars: Vars): Truth {
  const next = record(() => $return(onward()), vars);
  return choose(gone, idle($return(false), vars), next, vars, "second").value as Truth; // both sides gave one
}

/** for (const x of xs) over the leading axis of a tensor. @throws E1125 */
export function scanInProgram(xs: Tensor, body: (x: Tensor) => End, vars: Vars): Jump {
  const inputs = [{ dtype: xs.dtype, shape: xs.shape.slice(1) }];
  const stepOn = ([x]: readonly Tensor[]): Jump => (x ? ended(inBody(true, () => body(x))) : normal);
  const end = trial(stepOn, vars, inputs).jump;
  const run = (carry: Carry): readonly unknown[] =>
    carry.state(scan((now: readonly Tensor[], x: Tensor) => [carry.step(now, [x]), null] as const, carry.init, xs)[0]);
  if (surelyFinished(end) !== false) return leave(run(leavableSteps(stepOn, inputs, vars, exitOf(end))), vars);
  const step = (values: readonly unknown[], slices: readonly Tensor[]): readonly unknown[] => {
    vars.set(values);
    stepOn(slices);
    return vars.get();
  };
  vars.set(run(carryOf({ names: vars.names, values: vars.get() }, step, vars, inputs)));
  return normal;
}
/** Steps after the one that leaves do nothing. */
function leavableSteps(stepOn: (slices: readonly Tensor[]) => Jump, inputs: readonly Aval[], vars: Vars, exit: Exit): Carry {
  const step = (values: readonly unknown[], slices: readonly Tensor[]): readonly unknown[] => {
    vars.set(values.slice(0, -2));
    const was = values.at(-1) as Exit; // the last part of the state
    const next = record(() => stepOn(slices), vars);
    const end = choose(asBool(values.at(-2)), idle({ ...normal, ...was, broke: true }, vars), next, vars, "second");
    return [...vars.get(), finished(end), exit && exitAfter(end, was)];
  };
  return carryOf(withOwn(vars, false, exit), step, vars, inputs);
}

/** A loop's state: the variables, the truth value that decides about the next step, the exit. */
const withOwn = (vars: Vars, decides: Truth, exit: Exit): { readonly names: readonly string[]; readonly values: readonly unknown[] } => ({
  names: [...vars.names, "the loop's condition", "the returned value"],
  values: [...vars.get(), decides, exit],
});
/** Set the variables from a final state; how the loop ended. */
function leave(state: readonly unknown[], vars: Vars): Jump {
  vars.set(state.slice(0, -2));
  const exit = state.at(-1) as Exit; // the last part of the state
  return exit === null ? normal : { ...normal, ...exit };
}
/** The exit as a loop begins: nothing returned yet, zeros in the place of the value. `end`: how a step may end. */
const exitOf = (end: Jump): Exit =>
  end.returned === false
    ? null
    : { returned: false, value: mapLeaves(end.value, x => (isTensor(x) ? withWeak(zeros(x.shape, { dtype: x.dtype }), x.weak) : x)) };
const exitAfter = (end: Jump, before: Exit): Exit => ({
  returned: end.returned,
  value: end.returned === false ? before?.value : end.value,
});
const asBool = (t: unknown): Tensor => fill(t, { dtype: "bool", shape: [] });
