// Attention cut for matrix units, run thread by thread with races reported: heads of each size, queries and keys around blocks and strips, causal and not, both dtypes, operands that lie apart in memory,
// and what is left to other ways.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../../../../runtime/dtype.ts";
import type { Precision } from "../../../../../runtime/precision.ts";
import { aval, sizeOf, type Aval } from "../../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../../compiler/ir/func.ts";
import type { Schedule } from "../../../../../compiler/ir/schedule.ts";
import type { TiledKernel } from "../../../../../compiler/ir/tiled.ts";
import { forEachStep } from "../../../../../compiler/ir/walk.ts";
import { gpuTemplates, templateOf } from "../../../../../compiler/lower/attention.ts";
import { lowerFunc } from "../../../../../compiler/lower/lower.ts";
import { forEachTiled } from "../../../../../compiler/lower/tile/statements.ts";
import type { MatrixUnits, TileTarget } from "../../../../../compiler/lower/tile/target.ts";
import { tile } from "../../../../../compiler/lower/tile/tile.ts";
import { optimize } from "../../../../../compiler/optimize/passes.ts";
import { attention, attentionGrad } from "../../../../../compiler/primitives/attention.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../../../compiler/reference/schedule.ts";
import { runTiled } from "../../../../../compiler/reference/tiled.ts";
import type { Tensor } from "../../../../../compiler/trace/tensor.ts";
import { slice } from "../../../../../compiler/extend.ts";
import { reshape, tanh } from "../../../../../stdlib/index.ts";
import { toleranceOf } from "../../../../backends/tolerance.ts";
import { numbers } from "../../../transforms/numeric.ts";
import { program } from "../../harness.ts";

