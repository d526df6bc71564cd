// Kernels cut into groups of threads, run thread by thread with races reported: every primitive at every sample, rows, products, control flow and random shapes
// give what the reference evaluator gives, on targets with and without subgroups, with little and much shared memory.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allPrimitives } from "../../../compiler/primitives/all.ts";
import { primitiveSamples } from "../../../compiler/primitives/samples.ts";
import { sizeOf } from "../../../compiler/ir/aval.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import { gpuTemplates, templateOf } from "../../../compiler/lower/attention.ts";
import { lowerFunc } from "../../../compiler/lower/lower.ts";
import type { TileTarget } from "../../../compiler/lower/tile/target.ts";
import { tile } from "../../../compiler/lower/tile/tile.ts";
import fc from "fast-check";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../compiler/reference/schedule.ts";
import { layerNorm } from "../../../stdlib/nn/index.ts";
import {
  add,
  cond,
  einsum,
  fori,
  gelu,
  grad,
  jit,
  less,
  matmul,
  max,
  mean,
  mul,
  relu,
  scan,
  softmax,
  sort,
  sub,
  sum,
  tanh,
  transpose,
  while_,
  type Tensor,
} from "../../../stdlib/index.ts";
import { fromHost } from "../../../compiler/index.ts";
import { programOf, showSample, valuesFor } from "../../backends/conform.ts";
import { fuzzSettings } from "../../support/fuzz.ts";
import { dataOf, programs, run } from "../../fuzz/generate.ts";
import { f32, f64, inputsOf, program } from "./harness.ts";

/** No subgroups and little shared memory; subgroups of 4; a card's warps; with matrix units; a CPU's vectors. */
const targets: readonly TileTarget[] = [
  { threads: 64, group: 16, subgroup: 1, sharedBytes: 6144, double: true },
  { threads: 256, group: 64, subgroup: 4, sharedBytes: 16384, double: false },
  { threads: 1024, group: 128, subgroup: 32, sharedBytes: 49152, double: true },
  {
    threads: 1024,
    group: 128,
    subgroup: 32,
    sharedBytes: 49152,
    double: true,
    matrix: { precision: "default", processors: 6, sharedBytes: 101376 },
  },
  { threads: 1024, group: 64, subgroup: 8, sharedBytes: 16384, double: true, software: true },
];
/** What differs between the tiled program and the reference; empty when nothing does. */
function differences(f: Func, args: readonly HostTensor[], target: TileTarget): string[] {
  const want = evaluate(f, args),
    got = runSchedule(
      tile(
        lowerFunc(
          optimize(f, e => templateOf(e, gpuTemplates(target)) !== undefined),
          { donate: [], products: "fused", templates: gpuTemplates(target) },
        ),
        target,
      ),
      args.map(x => ({ ...x, data: x.data.slice() })),
    );
  return want.flatMap((w, k) => {
    const allowed = w.dtype === "f64" ? 1e-11 : w.dtype === "f32" ? 2e-5 : w.dtype === "f16" ? 2e-3 : w.dtype === "bf16" ? 1.6e-2 : 0,
      scale = allowed * (1 + Math.max(0, ...Array.from(w.data, Math.abs).filter(Number.isFinite)));
    const at = w.data.findIndex((y, i) => {
      const x = got[k]?.[i] ?? NaN;
      return !(Object.is(x, y) || x === y || Math.abs(x - y) <= scale);
    });
    return at < 0 ? [] : [`result ${k}[${at}] is ${got[k]?.[at]}, the reference ${w.data[at]}`];
  });
}

for (const prim of allPrimitives)
  test(`${prim.name}, cut for a GPU, agrees with the reference at every sample`, () => {
    const failures = primitiveSamples
      .filter(s => s.prim === prim && s.avals.every(a => sizeOf(a.shape) <= 2048))
      .flatMap((s, i) =>
        targets.flatMap((target, t) => {
          if (target.software && !["reduce", "contract", "composite"].includes(prim.lower.kind)) return []; // cut as for other targets
          try {
            return differences(programOf(s), valuesFor(s.avals, 17 + i, s.domain), target).map(d => `${showSample(s)} target ${t}: ${d}`);
          } catch (e) {
            return [`${showSample(s)} target ${t}: ${e instanceof Error ? e.message : String(e)}`];
          }
        }),
      );
    assert.is(failures.length, 0, `${failures.length}:\n${failures.slice(0, 6).join("\n")}`);
  });
