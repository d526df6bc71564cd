// Kernels for adapters that compute on a CPU, where a subgroup is a vector of 8 (lavapipe): products, rows and attention, with their gradients, have the CPU's numbers. The suites run
// such kernels over SwiftShader, and those for cards over lavapipe.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { fromHost, grad, jit, matmul, mul, setDefaultDevice, softmax, sum, wasm, type Tensor } from "../../stdlib/index.ts";
import { dotProductAttention } from "../../stdlib/nn/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { numbers } from "../compiler/transforms/numeric.ts";
import { lavapipe, useVulkan } from "../support/drivers.ts";
import { withDrivers } from "../support/skip.ts";

type Named = { readonly [name: string]: Tensor };
const x = (p: Named, name: string): Tensor => p[name] as Tensor; // named below
const weighted = (y: Tensor): Tensor => sum(mul(y, y));
/** A loss over tensors of these shapes. */
const losses: readonly (readonly [string, (p: Named) => Tensor, Readonly<Record<string, readonly number[]>>])[] = [
  ["a product at odd sizes", p => weighted(matmul(x(p, "a"), x(p, "b"))), { a: [37, 19], b: [19, 70] }],
  ["a product of few rows", p => weighted(matmul(x(p, "a"), x(p, "b"))), { a: [2, 300], b: [300, 65] }],
  ["softmax", p => weighted(softmax(x(p, "a"))), { a: [5, 300] }],
  [
    "causal attention",
    p => weighted(dotProductAttention(x(p, "q"), x(p, "k"), x(p, "v"), { causal: true })),
    { q: [2, 19, 3, 20], k: [2, 19, 3, 20], v: [2, 19, 3, 20] },
  ],
];

withDrivers([lavapipe(25)])("products, rows and attention for vectors of 8 have the CPU's gradients", async driver => {
  useVulkan(driver);
  const gpu = await WebGpuDevice.open();
  assert.ok(gpu.features.software, "the adapter says that it computes on the CPU");
  for (const [name, loss, shapes] of losses) {
    const gradients: number[][][] = [];
    for (const device of [wasm({ threads: 1 }), gpu]) {
      setDefaultDevice(device);
      const inputs = Object.fromEntries(
        Object.entries(shapes).map(([key, shape], i) => [
          key,
          fromHost(
            "f32",
            shape,
            Float32Array.from(
              numbers(
                shape.reduce((a, b) => a * b, 1),
                i + 1,
                -1,
                1,
              ),
            ),
          ),
        ]),
      );
      const out: number[][] = [];
      for (const g of tree.leaves(jit(grad(loss))(inputs))) out.push(Array.from(await (g as Tensor).data())); // a tree of tensors
      gradients.push(out);
    }
    const [want = [], got = []] = gradients;
    want.forEach((w, k) => {
      const scale = 3e-5 * Math.max(1, ...w.map(Math.abs)),
        at = w.findIndex((y, i) => !(Math.abs((got[k]?.[i] ?? NaN) - y) <= scale));
      assert.is(at, -1, `${name}: gradient ${k}[${at}] is ${got[k]?.[at]}, on the CPU ${w[at]}`);
    });
  }
});

test.run();
