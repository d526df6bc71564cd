// Products cut for matrix units, run thread by thread with races reported: every way an operand can come, every tile, sizes around tiles, transposed, batched, with work before and after, split
// sums, and each precision.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../../../runtime/dtype.ts";
import type { Precision } from "../../../../runtime/precision.ts";
import type { Aval } from "../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../compiler/ir/func.ts";
import type { Schedule } from "../../../../compiler/ir/schedule.ts";
import { forEachStep } from "../../../../compiler/ir/walk.ts";
import type { TiledKernel, TiledStmt } from "../../../../compiler/ir/tiled.ts";
import { lowerFunc } from "../../../../compiler/lower/lower.ts";
import { printKernel } from "../../../../compiler/lower/print.ts";
import { cutProduct } from "../../../../compiler/lower/tile/matrix/cut.ts";
import { forEachTiled } from "../../../../compiler/lower/tile/statements.ts";
import type { TileTarget } from "../../../../compiler/lower/tile/target.ts";
import { tile } from "../../../../compiler/lower/tile/tile.ts";
import { optimize } from "../../../../compiler/optimize/passes.ts";
import { evaluate, type HostTensor } from "../../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../../compiler/reference/schedule.ts";
import { add, einsum, gelu, grad, matmul, mul, relu, scan, sum, tanh, transpose, type Tensor } from "../../../../stdlib/index.ts";
import { inputsOf, program } from "../harness.ts";

const target = (processors = 4, precision: Precision = "default"): TileTarget => ({
  threads: 1024,
  group: 128,
  subgroup: 32,
  sharedBytes: 49152,
  double: true,
  matrix: { precision, processors, sharedBytes: 101376 },
});
const tiled = (f: Func, t: TileTarget = target()): Schedule<TiledKernel> =>
  tile(lowerFunc(optimize(f), { donate: [], products: "fused" }), t);
function kernelsOf(s: Schedule<TiledKernel>): TiledKernel[] {
  const found: TiledKernel[] = [];
  forEachStep(s.steps, x => {
    if (x.kind === "launch") found.push(x.kernel);
  });
  return found;
}
const of = (dtype: DType, ...shape: number[]): Aval => ({ dtype, shape });
/** Statements of a kind in a program. */
function count(s: Schedule<TiledKernel>, kind: TiledStmt["kind"]): number {
  let n = 0;
  for (const k of kernelsOf(s))
    forEachTiled(k.body, x => {
      if (x.kind === kind) n++;
    });
  return n;
}
/** One unit in the last place of a narrow result; of f32, what two tf32 numbers leave. */
const allowed: Partial<Record<DType, number>> = { bf16: 2 ** -7, f16: 2 ** -10, f32: 2e-5 };
/** How far the program is from the reference, at most, relative to its largest result. */
function distance(f: Func, s: Schedule<TiledKernel>, args: readonly HostTensor[] = inputsOf(f)): number {
  const want = evaluate(f, args),
    got = runSchedule(
      s,
      args.map(x => ({ ...x, data: x.data.slice() })),
    );
  return Math.max(
    ...want.flatMap((w, k) => {
      const scale = 1 + Math.max(0, ...Array.from(w.data, Math.abs));
      return Array.from(w.data, (y, i) => {
        const d = Math.abs(y - (got[k]?.[i] ?? NaN)) / scale;
        return Number.isNaN(d) ? Infinity : d;
      });
    }),
  );
}
function agrees(f: Func, what: string, t: TileTarget = target()): Schedule<TiledKernel> {
  const s = tiled(f, t),
    d = distance(f, s),
    most = allowed[f.results[0]?.aval.dtype ?? "f32"] ?? 0;
  assert.ok(count(s, "multiply") > 0, `${what}: no matrix units\n${kernelsOf(s).map(printKernel).join("\n").slice(0, 2000)}`);
  assert.ok(d <= most, `${what}: off by ${d}`);
  return s;
}