const card = ({ processors = 108, sharedBytes = 101376, precision = "default" }: Partial<MatrixUnits> = {}): TileTarget => ({
  threads: 1024,
  group: 128,
  subgroup: 32,
  sharedBytes: 49152,
  double: true,
  matrix: { precision, processors, sharedBytes },
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
/** Is attention there, and all of it on matrix units? */
function onUnits(s: Schedule<TiledKernel>): boolean {
  const found = kernelsOf(s).filter(k => k.name.startsWith("attention") && !k.name.includes("operand"));
  return found.length > 0 && found.every(usesMatrices);
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
const allowed = (dtype: DType, precision: Precision): number =>
  dtype === "bf16" ? 1.2e-2 : dtype === "f16" ? 1.6e-3 : precision === "tensorfloat32" ? 1.6e-3 : toleranceOf("attention", "exact")(dtype);
/** The program is on matrix units, and off by no more than the rounding of weights and results. */
function agrees(f: Func, args: readonly HostTensor[], what: string, target = card()): Schedule<TiledKernel> {
  const s = tiled(f, target),
    want = evaluate(f, args),
    got = runSchedule(
      s,
      args.map(x => ({ ...x, data: x.data.slice() })),
    );
  assert.ok(onUnits(s), `${what}: no matrix units`);
  want.forEach((w, k) => {
    const scale = allowed(args[0]?.dtype ?? "bf16", target.matrix?.precision ?? "default") * Math.max(1, ...Array.from(w.data, Math.abs)),
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
    for (const dtype of ["bf16", "f16", "f32"] as const)
      for (const size of dtype === "bf16" ? sizes : sizes.slice(1, dtype === "f16" ? 3 : 5)) {
        const options = { dtype, causal };
        agrees(forward(size, options), inputs(forward(size, options)), `${dtype} ${size}`);
        agrees(backward(size, options), savedArgs(size, options), `gradient ${dtype} ${size}`);
      }
  });
test("tiles of every shape give the same: one or two blocks of rows a subgroup, own rows held in registers or loaded again", () => {
  const options = { dtype: "f16", causal: true } as const;
  for (const [processors, size] of [
    [1, [1, 70, 75, 1, 32]],
    [1, [1, 40, 40, 1, 80]],
    [108, [1, 40, 40, 1, 80]],
  ] as const) {
    const f = forward(size, options);
    agrees(f, inputs(f), `${size} on ${processors}`, card({ processors }));
  }
});
test("logits of hundreds are an exact softmax, a row that sees one key has its value, and NaN stays in its row", () => {
  const size: Sizes = [1, 20, 20, 1, 16],
    f = forward(size, { causal: true, scale: 8 }),
    args = inputs(f, 4),
    s = agrees(f, args, "large");
  const run = (xs: readonly HostTensor[]): number[] => Array.from(runSchedule(s, xs)[0] ?? []);
  assert.equal(run(args).slice(0, 16), Array.from(args[2]?.data.slice(0, 16) ?? []));
  const broken = args.map((x, i) => (i === 0 ? { ...x, data: x.data.map((y, at) => (at === 5 * 16 ? NaN : y)) } : x)),
    got = run(broken),
    whole = run(args);
  got.forEach((x, i) => assert.ok(Math.floor(i / 16) === 5 ? Number.isNaN(x) : x === whole[i], `${i}: ${x}`));
});
test("the same bits whatever the order of threads", () => {
  const size: Sizes = [1, 40, 70, 1, 16],
    f = backward(size, {}),
    args = savedArgs(size, {}),
    kernels = kernelsOf(tiled(f)).filter(usesMatrices);
  assert.ok(kernels.length > 0);
  for (const k of kernels) {
    const run = (reversed: boolean): readonly Float64Array[] => {
      const params = k.params.map((p, i) => Float64Array.from({ length: p.elements }, (_, at) => args[i % args.length]?.data[at] ?? 0));
      runTiled(k, params, reversed);
      return params;
    };
    assert.equal(run(false), run(true));
  }
});
test("slices of one tensor are read where they lie; operands that are computed are copied, once for both passes of a gradient", () => {
  const h = 2,
    d = 16,
    packed = program(
      x => {
        const [q, k, v] = [0, 1, 2].map(i =>
          reshape(slice(x as Tensor, { start: [0, 0, i * h * d], limit: [1, 20, (i + 1) * h * d] }), [1, 20, h, d]),
        ) as [Tensor, Tensor, Tensor]; // three slices
        return attention.all(q, k, v, { causal: true, scale: 0.25 });
      },
      aval("bf16", [1, 20, 3 * h * d]),
    );
  assert.is(kernelsOf(agrees(packed, inputs(packed), "packed")).length, 1);
  const [q, k, rows] = headsOf([1, 20, 20, 1, 16], "bf16"),
    computed = program(
      (a, b, c, ct, lse, delta) =>
        attentionGrad.all(tanh(a as Tensor), b as Tensor, c as Tensor, ct as Tensor, lse as Tensor, delta as Tensor, {
          causal: false,
          scale: 0.25,
        }),
      q,
      k,
      k,
      q,
      rows,
      rows,
    ),
    s = agrees(computed, savedArgs([1, 20, 20, 1, 16], {}), "computed");
  assert.is(
    kernelsOf(s).length,
    2,
    kernelsOf(s)
      .map(x => x.name)
      .join(),
  );
});
test("f32 is as exact as f32 by default, one tf32 number where that is asked for, and follows the program's word before the device's", () => {
  const size: Sizes = [1, 20, 37, 1, 32],
    options = { dtype: "f32", causal: true } as const,
    off = (precision: Precision): number => {
      const f = forward(size, options),
        args = inputs(f),
        [want] = evaluate(f, args),
        [got] = runSchedule(agrees(f, args, precision, card({ precision })), args);
      return Math.max(...Array.from(want?.data ?? [], (y, i) => Math.abs(y - (got?.[i] ?? NaN))));
    };
  assert.ok(off("high") < 4e-6 && off("default") < 4e-6);
  assert.ok(off("tensorfloat32") > 1e-4, "one number has 11 bits");
  agrees(backward(size, options), savedArgs(size, options), "gradient", card({ precision: "tensorfloat32" }));
  const said = (precision: Precision): Func =>
    program(
      (q, k, v) => attention.all(q as Tensor, k as Tensor, v as Tensor, { causal: true, scale: 0.25, precision }),
      headsOf(size, "f32")[0],
      headsOf(size, "f32")[1],
      headsOf(size, "f32")[1],
    );
  assert.not.ok(onUnits(tiled(said("highest"))));
  assert.ok(onUnits(tiled(said("high"), card({ precision: "highest" }))));
});
test("heads of no whole blocks, scales that are not positive, highest precision and too little shared memory are left to attention by rows", () => {
  const size: Sizes = [1, 20, 20, 1, 32];
  const left = (what: string, f: Func, target = card()): void => assert.not.ok(onUnits(tiled(f, target)), what);
  left("f32, highest", forward(size, { dtype: "f32" }), card({ precision: "highest" }));
  left("heads of 24", forward([1, 20, 20, 1, 24], {}));
  left("heads of 144", forward([1, 20, 20, 1, 144], {}));
  left("scale 0", forward(size, { scale: 0 }));
  left("scale -1", forward(size, { scale: -1 }));
  left("highest", forward(size, {}), card({ precision: "highest" }));
  left("little memory", forward(size, {}), card({ sharedBytes: 8192 }));
  assert.ok(onUnits(tiled(forward(size, {}))));
});

test.run();
