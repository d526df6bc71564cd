// Products on tensor cores as PTX on the interpreter, with the race detector, under two schedules: every dtype, every way that operands lie, sizes around tiles. And the mutation check: without any one
// barrier, wait or commit the interpreter says that something is wrong; `stores.test.ts` has that for bulk products.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../runtime/artifact.ts";
import type { Func } from "../../compiler/ir/func.ts";
import type { Aval } from "../../compiler/ir/aval.ts";
import { add, einsum, matmul, relu, transpose } from "../../stdlib/index.ts";
import { inputsOf, program } from "../compiler/lower/harness.ts";
import { compiledFor, distanceOf, productOf } from "./matrix.ts";
import { noticesAll, SCHEDULES, type Schedule } from "./mutation.ts";

const tensor = (...shape: number[]): Aval => ({ dtype: "bf16", shape });
const batched: Func = program((a, b) => einsum("bij,bkj->bik", a, b), tensor(3, 70, 72), tensor(3, 80, 72)),
  fused: Func = program((a, w, c) => relu(add(matmul(a, transpose(w)), c)), tensor(130, 64), tensor(68, 64), tensor(68));
const longBatched: Func = program(
  (a, b, c) => relu(add(einsum("bki,bkj->bij", a, b), c)),
  tensor(2, 4096, 24),
  tensor(2, 4096, 40),
  tensor(40),
);
const allowed = { bf16: 2 ** -8, f16: 2 ** -11, f32: 2e-6 };

for (const dtype of ["bf16", "f16", "f32"] as const)
  test(`products of ${dtype} agree with the reference and race nowhere, however their operands lie`, () => {
    for (const [m, k, n] of [
      [20, 40, 24],
      [33, 17, 35],
    ] as const)
      for (const lhs of [false, true])
        for (const rhs of [false, true])
          for (const schedule of SCHEDULES) {
            const f = productOf(dtype, m, k, n, { lhs, rhs }),
              d = distanceOf(f, compiledFor(f, 80, 1), inputsOf(f), { capability: 80, races: true, schedule });
            assert.ok(d <= allowed[dtype], `${m} ${k} ${n} ${lhs} ${rhs} ${schedule}: ${d}`);
          }
  });
for (const dtype of ["bf16", "f16"] as const)
  test(`products of ${dtype} on cards before tensor cores keep their strips in 16 bits, and race nowhere`, () => {
    for (const [m, k, n, turned] of [
      [20, 40, 24, false],
      [36, 20, 34, true],
      [17, 33, 15, false],
    ] as const) {
      const f = productOf(dtype, m, k, n, { lhs: turned, rhs: turned }),
        a = compiledFor(f, 75, 1),
        d = distanceOf(f, a, inputsOf(f), { capability: 75, races: true });
      assert.match(a.text, /\.v2\.b32/);
      assert.ok(d <= allowed[dtype], `${m} ${k} ${n}: ${d}`);
    }
  });
test("a tile of four subgroups with several stages, dynamic shared memory, and a split sum agree with the reference", () => {
  for (const dtype of ["bf16", "f32"] as const)
    for (const [m, k, n, processors] of [
      [64, 160, 64, 1],
      [126, 64, 124, 1],
      [16, 600, 16, 8],
    ] as const) {
      const f = productOf(dtype, m, k, n),
        a = compiledFor(f, 80, processors),
        d = distanceOf(f, a, inputsOf(f), { capability: 80, races: true });
      assert.ok(d <= allowed[dtype], `${dtype} ${m} ${k} ${n}: ${d}`);
      assert.is(a.kernels.length, processors === 8 ? 2 : 1);
      if (m === 126) assert.ok((a.kernels[0]?.dynamicSharedBytes ?? 0) > 49152);
    }
});

test("bulk copies and products out of shared memory: operands either way, edges, batches, tile after tile, an epilogue", () => {
  const programs: readonly (readonly [string, number, Func])[] = [
    ["rows", 1, productOf("bf16", 64, 136, 64, { rhs: true })],
    ["columns", 1, productOf("f16", 130, 200, 72)],
    ["both turned", 1, productOf("bf16", 64, 72, 136, { lhs: true, rhs: true })],
    ["tile after tile", 2, productOf("bf16", 300, 320, 160, { rhs: true })],
    ["a batch", 2, batched],
    ["an epilogue", 1, fused],
  ];
  for (const [what, processors, f] of programs)
    for (const schedule of SCHEDULES) {
      const a = compiledFor(f, 90, processors),
        [kernel] = a.kernels;
      assert.ok((kernel?.tensors?.length ?? 0) >= 2, `${what}: no bulk copies`);
      assert.ok((kernel?.groups ?? 0) <= processors);
      assert.match(a.text, /^\.target sm_90a$/m);
      const d = distanceOf(f, a, inputsOf(f), { capability: 90, races: true, schedule });
      assert.ok(d <= allowed.bf16, `${what} ${schedule}: ${d}`);
    }
  assert.is(
    compiledFor(productOf("bf16", 130, 201, 72), 90, 1).kernels[0]?.tensors,
    undefined,
    "strides of 402 bytes are none for bulk copies",
  );
});

test("bulk products whose sums are split among groups: parts of several strips, ragged, batched, with an epilogue on the sum", () => {
  const programs: readonly (readonly [string, number, Func])[] = [
    ["one tile", 4, productOf("bf16", 64, 4096, 64)],
    ["parts that are not alike, an edge", 8, productOf("f16", 72, 4168, 56, { lhs: true, rhs: true })],
    ["a batch and an epilogue", 8, longBatched],
  ];
  for (const [what, processors, f] of programs)
    for (const schedule of SCHEDULES) {
      const a = compiledFor(f, 90, processors);
      assert.equal(
        a.kernels.map(k => k.tensors?.length ?? 0),
        [2, 0],
        what,
      );
      assert.ok((a.kernels[0]?.groups ?? 0) > 1, what);
      const d = distanceOf(f, a, inputsOf(f), { capability: 90, races: true, schedule });
      assert.ok(d <= allowed.bf16, `${what} ${schedule}: ${d}`);
    }
});

test("deleting any one barrier, wait or commit from a product's kernel is noticed", () => {
  let all = 0;
  for (const [what, f] of [
    ["bf16, copied", productOf("bf16", 64, 224, 64)],
    ["f32 across the contracted index", productOf("f32", 64, 112, 64, { lhs: true })],
    ["bf16, one operand through registers", productOf("bf16", 64, 161, 64)],
    ["f16, both through registers", productOf("f16", 63, 161, 64, { lhs: true, rhs: true })],
  ] as const) {
    const args = inputsOf(f),
      right = (a: PtxArtifact, schedule: Schedule): boolean =>
        distanceOf(f, a, args, { capability: 80, races: true, schedule, limit: 4_000_000 }) <= 0.01;
    all += noticesAll(what, compiledFor(f, 80, 1), right);
  }
  console.log(`${all} of ${all} deletions were noticed`);
});

test.run();