/** The program agrees on every target. */
function agrees(f: Func, args: readonly HostTensor[] = inputsOf(f)): void {
  targets.forEach((target, t) => {
    const found = differences(f, args, target);
    assert.is(found.length, 0, `target ${t}: ${found.join("; ")}`);
  });
}
test("rows are a group each: softmax, layer norm and their gradients, at widths around a group's", () => {
  for (const n of [15, 16, 17, 64, 100, 257, 1000, 2100]) {
    agrees(program(x => softmax(x), f32(3, n)));
    agrees(program(x => grad((t: Tensor) => sum(mul(softmax(t), t)))(x), f32(3, n)));
    agrees(program((x, g, b) => layerNorm(x, { scale: g, bias: b }), f32(2, n), f32(n), f32(n)));
  }
});
test("rows that do not fit into shared memory are kept in the arena", () => agrees(program(x => softmax(x), f32(2, 9000))));
test("folds over leading axes, over everything, and several at once", () => {
  agrees(program(x => [sum(x, { axis: 0 }), mean(x, { axis: 0 }), max(x, { axis: 0 })], f32(37, 300)));
  agrees(program(x => [sum(x), max(x)], f64(70000)));
});
test("products at sizes around a tile's, transposed, batched, with prologue and epilogue", () => {
  for (const [m, k, n] of [
    [1, 5, 7],
    [5, 7, 1],
    [4, 4, 4],
    [16, 16, 16],
    [17, 33, 15],
    [64, 16, 64],
    [65, 17, 63],
    [2, 300, 70],
    [33, 0, 20],
  ] as const) {
    agrees(program((a, b) => matmul(a, b), f32(m, k), f32(k, n)));
    agrees(program((a, b, c) => add(gelu(add(matmul(tanh(a), transpose(b)), c)), c), f64(m, k), f64(n, k), f64(n)));
  }
  agrees(program((a, b) => einsum("bthd,bshd->bhts", a, b), f32(2, 9, 3, 4), f32(2, 20, 3, 4)));
});
test("loops and branches keep their structure", () => {
  agrees(
    program(
      x => scan((c: Tensor, r: Tensor) => [tanh(add(mul(c, 0.5), r)), mul(c, r)] as const, mul(sum(x, { axis: 0 }), 0), x)[1] as Tensor,
      f32(6, 40),
    ),
  ); // the loop returns a tensor
  agrees(
    program(
      x =>
        cond(
          less(sum(x), 0),
          (t: Tensor) => mul(t, 2),
          (t: Tensor) => sub(t, 1),
          x,
        ) as Tensor,
      f32(40),
    ),
  ); // both branches return a tensor
  agrees(program(x => fori(0, 5, (_, t: Tensor) => relu(sub(mul(t, 1.25), 0.125)), x) as Tensor, f32(40))); // the loop keeps its type
  agrees(
    program(
      x =>
        while_(
          (t: Tensor) => less(sum(t), 100),
          (t: Tensor) => add(mul(t, 2), 1),
          x,
        ) as Tensor,
      f32(20),
    ),
  ); // likewise
});
test("long lines sort in the arena", () => agrees(program(x => sort(x), f32(3, 700))));

const settings = fuzzSettings(60);
test(`${settings.numRuns} random programs, cut for a GPU, agree with the reference`, () => {
  fc.assert(
    fc.property(programs, p => {
      const data = dataOf(p),
        inputs = p.shapes.map((s, i) =>
          fromHost(p.dtype, s, p.dtype === "f32" ? Float32Array.from(data[i] ?? []) : Float64Array.from(data[i] ?? [])),
        );
      if (run(p, inputs).length === 0) return;
      const { func } = jit((xs: readonly Tensor[]) => run(p, xs)).lower(inputs),
        args = p.shapes.map((s, i) => hostTensor(p.dtype, s, data[i] ?? []));
      const found = differences(func, args, targets[p.seed % targets.length] as TileTarget); // never empty
      assert.is(found.length, 0, found.join("; "));
    }),
    settings,
  );
});

test.run();
