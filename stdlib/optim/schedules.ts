// Schedules: pure functions from the step (an integer tensor or a number, counted from 0) to an f32 scalar. They hold no state; the optimizer counts.
import type { Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { add, astype, div, maximum, minimum, mul, pow, sub } from "../ops/arithmetic.ts";
import { less, where } from "../ops/compare.ts";
import { cos } from "../ops/math.ts";
import type { TensorLike } from "../ops/promotion.ts";

/** A quantity that changes with the step. */
export type Schedule = (step: TensorLike) => Tensor;

/** `value` at every step. */
export const constant =
  (value: number): Schedule =>
  step =>
    add(mul(time(step), 0), value);

/** From `init` to `end` in `steps` steps along a power of the time left (1: a line), then `end`. @throws E0801 */
export function linear({
  init,
  end,
  steps,
  power = 1,
}: {
  readonly init: number;
  readonly end: number;
  readonly steps: number;
  readonly power?: number;
}): Schedule {
  requireSteps("linear", steps);
  return step => {
    const left = sub(1, div(minimum(time(step), steps), steps));
    return add(mul(power === 1 ? left : pow(left, power), init - end), end);
  };
}

/** Half a cosine from `init` to `alpha * init` in `steps` steps, then constant. @throws E0801 @see Loshchilov & Hutter 2017 */
export function cosine({ init, steps, alpha = 0 }: { readonly init: number; readonly steps: number; readonly alpha?: number }): Schedule {
  requireSteps("cosine", steps);
  return step => {
    const wave = mul(add(cos(mul(minimum(time(step), steps), Math.PI / steps)), 1), 0.5);
    return mul(add(mul(wave, 1 - alpha), alpha), init);
  };
}

/** A line from `init` to `peak` in `warmup` steps, then half a cosine to `end`, reached at step `steps` (which counts the warm-up). @throws E0801 */
export function warmupCosine({
  init = 0,
  peak,
  warmup,
  steps,
  end = 0,
}: {
  readonly init?: number;
  readonly peak: number;
  readonly warmup: number;
  readonly steps: number;
  readonly end?: number;
}): Schedule {
  if (warmup >= steps) throw invalid("warmupCosine", "warmup", warmup, `less than steps (${steps})`);
  const fall = cosine({ init: peak - end, steps: steps - warmup });
  const descent: Schedule = step => add(fall(step), end);
  return warmup === 0 ? descent : join([linear({ init, end: peak, steps: warmup }), descent], [warmup]);
}

/** init * rate^(step / steps). @throws E0801 */
export function exponential({ init, steps, rate }: { readonly init: number; readonly steps: number; readonly rate: number }): Schedule {
  requireSteps("exponential", steps);
  return step => mul(pow(rate, div(time(step), steps)), init);
}

/** `init`, multiplied by each factor from its step on: { 1000: 0.1, 2000: 0.1 }. @throws E0801 */
export function piecewise({ init, factors }: { readonly init: number; readonly factors: Readonly<Record<number, number>> }): Schedule {
  const jumps = Object.entries(factors).map(([at, factor]) => ({ at: Number(at), factor }));
  const bad = jumps.find(j => !(j.at >= 0));
  if (bad) throw invalid("piecewise", "a step of factors", bad.at, "0 or more");
  return step => jumps.reduce((value, { at, factor }) => mul(value, where(less(time(step), at), 1, factor)), constant(init)(step));
}

/** schedules[0] until boundaries[0], then schedules[1] counted from there, and so on. @throws E0801 unless there is one boundary fewer than schedules, ascending */
export function join(schedules: readonly Schedule[], boundaries: readonly number[]): Schedule {
  const [first, ...rest] = schedules;
  if (!first || rest.length !== boundaries.length)
    throw invalid("join", "boundaries", boundaries.length, `one fewer than schedules (${schedules.length})`);
  const bad = boundaries.find((b, i) => i > 0 && b <= (boundaries[i - 1] ?? 0));
  if (bad !== undefined) throw invalid("join", "a boundary", bad, "greater than the one before");
  return step =>
    rest.reduce((value, next, i) => {
      const at = boundaries[i] ?? 0;
      return where(less(time(step), at), value, next(maximum(sub(time(step), at), 0)));
    }, first(step));
}

const time = (step: TensorLike): Tensor => astype(step, "f32");
function requireSteps(name: string, steps: number): void {
  if (!(steps > 0)) throw invalid(name, "steps", steps, "greater than 0");
}
const invalid = (name: string, option: string, value: number, allowed: string): PullbackError =>
  new PullbackError("E0801", `${name}: ${option} is ${value}, it must be ${allowed}`);
