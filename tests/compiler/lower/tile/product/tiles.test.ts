// Products without matrix units, run thread by thread with races reported: every way to cut one gives what the reference gives, and the same bits; matrices times a few vectors, whichever way they lie; long sums
// in parts, which depend on sizes alone; what is read and stored in fours.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../../../../runtime/dtype.ts";
import type { Aval } from "../../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../../compiler/ir/func.ts";
import type { Schedule } from "../../../../../compiler/ir/schedule.ts";
import type { TiledKernel } from "../../../../../compiler/ir/tiled.ts";
import { forEachStep } from "../../../../../compiler/ir/walk.ts";
import { lowerFunc } from "../../../../../compiler/lower/lower.ts";
import type { Choice } from "../../../../../compiler/lower/tile/product/choice.ts";
import { partsOf, productCuts } from "../../../../../compiler/lower/tile/product/cut.ts";
import { forEachTiled } from "../../../../../compiler/lower/tile/statements.ts";
import type { TileTarget } from "../../../../../compiler/lower/tile/target.ts";
import { tile } from "../../../../../compiler/lower/tile/tile.ts";
import { optimize } from "../../../../../compiler/optimize/passes.ts";
import { evaluate, type HostTensor } from "../../../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../../../compiler/reference/schedule.ts";
import { add, astype, einsum, gelu, matmul, tanh, transpose } from "../../../../../stdlib/index.ts";
import { inputsOf, program } from "../../harness.ts";

const of = (dtype: DType, ...shape: number[]): Aval => ({ dtype, shape });
const small: TileTarget = { threads: 64, group: 16, subgroup: 1, sharedBytes: 6144, double: true },
  web: TileTarget = { threads: 256, group: 64, subgroup: 1, sharedBytes: 16384, double: false },
  card: TileTarget = { threads: 1024, group: 128, subgroup: 32, sharedBytes: 49152, double: true };

interface Cut {
  readonly program: Schedule<TiledKernel>;
  readonly choices: readonly Choice[];
}
/** The program cut for a target, products in the way of that name. */
function cut(f: Func, target: TileTarget, name?: string): Cut {
  const choices: Choice[] = [];
  const program = tile(lowerFunc(optimize(f), { donate: [], products: "fused" }), target, c => {
    choices.push(c);
    return name;
  });
  return { program, choices };
}
const run = ({ program: p }: Cut, args: readonly HostTensor[]): Float64Array =>
  runSchedule(
    p,
    args.map(x => ({ ...x, data: x.data.slice() })),
  )[0] ?? new Float64Array();
function kernelsOf({ program: p }: Cut): TiledKernel[] {
  const found: TiledKernel[] = [];
  forEachStep(p.steps, s => {
    if (s.kind === "launch") found.push(s.kernel);
  });
  return found;
}
function near(got: Float64Array, f: Func, args: readonly HostTensor[], what: string): void {
  const want = evaluate(f, args)[0]?.data ?? [],
    scale = 1 + Math.max(0, ...Array.from(want, Math.abs));
  assert.is(got.length, want.length);
  got.forEach((x, i) =>
    assert.ok(Math.abs(x - (want[i] ?? NaN)) <= 2e-5 * scale, `${what}: result ${i} is ${x}, the reference ${want[i]}`),
  );
}
/** Every way (of those wanted) agrees with the reference, in the same bits. How many there were. */
function everyWay(f: Func, target: TileTarget, what: string, wanted: (name: string) => boolean = () => true): number {
  const args = inputsOf(f),
    first = cut(f, target),
    bits = run(first, args),
    names = (first.choices[0]?.names ?? []).filter((name, i) => i === 0 || wanted(name));
  near(bits, f, args, what);
  for (const name of names.slice(1)) assert.equal(run(cut(f, target, name), args), bits, `${what}: ${name}`);
  return names.length;
}

