// Products whose strips lie in shared memory in 16 bits, run thread by thread with races reported: the same bits as where every element has a word, however operands lie, with work before and after, in
// parts; twice as deep in as much memory; whole vectors of halves read and stored.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Aval } from "../../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../../compiler/ir/func.ts";
import type { TiledKernel } from "../../../../../compiler/ir/tiled.ts";
import { productCuts } from "../../../../../compiler/lower/tile/product/cut.ts";
import { forEachTiled } from "../../../../../compiler/lower/tile/statements.ts";
import type { Packed, TileTarget } from "../../../../../compiler/lower/tile/target.ts";
import { evaluate } from "../../../../../compiler/reference/evaluate.ts";
import { runTiled } from "../../../../../compiler/reference/tiled.ts";
import { add, astype, einsum, gelu, matmul, tanh, transpose } from "../../../../../stdlib/index.ts";
import { inputsOf, program } from "../../harness.ts";
import { cutInWay } from "../harness.ts";

const plain: TileTarget = { threads: 256, group: 64, subgroup: 1, sharedBytes: 16384, double: false },
  packing: TileTarget = { ...plain, packs: ["f16", "bf16"] };
const of =
  (dtype: Packed) =>
  (...shape: number[]): Aval => ({ dtype, shape });

for (const dtype of ["f16", "bf16"] as const)
  test(`products of ${dtype} have the bits that they have unpacked`, () => {
    const t = of(dtype);
    const programs: readonly (readonly [string, Func])[] = [
      ["plain", program((a, b) => matmul(a, b), t(20, 36), t(36, 24))],
      ["odd", program((a, b) => matmul(a, b), t(17, 33), t(33, 15))],
      ["turned", program((a, b) => matmul(transpose(a), transpose(b)), t(36, 20), t(18, 36))],
      ["computed", program((a, b, c) => add(gelu(add(matmul(tanh(a), b), c)), c), t(17, 33), t(33, 18), t(18))],
      ["heads", program((a, b) => einsum("bthd,bshd->bhts", a, b), t(2, 9, 2, 4), t(2, 20, 2, 4))],
      ["in parts", program((a, b) => matmul(a, b), t(12, 1100), t(1100, 12))],
      ["widened after", program((a, b) => tanh(astype(matmul(a, b), "f32")), t(20, 36), t(36, 24))],
    ];
    for (const [what, f] of programs) {
      const want = cutInWay(f, plain).result(),
        first = cutInWay(f, packing),
        reference = evaluate(f, inputsOf(f))[0]?.data ?? [],
        scale = Math.max(...Array.from(reference, Math.abs));
      assert.is(want.length, reference.length);
      want.forEach((x, i) =>
        assert.ok(Math.abs(x - (reference[i] ?? NaN)) <= 0.02 * scale, `${what}: ${x}, the reference ${reference[i]}`),
      );
      assert.ok(
        first.kernels[0]?.shared.every(m => m.packed === true && m.dtype === dtype),
        `${what} is packed`,
      );
      assert.ok(
        first.names.some(n => !n.endsWith(dtype)),
        "whoever measures may choose words",
      );
      first.names.forEach((name, i) => {
        if (i < 3 || (what === "plain" && i < 9)) assert.equal(cutInWay(f, packing, name).result(), want, `${what}: ${name}`);
      });
    }
  });
test("packed strips are twice as deep in as much memory, and whatever holds words has them", () => {
  const sizes = { batch: 1, m: 2048, n: 2048, k: 2048, dtype: "f32" } as const,
    first = (operands: "f32" | "f16", target: TileTarget): string => JSON.stringify(productCuts({ ...sizes, operands }, target)[0]);
  assert.is(first("f16", packing), JSON.stringify({ m: 128, n: 128, k: 16, rows: 8, cols: 8, buffers: 2, packed: "f16" }));
  assert.is(first("f16", plain), JSON.stringify({ m: 128, n: 128, k: 8, rows: 8, cols: 8, buffers: 2 }));
  assert.is(first("f32", packing), first("f32", plain));
  for (const c of productCuts({ ...sizes, operands: "f16" }, packing))
    assert.ok((c.m + c.n) * c.k * c.buffers * (c.packed ? 2 : 4) <= packing.sharedBytes, JSON.stringify(c));
});
test("halves that lie in fours are read and stored in fours, in twos by threads that have two columns", () => {
  const widths = (f: Func, name?: string): { readonly reads: readonly number[]; readonly writes: readonly number[] } => {
    const [k] = cutInWay(f, packing, name).kernels,
      [reads, writes] = [new Set<number>(), new Set<number>()];
    forEachTiled(k?.body ?? [], s => {
      if (s.kind === "loadVector" && s.buf < (k?.params.length ?? 0)) reads.add(s.into.length);
      if (s.kind === "storeVector" && s.buf < (k?.params.length ?? 0)) writes.add(s.values.length);
      if (s.kind === "store" && s.buf < (k?.params.length ?? 0)) writes.add(1);
    });
    return { reads: [...reads], writes: [...writes] };
  };
  const t = of("f16"),
    large = program((a, b) => matmul(a, b), t(256, 64), t(64, 256));
  assert.equal(widths(large, "64x64x32 by 4x4, two buffers of f16"), { reads: [4], writes: [4] });
  assert.equal(widths(program((a, b) => matmul(transpose(a), transpose(b)), t(64, 20), t(20, 64))), { reads: [4], writes: [2] });
  assert.equal(widths(program((a, b) => matmul(a, b), t(255, 63), t(63, 257))), { reads: [], writes: [1] });
});
test("one element of packed memory is nobody's to touch", () => {
  const [k] = cutInWay(
    program((a, b) => matmul(a, b), of("f16")(16, 16), of("f16")(16, 16)),
    packing,
  ).kernels;
  if (!k) throw new Error("there is a kernel");
  const first = k.params.length,
    alone: TiledKernel = {
      ...k,
      body: [
        { kind: "store", buf: first, index: { kind: "const", dtype: "i32", value: 0 }, value: { kind: "const", dtype: "f32", value: 1 } },
      ],
    };
  assert.throws(() => {
    runTiled(
      alone,
      k.params.map(p => new Float64Array(p.elements)),
    );
  }, /which is packed/);
});

test.run();
