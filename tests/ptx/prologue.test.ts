// Computed operands of products on tensor cores as PTX on the interpreter, with the race detector, under two schedules: made in registers between products (mma.sync), or by the subgroups that bring
// operands (wgmma). And every way that operands can lie, in batches at strides, on both. Last the mutation check.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../runtime/artifact.ts";
import type { DType } from "../../runtime/dtype.ts";
import type { Aval } from "../../compiler/ir/aval.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { add, astype, einsum, gelu, greater, matmul, mul, relu, reshape, sum, transpose, where } from "../../stdlib/index.ts";
import { inputsOf, program } from "../compiler/lower/harness.ts";
import { compiledFor, distanceOf } from "./matrix.ts";
import { noticesAll, SCHEDULES, type Schedule } from "./mutation.ts";

const of =
  (dtype: DType) =>
  (...shape: number[]): Aval => ({ dtype, shape });
const bf16 = of("bf16"),
  f16 = of("f16"),
  f32 = of("f32"),
  allowed = 2 ** -8;
/** Agrees with the reference under both schedules, as one launch (`parts`: two). The program. */
function agrees(what: string, f: Func, capability: number, { processors = 1, parts = false } = {}): PtxArtifact {
  const a = compiledFor(f, capability, processors);
  assert.is(a.kernels.length, parts ? 2 : 1, `${what}: ${a.kernels.map(k => k.entry).join(" ")}`);
  for (const schedule of SCHEDULES) {
    const d = distanceOf(f, a, inputsOf(f), { capability, races: true, schedule });
    assert.ok(d <= allowed, `${what} on ${capability}, ${schedule}: ${d}`);
  }
  return a;
}
for (const capability of [80, 90])
  test(`computed operands are part of their product's launch, whatever they are computed from (capability ${capability})`, () => {
    const n = capability === 90 ? 200 : 72; // small products take small tiles, which are not for bulk copies
    for (const [what, f] of [
      ["a cast", program((a, b) => matmul(astype(a, "bf16"), b), f32(72, 192), bf16(192, n))],
      [
        "masks, turned, and a cast",
        program((a, c, b) => matmul(transpose(mul(a, c)), astype(b, "bf16")), bf16(136, 80), bf16(136, 80), f32(136, n)),
      ],
      [
        "a scale of rows and a bias of columns",
        program((a, r, c, b) => matmul(add(mul(a, r), c), b), bf16(64, 128), bf16(64, 1), bf16(128), bf16(128, n)),
      ],
      ["a choice", program((a, b) => matmul(where(greater(a, 0), a, mul(a, 0.5)), b), f16(64, 136), f16(136, n))],
      ["an activation, once", program((a, b) => matmul(gelu(a), b), bf16(64, 64), bf16(64, n))],
    ] as const)
      assert.is(agrees(what, f, capability).text.includes("wgmma.mma_async"), capability === 90, what);
    for (const [what, f] of [
      ["heads apart", program((q, k) => einsum("bthd,bshd->bhts", mul(q, 0.25), k), bf16(2, 40, 2, 64), bf16(2, 48, 2, 64))],
      ["odd strides", program((a, b) => matmul(relu(a), b), bf16(20, 41), bf16(41, 24))],
      ["f32", program((a, b) => matmul(mul(a, 2), b), f32(36, 40), f32(40, 24))],
    ] as const)
      agrees(what, f, capability);
  });
test("a long sum of a computed operand is split among groups", () => {
  const f = program((a, b) => matmul(transpose(relu(a)), b), bf16(4096, 64), bf16(4096, 64));
  agrees("split", f, 90, { processors: 4, parts: true });
});
test("a heavy operand of a wide product is stored once, one that its writer can store is stored there, and a sum is always stored", () => {
  const kernels = (f: Func, processors = 108): number => compiledFor(f, 90, processors).kernels.length;
  assert.is(kernels(program((a, b) => matmul(gelu(a), b), bf16(4096, 1024), bf16(1024, 8192))), 2);
  assert.is(kernels(program((a, b) => matmul(mul(a, 2), b), bf16(4096, 1024), bf16(1024, 8192))), 1);
  assert.is(kernels(program((a, b, c) => matmul(relu(matmul(a, b)), c), bf16(4096, 1024), bf16(1024, 1024), bf16(1024, 1024))), 2);
  assert.is(
    kernels(program((a, b) => matmul(reshape(sum(a, { axis: 0 }), [64, 1024]), b), bf16(8, 64 * 1024), bf16(1024, 8192))),
    2,
    "the sum, rounded as it is stored, and the product",
  );
});
for (const capability of [80, 90])
  test(`operands lie either way, in batches at strides, at sizes off every tile (capability ${capability})`, () => {
    for (const [m, k, n] of [
      [40, 72, 24],
      [33, 17, 35],
    ] as const)
      for (const lhs of ["bik", "bki", "ibk"])
        for (const rhs of ["bkj", "bjk", "kbj"]) {
          const sizes = (s: string): number[] => [...s].map(c => (c === "b" ? 2 : c === "i" ? m : c === "k" ? k : n));
          agrees(
            `${lhs} ${rhs} ${m}`,
            program((a, b) => einsum(`${lhs},${rhs}->bij`, a, b), bf16(...sizes(lhs)), bf16(...sizes(rhs))),
            capability,
          );
        }
  });
test("several results of an epilogue are one launch; sums of rows follow in one more", () => {
  const f = program(
    (a, b, c) => {
      const y = add(matmul(mul(a, 2), b), c);
      return [y, relu(y), sum(y, { axis: -1 })];
    },
    bf16(72, 128),
    bf16(128, 64),
    bf16(64),
  );
  for (const capability of [80, 90]) assert.is(compiledFor(f, capability, 1).kernels.length, 2);
});

test("deleting any one barrier, wait, arrival, fence or signal from a product that computes operands is noticed", () => {
  let all = 0;
  for (const [what, capability, f] of [
    ["pieces through registers", 80, program((a, b) => matmul(astype(a, "bf16"), b), f32(64, 160), bf16(160, 64))],
    ["computed and copied, in bulk", 90, program((a, b) => matmul(astype(a, "bf16"), b), f32(320, 384), bf16(384, 128))],
    ["both computed, in bulk", 90, program((a, b) => matmul(transpose(mul(a, 2)), mul(b, 2)), bf16(384, 320), bf16(384, 64))],
  ] as const) {
    const args = inputsOf(f),
      right = (a: PtxArtifact, schedule: Schedule): boolean =>
        distanceOf(f, a, args, { capability, races: true, schedule, limit: 4_000_000 }) <= 0.01;
    all += noticesAll(what, compiledFor(f, capability, 1), right);
  }
  console.log(`${all} of ${all} deletions were noticed`);
});

test.run();
