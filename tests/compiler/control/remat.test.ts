// remat keeps values and derivatives, and changes only what is saved.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { scan } from "../../../compiler/control/loops.ts";
import { checkpoint, remat, type RematPolicy } from "../../../compiler/control/remat.ts";
import { add, mul } from "../../../compiler/primitives/arithmetic.ts";
import { reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { dotGeneral } from "../../../compiler/primitives/dot.ts";
import { exp } from "../../../compiler/primitives/exponential.ts";
import { mark } from "../../../compiler/primitives/identity.ts";
import { sin, tanh } from "../../../compiler/primitives/trigonometric.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { inline } from "../../../compiler/trace/trace.ts";
import { gradFunc, linearizeFunc } from "../../../compiler/transforms/linearize.ts";
import { batchFunc } from "../../../compiler/transforms/vmap.ts";
import { centralGrad, distance, f64, func, randomArgs, run } from "../transforms/numeric.ts";

const total = (x: Tensor): Tensor => reduceSum(x, { axes: x.shape.map((_, i) => i) });
const matvec = (m: Tensor, x: Tensor): Tensor => dotGeneral(m, x, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] });
const block = (w: Tensor, x: Tensor): Tensor => mul(mark("act", tanh(matvec(w, sin(x)))), exp(x));
const avals = [f64(3, 3), f64(3)];
const args = randomArgs(avals);
const saved = (policy: RematPolicy | "plain"): number => {
  const f = policy === "plain" ? block : remat(block, { policy });
  return (
    linearizeFunc(
      func((w, x) => total(f(w, x)), ...avals),
      [true, true],
    ).primal.results.length - 1
  );
};

for (const policy of ["nothing", "everything", "dots", { names: ["act"] }] as const) {
  test(`values, gradients and second derivatives are those of the plain function (${JSON.stringify(policy)})`, () => {
    const plain = func((w, x) => total(block(w, x)), ...avals);
    const f = func((w, x) => total(remat(block, { policy })(w, x)), ...avals);
    const second = (g: typeof f) => {
      const d = gradFunc(g, [true, true]);
      return gradFunc(
        func(
          (w, x) => {
            const [, dw, dx] = inline(d, [w, x]);
            return dw && dx ? add(total(mul(dw, dw)), total(mul(dx, dx))) : total(x);
          },
          ...avals,
        ),
        [true, true],
      );
    };
    for (const of of [(g: typeof f) => g, (g: typeof f) => gradFunc(g, [true, true]), second]) {
      const want = run(of(plain), args),
        got = run(of(f), args);
      want.forEach((r, i) => assert.ok(distance(r, got[i] ?? []) < 1e-12));
    }
    const wide = randomArgs([f64(3, 3), f64(2, 3)], 7);
    const b = (g: typeof f) => run(batchFunc(gradFunc(g, [true, true]), [false, true], { size: 2, name: undefined }).func, wide);
    b(plain).forEach((r, i) => assert.ok(distance(r, b(f)[i] ?? []) < 1e-12));
  });
}

test("the policy decides what is saved", () => {
  assert.is(saved("nothing"), 2); // the inputs
  assert.is(saved("dots"), 3); // and the product
  assert.is(saved({ names: ["act"] }), 3); // and the marked activation
  assert.ok(saved("plain") > 3);
});

test("the recomputation stays behind a barrier in the backward pass", () => {
  const g = gradFunc(
    func((w, x) => total(remat(block)(w, x)), ...avals),
    [true, true],
  );
  const calls = g.eqns.filter(e => e.prim.lower.kind === "control");
  assert.is(calls.length, 2);
  assert.ok(calls.every(e => e.params.barrier === true));
});

test("remat of a scan body saves only the carries", () => {
  const body =
    (w: Tensor) =>
    (c: Tensor): readonly [Tensor, null] => [block(w, c), null];
  const make = (wrap: boolean) =>
    func(
      (w, c) =>
        total(scan((k: Tensor) => (wrap ? checkpoint(body(w))(k) : body(w)(k)) as readonly [Tensor, null], c, null, { length: 4 })[0]),
      ...avals,
    );
  const l = linearizeFunc(make(true), [true, true]);
  assert.equal(
    l.primal.results
      .slice(1)
      .map(r => r.aval.shape)
      .sort((a, b) => a.length - b.length),
    [
      [3, 3],
      [4, 3],
    ],
  );
  const g = run(gradFunc(make(true), [true, true]), args);
  run(gradFunc(make(false), [true, true]), args).forEach((r, i) => assert.ok(distance(r, g[i] ?? []) < 1e-12));
  assert.ok(distance(g[2] ?? [], centralGrad(make(true), args, 1)) < 1e-7);
});

test.run();
