// Programs of many launches that wait for nothing, merged and not: the same bits either way, whoever runs them.
import * as assert from "uvu/assert";
import type { Func } from "../../compiler/ir/func.ts";
import type { Schedule } from "../../compiler/ir/schedule.ts";
import type { TiledKernel } from "../../compiler/ir/tiled.ts";
import { gpuTemplates, templateOf } from "../../compiler/lower/attention.ts";
import { lowerFunc } from "../../compiler/lower/lower.ts";
import { shareKernels } from "../../compiler/lower/same.ts";
import { perByteOf, type TileTarget } from "../../compiler/lower/tile/target.ts";
import { tile } from "../../compiler/lower/tile/tile.ts";
import { optimize } from "../../compiler/optimize/passes.ts";
import { forEachStep } from "../../compiler/ir/walk.ts";
import { jit, less, matmul, softmax, zeros, type Tensor } from "../../stdlib/index.ts";
import { adamw, applyUpdates } from "../../stdlib/optim/index.ts";
import { f32, program } from "../compiler/lower/harness.ts";

/** One AdamW update of leaves of these shapes: (leaves, state, gradients) -> (leaves, state). */
export function adamwOver(shapes: readonly (readonly number[])[]): Func {
  const optimizer = adamw({ lr: 1e-2, weightDecay: 0.1 }),
    leaves = shapes.map(s => zeros(s));
  type State = ReturnType<typeof optimizer.init>;
  const step = jit((p: readonly Tensor[], s: State, g: readonly Tensor[]) => {
    const [moves, next] = optimizer.update(g, s, p);
    return [applyUpdates(p, moves), next];
  });
  return step.lower(leaves, optimizer.init(leaves), leaves).func;
}
/** By name, with the launches that each is when merged. */
export const programs: Readonly<Record<string, readonly [Func, number]>> = {
  "leaves of equal and other sizes": [adamwOver([[8, 8], [8, 8], [5, 7], [33], [33], [128], [100], [8, 8]]), 1],
  "rows of equal and other lengths": [program((...xs) => xs.map(x => softmax(x)), f32(3, 70), f32(3, 70), f32(4, 70), f32(3, 71)), 1],
  "products of equal and other sizes": [
    program((a, b, c, d, e) => [matmul(a, b), matmul(b, c), matmul(d, e)], f32(16, 16), f32(16, 16), f32(16, 16), f32(16, 20), f32(20, 16)),
    1,
  ],
  "rows that wait for the rows of a product": [
    program((x, a, b) => [softmax(x), softmax(matmul(a, b))], f32(16, 70), f32(16, 20), f32(20, 70)),
    2,
  ],
  "truth values that share words": [program((a, b, c, d) => [less(a, b), less(b, a), less(c, d)], f32(9), f32(9), f32(30), f32(30)), 1],
};

/** A program cut for `target`; with `merged` false each launch stays one. */
export const cut = (f: Func, target: TileTarget, merged: boolean): Schedule<TiledKernel> =>
  tile(
    shareKernels(
      lowerFunc(
        optimize(f, e => templateOf(e, gpuTemplates(target)) !== undefined),
        { donate: [], products: "fused", templates: gpuTemplates(target), perByte: perByteOf(target) },
      ),
    ),
    merged ? target : { ...target, parameters: 0 },
  );
/** How many launches there are, those in loops once. */
export function launches(p: Pick<Schedule<unknown>, "steps">): number {
  let n = 0;
  forEachStep(p.steps, s => {
    if (s.kind === "launch") n++;
  });
  return n;
}
/** `run` gives each program's results, as bits or numbers. */
export async function mergedIsUnmerged(
  target: TileTarget,
  run: (f: Func, p: Schedule<TiledKernel>) => readonly ArrayLike<number>[] | Promise<readonly ArrayLike<number>[]>,
): Promise<void> {
  for (const [what, [f]] of Object.entries(programs)) {
    const merged = cut(f, target, true),
      plain = cut(f, target, false);
    assert.ok(launches(merged) < launches(plain), what);
    assert.equal(
      (await run(f, merged)).map(x => Array.from(x)),
      (await run(f, plain)).map(x => Array.from(x)),
      what,
    );
  }
}
