// Attention cut for matrix units, run thread by thread with races reported: heads of each size, queries and keys around blocks and strips, causal and not, both dtypes, operands that lie apart in memory,
// and what is left to other ways.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../../../runtime/dtype.ts";
import { aval, sizeOf, type Aval } from "../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../compiler/ir/func.ts";
import type { Schedule } from "../../../../compiler/ir/schedule.ts";
import type { TiledKernel } from "../../../../compiler/ir/tiled.ts";
import { forEachStep } from "../../../../compiler/ir/walk.ts";
import { gpuTemplates, templateOf } from "../../../../compiler/lower/attention.ts";
import { lowerFunc } from "../../../../compiler/lower/lower.ts";
import { forEachTiled } from "../../../../compiler/lower/tile/statements.ts";
import type { TileTarget } from "../../../../compiler/lower/tile/target.ts";
import { tile } from "../../../../compiler/lower/tile/tile.ts";
import { optimize } from "../../../../compiler/optimize/passes.ts";
import { attention, attentionGrad } from "../../../../compiler/primitives/attention.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../../compiler/reference/schedule.ts";
import type { Tensor } from "../../../../compiler/trace/tensor.ts";
import { numbers } from "../../transforms/numeric.ts";
import { program } from "../harness.ts";

const card = (processors = 108, sharedBytes = 101376): TileTarget => ({
  threads: 1024,
  group: 128,
  subgroup: 32,
  sharedBytes: 49152,
  double: true,
  matrix: { precision: "default", processors, sharedBytes },
});
function tiled(f: Func, target = card()): Schedule<TiledKernel> {
  const templates = gpuTemplates(target);
  return tile(
    lowerFunc(
      optimize(f, e => templateOf(e, templates) !== undefined),
      { donate: [], products: "fused", templates },
    ),
    target,
  );
}
function kernelsOf(s: Schedule<TiledKernel>): TiledKernel[] {
  const found: TiledKernel[] = [];
  forEachStep(s.steps, x => {
    if (x.kind === "launch") found.push(x.kernel);
  });
  return found;
}
function usesMatrices(k: TiledKernel): boolean {
  let found = false;
  forEachTiled(k.body, s => (found ||= s.kind === "multiply"));
  return found;
}
type Sizes = readonly [b: number, t: number, s: number, h: number, d: number];
interface Options {
  readonly dtype?: DType;
  readonly causal?: boolean;
  readonly scale?: number;
}
const headsOf = ([b, t, s, h, d]: Sizes, dtype: DType): readonly [q: Aval, k: Aval, rows: Aval] => [
  aval(dtype, [b, t, h, d]),
  aval(dtype, [b, s, h, d]),
  aval("f32", [b, h, t]),
];
/** Attention with its row sums; the gradient, over saved rows that belong to the same operands. */
const forward = (size: Sizes, { dtype = "bf16", causal = false, scale = 0.25 }: Options): Func =>
  program(
    (q, k, v) => attention.all(q as Tensor, k as Tensor, v as Tensor, { causal, scale }),
    headsOf(size, dtype)[0],
    headsOf(size, dtype)[1],
    headsOf(size, dtype)[1],
  );
const backward = (size: Sizes, { dtype = "bf16", causal = false, scale = 0.25 }: Options): Func => {
  const [q, k, rows] = headsOf(size, dtype);
  return program((...xs) => attentionGrad.all(...(xs as Tensor[]), { causal, scale }), q, k, k, q, rows, rows);
};
const values = (avals: readonly Aval[], range: number): HostTensor[] =>
  avals.map((a, i) => hostTensor(a.dtype, a.shape, numbers(sizeOf(a.shape), 3 + 31 * i, -range, range)));
const allowed = (dtype: DType): number => (dtype === "bf16" ? 1.2e-2 : 1.6e-3);
/** The program is on matrix units, and off by no more than the rounding of weights and results. */
function agrees(f: Func, args: readonly HostTensor[], what: string, target = card()): Schedule<TiledKernel> {
  const s = tiled(f, target),
    want = evaluate(f, args),
    got = runSchedule(
      s,
      args.map(x => ({ ...x, data: x.data.slice() })),
    );
  assert.ok(
    kernelsOf(s)
      .filter(k => k.name.startsWith("attention"))
      .every(usesMatrices),
    `${what}: no matrix units`,
  );
  want.forEach((w, k) => {
    const scale = allowed(args[0]?.dtype ?? "bf16") * Math.max(1, ...Array.from(w.data, Math.abs)),
      at = w.data.findIndex((y, i) => !(Math.abs((got[k]?.[i] ?? NaN) - y) <= scale));
    if (at >= 0) assert.unreachable(`${what}: result ${k}[${at}] is ${got[k]?.[at]}, the reference ${w.data[at]}`);
  });
  return s;
}
/** Operands of a gradient: saved rows as attention leaves them, and any numbers for delta. */
function savedArgs(size: Sizes, options: Options, range = 1): HostTensor[] {
  const f = backward(size, options),
    args = values(
      f.params.map(p => p.aval),
      range,
    ),
    [, lse] = evaluate(forward(size, options), args.slice(0, 3));
  return args.map((x, i) => (i === 4 && lse ? lse : x));
}
const inputs = (f: Func, range = 2): HostTensor[] =>
  values(
    f.params.map(p => p.aval),
    range,
  );

const sizes: readonly Sizes[] = [
  [1, 1, 1, 1, 16],
  [2, 17, 33, 2, 32],
  [1, 70, 70, 1, 64],
  [1, 40, 129, 1, 32],
  [1, 20, 20, 1, 48],
  [1, 35, 37, 1, 128],
];
for (const causal of [false, true])
  test(`attention and its gradient${causal ? ", causal," : ""} agree with the reference at sizes around blocks and strips`, () => {
    for (const dtype of ["bf16", "f16"] as const)
      for (const size of dtype === "bf16" ? sizes : sizes.slice(1, 3)) {
        const options = { dtype, causal };
        agrees(forward(size, options), inputs(forward(size, options)), `${dtype} ${size}`);
        agrees(backward(size, options), savedArgs(size, options), `gradient ${dtype} ${size}`);
      }
  });

test.run();
