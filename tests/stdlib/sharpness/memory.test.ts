// Methods with memory over several steps, under one compiled step, against their formulas in plain numbers.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { grad, jit, valueAndGrad, type Tensor } from "../../../stdlib/index.ts";
import { linear } from "../../../stdlib/optim/index.ts";
import { aeSam, asyncSam, factorSam, friendlySam, lookSam, msam, remembering, type Remembering } from "../../../stdlib/sharpness/index.ts";
import * as tree from "../../../stdlib/tree.ts";
import { across, dot, gradient, loss, norm, numbers, plus, start, theta, times, type Theta, type Vec } from "./formulas.ts";

const rho = 0.2,
  lr = 0.05,
  steps = 7,
  g0 = grad(loss) as (p: Theta) => Theta; // the gradient has the parameters' structure
const at = (x: Vec, d: Vec, r = rho): Vec => gradient(norm(d) === 0 ? x : plus(x, times(r / norm(d), d)));
/** Gradients handed out along a gradient descent of `steps` steps. */
function trajectory(method: Remembering<[Theta], Theta, unknown>): number[][] {
  const step = jit((p: Theta, s: unknown) => {
    const [g, next] = method.gradient(s as never, p);
    return { g, p: tree.sub(p, tree.scale(lr, g)), s: next };
  }); // the method's own state
  let p = theta(start),
    s: unknown = method.init(p);
  const out: number[][] = [];
  for (let t = 0; t < steps; t++) {
    const r = step(p, s);
    out.push(numbers(r.g));
    p = r.p as Theta; // the step keeps the structure
    s = r.s;
  }
  assert.is(step.traces, 1);
  return out;
}
/** The same from a formula: (x, t) -> gradient. */
function formula(method: (x: Vec, t: number) => Vec): Vec[] {
  const out: Vec[] = [];
  for (let t = 0, x: Vec = start; t < steps; t++) {
    const g = method(x, t);
    out.push(g);
    x = plus(x, times(-lr, g));
  }
  return out;
}
function agree(got: readonly Vec[], want: readonly Vec[], tolerance = 1e-11): void {
  got.forEach((g, t) =>
    g.forEach((v, i) =>
      assert.ok(Math.abs(v - (want[t]?.[i] ?? NaN)) <= tolerance * (1 + Math.abs(v)), `step ${t}[${i}]: ${v}, not ${want[t]?.[i]}`),
    ),
  );
}

test("LookSAM takes the second pass every k steps and reuses its orthogonal part between them", () => {
  let v: Vec = start.map(() => 0);
  agree(
    trajectory(lookSam(g0, { rho, k: 3, alpha: 0.6 })),
    formula((x, t) => {
      const g = gradient(x);
      if (t % 3 !== 0) return plus(g, times((0.6 * norm(g)) / norm(v), v));
      const moved = at(x, g);
      v = across(moved, g);
      return moved;
    }),
  );
});
test("factor-SAM: g + αk (g̃ − g) every k steps", () => {
  agree(
    trajectory(factorSam(g0, { rho, k: 2, alpha: 0.3 }) as never),
    formula((x, t) => {
      const g = gradient(x);
      return t % 2 === 0 ? plus(times(1 - 0.6, g), times(0.6, at(x, g))) : g;
    }),
  );
});
test("AE-SAM takes the second pass exactly where the squared norm is high among the recent ones", () => {
  for (const c of [-10, -1, -0.9, -0.8, -0.7, -0.6, -0.5, -0.4, -0.3, 0, 100]) {
    let mean = 0,
      variance = 0,
      taken = 0;
    agree(
      trajectory(aeSam(g0, { rho, c, decay: 0.8 }) as never),
      formula(x => {
        const g = gradient(x),
          square = dot(g, g);
        mean = 0.8 * mean + 0.2 * square;
        variance = 0.8 * variance + 0.2 * (square - mean) ** 2;
        if (square < mean + c * Math.sqrt(variance)) return g;
        taken++;
        return at(x, g);
      }),
      1e-6,
    ); // statistics are f32
    if (c === -10) assert.is(taken, steps);
    if (c === 100) assert.is(taken, 0);
  }
});
test("friendly SAM perturbs along g − s·EMA(g)", () => {
  let m: Vec = start.map(() => 0);
  agree(
    trajectory(friendlySam(g0, { rho, s: 0.9, lambda: 0.7 })),
    formula(x => {
      const g = gradient(x);
      m = plus(times(0.7, m), times(0.3, g));
      return at(x, plus(g, times(-0.9, m)));
    }),
  );
});
test("MSAM takes one pass, along the momentum", () => {
  let m: Vec = start.map(() => 0);
  agree(
    trajectory(msam(g0, { rho, momentum: 0.8 })),
    formula(x => {
      const g = at(x, m);
      m = plus(times(0.8, m), g);
      return g;
    }),
  );
});
test("AsyncSAM takes one pass, along the last step's gradient", () => {
  let last: Vec = start.map(() => 0);
  agree(
    trajectory(asyncSam(g0, { rho })),
    formula(x => (last = at(x, last))),
  );
});
test("a radius may follow a schedule of the step", () => {
  const method = remembering(g0, { rho: linear({ init: 0, end: 0.4, steps: 4 }), init: () => null });
  agree(
    trajectory(method as never),
    formula((x, t) => at(x, gradient(x), 0.1 * Math.min(t, 4))),
    1e-6,
  ); // schedules are f32
});
test("a closed gate does not compute the second pass, and the unperturbed value is reported either way", () => {
  const value = valueAndGrad(loss) as (p: Theta) => { readonly value: Tensor; readonly grad: Theta }; // the gradient has the parameters' structure
  const method = factorSam(value, { rho, k: 2, alpha: 0.5 }),
    p = theta(start);
  const text = jit((q: Theta, s: unknown) => method.gradient(s as never, q))
    .lower(p, method.init(p))
    .text("func"); // the method's own state
  assert.match(text, /cond/);
  const [r] = jit((q: Theta, s: unknown) => method.gradient(s as never, q))(p, method.init(p)) as unknown as readonly [
    { readonly value: Tensor; readonly grad: Theta },
  ]; // the method's own state
  assert.equal(numbers(r.value), numbers(loss(p)));
});

test.run();
