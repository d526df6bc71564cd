// Attention cut for GPUs, at sizes around strips and groups and at heads that one thread, several, or no whole number of vectors hold: every thread runs, races and accesses out of bounds are
// errors, and results are the reference's. Counts of kernels and of memory are part of the contract.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../../runtime/dtype.ts";
import { aval, sizeOf, type Aval } from "../../../compiler/ir/aval.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import type { Schedule } from "../../../compiler/ir/schedule.ts";
import type { TiledKernel } from "../../../compiler/ir/tiled.ts";
import { gpuTemplates, templateOf } from "../../../compiler/lower/attention.ts";
import { lowerFunc } from "../../../compiler/lower/lower.ts";
import type { TileTarget } from "../../../compiler/lower/tile/target.ts";
import { tile } from "../../../compiler/lower/tile/tile.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../compiler/reference/schedule.ts";
import { dotProductAttention } from "../../../stdlib/nn/index.ts";
import { grad, mul, sum, type Tensor } from "../../../stdlib/index.ts";
import { numbers } from "../transforms/numeric.ts";
import { f32, program } from "./harness.ts";

const alone: TileTarget = { threads: 64, group: 16, subgroup: 1, sharedBytes: 6144, double: false }, // no shuffles, little shared memory
  card: TileTarget = { threads: 1024, group: 128, subgroup: 32, sharedBytes: 49152, double: true },
  cpu: TileTarget = { threads: 1024, group: 64, subgroup: 8, sharedBytes: 16384, double: false, software: true },
  narrow: TileTarget = { ...cpu, threads: 256, subgroup: 4 };
function tiled(f: Func, target: TileTarget): Schedule<TiledKernel> {
  const templates = gpuTemplates(target);
  return tile(
    lowerFunc(
      optimize(f, e => templateOf(e, templates) !== undefined),
      { donate: [], products: "fused", templates },
    ),
    target,
  );
}
/** Names of the kernels launched. */
const launched = (p: Schedule<TiledKernel>): string[] => p.steps.flatMap(s => (s.kind === "launch" ? [s.kernel.name] : []));
function agrees(f: Func, args: readonly HostTensor[], target: TileTarget, what: string, tolerance: number): void {
  const want = evaluate(f, args),
    got = runSchedule(
      tiled(f, target),
      args.map(x => ({ ...x, data: x.data.slice() })),
    );
  want.forEach((w, k) => {
    const scale = tolerance * Math.max(1, ...Array.from(w.data, Math.abs)),
      at = w.data.findIndex((y, i) => !(Math.abs((got[k]?.[i] ?? NaN) - y) <= scale));
    if (at >= 0) assert.unreachable(`${what}: result ${k}[${at}] is ${got[k]?.[at]}, the reference ${w.data[at]}`);
  });
}
/** Attention, and the gradient of its sum with weights, over q, k, v and the weights. */
const both = (causal: boolean, [q, k]: readonly [Aval, Aval]): Func =>
  program(
    (a, b, c, w) => {
      const of = (p: { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor }): Tensor =>
        dotProductAttention(p.q, p.k, p.v, { causal });
      const g = grad((p: { q: Tensor; k: Tensor; v: Tensor }) => sum(mul(of(p), w)))({ q: a as Tensor, k: b as Tensor, v: c as Tensor });
      return [of({ q: a as Tensor, k: b as Tensor, v: c as Tensor }), g.q, g.k, g.v];
    },
    q,
    k,
    k,
    q,
  );
const values = (avals: readonly Aval[], range: number): HostTensor[] =>
  avals.map((a, i) => hostTensor(a.dtype, a.shape, numbers(sizeOf(a.shape), 3 + 31 * i, -range, range)));

type Sizes = readonly [b: number, t: number, s: number, h: number, d: number];
const small: readonly Sizes[] = [
    [1, 1, 1, 1, 1],
    [2, 1, 9, 2, 3],
    [1, 17, 40, 1, 5],
    [1, 33, 33, 2, 12],
    [1, 70, 70, 1, 8],
  ],
  large: readonly Sizes[] = [
    [1, 9, 37, 1, 64],
    [1, 20, 20, 1, 72],
    [1, 6, 8, 2, 130],
    [1, 3, 5, 1, 256],
  ];
const heads = ([b, t, s, h, d]: Sizes, dtype: DType = "f32"): readonly [Aval, Aval] => [
  aval(dtype, [b, t, h, d]),
  aval(dtype, [b, s, h, d]),
];
for (const causal of [false, true])
  test(`attention and its gradients${causal ? ", causal," : ""} agree with the reference, threads to a row from one to many`, () => {
    for (const [target, sizes] of [
      [alone, small],
      [card, [...small, ...large]],
      [cpu, [...small, ...large]],
      [narrow, [...small.slice(1, 4), ...large.slice(0, 1), ...large.slice(2, 3)]],
    ] as const)
      for (const size of sizes) {
        const f = both(causal, heads(size));
        agrees(
          f,
          values(
            f.params.map(v => v.aval),
            2,
          ),
          target,
          `${size} on ${target.subgroup}`,
          2e-5,
        );
      }
  });
test("logits of thousands are an exact softmax, and narrow floats are computed in f32", () => {
  const f = program((q, k, v) => dotProductAttention(q, k, v, { causal: true }), ...heads([1, 9, 12, 1, 16]), heads([1, 9, 12, 1, 16])[1]);
  agrees(
    f,
    values(
      f.params.map(v => v.aval),
      60,
    ),
    card,
    "large",
    1e-4,
  );
  agrees(
    f,
    values(
      f.params.map(v => v.aval),
      60,
    ),
    cpu,
    "large, on a CPU",
    1e-4,
  );
  for (const dtype of ["f16", "bf16"] as const) {
    const g = both(true, heads([1, 20, 20, 1, 8], dtype));
    agrees(
      g,
      values(
        g.params.map(v => v.aval),
        1,
      ),
      card,
      dtype,
      dtype === "f16" ? 4e-3 : 3e-2,
    );
  }
});
test("attention is one kernel, its gradient at most three more with the sums of rows, and nothing has an element a pair", () => {
  const t = 256,
    h = 4,
    forward = tiled(
      program((q, k, v) => dotProductAttention(q, k, v, { causal: true }), f32(1, t, h, 16), f32(1, t, h, 16), f32(1, t, h, 16)),
      card,
    );
  assert.is(launched(forward).length, 1, launched(forward).join(" "));
  const gradient = tiled(both(true, [f32(1, t, h, 16), f32(1, t, h, 16)]), card);
  assert.ok(launched(gradient).length <= 4, launched(gradient).join(" "));
  for (const p of [forward, gradient])
    assert.ok(p.arenaBytes < h * t * t && p.slots.every(s => s.elements < h * t * t), `${p.arenaBytes} bytes of arena`);
});
test("masks, biases, causal queries that outnumber the keys, and values of another size are the composed formula", () => {
  const q = f32(1, 6, 2, 4),
    k = f32(1, 4, 2, 4);
  for (const f of [
    program((a, b) => dotProductAttention(a, b, b, { bias: sum(a) }), q, k),
    program((a, b) => dotProductAttention(a, b, b, { causal: true }), q, k),
    program((a, b, c) => dotProductAttention(a, b, c), q, k, f32(1, 4, 2, 3)),
  ]) {
    assert.not.ok(launched(tiled(f, card)).some(n => n.startsWith("attention")));
    agrees(
      f,
      values(
        f.params.map(v => v.aval),
        2,
      ),
      card,
      "composed",
      2e-5,
    );
  }
});

test.run();
