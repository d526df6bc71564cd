// The eight laws of Functional-SAM, on an MLP and on the scanned transformer with rematerialised blocks, in f64 on the CPU device.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fori, grad, hvp, jit, jvp, matmul, mul, scan, sum, tanh, valueAndGrad, vjp, vmap, type Tensor } from "../../stdlib/index.ts";
import { astype } from "../../stdlib/ops/arithmetic.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { fsam, logitSam, sam } from "../../stdlib/sharpness/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { sampleProblem, type Problem } from "./problems.ts";
import { numbers } from "../support/numbers.ts";

const norm = (x: readonly number[]): number => Math.sqrt(x.reduce((s, v) => s + v * v, 0));
const minus = (x: readonly number[], y: readonly number[]): number[] => x.map((v, i) => v - (y[i] ?? NaN));
const close = (x: readonly number[], y: readonly number[], relative: number): void => {
  const e = norm(minus(x, y)) / Math.max(1e-300, norm(y));
  assert.ok(e <= relative, `relative error ${e}`);
};

for (const problem of [sampleProblem("mlp"), sampleProblem("transformer")]) laws(problem);

function laws<P>({ name, params, model, loss }: Problem<P>): void {
  const whole = (p: P): Tensor => loss(model(p)),
    g = grad(whole),
    at = (f: (p: P) => unknown): number[] => numbers(jit(f as (p: P) => P)(params)); // every f gives a tree
  const plain = at(g),
    unit = tree.scale(1 / norm(plain), jit(g)(params) as P);
  const law = (n: number, text: string, run: () => void): void => {
    test(`law ${n} on the ${name}: ${text}`, run);
  };

  law(1, "rho 0 gives the plain gradient, bit for bit", () => {
    assert.equal(at(fsam(g, { rho: 0 })), plain);
    assert.equal(at(sam(g, { rho: 0 })), plain);
  });
  law(3, "the corrections over rho tend to the functional and the logit part of the Hessian", () => {
    const rho = 1e-4,
      functional = minus(at(fsam(g, { rho })), plain).map(v => v / rho),
      logit = minus(at(logitSam(g, { rho })), plain).map(v => v / rho);
    const gauss = at(p => {
      const [z, dz] = jvp(model, [p], [unit] as never);
      const [, back] = vjp(model, p);
      return (back(hvp((q: Tensor) => loss(q))(z as Tensor, dz as never) as never) as readonly [P])[0];
    });
    const full = at(p => hvp(whole)(p, unit as never));
    close(logit, gauss, 2e-3);
    close(functional, minus(full, gauss), 2e-3);
  });
  law(4, "SAM differs from functional + logit - plain at second order: halving rho quarters the residual", () => {
    const residual = (rho: number): number => {
      const f = at(fsam(g, { rho })),
        l = at(logitSam(g, { rho })),
        s = at(sam(g, { rho }));
      return norm(s.map((v, i) => v - ((f[i] ?? NaN) + (l[i] ?? NaN) - (plain[i] ?? NaN))));
    };
    const ratio = residual(0.02) / residual(0.01);
    assert.ok(ratio > 3.5 && ratio < 4.5, `ratio ${ratio}`);
  });
  law(6, "fsam(grad(loss)) is the explicit formula with two vjps", () => {
    const split = fsam.split({ model: (p: P) => model(p), loss: (z: Tensor) => loss(z) }, { rho: 0.1 });
    close(
      at(fsam(g, { rho: 0.1 })),
      at(p => split(p, null, null).grad),
      1e-12,
    );
  });
  law(7, "the transform is differentiable: its derivative matches central differences", () => {
    const f = jit((p: P) => {
        const h = fsam(g, { rho: 0.1 })(p);
        return tree.dot(h, h);
      }),
      slope = numbers(
        jit(
          grad((p: P) => {
            const h = fsam(g, { rho: 0.1 })(p);
            return tree.dot(h, h);
          }),
        )(params),
      );
    const direction = tree.map((x: Tensor) => random.normal(random.key(9), x.shape, { dtype: "f64" }), params),
      d = numbers(direction),
      h = 1e-5;
    const value = (s: number): number => numbers(f(tree.add(params, tree.scale(s, direction)) as P))[0] ?? NaN;
    const want = (value(h) - value(-h)) / (2 * h),
      got = slope.reduce((s, v, i) => s + v * (d[i] ?? NaN), 0);
    assert.ok(Math.abs(got - want) <= 1e-6 * Math.abs(want), `${got} and ${want}`);
  });
  law(8, "it commutes with vmap over seeds, runs under jit, and inside scan over micro-batches", () => {
    const wrapped = fsam(valueAndGrad(whole), { rho: 0.1 }),
      one = at(p => wrapped(p)),
      two = at(p => wrapped(tree.scale(1.1, p) as P));
    const both = jit(vmap((p: P) => wrapped(p)))(tree.stack([params, tree.scale(1.1, params)]) as never);
    const [first, second] = tree.unstack(both);
    close(numbers(first), one, 1e-11);
    close(numbers(second), two, 1e-11);
    const scanned = jit(
      (p: P) =>
        scan(
          (acc: unknown, s: unknown) => [tree.add(acc, wrapped(tree.scale(s as Tensor, p) as P).grad), null] as const,
          tree.zerosLike(p) as unknown,
          tree.leaves(random.uniform(random.key(0), [2], { dtype: "f64", minval: 1, maxval: 1 }))[0],
        )[0],
    );
    close(
      numbers(scanned(params)),
      at(p => tree.scale(2, wrapped(p).grad)),
      1e-11,
    );
  });
  test(`a zero gradient on the ${name} gives a zero perturbation, never NaN`, () => {
    const flat = (p: P): Tensor => mul(whole(p), 0);
    assert.ok(numbers(jit(fsam(grad(flat), { rho: 0.1 }) as (p: P) => P)(params)).every(v => v === 0));
  });
}

