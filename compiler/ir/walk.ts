// Walking Funcs (nested programs inside parameters, counts) and schedules. No rewriting here.
import { unreachable } from "../../runtime/errors/error.ts";
import type { Eqn, Func } from "./func.ts";
import type { Step } from "./schedule.ts";

/** Is `x` a Func? */
export const isFunc = (x: unknown): x is Func => typeof x === "object" && x !== null && "params" in x && "eqns" in x && "results" in x;

/** The Funcs held directly in an equation's parameters, in key order. */
export function innerFuncs(e: Eqn): Func[] {
  const found: Func[] = [];
  const visit = (x: unknown): void => {
    if (isFunc(x)) found.push(x);
    else if (Array.isArray(x)) x.forEach(visit);
  };
  Object.keys(e.params)
    .sort()
    .forEach(k => visit(e.params[k]));
  return found;
}

/** Number of equations, those of nested programs included. */
export function countEqns(f: Func): number {
  return f.eqns.reduce((n, e) => n + 1 + innerFuncs(e).reduce((m, g) => m + countEqns(g), 0), 0);
}

/** Calls `visit` for each equation, outermost first, nested ones after their owner. */
export function forEachEqn(f: Func, visit: (e: Eqn, depth: number) => void, depth = 0): void {
  for (const e of f.eqns) {
    visit(e, depth);
    for (const g of innerFuncs(e)) forEachEqn(g, visit, depth + 1);
  }
}

/** Calls `visit` for each step of a schedule, a loop or branch before the steps inside of it. */
export function forEachStep<K>(steps: readonly Step<K>[], visit: (s: Step<K>) => void): void {
  for (const s of steps) {
    visit(s);
    switch (s.kind) {
      case "launch":
      case "copy":
        break;
      case "loop":
        forEachStep(s.body, visit);
        break;
      case "while":
        forEachStep(s.test, visit);
        forEachStep(s.body, visit);
        break;
      case "branch":
        s.cases.forEach(c => forEachStep(c, visit));
        break;
      default:
        unreachable(s);
    }
  }
}

/** The same steps, each launch's kernel replaced. `launch` gives the steps that take a launch's place. */
export function mapLaunches<K, L>(
  steps: readonly Step<K>[],
  launch: (s: Extract<Step<K>, { kind: "launch" }>) => readonly Step<L>[],
): Step<L>[] {
  const inner = (body: readonly Step<K>[]): Step<L>[] => mapLaunches(body, launch);
  return steps.flatMap((s): readonly Step<L>[] => {
    switch (s.kind) {
      case "launch":
        return launch(s);
      case "copy":
        return [s];
      case "loop":
        return [{ ...s, body: inner(s.body) }];
      case "while":
        return [{ ...s, test: inner(s.test), body: inner(s.body) }];
      case "branch":
        return [{ ...s, cases: s.cases.map(inner) }];
      default:
        return unreachable(s);
    }
  });
}