for (const dtype of ["bf16", "f16", "f32"] as const) {
  test(`products of ${dtype} at sizes around a tile's, both operands along the contracted index and across it`, () => {
    for (const [m, k, n] of [
      [16, 32, 16],
      [20, 40, 24],
      [33, 17, 35],
      [4, 1, 5],
      [7, 90, 66],
    ] as const) {
      agrees(
        program((a, b) => matmul(a, b), of(dtype, m, k), of(dtype, k, n)),
        `${m} ${k} ${n}`,
      );
      agrees(
        program((a, b) => matmul(transpose(a), transpose(b)), of(dtype, k, m), of(dtype, n, k)),
        `${m} ${k} ${n} transposed`,
      );
    }
  });
  test(`products of ${dtype} with work before and after, batched, in loops and their gradients`, () => {
    agrees(
      program((a, b, c) => add(gelu(add(matmul(tanh(a), transpose(b)), c)), c), of(dtype, 18, 24), of(dtype, 20, 24), of(dtype, 20)),
      "fused",
    );
    agrees(
      program((a, b) => einsum("bthd,bshd->bhts", a, b), of(dtype, 2, 9, 3, 8), of(dtype, 2, 20, 3, 8)),
      "heads",
    );
    agrees(
      program(
        (a, w) => scan((c: Tensor, x: Tensor) => [matmul(c, x), sum(c)] as const, a, w)[0] as Tensor,
        of(dtype, 5, 6),
        of(dtype, 3, 6, 6),
      ),
      "in a loop",
    ); // the carry is one tensor
    const f = program((a, b) => grad((x: Tensor) => sum(relu(matmul(x, b))))(a), of(dtype, 20, 12), of(dtype, 12, 24));
    agrees(f, "gradient");
  });
}
test("every tile gives the same as the reference", () => {
  const shapes = new Set<string>();
  for (const [processors, m, n] of [
    [1, 126, 124],
    [1, 126, 60],
    [1, 60, 126],
    [2, 126, 62],
    [1, 30, 60],
    [1, 60, 30],
    [1, 30, 30],
    [64, 40, 40],
  ] as const)
    for (const dtype of ["bf16", "f32"] as const) {
      const s = agrees(
          program((a, b) => matmul(a, b), of(dtype, m, 48), of(dtype, 48, n)),
          `${m} ${n} on ${processors}`,
          target(processors),
        ),
        cut = cutProduct(
          { batch: 1, m, n, k: 48, operands: dtype, direct: true },
          { precision: "default", processors, sharedBytes: 101376 },
        );
      shapes.add(`${cut.m}x${cut.n}`);
      assert.is(kernelsOf(s).length, 1);
    }
  assert.equal([...shapes].sort(), ["128x128", "128x64", "16x16", "32x32", "32x64", "64x128", "64x32", "64x64"]);
});
test("plain operands are copied as they lie, in pieces as large as their strides allow; what is computed or odd passes through registers", () => {
  const pieces = (a: Aval, b: Aval): number[] => {
    const found: number[] = [];
    for (const k of kernelsOf(tiled(program((x, y) => matmul(x, y), a, b))))
      forEachTiled(k.body, s => {
        if (s.kind === "copyAsync") found.push(s.count);
      });
    return [...new Set(found)].sort((x, y) => x - y);
  };
  assert.equal(pieces(of("bf16", 16, 64), of("bf16", 64, 16)), [8]);
  assert.equal(pieces(of("bf16", 16, 12), of("bf16", 12, 16)), [4, 8]);
  assert.equal(pieces(of("bf16", 16, 6), of("bf16", 6, 16)), [2, 8]);
  assert.equal(pieces(of("bf16", 16, 7), of("bf16", 7, 16)), [8]);
  assert.equal(pieces(of("f32", 16, 7), of("f32", 7, 16)), [1, 4]);
});
test("long sums of few results are split among groups and added in order, the same bits whatever the order of threads", () => {
  const f = program((a, b, c) => relu(add(matmul(a, b), c)), of("bf16", 16, 1000), of("bf16", 1000, 16), of("bf16", 16)),
    s = agrees(f, "split", target(8)),
    [product, rest] = kernelsOf(s);
  assert.is(product?.groups, 4);
  assert.ok(rest?.name.endsWith("_sum"));
  agrees(
    program((a, b) => matmul(a, b), of("f32", 2 * 20, 700), of("f32", 700, 40)),
    "f32 split",
    target(40),
  );
  assert.is(kernelsOf(tiled(f, target(1))).length, 1, "one group fills a card of one processor");
});
test("precision: f32 products of two tf32 numbers are near f32, of one they are not, and highest uses no matrix units", () => {
  const a = of("f32", 32, 64),
    b = of("f32", 64, 32),
    plain = program((x, y) => matmul(x, y), a, b);
  const off = (p: Precision): number => distance(plain, tiled(plain, target(4, p)));
  assert.ok(off("default") < 3e-6, `default ${off("default")}`);
  assert.is(off("high"), off("default"));
  assert.ok(off("tensorfloat32") > 1e-5 && off("tensorfloat32") < 2e-3, `tensorfloat32 ${off("tensorfloat32")}`);
  assert.is(count(tiled(plain, target(4, "highest")), "multiply"), 0);
});
test("infinities and NaN come through products of two terms as through f32", () => {
  const f = program((x, y) => matmul(x, y), of("f32", 16, 8), of("f32", 8, 16)),
    args = inputsOf(f).map(t => ({ ...t, data: t.data.map((_, i) => (i === 3 ? Infinity : i === 40 ? NaN : i === 70 ? 3.4e38 : 1)) })),
    want = evaluate(f, args)[0]?.data ?? [],
    got = runSchedule(tiled(f), args)[0] ?? [];
  Array.from(want).forEach((w, i) =>
    assert.ok(Object.is(w, got[i]) || Math.abs(w - (got[i] ?? NaN)) <= 1e-5 * Math.abs(w), `${i}: ${got[i]}, not ${w}`),
  );
});
test("the program prints", () => {
  const text = kernelsOf(tiled(program((a, b) => mul(matmul(a, b), 2), of("bf16", 16, 64), of("bf16", 64, 16))))
    .map(printKernel)
    .join("\n");
  for (const part of [
    /shared bf16\[\d+\] swizzled <\d, 4, 7>/,
    /copy b\d\[.*, 8 elements/,
    /commit copies/,
    /wait for copies but 2 groups/,
    /let lhs\d+ = b\d\[.* \+ r \* 32 \+ c \* 1\]/,
    /add lhs\d+ \* rhs\d+ to sum/,
  ])
    assert.match(text, part);
});

test.run();