test("every tile gives the same bits, at sizes around tiles, however operands lie, with work before and after", () => {
  let ways = 0;
  const plain = (m: number, k: number, n: number): Func => program((a, b) => matmul(a, b), of("f32", m, k), of("f32", k, n)),
    turned = (m: number, k: number, n: number): Func =>
      program((a, b) => matmul(transpose(a), transpose(b)), of("f32", k, m), of("f32", n, k));
  for (const [m, k, n] of [
    [4, 4, 4],
    [17, 33, 15],
  ] as const)
    for (const [target, f] of [
      [small, plain(m, k, n)],
      [web, turned(m, k, n)],
    ] as const)
      ways += everyWay(f, target, `${m} ${k} ${n}`);
  ways += everyWay(plain(65, 17, 68), web, "four tiles");
  ways += everyWay(turned(66, 20, 65), web, "four tiles, turned");
  ways += everyWay(plain(130, 12, 132), web, "large tiles", name => name.startsWith("128x128"));
  ways += everyWay(
    program((a, b, c) => add(gelu(add(matmul(tanh(a), transpose(b)), c)), c), of("f32", 17, 33), of("f32", 15, 33), of("f32", 15)),
    card,
    "fused",
  );
  ways += everyWay(
    program((a, b) => einsum("bthd,bshd->bhts", a, b), of("f32", 2, 9, 2, 4), of("f32", 2, 20, 2, 4)),
    web,
    "heads",
  );
  assert.ok(ways > 40, `${ways} ways`);
});
test("sums of nothing are zero", () => {
  for (const name of [undefined, "16x16x8 by 2x2, one buffer"]) {
    const f = program((a, b) => matmul(a, b), of("f32", 33, 0), of("f32", 0, 20));
    assert.ok(run(cut(f, web, name), inputsOf(f)).every(x => x === 0));
  }
});
test("candidates fit the target, differ, and begin with large tiles for large products and small ones for small", () => {
  const sizes = { batch: 1, m: 2048, n: 2048, k: 2048, dtype: "f32", operands: "f32" } as const;
  for (const target of [small, web, card]) {
    const cuts = productCuts(sizes, target);
    assert.is(new Set(cuts.map(c => JSON.stringify(c))).size, cuts.length);
    for (const c of cuts) {
      assert.ok((c.m / c.rows) * (c.n / c.cols) <= target.threads, JSON.stringify(c));
      assert.ok((c.m + c.n) * c.k * c.buffers * 4 <= target.sharedBytes, JSON.stringify(c));
    }
  }
  assert.is(productCuts(sizes, web)[0]?.m, 128);
  assert.ok((productCuts({ ...sizes, m: 40, n: 40 }, web)[0]?.m ?? 0) < 64);
});
test("long sums of few results are split in parts, in the same places whatever the card and the tile, and added in order", () => {
  for (const dtype of ["f32", "f64"] as const) {
    const f = program((a, b, c) => add(matmul(a, b), c), of(dtype, 20, 1100), of(dtype, 1100, 24), of(dtype, 24)),
      parts = partsOf({ batch: 1, m: 20, n: 24, k: 1100 }),
      first = cut(f, card);
    assert.is(parts, 4);
    assert.equal(
      kernelsOf(first).map(k => k.name.endsWith("_sum")),
      [false, true],
    );
    everyWay(f, card, `${dtype} on a card`, name => dtype === "f32" && /x(8|32) by/.test(name));
    assert.equal(run(cut(f, small), inputsOf(f)), run(first, inputsOf(f)), "another card");
  }
  assert.is(partsOf({ batch: 1, m: 1024, n: 1024, k: 4096 }), 1, "there are tiles enough");
});
test("a matrix and a few vectors, either way round and either way in memory, with work before and after, long sums in parts", () => {
  for (const n of [1, 3])
    for (const [m, k] of [
      [1, 40],
      [5, 70],
      [300, 20],
      [9, 1100],
    ] as const)
      for (const f of [
        program((a, b) => matmul(a, b), of("f32", m, k), of("f32", k, n)),
        program((a, b) => matmul(transpose(a), b), of("f32", k, m), of("f32", k, n)),
        program((a, b, c) => add(tanh(matmul(b, gelu(a))), c), of("f32", k, m), of("f32", n, k), of("f32", m)),
      ])
        for (const target of n === 1 ? [small] : [card]) near(run(cut(f, target), inputsOf(f)), f, inputsOf(f), `${m} ${k} ${n}`);
});
test("what lies in fours is read and stored in fours, whichever way it lies", () => {
  const fours = (f: Func): { readonly reads: number; readonly writes: number } => {
    const [k] = kernelsOf(cut(f, web)),
      params = k?.params.length ?? 0;
    let [reads, writes] = [0, 0];
    forEachTiled(k?.body ?? [], s => {
      if (s.kind === "loadVector" && s.buf < params && s.into.length === 4) reads++;
      if (s.kind === "storeVector" && s.buf < params && s.values.length === 4) writes++;
    });
    return { reads, writes };
  };
  const both = fours(program((a, b) => matmul(a, b), of("f32", 256, 64), of("f32", 64, 256)));
  assert.ok(both.reads >= 2 && both.writes >= 4, JSON.stringify(both));
  assert.equal(fours(program((a, b) => matmul(a, b), of("f32", 255, 63), of("f32", 63, 257))), { reads: 0, writes: 0 });
  assert.is(fours(program((a, b) => matmul(tanh(a), tanh(b)), of("f32", 256, 64), of("f32", 64, 256))).reads, 0);
});
test("products of f16 are summed in f32", () => {
  const f = program((a, b) => matmul(a, b), of("f16", 4, 2400), of("f16", 2400, 4)),
    args = inputsOf(f).map(t => ({ ...t, data: t.data.map(() => 1) })); // f16 stops counting at 2048
  for (const target of [web, card]) assert.ok(run(cut(f, target), args).every(x => x === 2400));
  const wide = program((a, b) => matmul(astype(a, "f32"), b), of("f16", 20, 32), of("f32", 32, 24));
  everyWay(wide, web, "one operand widened");
});

test.run();
