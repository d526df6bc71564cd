// The whole GPT against JAX, on the CPU device: loss, gradient, Hessian-vector product, SAM and its relatives, and two AdamW steps, in f64 to 1e-10 of the values' size and in f32.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { grad, hvp, jit, valueAndGrad, type Tensor } from "../../stdlib/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import { fsam, lambdaMax, logitSam, sam } from "../../stdlib/sharpness/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { slice } from "../../compiler/extend.ts";
import { goldenAt, isGoldenArray, loadGolden, type Golden } from "../goldens/load.ts";
import { numbers, tensors } from "../support/numbers.ts";

const golden = loadGolden("gpt");
type Params = nn.Decoder;
const goldenNumbers = (g: Golden): number[] =>
  typeof g === "number"
    ? [g]
    : isGoldenArray(g)
      ? Array.from(g.data as ArrayLike<number>)
      : Object.keys(g as object)
          .sort()
          .flatMap(k => goldenNumbers((g as Record<string, Golden>)[k] as Golden)); // the file's layout
function near(got: unknown, want: Golden, tolerance: number): void {
  const x = numbers(got),
    y = goldenNumbers(want),
    scale = Math.sqrt(y.reduce((s, v) => s + v * v, 0) / y.length);
  assert.is(x.length, y.length);
  const worst = Math.max(...x.map((v, i) => Math.abs(v - (y[i] ?? NaN))));
  assert.ok(worst <= tolerance * Math.max(scale, 1e-300), `largest error ${worst} for values of size ${scale}`);
}

for (const [dtype, tolerance] of [
  ["f64", 2.5e-11],
  ["f32", 2e-4],
] as const) {
  const at = (name: string): Golden => goldenAt(golden, dtype, name);
  const params = tensors(at("params")) as Params,
    tokens = tensors(at("tokens")) as Tensor,
    [b, t] = tokens.shape as readonly [number, number]; // the file's layout
  const ids = slice(tokens, { start: [0, 0], limit: [b, t - 1] }),
    targets = slice(tokens, { start: [0, 1], limit: [b, t] });
  for (const remat of [false, true]) {
    const loss = (p: Params, x: Tensor, y: Tensor): Tensor => nn.softmaxCrossEntropy(nn.decoder(p, x, { heads: 2, remat }), y);
    const name = (what: string): string => `${what} in ${dtype}${remat ? " with remat" : ""}`;
    test(name("loss and gradient"), () => {
      const r = jit(valueAndGrad(loss))(params, ids, targets);
      near(r.value, at("loss"), tolerance);
      near(r.grad, at("grad"), tolerance);
    });
    test(name("Hessian-vector product"), () => {
      near(
        jit((p: Params, v: Params) => hvp(loss)(p, v as never, ids, targets))(params, tensors(at("direction")) as Params),
        at("hvp"),
        tolerance * 4,
      );
    });
    const rho = 0.05;
    test(name("SAM, Functional-SAM, logit-SAM"), () => {
      near(jit(sam(grad(loss), { rho }))(params, ids, targets), at("sam"), tolerance * 4);
      near(jit(fsam(grad(loss), { rho }))(params, ids, targets), at("functional_sam"), tolerance * 4);
      near(jit(logitSam(grad(loss), { rho }))(params, ids, targets), at("logit_sam"), tolerance * 4);
    });
    test(name("preconditioned SAM and Functional-SAM, both lengths"), () => {
      const precondition = tensors(at("second_moment"));
      for (const normalize of ["l2", "dual"] as const) {
        near(
          jit(sam(grad(loss), { rho, precondition, normalize }))(params, ids, targets),
          at(`preconditioned_sam_${normalize}`),
          tolerance * 4,
        );
        near(
          jit(fsam(grad(loss), { rho, precondition, normalize }))(params, ids, targets),
          at(`preconditioned_functional_sam_${normalize}`),
          tolerance * 4,
        );
      }
    });
  }
  test(`two AdamW steps in ${dtype}`, () => {
    const loss = (p: Params): Tensor => nn.softmaxCrossEntropy(nn.decoder(p, ids, { heads: 2 }), targets),
      opt = optim.adamw({ lr: 1e-3, b1: 0.9, b2: 0.98, eps: 1e-9, weightDecay: 0.1 });
    const step = jit((p: Params, s: unknown) => {
      const [u, next] = opt.update(grad(loss)(p), s as never, p);
      return { p: optim.applyUpdates(p, u), s: next };
    });
    const one = step(params, opt.init(params)),
      two = step(one.p as Params, one.s);
    near(one.p, at("adamw_1"), tolerance);
    near(two.p, at("adamw_2"), tolerance);
    assert.is(step.traces, 1);
  });
}
test("the largest eigenvalue of the Hessian by power iteration", () => {
  const at = (name: string): Golden => goldenAt(golden, "f64", name),
    params = tensors(at("params")) as Params,
    tokens = tensors(at("tokens")) as Tensor,
    [b, t] = tokens.shape as readonly [number, number]; // the file's layout
  const ids = slice(tokens, { start: [0, 0], limit: [b, t - 1] }),
    targets = slice(tokens, { start: [0, 1], limit: [b, t] });
  const f = lambdaMax((p: Params) => nn.softmaxCrossEntropy(nn.decoder(p, ids, { heads: 2 }), targets), {
    iterations: 400,
    key: random.key(1),
  });
  const found = numbers(jit(f)(params))[0] ?? NaN,
    want = Number(goldenAt(golden, "hessian_f64", "lambda_max"));
  assert.ok(Math.abs(found - want) < 1e-4 * want, `${found} and ${want}`);
});

test.run();
