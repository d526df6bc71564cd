// Results of bulk products that leave as boxes of a tensor (sm_90a), as PTX on the interpreter, with the race detector, under two schedules: panel after panel, edges, batches, what follows the product, and
// results that go another way. And the mutation check.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../runtime/artifact.ts";
import type { DType } from "../../runtime/dtype.ts";
import type { Aval } from "../../compiler/ir/aval.ts";
import type { Func } from "../../compiler/ir/func.ts";
import { add, astype, einsum, matmul, mul, relu, transpose } from "../../stdlib/index.ts";
import { inputsOf, program } from "../compiler/lower/harness.ts";
import { compiledFor, distanceOf, productOf } from "./matrix.ts";
import { noticesAll, SCHEDULES, type Schedule } from "./mutation.ts";

const of =
    (dtype: DType) =>
    (...shape: number[]): Aval => ({ dtype, shape }),
  bf16 = of("bf16"),
  f32 = of("f32"),
  allowed = 2 ** -8;
const STORES = /cp\.async\.bulk\.tensor\.\dd\.global/;
const agrees = (what: string, f: Func, processors: number): PtxArtifact => {
  const a = compiledFor(f, 90, processors);
  assert.match(a.text, /wgmma\.mma_async/, what);
  for (const schedule of SCHEDULES) {
    const d = distanceOf(f, a, inputsOf(f), { capability: 90, races: true, schedule });
    assert.ok(d <= allowed, `${what} ${schedule}: ${d}`);
  }
  return a;
};
test("one result whose neighbours lie side by side leaves as boxes, whatever follows the product and wherever it ends", () => {
  const programs: readonly (readonly [what: string, processors: number, f: Func])[] = [
    ["panel after panel, tile after tile", 1, productOf("bf16", 140, 64, 264)],
    [
      "a residual that ends where tiles do not",
      1,
      program((a, w, c) => relu(add(matmul(a, w), c)), bf16(70, 64), bf16(64, 72), bf16(70, 72)),
    ],
    ["sums as they are", 1, program((a, w) => matmul(astype(a, "bf16"), w), f32(70, 64), bf16(64, 136))],
    ["f32 beside 16-bit operands", 1, program((a, w, c) => add(astype(matmul(a, w), "f32"), c), bf16(70, 64), bf16(64, 136), f32(136))],
    ["batches", 2, program((a, b) => einsum("bij,bkj->bik", a, b), bf16(3, 70, 72), bf16(3, 80, 72))],
  ];
  for (const [what, processors, f] of programs) assert.match(agrees(what, f, processors).text, STORES, what);
});
test("other results are stored by the threads that have them", () => {
  const programs: readonly (readonly [what: string, processors: number, f: Func])[] = [
    ["rows that begin at other multiples than 16 bytes", 1, productOf("bf16", 70, 64, 68, { rhs: true })],
    [
      "two",
      1,
      program(
        (a, b) => {
          const y = matmul(a, b);
          return [y, mul(y, 2)];
        },
        bf16(72, 64),
        bf16(64, 72),
      ),
    ],
    ["parts of sums", 4, productOf("bf16", 64, 4096, 64)],
  ];
  for (const [what, processors, f] of programs) assert.not.match(agrees(what, f, processors).text, STORES, what);
});
test("deleting any one barrier, wait, commit, arrival, fence, meeting or signal is noticed, where tile after tile uses both panels again", () => {
  const f = program((a, b) => astype(matmul(a, transpose(b)), "f32"), bf16(192, 384), bf16(64, 384)),
    args = inputsOf(f),
    a = compiledFor(f, 90, 1),
    right = (x: PtxArtifact, schedule: Schedule): boolean =>
      distanceOf(f, x, args, { capability: 90, races: true, schedule, limit: 4_000_000 }) <= 0.01;
  assert.is((a.text.match(new RegExp(STORES, "g")) ?? []).length, 2);
  const all = noticesAll("two panels", a, right);
  console.log(`${all} of ${all} deletions were noticed`);
});

test.run();
