// Each published variant against its formula, written out in plain numbers.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { grad, jit, mark, mul, sum, valueAndGrad, type Tensor } from "../../../stdlib/index.ts";
import {
  asam,
  bsam,
  fisherSam,
  gsam,
  pathMix,
  pgn,
  sam,
  samOn,
  sharpnessAware,
  usam,
  wsam,
  type SharpnessOptions,
} from "../../../stdlib/sharpness/index.ts";
import * as tree from "../../../stdlib/tree.ts";
import { across, dot, each, gradient, loss, norm, numbers, plus, start, theta, times, type Theta, type Vec } from "./formulas.ts";

const rho = 0.3,
  g = gradient(start),
  at = (eps: Vec): Vec => gradient(plus(start, eps)),
  along = (d: Vec): Vec => times(rho / norm(d), d);
const run = (f: (p: Theta) => unknown): number[] => numbers(jit(f)(theta(start)));
const equals = (got: Vec, want: Vec): void => {
  assert.is(got.length, want.length);
  got.forEach((v, i) => assert.ok(Math.abs(v - (want[i] ?? NaN)) <= 1e-12 * (1 + Math.abs(v)), `[${i}]: ${v}, not ${want[i]}`));
};
const law = (text: string, got: () => (p: Theta) => unknown, want: () => Vec): void => {
  test(text, () => equals(run(got()), want()));
};
const g0 = grad(loss);

law(
  "SAM: ε = ρ g / ‖g‖",
  () => sam(g0, { rho }),
  () => at(along(g)),
);
law(
  "USAM: ε = ρ g",
  () => usam(g0, { rho }),
  () => at(times(rho, g)),
);
law(
  "ASAM: ε = ρ T²g / ‖Tg‖, T = |θ| + η",
  () => asam(g0, { rho, eta: 0.05 }),
  () => {
    const t = start.map(v => Math.abs(v) + 0.05);
    return at(times(rho / norm(each(t, g)), each(each(t, t), g)));
  },
);
law(
  "ASAM scales only the leaves it is told to",
  () => asam(g0, { rho, eta: 0.05, scaled: path => path === "a" }),
  () => {
    const t = start.map((v, i) => (i < 3 ? Math.abs(v) + 0.05 : 1));
    return at(times(rho / norm(each(t, g)), each(each(t, t), g)));
  },
);
law(
  "Fisher-SAM: ε = ρ F⁻¹g / √(gᵀF⁻¹g), F = 1 + η g²",
  () => fisherSam(g0, { rho, eta: 0.7 }),
  () => {
    const d = g.map(v => v / (1 + 0.7 * v * v));
    return at(times(rho / Math.sqrt(dot(g, d)), d));
  },
);
law(
  "bSAM: ε = ρ g / s",
  () => bsam(g0, { rho, scales: theta([1, 2, 3, 4, 5, 6]) }),
  () => at(times(rho, each(g, [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6]))),
);
law(
  "SAM-ON: only the normalisation leaves are perturbed, and the norm is theirs",
  () => samOn(g0, { rho, norms: { a: false, b: true } }),
  () => {
    const part = g.map((v, i) => (i < 3 ? 0 : v));
    return at(along(part));
  },
);
law(
  "GSAM: g̃ − α g_⊥",
  () => gsam(g0, { rho, alpha: 0.4 }),
  () => {
    const p = at(along(g));
    return plus(p, times(-0.4, across(g, p)));
  },
);
law(
  "PGN: (1 − α) g + α g̃",
  () => pgn(g0, { rho, alpha: 0.25 }),
  () => plus(times(0.75, g), times(0.25, at(along(g)))),
);
law(
  "WSAM: g + γ/(1−γ) (g̃ − g)",
  () => wsam(g0, { rho, gamma: 0.6 }),
  () => plus(g, times(1.5, plus(at(along(g)), times(-1, g)))),
);
const v: Vec = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
  minv = g.map((x, i) => x / (Math.sqrt(v[i] ?? 0) + 1e-3));
