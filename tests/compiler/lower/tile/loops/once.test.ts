// What a thread computes once for all of its elements, and how many elements it takes where threads are turns of a CPU.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exprVar, scalarOps as s, type Expr } from "../../../../../compiler/ir/scalar.ts";
import { int, load } from "../../../../../compiler/lower/tile/builder.ts";
import { once, type Simple } from "../../../../../compiler/lower/tile/loops/once.ts";
import type { TileTarget } from "../../../../../compiler/lower/tile/target.ts";
import { forEachTiled } from "../../../../../compiler/lower/tile/statements.ts";
import { add, exp, mul, type Tensor } from "../../../../../stdlib/index.ts";
import { f32, program } from "../../harness.ts";
import { agrees, card, cutFor, groupsOf } from "../harness.ts";

const cpus: readonly TileTarget[] = [4, 8].map(subgroup => ({
  threads: 256,
  group: 64,
  subgroup,
  sharedBytes: 16384,
  double: true,
  software: true,
}));
const v = exprVar("v", "i32"),
  x = (at: Expr): Expr => load(0, "f32", at),
  store = (buf: number, index: Expr, value: Expr): Simple => ({ kind: "store", buf, index, value });

test("what does not depend on the element is computed before the first, maximal parts at a time", () => {
  const { before, each } = once([store(1, v, s.binary("mul", x(v), s.unary("sqrt", s.binary("add", x(int(0)), s.const(1, "f32")))))], v);
  assert.is(before.length, 1);
  assert.is(each.length, 1);
});
test("a let that no element changes moves with what follows from it", () => {
  const scale = exprVar("scale", "f32"),
    { before, each } = once(
      [{ kind: "let", v: scale, value: s.unary("neg", x(int(3))) }, store(1, v, s.binary("mul", x(v), s.unary("sqrt", scale)))],
      v,
    );
  assert.is(before.length, 2);
  assert.is(each.length, 1);
});
test("what statements of an element share is computed once, before the first that wants it", () => {
  const square = (): Expr => s.binary("mul", x(v), x(v)),
    { before, each } = once([store(1, v, square()), store(2, v, s.unary("neg", square()))], v);
  assert.is(before.length, 0);
  assert.equal(
    each.map(y => y.kind),
    ["let", "let", "store", "store"],
  );
});
test("memory that the statements store to is read where it was", () => {
  const { before, each } = once(
    [store(1, v, load(1, "f32", int(0))), store(1, v, s.binary("add", load(1, "f32", v), load(1, "f32", int(0))))],
    v,
  );
  assert.is(before.length, 0);
  assert.is(each.length, 2);
});

const twice = (n: number): ReturnType<typeof program> =>
  program(
    (a, b, c) => {
      const scale = exp(c as Tensor); // of one number
      return [add(mul(a as Tensor, scale), b as Tensor), mul(add(a as Tensor, b as Tensor), add(a as Tensor, b as Tensor))];
    },
    f32(n),
    f32(n),
    f32(),
  );
test("elements agree with the reference at sizes around a thread's, a group's and several groups' share", () => {
  for (const n of [1, 3, 8, 9, 255, 256, 257, 512, 2047, 2048, 2049, 4096, 5000]) agrees(twice(n), undefined, cpus);
  agrees(
    program(a => add(a as Tensor, 1), f32(3, 700)),
    undefined,
    cpus,
  );
});
test("where threads are turns of a CPU one takes up to 64 elements, and on a card one", () => {
  for (const cpu of cpus) {
    assert.equal(groupsOf(twice(4096), cpu), [8]);
    assert.equal(groupsOf(twice(512), cpu), [8]);
    assert.equal(groupsOf(twice(16), cpu), [2]);
    let loops = 0;
    for (const step of cutFor(twice(4096), cpu).steps)
      if (step.kind === "launch") forEachTiled(step.kernel.body, y => (loops += y.kind === "for" ? 1 : 0));
    assert.is(loops, 1, "one loop, after what its turns share");
  }
  assert.equal(groupsOf(twice(4096)), [4096 / card.group]);
});

test.run();
