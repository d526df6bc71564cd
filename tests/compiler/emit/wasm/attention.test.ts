// Attention on vectors, at sizes around those of its blocks, panels and strips, whatever the template is worth there: against the reference evaluator, on every engine, in any order of tasks.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../../../runtime/dtype.ts";
import { aval, sizeOf, type Aval } from "../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../compiler/ir/func.ts";
import type { Schedule } from "../../../../compiler/ir/schedule.ts";
import { templateOf, wasmTemplates, type Templates } from "../../../../compiler/lower/attention.ts";
import { lowerFunc } from "../../../../compiler/lower/lower.ts";
import { optimize } from "../../../../compiler/optimize/passes.ts";
import { attention, attentionGrad } from "../../../../compiler/primitives/attention.ts";
import { reverse, transpose } from "../../../../compiler/primitives/shape.ts";
import { broadcastInDim } from "../../../../compiler/primitives/broadcast.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../../compiler/reference/evaluate.ts";
import { traceClosed } from "../../../../compiler/trace/trace.ts";
import type { Tensor } from "../../../../compiler/trace/tensor.ts";
import { numbers } from "../../transforms/numeric.ts";
import { kernels } from "../../lower/harness.ts";
import { ENGINES, run, type Data } from "./kernel_harness.ts";

const always: Templates = { ...wasmTemplates, queries: 1, pairs: 1 };
const lowered = (f: Func): Schedule =>
  lowerFunc(
    optimize(f, e => templateOf(e, always) !== undefined),
    { donate: [], templates: always },
  );
/** The program on every engine, whole and in pieces, is what the reference evaluates. */
function agrees(f: Func, args: readonly HostTensor[], what: string, tolerance: number): void {
  const schedule = lowered(f),
    want = evaluate(f, args);
  const buffers: Data[] = [
    ...args.map((x): Data => ({ dtype: x.dtype, values: [...x.data] })),
    ...want.map((x): Data => ({ dtype: x.dtype, values: Array.from({ length: x.data.length }, () => NaN) })),
  ];
  assert.ok(
    kernels(schedule.steps).some(n => n.startsWith("attention")),
    what,
  );
  for (const engine of ENGINES) {
    const got = run(schedule, buffers, engine);
    want.forEach((w, k) => {
      const scale = tolerance * Math.max(1, ...Array.from(w.data, Math.abs)),
        at = w.data.findIndex((y, i) => !(Math.abs((got[args.length + k]?.[i] ?? NaN) - y) <= scale));
      if (at >= 0) assert.unreachable(`${what}: result ${k}[${at}] is ${got[args.length + k]?.[at]}, the reference ${w.data[at]}`);
    });
    for (const piece of [1, 3]) assert.equal(run(schedule, buffers, engine, piece), got, `${what} in pieces of ${piece}`);
  }
}
type Sizes = readonly [b: number, t: number, h: number, s: number, d: number];
const operands = (dtype: DType, [b, t, h, s, d]: Sizes): Aval[] => [
  aval(dtype, [b, t, h, d]),
  aval(dtype, [b, s, h, d]),
  aval(dtype, [b, s, h, d]),
];
const values = (avals: readonly Aval[], low = -1, high = 1): HostTensor[] =>
  avals.map((a, i) => hostTensor(a.dtype, a.shape, numbers(sizeOf(a.shape), 5 + 31 * i, low, high)));
const rounding = (d: DType): number => (d === "f64" ? 1e-12 : 2e-5);

const sizes: readonly Sizes[] = [
  [1, 1, 1, 1, 1],
  [1, 3, 1, 3, 1],
  [2, 3, 2, 5, 4],
  [1, 5, 1, 9, 7],
  [1, 1, 2, 40, 8],
  [1, 40, 1, 1, 3],
  [2, 33, 2, 35, 16],
  [1, 34, 1, 300, 20],
  [1, 37, 1, 600, 5],
  [1, 530, 1, 530, 4],
];
for (const causal of [false, true])
  for (const dtype of ["f32", "f64"] as const)
    test(`attention and its gradient, ${causal ? "causal, " : ""}${dtype}, at sizes around blocks of queries and keys`, () => {
      for (const size of sizes) {
        const [b, t, h, s] = size,
          heads = operands(dtype, size),
          rows = aval(dtype, [b, h, t]),
          p = { causal, scale: 0.4 };
        if (causal && t > s) continue; // refused: some query would see no key
        const what = `${size} ${dtype}`;
        agrees(
          traceClosed((q, k, v) => attention.all(q as Tensor, k as Tensor, v as Tensor, p), heads),
          values(heads),
          what,
          rounding(dtype),
        );
        const all = [...heads, heads[0] as Aval, rows, rows]; // three heads
        const args = [...values(all.slice(0, 4)), ...values([rows], 1, 2), ...values([rows])];
        agrees(
          traceClosed((...xs) => attentionGrad.all(...xs, p), all),
          args,
          `gradient ${what}`,
          rounding(dtype),
        );
      }
    });
test("operands are read through permutations and broadcasts, and copied where their elements do not lie side by side", () => {
  const p = { causal: true, scale: 0.5 };
  const f = traceClosed(
    (q, k, v) =>
      attention.all(
        transpose(q as Tensor, { perm: [0, 2, 1, 3] }), // heads first
        broadcastInDim(k as Tensor, { shape: [2, 9, 3, 8], dims: [0, 1, 3] }), // one head of keys for all
        transpose(v as Tensor, { perm: [0, 3, 2, 1] }), // elements far apart
        p,
      ),
    [aval("f32", [2, 3, 9, 8]), aval("f32", [2, 9, 8]), aval("f32", [2, 8, 3, 9])],
  );
  agrees(f, values(f.params.map(v => v.aval)), "views", 2e-5);
  const backwards = traceClosed(
    (q, k, v) => attention.all(reverse(q as Tensor, { axes: [1] }), k as Tensor, reverse(v as Tensor, { axes: [3] }), p),
    operands("f32", [1, 9, 2, 9, 4]),
  );
  agrees(backwards, values(backwards.params.map(v => v.aval)), "reversed", 2e-5);
  assert.equal(kernels(lowered(backwards).steps).length, 3); // two copies
});
test("logits of thousands, equal logits and a row of one key are exact softmaxes", () => {
  const heads = operands("f32", [1, 33, 1, 40, 8]);
  const f = traceClosed((q, k, v) => attention.all(q as Tensor, k as Tensor, v as Tensor, { causal: true, scale: 40 }), heads);
  agrees(f, values(heads, -9, 9), "large logits", 1e-4);
  agrees(f, values(heads, 0, 0), "equal logits", 2e-5);
});
test("attention is one kernel, its gradient another, and no memory holds a score a pair", () => {
  const n = 4,
    t = 512,
    d = 16,
    heads = operands("f32", [1, t, n, t, d]),
    rows = aval("f32", [1, n, t]),
    p = { causal: true, scale: 1 };
  const forward = lowered(traceClosed((q, k, v) => attention.all(q as Tensor, k as Tensor, v as Tensor, p), heads)),
    backward = lowered(traceClosed((...xs) => attentionGrad.all(...xs, p), [...heads, heads[0] as Aval, rows, rows])); // three heads
  assert.equal(kernels(forward.steps), ["attention"]);
  assert.equal(kernels(backward.steps), ["attentionGrad"]);
  for (const schedule of [forward, backward])
    assert.ok(
      schedule.slots.every(x => x.elements < n * t * t) && schedule.arenaBytes < n * t * t,
      `${schedule.arenaBytes} bytes of arena`,
    );
});

test.run();
