// Products: layouts of operands and results, and what is computed on the sums. Run without an emitter, for backends that store plain rows and for those
// that take epilogues.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  einsum,
  exp,
  gelu,
  grad,
  matmul,
  mul,
  relu,
  reshape,
  sin,
  softmax,
  sum,
  tanh,
  transpose,
  type Tensor,
} from "../../../stdlib/index.ts";
import { conv, type ConvParams } from "../../../compiler/primitives/conv.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import type { GemmKernel } from "../../../compiler/ir/kernel.ts";
import type { Schedule } from "../../../compiler/ir/schedule.ts";
import type { Products } from "../../../compiler/lower/contract.ts";
import { lowerFunc } from "../../../compiler/lower/lower.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { agrees, f32, f64, inputsOf, kernels, program } from "./harness.ts";

const lowered = (f: Func, products: Products): Schedule => lowerFunc(optimize(f), { donate: [], products });
/** The program agrees with the reference either way, and launches these kernels. */
function launches(f: Func, plain: number, fused: number): void {
  for (const [products, want] of [
    ["plain", plain],
    ["fused", fused],
  ] as const) {
    const s = lowered(f, products);
    agrees(f, inputsOf(f), products, s);
    assert.is(kernels(s.steps).length, want, `${products}: ${kernels(s.steps).join(" ")}`);
  }
}
const gemms = (s: Schedule): GemmKernel[] => s.steps.flatMap(x => (x.kind === "launch" && x.kernel.kind === "gemm" ? [x.kernel] : []));

test("transposed and batched operands are read in place", () => {
  launches(
    program((a, b) => matmul(transpose(a), transpose(b)), f32(5, 7), f32(9, 5)),
    1,
    1,
  );
  launches(
    program((a, b) => einsum("bthd,bshd->bhts", a, b), f32(2, 5, 3, 4), f32(2, 6, 3, 4)),
    1,
    1,
  );
});
test("windows of a convolution are gathered while they are packed, in all three of its products: only padded inputs are stored", () => {
  const p: ConvParams = {
      stride: [1, 1],
      pad: [
        [1, 1],
        [1, 1],
      ],
      dilation: [1, 1],
      base: [1, 1],
      groups: 1,
    },
    [n, c, o, side] = [2, 4, 8, 8],
    padded = 4 * n * (side + 2) ** 2;
  const forward = program((x, w) => conv(x, w, p), f32(n, c, side, side), f32(o, c, 3, 3)),
    gradient = program(
      (x, w) => {
        const g = grad((q: { x: Tensor; w: Tensor }) => sum(sin(conv(q.x, q.w, p))))({ x, w });
        return [g.x, g.w];
      },
      f32(n, c, side, side),
      f32(o, c, 3, 3),
    );
  for (const [f, products, memory] of [
    [forward, 1, padded * c],
    [gradient, 3, padded * (c + 2 * o)],
  ] as const) {
    const s = lowered(f, "plain");
    agrees(f, inputsOf(f), "plain", s);
    assert.is(gemms(s).length, products);
    assert.ok(s.arenaBytes <= memory + 1024, `an arena of ${s.arenaBytes} bytes; windows would take ${4 * n * c * 9 * side ** 2}`);
  }
});
test("images are a batch of products where that leaves rows long enough, so that results are stored in their order", () => {
  const p: ConvParams = { stride: [1], pad: [[0, 0]], dilation: [1], base: [1], groups: 1 };
  const batchOf = (side: number): number | undefined => {
    const f = program((x, w) => conv(x, w, p), f32(5, 3, side), f32(7, 3, 3)),
      s = lowered(f, "plain");
    agrees(f, inputsOf(f), "plain", s);
    return gemms(s)[0]?.batch;
  };
  assert.is(batchOf(34), 5);
  assert.is(batchOf(6), 1);
});
test("a transposed result is the transposed product, not a copy", () => {
  launches(
    program((a, b) => transpose(matmul(a, b)), f32(5, 7), f32(7, 9)),
    1,
    1,
  );
});
test("heads are merged while they are stored", () => {
  const merge = program((w, v) => reshape(einsum("bhts,bshd->bthd", w, v), [2, 5, 12]), f32(2, 3, 5, 6), f32(2, 6, 3, 4));
  launches(merge, 1, 1);
  assert.is(gemms(lowered(merge, "fused"))[0]?.epilogue.length, 1);
});
test("element-wise work on a product is its epilogue, where the backend takes one", () => {
  launches(
    program((x, w, b) => relu(add(matmul(x, w), b)), f32(6, 5), f32(5, 9), f32(9)),
    2,
    1,
  );
  launches(
    program((x, w, b, r) => add(r, mul(gelu(add(matmul(x, w), b)), 0.5)), f64(6, 5), f64(5, 9), f64(9), f64(6, 9)),
    2,
    1,
  );
  launches(
    program(
      (x, w) => {
        const y = matmul(x, w);
        return [y, tanh(y), exp(y)];
      },
      f32(6, 5),
      f32(5, 9),
    ),
    2,
    1,
  );
});
test("a sum that only the epilogue reads is not stored", () => {
  const f = program((x, w, b) => relu(add(matmul(x, w), b)), f32(6, 5), f32(5, 9), f32(9));
  assert.is(gemms(lowered(f, "fused"))[0]?.epilogue.length, 1);
  const g = program(
    (x, w, b) => {
      const y = matmul(x, w);
      return [relu(add(y, b)), sum(y)];
    },
    f32(6, 5),
    f32(5, 9),
    f32(9),
  );
  agrees(g, inputsOf(g), "both", lowered(g, "fused"));
  assert.is(gemms(lowered(g, "fused"))[0]?.epilogue.length, 2);
});
test("an epilogue follows a transposed result", () =>
  launches(
    program((a, b, c) => tanh(add(transpose(matmul(a, b)), c)), f32(5, 7), f32(7, 9), f32(9, 5)),
    2,
    1,
  ));
test("what reads another element of the product stays outside", () => {
  launches(
    program(
      (x, w) => {
        const y = matmul(x, w);
        return add(y, transpose(y));
      },
      f32(6, 5),
      f32(5, 6),
    ),
    2,
    2,
  );
  launches(
    program((x, w) => softmax(matmul(x, w)), f32(6, 5), f32(5, 9)),
    2,
    2,
  );
});
test("a chain of layers is one product each", () => {
  const f = program((x, ...ws) => ws.reduce<Tensor>((h, w) => relu(matmul(h, w)), x), f32(6, 8), f32(8, 8), f32(8, 8), f32(8, 8));
  launches(f, 6, 3);
});
test("empty products give zeros, epilogue included", () => {
  launches(
    program((a, b, c) => add(matmul(a, b), c), f32(3, 0), f32(0, 4), f32(4)),
    2,
    1,
  );
  const f = program((a, b) => matmul(a, b), f32(0, 3), f32(3, 4));
  agrees(f);
});
test("f16 products round their sums before what follows", () => {
  const a = { dtype: "f16", shape: [4, 5] } as const,
    f = program((x, y) => tanh(matmul(x, y)), a, { dtype: "f16", shape: [5, 3] });
  agrees(f, inputsOf(f), "f16", lowered(f, "fused"));
});

test.run();
