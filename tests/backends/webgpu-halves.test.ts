// Products of f16 and bf16 on a driver that has f16 (lavapipe), cut as for a card: strips in 16 bits in shared memory. Sums of small integers are exact, so every bit of the result is known; halves below
// the smallest normal one, and infinities, arrive as they are.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { fromStorage, toStorage } from "../../compiler/host.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { evaluate, hostTensor, type HostTensor } from "../../compiler/reference/evaluate.ts";
import { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { matmul, transpose } from "../../stdlib/index.ts";
import { program } from "../compiler/lower/harness.ts";
import { lavapipe, useVulkan } from "../support/drivers.ts";
import { withDrivers } from "../support/skip.ts";

const of = (dtype: "f16" | "bf16", ...shape: number[]): Func["params"][number]["aval"] => ({ dtype, shape });
/** The only result of a program on `gpu`. */
async function resultOf(gpu: WebGpuDevice, f: Func, args: readonly HostTensor[]): Promise<Float64Array> {
  const artifact = compile(f, gpu.target),
    exe = gpu.load(artifact),
    code = artifact.kind === "wgsl" ? (artifact.kernels[0]?.code ?? "") : "";
  assert.match(code, /var<workgroup> shared0: array<(vec\d<f16>|vec2<u32>|u32),/, "strips are packed");
  const [out] = exe.run(
    args.map(x => gpu.upload(x.dtype, toStorage(x.dtype, x.data))),
    args.map(() => true),
  );
  if (!out) throw new Error("there is a result");
  return Float64Array.from(fromStorage(out.dtype, await out.read()));
}

withDrivers([lavapipe(25)])("products of 16-bit floats out of packed strips are right to the bit", async driver => {
  useVulkan(driver);
  const gpu = await WebGpuDevice.open({ software: false });
  assert.ok(gpu.features.f16, "the driver has f16");
  await gpu.selfTest();
  const programs: readonly (readonly [string, Func])[] = [
    ["f16 in fours", program((a, b) => matmul(a, b), of("f16", 36, 40), of("f16", 40, 32))],
    ["f16 odd, turned", program((a, b) => matmul(transpose(a), transpose(b)), of("f16", 35, 17), of("f16", 21, 35))],
    ["bf16", program((a, b) => matmul(a, b), of("bf16", 16, 20), of("bf16", 20, 16))],
  ];
  for (const [what, f] of programs) {
    const args = f.params.map(({ aval }, p) =>
        hostTensor(
          aval.dtype,
          aval.shape,
          Array.from({ length: aval.shape.reduce((x, y) => x * y, 1) }, (_, i) => ((i * 7 + p * 3 + (i >> 4)) % 5) - 2),
        ),
      ),
      want = evaluate(f, args)[0]?.data ?? [];
    assert.equal(await resultOf(gpu, f, args), Float64Array.from(want), what);
  }
  // rows of one number that is hard to carry, times one 1 in each column
  const [, [, turned]] = programs as [unknown, [string, Func]],
    hard = [2 ** -24, 3 * 2 ** -24, 2 ** -14 - 2 ** -24, -(2 ** -24), 2 ** -14, 65504, Infinity],
    a = hostTensor(
      "f16",
      [35, 17],
      Array.from({ length: 35 * 17 }, (_, i) => (i < 17 ? (hard[i % hard.length] ?? 0) : 0)),
    ),
    b = hostTensor(
      "f16",
      [21, 35],
      Array.from({ length: 21 * 35 }, (_, i) => (i % 35 === 0 ? 1 : 0)),
    ),
    got = await resultOf(gpu, turned, [a, b]);
  got.forEach((x, at) => {
    const value = hard[Math.floor(at / 21) % hard.length];
    assert.is(x, value, `${value} became ${x}`);
  });
  gpu.destroy();
});

test.run();
