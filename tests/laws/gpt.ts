// The whole GPT against JAX on any device: loss, gradient, Hessian-vector product, SAM and its relatives, and two AdamW steps.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromStorage, grad, hvp, jit, read, valueAndGrad, type Tensor } from "../../stdlib/index.ts";
import * as nn from "../../stdlib/nn/index.ts";
import * as optim from "../../stdlib/optim/index.ts";
import { fsam, logitSam, sam } from "../../stdlib/sharpness/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { slice } from "../../compiler/extend.ts";
import { goldenAt, isGoldenArray, loadGolden, type Golden } from "../goldens/load.ts";
import { tensors } from "../support/numbers.ts";

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
async function near(got: unknown, want: Golden, tolerance: number): Promise<void> {
  const x = await numbersOf(got),
    y = goldenNumbers(want),
    scale = Math.sqrt(y.reduce((s, v) => s + v * v, 0) / y.length);
  assert.is(x.length, y.length);
  const worst = Math.max(...x.map((v, i) => Math.abs(v - (y[i] ?? NaN))));
  assert.ok(worst <= tolerance * Math.max(scale, 1e-300), `largest error ${worst} for values of size ${scale}`);
}

/** All numbers of a tensor or a tree of tensors on any device. */
async function numbersOf(t: unknown): Promise<number[]> {
  const parts = await Promise.all((tree.leaves(t) as Tensor[]).map(async x => Array.from(fromStorage(x.dtype, await read(x))))); // a tree of tensors
  return parts.flat();
}

/** Tests of one dtype on the default device, with and without recomputation. `tolerance` is relative to the values' size. */
export function gptGoldens(dtype: "f64" | "f32", tolerance: number, remats: readonly boolean[] = [false, true]): void {
  const at = (name: string): Golden => goldenAt(golden, dtype, name);
  const params = tensors(at("params")) as Params,
    tokens = tensors(at("tokens")) as Tensor,
    [b, t] = tokens.shape as readonly [number, number]; // the file's layout
  const ids = slice(tokens, { start: [0, 0], limit: [b, t - 1] }),
    targets = slice(tokens, { start: [0, 1], limit: [b, t] });
  for (const remat of remats) {
    const loss = (p: Params, x: Tensor, y: Tensor): Tensor => nn.softmaxCrossEntropy(nn.decoder(p, x, { heads: 2, remat }), y);
    const name = (what: string): string => `${what} in ${dtype}${remat ? " with remat" : ""}`;
    test(name("loss and gradient"), async () => {
      const r = jit(valueAndGrad(loss))(params, ids, targets);
      await near(r.value, at("loss"), tolerance);
      await near(r.grad, at("grad"), tolerance);
    });
    test(name("Hessian-vector product"), async () => {
      await near(
        jit((p: Params, v: Params) => hvp(loss)(p, v as never, ids, targets))(params, tensors(at("direction")) as Params),
        at("hvp"),
        tolerance * 4,
      );
    });
    const rho = 0.05;
    test(name("SAM, Functional-SAM, logit-SAM"), async () => {
      await near(jit(sam(grad(loss), { rho }))(params, ids, targets), at("sam"), tolerance * 4);
      await near(jit(fsam(grad(loss), { rho }))(params, ids, targets), at("functional_sam"), tolerance * 4);
      await near(jit(logitSam(grad(loss), { rho }))(params, ids, targets), at("logit_sam"), tolerance * 4);
    });
    test(name("preconditioned SAM and Functional-SAM, both lengths"), async () => {
      const precondition = tensors(at("second_moment"));
      for (const normalize of ["l2", "dual"] as const) {
        await near(
          jit(sam(grad(loss), { rho, precondition, normalize }))(params, ids, targets),
          at(`preconditioned_sam_${normalize}`),
          tolerance * 4,
        );
        await near(
          jit(fsam(grad(loss), { rho, precondition, normalize }))(params, ids, targets),
          at(`preconditioned_functional_sam_${normalize}`),
          tolerance * 4,
        );
      }
    });
  }
  test(`two AdamW steps in ${dtype}`, async () => {
    const loss = (p: Params): Tensor => nn.softmaxCrossEntropy(nn.decoder(p, ids, { heads: 2 }), targets),
      opt = optim.adamw({ lr: 1e-3, b1: 0.9, b2: 0.98, eps: 1e-9, weightDecay: 0.1 });
    const step = jit((p: Params, s: unknown) => {
      const [u, next] = opt.update(grad(loss)(p), s as never, p);
      return { p: optim.applyUpdates(p, u), s: next };
    });
    const one = step(params, opt.init(params)),
      two = step(one.p as Params, one.s);
    await near(one.p, at("adamw_1"), tolerance);
    await near(two.p, at("adamw_2"), tolerance);
    assert.is(step.traces, 1);
  });
}
