// What shares a kernel. Counts are part of the contract: a change that needs more kernels should say so here.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  argmax,
  astype,
  div,
  exp,
  grad,
  log,
  matmul,
  max,
  mean,
  mul,
  reshape,
  sigmoid,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  transpose,
  cond,
  less,
  scan,
  type Tensor,
} from "../../../stdlib/index.ts";
import { layerNorm, softmaxCrossEntropy } from "../../../stdlib/nn/index.ts";
import { agrees, f32, f64, inputsOf, kernels, lowered, program } from "./harness.ts";
import { hostTensor } from "../../../compiler/reference/evaluate.ts";
import type { Func } from "../../../compiler/ir/func.ts";

/** The program agrees with the reference and launches `want`. */
function launches(f: Func, want: number, args = inputsOf(f)): void {
  agrees(f, args);
  const got = kernels(lowered(f).steps);
  assert.is(got.length, want, got.join(" "));
}

test("an element-wise chain is one kernel, however long", () => {
  launches(
    program(x => tanh(add(mul(x, 2), sigmoid(exp(x)))), f32(5, 7)),
    1,
  );
});
test("softmax is one kernel", () => {
  for (const a of [f32(5, 40), f64(3, 4, 33), f32(2, 3, 17)])
    launches(
      program(x => softmax(x), a),
      1,
    );
});
test("a softmax of one long row still stores its row in memory", () =>
  launches(
    program(x => softmax(x), f32(1, 20000)),
    1,
  ));
test("softmax and its gradient are one kernel", () => {
  launches(
    program((x, t) => grad((y: Tensor) => sum(mul(softmax(y), t)))(x), f32(5, 40), f32(5, 40)),
    1,
  );
});
test("layer norm is one kernel, its gradient another, and the two sums over rows share a third", () => {
  const norm = (x: Tensor, scale: Tensor, bias: Tensor): Tensor => layerNorm(x, { scale, bias });
  launches(program(norm, f32(9, 48), f32(48), f32(48)), 1);
  const back = program(
    (x, scale, bias, t) => {
      const g = grad((p: { x: Tensor; scale: Tensor; bias: Tensor }) => sum(mul(norm(p.x, p.scale, p.bias), t)))({ x, scale, bias });
      return [g.x, g.scale, g.bias];
    },
    f32(9, 48),
    f32(48),
    f32(48),
    f32(9, 48),
  );
  launches(back, 2); // forward and backward follow the same rows
});
test("cross-entropy of rows is one kernel and the mean over rows another", () => {
  const f = program((z, labels) => softmaxCrossEntropy(z, labels), f32(6, 33), { dtype: "i32", shape: [6] });
  launches(f, 2);
});
test("AdamW over one leaf is one kernel with three results", () => {
  const f = program(
    (p, g, m, v) => {
      const m1 = add(mul(m, 0.9), mul(g, 0.1)),
        v1 = add(mul(v, 0.99), mul(square(g), 0.01));
      return [sub(p, mul(add(div(m1, add(sqrt(v1), 1e-8)), mul(p, 0.01)), 0.001)), m1, v1];
    },
    f32(30, 20),
    f32(30, 20),
    f32(30, 20),
    f32(30, 20),
  );
  launches(
    f,
    1,
    inputsOf(f).map((x, i) => (i === 3 ? hostTensor("f32", x.shape, x.data.map(Math.abs)) : x)),
  );
});
test("variance in two passes over the same rows is one kernel with both results", () => {
  launches(
    program(
      x => {
        const m = mean(x, { axis: 1 }),
          c = sub(x, reshape(m, [-1, 1]));
        return [m, mean(square(c), { axis: 1 })];
      },
      f32(20, 64),
    ),
    1,
  );
});
test("a fold that reads another row's results gets a kernel of its own", () => {
  launches(
    program(
      x => {
        const y = softmax(x);
        return softmax(transpose(y));
      },
      f32(32, 32),
    ),
    2,
  );
});
test("rows are not joined with a product between them", () => {
  launches(
    program((x, w) => softmax(matmul(softmax(x), w)), f32(9, 16), f32(16, 24)),
    3,
  );
});
test("rows of f16 are rounded after every operation, as one at a time", () => {
  for (const dtype of ["f16", "bf16"] as const)
    launches(
      program(x => softmax(x), { dtype, shape: [4, 40] }),
      1,
    );
});
test("short rows and zero-size rows agree with the reference", () => {
  for (const shape of [
    [50, 3],
    [0, 16],
    [16, 0],
    [1, 1],
    [4, 1],
  ])
    agrees(
      program(
        x =>
          [sum(exp(x), { axis: 1 }), x.size > 0 ? softmax(x) : x, max(add(x, 1), { axis: 0, keepdims: true })].slice(0, x.size > 0 ? 3 : 2),
        f32(...shape),
      ),
    );
});
test("a long vector is folded in fixed pieces, then the pieces", () =>
  launches(
    program(x => sum(log(add(square(x), 1))), f32(100000)),
    2,
  ));
test("folds over leading axes share a pass, a tall one in fixed pieces", () => {
  launches(
    program(x => [sum(x, { axis: 0 }), max(mul(x, x), { axis: 0 }), mean(exp(x), { axis: 0 })], f32(30, 20)),
    2,
  ); // and the division by the count
  launches(
    program(x => [sum(x, { axis: 0 }), max(x, { axis: 0 })], f64(2501, 70)),
    2,
  );
  launches(
    program(x => sum(x, { axis: [0, 1] }), f64(50, 61, 9)),
    1,
  );
  launches(
    program(x => sum(x, { axis: 1 }), f32(3, 41, 300)),
    1,
  );
  launches(
    program(x => sum(x, { axis: 0 }), { dtype: "f16", shape: [37, 21] }),
    1,
  ); // rounded as it is stored
  launches(
    program(x => argmax(x, { axis: 0 }), f32(9, 33)),
    1,
  );
  agrees(program(x => sum(sub(x, sum(x, { axis: 0, keepdims: true })), { axis: 0 }), f32(9, 33)));
});
test("rows inside loops and branches are kernels there", () => {
  agrees(
    program(
      (x, c) => scan((h: Tensor, r: Tensor) => [add(softmax(h), mul(r, 0.1)), softmax(r)] as const, c, x)[1] as Tensor,
      f32(5, 4, 32),
      f32(4, 32),
    ),
  ); // the loop returns a tensor
  agrees(
    program(
      x =>
        cond(
          less(sum(x), 0),
          (t: Tensor) => softmax(t),
          (t: Tensor) => layerNorm(t),
          x,
        ) as Tensor,
      f32(4, 32),
    ),
  ); // both branches return a tensor
});

test("a sum of columns that is rounded at once is stored rounded; one that others read is not", () => {
  launches(
    program(x => astype(sum(x, { axis: 0 }), "bf16"), f32(30, 20)),
    1,
  );
  launches(
    program(
      x => {
        const y = sum(x, { axis: 0 });
        return [astype(y, "bf16"), mul(y, 2)];
      },
      f32(30, 20),
    ),
    2,
  );
  launches(
    program(x => astype(sum(x, { axis: 0 }), "f32"), f64(30, 20)),
    2,
  ); // f32 is computed in f32: the sum must not be
});

test.run();
