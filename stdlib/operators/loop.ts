// while, do, for and for…of. A loop runs as JavaScript's as long as its condition is plain; from the moment when a tensor decides, it runs in the program.
import { isTensor, showAval, type Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { after } from "./branch.ts";
import { choose } from "./choose.ts";
import { ended, finished, known, normal, outside, surelyFinished, type End, type Jump } from "./jump.ts";
import { commit, idle, inBody, record } from "./region.ts";
import { scanInProgram, whileInProgram, type Loop } from "./traced.ts";
import { noVars, type Vars } from "./vars.ts";

/** while (test) body. `jumps`: the body may leave. @throws E1122, E1125 */
export function $while<A = never, C = never>(
  test: () => unknown,
  body: () => End<A>,
  vars: Vars = noVars,
  jumps = false,
  rest: (() => End<C>) | undefined = undefined,
): Jump<A | C> {
  return after(run({ what: "while", test, body, vars }, jumps, false), vars, rest) as Jump<A | C>; // bodies end with their own values
}

/** do body while (test). @throws E1122, E1125 */
export function $do<A = never, C = never>(
  body: () => End<A>,
  test: () => unknown,
  vars: Vars = noVars,
  rest: (() => End<C>) | undefined = undefined,
): Jump<A | C> {
  const loop: Loop = { what: "do", test, body, vars };
  const once = (): Jump => {
    for (;;) {
      let going: unknown;
      const step = record(() => {
        const end = ended(inBody(false, body));
        if (surelyFinished(end) === false) going = test();
        return end;
      }, vars);
      const gone = surelyFinished(step.jump);
      if (isTensor(going) || gone === undefined) return whileInProgram(loop, "body first");
      const end = commit(step, vars);
      if (gone === true || !going) return outside(end);
    }
  };
  return after(once(), vars, rest) as Jump<A | C>; // as above
}

/** The parts of a `for` statement, made in the scope of its own variables. `copies` gives the values of those for one step, so that closures in the body keep them. */
export interface ForLoop<A = unknown> extends Loop {
  readonly body: () => End<A>;
  readonly jumps: boolean;
  readonly bounded: boolean;
}
/** Describe a `for` statement: `test` undefined runs until the body leaves. */
export const $loop = <C extends readonly unknown[], A = never>(
  test: (() => unknown) | undefined,
  update: () => void,
  body: (...copies: C) => End<A>,
  copies: () => readonly [...C],
  vars: Vars = noVars,
  jumps = false,
): ForLoop<A> => ({
  what: "for",
  test: test ?? (() => true),
  update,
  body: () => body(...(copies() as C)), // a tuple is its own spread
  vars,
  jumps,
  bounded: test !== undefined,
});
/** for (…; test; update) body. `vars` are those that live after it. @throws E1122, E1125 */
export function $for<A = never, C = never>(
  setup: () => ForLoop<A>,
  vars: Vars = noVars,
  rest: (() => End<C>) | undefined = undefined,
): Jump<A | C> {
  const loop = setup();
  return after(run(loop, loop.jumps, loop.bounded), vars, rest) as Jump<A | C>; // as above
}

/** for (const x of xs) body. Tensors are scanned along their leading axis, everything else is iterated now. @throws E1125, E1130 for a scalar */
export function $of<T, A = never, C = never>(
  xs: Iterable<T>,
  body: (x: T) => End<A>,
  vars: Vars = noVars,
  rest: (() => End<C>) | undefined = undefined,
): Jump<A | C> {
  if (isTensor(xs)) {
    if (xs.ndim === 0)
      throw new PullbackError("E1130", `for…of runs over ${showAval(xs.aval)}, which has no axis`, {
        help: "give it a tensor of one dimension or more; to count up to n write arange(n)",
      });
    return after(scanInProgram(xs, body as unknown as (x: Tensor) => End, vars), vars, rest) as Jump<A | C>; // T is Tensor here
  }
  const items = xs[Symbol.iterator]();
  let item = items.next();
  const loop: Loop = {
    what: "for",
    test: () => item.done !== true,
    body: () => body(item.value as T), // not done
    update: () => {
      item = items.next();
    },
    vars,
  };
  let jump: Jump = normal;
  let whole = false;
  try {
    jump = run(loop, true, true);
    whole = item.done === true;
  } finally {
    if (!whole) items.return?.();
  }
  return after(jump, vars, rest) as Jump<A | C>; // as above
}

/** Step by step in JavaScript, handing over to the program when a tensor decides. A `bounded` loop that a tensor may leave goes on step by step, each under the
 *  condition that it was not left: its own condition ends it, and reverse mode can go through it. */
function run(loop: Loop, jumps: boolean, bounded: boolean): Jump {
  const { vars } = loop;
  let started = false;
  for (;;) {
    const before = vars.get();
    const going = started ? loop.test() : firstTest(loop);
    started = true;
    if (isTensor(going)) {
      vars.set(before);
      return whileInProgram(loop, "test first");
    }
    if (!going) return normal;
    let end: Jump = normal;
    if (jumps && !bounded) {
      const step = record(() => ended(inBody(false, loop.body)), vars);
      if (surelyFinished(step.jump) === undefined) return whileInProgram(loop, "test first");
      end = commit(step, vars);
    } else end = ended(inBody(false, loop.body));
    const gone = finished(end);
    if (gone === true) return outside(end);
    if (gone !== false) return guarded(loop, end);
    loop.update?.();
  }
}
/** The first look at the condition: nothing of it stays in the program when a tensor comes out. */
function firstTest(loop: Loop): unknown {
  let going: unknown;
  const look = record(() => {
    going = loop.test();
    return normal;
  }, loop.vars);
  if (!isTensor(going)) commit(look, loop.vars);
  return going;
}
/** The steps after one that a tensor may have left; `end` says how. */
function guarded(loop: Loop, end: Jump): Jump {
  const { vars } = loop;
  let jump: Jump = { ...end, continued: false };
  /** What the loop does next, where it has not been left. */
  const unlessLeft = (f: () => Jump): Jump => {
    const gone = finished(jump);
    const next = record(() => ({ ...f(), continued: false }), vars);
    return isTensor(gone) ? choose(gone, idle(known(jump), vars), next, vars, "second") : commit(next, vars);
  };
  while (finished(jump) !== true) {
    const before = vars.get();
    let going: unknown;
    const moved = unlessLeft(() => {
      loop.update?.();
      going = loop.test();
      return normal;
    });
    if (isTensor(going)) {
      vars.set(before);
      jump = unlessLeft(() => {
        loop.update?.();
        return whileInProgram(loop, "test first");
      });
      break;
    }
    if (!going) break;
    jump = isTensor(finished(jump)) ? moved : jump;
    jump = unlessLeft(() => ended(inBody(true, loop.body)));
  }
  return outside(jump);
}
