// Products on subgroup matrices, run thread by thread with races reported: every product that an adapter may have, sizes around tiles, however operands lie, batches, work after, sums in parts, the same bits
// every way; and for whom they are not.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MatrixProduct } from "../../../../../runtime/artifact.ts";
import type { Precision } from "../../../../../runtime/precision.ts";
import type { DType } from "../../../../../runtime/dtype.ts";
import type { Aval } from "../../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../../compiler/ir/func.ts";
import type { TiledKernel, TiledStmt } from "../../../../../compiler/ir/tiled.ts";
import type { TileTarget } from "../../../../../compiler/lower/tile/target.ts";
import { evaluate } from "../../../../../compiler/reference/evaluate.ts";
import { runTiled } from "../../../../../compiler/reference/tiled.ts";
import { add, conv, einsum, gelu, matmul, transpose } from "../../../../../stdlib/index.ts";
import { inputsOf, program } from "../../harness.ts";
import { cutInWay } from "../harness.ts";

const of =
    (dtype: DType) =>
    (...shape: number[]): Aval => ({ dtype, shape }),
  h = of("f16");
const f16 = (side: number): MatrixProduct => ({ dtype: "f16", m: side, n: side, k: side }),
  f32: MatrixProduct = { dtype: "f32", m: 8, n: 8, k: 8 };
const adapter = (products: readonly MatrixProduct[], precision: Precision = "default", sharedBytes = 32768): TileTarget => ({
  threads: 64,
  group: 16,
  subgroup: 4,
  sharedBytes,
  double: false,
  packs: ["f16", "bf16"],
  matrices: { threads: 4, products, precision },
});

const onMatrices = (f: Func, target: TileTarget): boolean => cutInWay(f, target).kernels.some(k => k.subgroup !== undefined);
/** The program agrees with the reference, in the same bits every way (of those wanted). How many there were. */
function everyWay(f: Func, target: TileTarget, what: string, most = 2): number {
  const first = cutInWay(f, target),
    got = first.result(),
    want = evaluate(f, inputsOf(f))[0],
    scale = 1 + Math.max(...Array.from(want?.data ?? [], Math.abs)),
    near = want?.dtype === "f32" ? 2e-6 : 2e-3;
  assert.ok(
    first.kernels.some(k => k.subgroup?.threads === 4),
    `${what} is on matrices`,
  );
  assert.is(got.length, want?.data.length);
  got.forEach((x, i) => assert.ok(Math.abs(x - (want?.data[i] ?? NaN)) <= near * scale, `${what}: ${x}, the reference ${want?.data[i]}`));
  first.names.slice(1, most).forEach(name => assert.equal(cutInWay(f, target, name).result(), got, `${what}: ${name}`));
  return Math.min(first.names.length, most);
}

test("every product that adapters have agrees with the reference, in the same bits whatever the tile", () => {
  let ways = 0;
  for (const [what, products] of [
    ["f16, 16", [f16(16)]],
    ["f16, 8", [f16(8), f32]],
    ["f32 for f16", [f32]],
    ["f16, oblong", [{ dtype: "f16", m: 8, n: 16, k: 32 }]],
  ] as const) {
    ways += everyWay(
      program((a, b) => matmul(a, b), h(40, 33), h(33, 36)),
      adapter(products),
      what,
      what === "f16, 16" ? 9 : 2,
    );
    ways += everyWay(
      program((a, b) => matmul(transpose(a), transpose(b)), h(36, 20), h(17, 36)),
      adapter(products),
      `${what}, turned`,
      1,
    );
  }
  assert.ok(ways >= 14, `${ways} ways`);
});
test("batches, windows that are gathered, work after the sums, sums in parts, results past a tile's edge", () => {
  const t = adapter([f16(8)]),
    programs: readonly (readonly [string, Func])[] = [
      ["fused", program((a, b, c) => add(gelu(add(matmul(a, b), c)), c), h(17, 33), h(33, 18), h(18))],
      ["heads", program((a, b) => einsum("bthd,bshd->bhts", a, b), h(2, 17, 2, 16), h(2, 20, 2, 16))],
      ["in parts", program((a, b) => matmul(a, b), h(16, 1100), h(1100, 17))],
      ["windows", program((x, w) => conv(x, w, { padding: "same" }), h(1, 4, 5, 5), h(17, 4, 3, 3))],
      ["a large tile", program((a, b) => matmul(a, b), h(130, 16), h(16, 66))],
    ];
  for (const [what, f] of programs) everyWay(f, t, what, 1);
  assert.is(cutInWay(programs[2]?.[1] as Func, t).kernels.length, 2, "the parts are added by a launch of their own"); // there are five
});
test("shared memory of 16 KiB is enough", () => {
  const sizes = cutInWay(
    program((a, b) => matmul(a, b), h(256, 64), h(64, 256)),
    adapter([f16(16)], "default", 16384),
  ).kernels.map(k => k.shared.reduce((n, m) => n + m.elements * (m.packed ? 2 : 4), 0));
  assert.ok(sizes.length === 1 && sizes.every(n => n > 0 && n <= 16384), sizes.join());
});
test("operands of bf16 are multiplied as f32, of f32 only where a program asks for less, and neither as f16", () => {
  const product = (dtype: DType): Func => program((a, b) => matmul(a, b), of(dtype)(20, 16), of(dtype)(16, 24));
  everyWay(product("bf16"), adapter([f16(16), f32]), "bf16");
  assert.not(onMatrices(product("bf16"), adapter([f16(16)])));
  for (const [precision, on] of [
    ["default", false],
    ["highest", false],
    ["tensorfloat32", true],
  ] as const) {
    assert.is(onMatrices(product("f32"), adapter([f16(16), f32], precision)), on, precision);
    assert.not(onMatrices(product("f32"), adapter([f16(16)], precision)));
  }
  assert.not(
    onMatrices(
      program((a, b) => matmul(a, b), h(8, 64), h(64, 64)),
      adapter([f16(16)]),
    ),
    "few rows are for threads",
  );
  assert.not(
    onMatrices(
      program((a, b) => matmul(a, b, { precision: "highest" }), of("f32")(32, 32), of("f32")(32, 32)),
      adapter([f32], "tensorfloat32"),
    ),
  );
});
test("without any one of its barriers the kernel races, and without whole subgroups it is no kernel", () => {
  const [k] = cutInWay(
    program((a, b) => matmul(a, b), h(40, 40), h(40, 40)),
    adapter([f16(8)]),
  ).kernels;
  if (!k) throw new Error("there is a kernel");
  const run = (body: readonly TiledStmt[], more: Partial<TiledKernel> = {}): void =>
    runTiled(
      { ...k, ...more, body },
      k.params.map(p => new Float64Array(p.elements).fill(1)),
    );
  let barriers = 0;
  /** The body without its barrier number `n`. */
  const without = (body: readonly TiledStmt[], n: { left: number }): TiledStmt[] =>
    body.flatMap((s): TiledStmt[] => {
      if (s.kind === "barrier") {
        barriers++;
        return n.left-- === 0 ? [] : [s];
      }
      return s.kind === "for" ? [{ ...s, body: without(s.body, n) }] : [s];
    });
  run(without(k.body, { left: -1 }));
  const all = barriers;
  assert.ok(all >= 4, `${all} barriers`);
  for (let n = 0; n < all; n++) assert.throws(() => run(without(k.body, { left: n })), /a race/, `barrier ${n}`);
  assert.throws(() => run(k.body, { threads: 18 }), /subgroup|part ways/);
});

test.run();