law(
  "preconditioned SAM, l2: ε = ρ M⁻¹g / ‖M⁻¹g‖",
  () => sam(g0, { rho, precondition: theta(v), e: 1e-3 }),
  () => at(along(minv)),
);
law(
  "preconditioned SAM, dual: ε = ρ M⁻¹g / √(gᵀM⁻¹g)",
  () => sam(g0, { rho, precondition: theta(v), e: 1e-3, normalize: "dual" }),
  () => at(times(rho / Math.sqrt(dot(g, minv)), minv)),
);
law(
  "while all second moments are zero the preconditioner is the identity, also for the dual length",
  () => sam(g0, { rho, precondition: theta(v.map(() => 0)), normalize: "dual" }),
  () => at(times(rho / norm(g), g)),
);
law(
  "a radius may be a tensor",
  () => (p: Theta) => sam(g0, { rho: tree.norm(p) })(p),
  () => at(times(norm(start) / norm(g), g)),
);
law(
  "a mask may be a question about the path",
  () => sam(g0, { rho, mask: path => path !== "b" }),
  () => at(along(g.map((x, i) => (i < 3 ? x : 0)))),
);
law(
  "a direction of one's own",
  () => sam(g0, { rho, direction: (d, p) => tree.add(d, p) }),
  () => at(along(plus(g, start))),
);

const markedLoss = (p: Theta): Tensor => {
  const z = mark("logits", p.a.mul(p.b));
  return sum(mul(z, z));
};
test("a path mix with zero shares is the plain gradient and needs no second pass", () => {
  let calls = 0;
  const counted = (p: Theta): Theta => {
    calls++;
    return g0(p as never) as Theta;
  }; // the parameters' own structure
  const marked = grad((p: Theta) => markedLoss(p));
  equals(numbers(pathMix(marked, { functional: 0, logit: 0 }, { rho })(theta(start))), numbers(marked(theta(start) as never)));
  sharpnessAware(counted, "full", { rho })(theta(start));
  assert.is(calls, 2);
});

test("the value and aux of the unperturbed parameters are reported", () => {
  const withAux = valueAndGrad((p: Theta) => [loss(p), { norm: tree.dot(p, p) }] as const, { hasAux: true });
  const r = jit(sam(withAux, { rho }))(theta(start)),
    plain = withAux(theta(start) as never);
  equals(numbers(r.value), numbers(plain.value));
  equals(numbers(r.aux), [dot(start, start)]);
  equals(numbers(r.grad), at(along(g)));
  const auxOnly = jit(
    sam(
      grad((p: Theta) => [loss(p), p.a] as const, { hasAux: true }),
      { rho },
    ),
  )(theta(start));
  equals(numbers(auxOnly.aux), start.slice(0, 3));
  equals(numbers(auxOnly.grad), at(along(g)));
});
test("options and functions that cannot work are refused", () => {
  const bad = (options: SharpnessOptions): void => {
    sam(g0, options)(theta(start) as never);
  };
  assert.throws(() => bad({ rho: -1 }), /E0801: rho is -1/);
  assert.throws(() => bad({ rho: NaN }), /E0801/);
  assert.throws(() => bad({ rho, mask: { a: true } }), /E0801: a mask has 1 leaves/);
  assert.throws(() => bad({ rho, mask: { a: true, b: 1 } }), /E0801: a mask has number at b/);
  assert.throws(
    () => sam((p: Theta) => p.a, { rho })(theta(start)),
    /E0803: a gradient function gave leaves \[\] for parameters with leaves \[a, b\]/,
  );
  assert.throws(() => sam(grad(loss, { argnums: ["a"] }), { rho })(theta(start) as never), /E0803/);
});
test("a zero gradient gives a finite derivative of the whole transform", () => {
  const zero = theta(start.map(() => 0));
  assert.equal(
    numbers(jit(sam(g0, { rho }))(zero as never)),
    start.map(() => 0),
  );
  const second = jit(
    grad((p: Theta) => {
      const d = sam(g0, { rho })(p as never);
      return tree.dot(d, d);
    }),
  )(zero as never);
  assert.ok(numbers(second).every(Number.isFinite));
});

test.run();