test("law 2: a model linear in its parameters has no functional part", () => {
  const x = random.normal(random.key(1), [5, 4], { dtype: "f64" }),
    w = random.normal(random.key(2), [4, 3], { dtype: "f64" }),
    y = random.uniform(random.key(3), [5, 3], { dtype: "f64" });
  const loss = (p: Tensor): Tensor => nn.softmaxCrossEntropy(matmul(x, p), nn.softmax(y));
  for (const rho of [0.01, 1, 10]) close(numbers(jit(fsam(grad(loss), { rho }))(w)), numbers(jit(grad(loss))(w)), 1e-13);
});
test("law 5: perturbing only an untied output matrix leaves that matrix's functional part zero", () => {
  const x = random.normal(random.key(1), [5, 4], { dtype: "f64" }),
    y = nn.softmax(random.uniform(random.key(3), [5, 3], { dtype: "f64" }));
  const params = { a: random.normal(random.key(2), [4, 6], { dtype: "f64" }), out: random.normal(random.key(4), [6, 3], { dtype: "f64" }) };
  const g = grad((p: typeof params): Tensor => nn.softmaxCrossEntropy(matmul(tanh(matmul(x, p.a)), p.out), y));
  const moved = jit(fsam(g, { rho: 0.5, mask: { a: false, out: true } }))(params),
    plain = jit(g)(params);
  close(numbers(moved.out), numbers(plain.out), 1e-14);
  assert.ok(norm(minus(numbers(moved.a), numbers(plain.a))) > 1e-3, "the other matrix feels the perturbation");
});
test("norms are taken in f32 or wider: a bf16 gradient that would overflow or vanish still has a direction", () => {
  const w = astype(random.normal(random.key(5), [64]), "bf16"),
    g = grad((p: Tensor): Tensor => sum(mul(astype(p, "f32"), 1e-30)));
  assert.ok(numbers(jit(sam(g, { rho: 0.1 }))(w)).every(Number.isFinite));
});
test("fori over steps with fsam inside keeps its types", () => {
  const f = jit((w: Tensor) =>
    fori(
      0,
      3,
      (_i, p: Tensor) =>
        tree.sub(
          p,
          tree.scale(
            0.1,
            fsam(
              grad((q: Tensor) => nn.meanSquaredError(tanh(q), mul(q, 0))),
              { rho: 0.05 },
            )(p) as Tensor,
          ),
        ),
      w,
    ),
  );
  assert.ok(numbers(f(random.normal(random.key(6), [4], { dtype: "f64" }))).every(Number.isFinite));
});

test.run();
