// Every equation and every kernel knows the user's line and column: as traced, differentiated, batched, optimised, lowered and cut for a GPU.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Kernel } from "../../../compiler/ir/kernel.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import type { Schedule } from "../../../compiler/ir/schedule.ts";
import type { TiledKernel } from "../../../compiler/ir/tiled.ts";
import { forEachEqn, forEachStep } from "../../../compiler/ir/walk.ts";
import { lowerFunc } from "../../../compiler/lower/lower.ts";
import { tile } from "../../../compiler/lower/tile/tile.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import {
  add,
  array,
  cond,
  grad,
  hessian,
  jit,
  jvp,
  matmul,
  mul,
  PullbackError,
  remat,
  scan,
  softmax,
  sum,
  vmap,
  while_,
  zeros,
  type Tensor,
} from "../../../stdlib/index.ts";

const file = fileURLToPath(import.meta.url);
const lines = readFileSync(file, "utf8").split("\n");
/** Line and column, from 1, of the first `what` after the line with `mark`. */
function placeOf(what: string, mark: string): string {
  const from = lines.findIndex(l => l.includes(mark)),
    line = lines.findIndex((l, i) => i >= from && l.includes(what));
  return `${line + 1}:${(lines[line] ?? "").indexOf(what) + 1}`;
}

const loss = (w: Tensor, x: Tensor): Tensor => {
  const [c] = scan((c: Tensor, r: Tensor) => [add(mul(c, 0.5), softmax(matmul(r, w))), null] as const, zeros([3]), x);
  const d = cond(
    sum(c).greater(0),
    () => sum(mul(c, c)),
    () => sum(c),
  );
  return remat((y: Tensor) => sum(mul(y, y)))(add(c, d)).add(
    scan((n: Tensor, r: Tensor) => [add(n, sum(r)), null] as const, 2 as unknown as Tensor, x)[0],
  );
};
const program = jit((w: Tensor, x: Tensor) => [
  grad(loss)(w, x),
  vmap((r: Tensor) => softmax(matmul(r, w)))(x),
  hessian((w: Tensor) => sum(softmax(w)))(w),
  jvp(
    (w: Tensor) =>
      while_(
        (w: Tensor) => sum(w).less(9),
        (w: Tensor) => add(w, 1),
        w,
      ),
    [w],
    [w],
  ),
]).lower(zeros([2, 3]), zeros([4, 2])).func;

/** Equations without a place in this file. */
function unplaced(f: Func): string[] {
  const found: string[] = [];
  forEachEqn(f, e => {
    if (e.source?.locate()?.file !== file) found.push(e.prim.name);
  });
  return found;
}
function unplacedKernels(s: Schedule<Kernel | TiledKernel>): string[] {
  const found: string[] = [];
  forEachStep(s.steps, step => {
    if (step.kind === "launch" && (step.kernel.sources ?? []).every(p => p.locate()?.file !== file)) found.push(step.kernel.name);
  });
  return found;
}

test("every equation of a program of transforms, loops and branches has a place, also after optimisation", () => {
  assert.equal(unplaced(program), []);
  assert.equal(unplaced(optimize(program)), []);
});
test("every kernel has one, also when it is cut for a GPU", () => {
  const schedule = lowerFunc(optimize(program), { donate: [], products: "fused" });
  assert.equal(unplacedKernels(schedule), []);
  const tiled = tile(schedule, { threads: 256, group: 64, subgroup: 1, sharedBytes: 16384, double: false });
  assert.equal(unplacedKernels(tiled), []);
});

const plain = (x: Tensor, y: Tensor): Tensor => {
  const h = mul(x, y); // the lines that are looked for
  return matmul(h, add(h, 1));
};
test("programs and kernels print with the exact places of their operations on request, and without by default", () => {
  const lowered = jit(plain).lower(zeros([20, 20]), zeros([20, 20]));
  const text = lowered.text("func", { sources: true });
  for (const [name, what] of [
    ["mul", "mul(x, y)"],
    ["add", "add(h, 1)"],
    ["dotGeneral", "matmul(h"],
  ] as const)
    assert.match(
      text.split("\n").find(l => l.includes(` ${name}[`) || l.includes(`= ${name} `)) ?? "",
      new RegExp(`# ${file}:${placeOf(what, "const plain")}$`),
    );
  const kernels = lowered.text("kernels", { sources: true });
  for (const what of ["mul(x, y)", "matmul(h"]) assert.ok(kernels.includes(`# ${file}:${placeOf(what, "const plain")}\n`), kernels);
  assert.not.match(lowered.text("func"), "#");
  assert.not.match(lowered.text("kernels"), "#");
});
test("an error of a plain function shows its line, and a caret under the call", () => {
  try {
    jit(plain)(array([1, 2]), array([1, 2, 3]));
    assert.unreachable("nothing was thrown");
  } catch (e) {
    if (!(e instanceof PullbackError)) throw e;
    const at = placeOf("mul(x, y)", "const plain"),
      [line] = at.split(":");
    assert.equal(e.message.split("\n").slice(0, 4), [
      "E0201: mul cannot broadcast [2] with [3]",
      `  ${file}:${at}`,
      `${line?.padStart(4)} | const h = mul(x, y); // the lines that are looked for`,
      "     |           ^",
    ]);
  }
});

test.run();
