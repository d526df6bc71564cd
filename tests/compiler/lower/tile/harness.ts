// What the tests of tiling share: targets that differ in what matters, and a program cut for one of them against the reference evaluator, threads' races reported.
import * as assert from "uvu/assert";
import type { Func } from "../../../../compiler/ir/func.ts";
import type { Schedule } from "../../../../compiler/ir/schedule.ts";
import type { TiledKernel } from "../../../../compiler/ir/tiled.ts";
import { forEachStep } from "../../../../compiler/ir/walk.ts";
import { gpuTemplates, templateOf } from "../../../../compiler/lower/attention.ts";
import { lowerFunc } from "../../../../compiler/lower/lower.ts";
import { perByteOf, type TileTarget } from "../../../../compiler/lower/tile/target.ts";
import { tile } from "../../../../compiler/lower/tile/tile.ts";
import { optimize } from "../../../../compiler/optimize/passes.ts";
import { evaluate, type HostTensor } from "../../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../../compiler/reference/schedule.ts";
import { inputsOf } from "../harness.ts";

/** No subgroups and little shared memory; subgroups of 4, 16-bit floats packed; a card's warps; with matrix units; a CPU's vectors. */
export const targets: readonly TileTarget[] = [
  { threads: 64, group: 16, subgroup: 1, sharedBytes: 6144, double: true },
  { threads: 256, group: 64, subgroup: 4, sharedBytes: 16384, double: false, packs: ["f16", "bf16"] },
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
/** A card, as CUDA's and WebGPU's are cut for. */
export const card: TileTarget = { threads: 1024, group: 128, subgroup: 32, sharedBytes: 49152, double: true };
/** The program cut for `target`. */
export const cutFor = (f: Func, target: TileTarget): Schedule<TiledKernel> =>
  tile(
    lowerFunc(
      optimize(f, e => templateOf(e, gpuTemplates(target)) !== undefined),
      { donate: [], products: "fused", templates: gpuTemplates(target), perByte: perByteOf(target) },
    ),
    target,
  );
/** The kernels of a program whose products are cut in the way of that name (the likely best one without), the names there were, and what it gives. */
export function cutInWay(
  f: Func,
  target: TileTarget,
  name?: string,
): { readonly kernels: readonly TiledKernel[]; readonly names: readonly string[]; result(): Float64Array } {
  let names: readonly string[] = [];
  const p = tile(lowerFunc(optimize(f), { donate: [], products: "fused" }), target, c => {
      names = c.names;
      return name;
    }),
    kernels: TiledKernel[] = [];
  forEachStep(p.steps, s => {
    if (s.kind === "launch") kernels.push(s.kernel);
  });
  return { kernels, names, result: () => runSchedule(p, inputsOf(f))[0] ?? new Float64Array() };
}
/** Its launches: how many groups each has. */
export const groupsOf = (f: Func, target: TileTarget = card): number[] =>
  cutFor(f, target).steps.map(s => (s.kind === "launch" ? s.kernel.groups : 0));
const known = new WeakMap<Func, { readonly args: readonly HostTensor[]; readonly want: readonly HostTensor[] }>();
/** What the reference evaluator gives; asked again for the same inputs, as for each target, it is not computed again. */
function wanted(f: Func, args: readonly HostTensor[]): readonly HostTensor[] {
  const last = known.get(f),
    want = last?.args === args ? last.want : evaluate(f, args);
  known.set(f, { args, want });
  return want;
}
/** What differs between the tiled program and the reference; empty when nothing does. */
export function differences(f: Func, args: readonly HostTensor[], target: TileTarget): string[] {
  const want = wanted(f, args),
    got = runSchedule(
      cutFor(f, target),
      args.map(x => ({ ...x, data: x.data.slice() })),
    );
  return want.flatMap((w, k) => {
    const allowed = w.dtype === "f64" ? 1e-11 : w.dtype === "f32" ? 2e-5 : w.dtype === "f16" ? 2e-3 : w.dtype === "bf16" ? 1.6e-2 : 0,
      scale = allowed * (1 + w.data.reduce((m, y) => (Number.isFinite(y) ? Math.max(m, Math.abs(y)) : m), 0));
    const at = w.data.findIndex((y, i) => {
      const x = got[k]?.[i] ?? NaN;
      return !(Object.is(x, y) || x === y || Math.abs(x - y) <= scale);
    });
    return at < 0 ? [] : [`result ${k}[${at}] is ${got[k]?.[at]}, the reference ${w.data[at]}`];
  });
}

/** The program agrees on every target. */
export function agrees(f: Func, args: readonly HostTensor[] = inputsOf(f), on: readonly TileTarget[] = targets): void {
  on.forEach((target, t) => {
    const found = differences(f, args, target);
    assert.is(found.length, 0, `target ${t}: ${found.join("; ")}`);
  });
}
