// The passes on straight-line programs: text in, text out. What must not be folded is here too.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkFunc } from "../../../compiler/ir/check.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import { parseFunc } from "../../../compiler/ir/parse.ts";
import { printFunc } from "../../../compiler/ir/print.ts";
import type { Primitive } from "../../../compiler/ir/primitive.ts";
import { callPrimitive } from "../../../compiler/control/call.ts";
import { cse } from "../../../compiler/optimize/cse.ts";
import { inlineCalls } from "../../../compiler/optimize/inline.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { simplify } from "../../../compiler/optimize/simplify.ts";
import { allPrimitives } from "../../../compiler/primitives/all.ts";
import { dce } from "../../../compiler/transforms/dce.ts";
import { evaluate, hostTensor } from "../../../compiler/reference/evaluate.ts";
import { runSchedule } from "../../../compiler/reference/schedule.ts";
import { grad, remat, sin, sum, type Tensor } from "../../../stdlib/index.ts";
import { agrees, f32, f64, inputsOf, lowered, program } from "../lower/harness.ts";

const parse = (text: string): Func => parseFunc(text, [...allPrimitives, callPrimitive as unknown as Primitive]); // rules are methods: a narrower record is used as the general one
function becomes(pass: (f: Func) => Func, before: string, after: string): void {
  const f = parse(before),
    g = checkFunc(pass(f), "after the pass");
  assert.is(printFunc(g), printFunc(parse(after)));
  assert.equal(
    evaluate(g, inputsOf(f)).map(x => [...x.data]),
    evaluate(f, inputsOf(f)).map(x => [...x.data]),
  );
}

test("equal equations are computed once, different parameters are not equal", () =>
  becomes(
    f => dce(cse(f)),
    `func(a: f32[2,2]) {
  b: f32[2,2] = sin a
  c: f32[2,2] = sin a
  d: f32[2] = reduceSum[axes=[0]] b
  e: f32[2] = reduceSum[axes=[1]] c
  g: f32[2] = reduceSum[axes=[0]] c
  return d, e, g
}`,
    `func(a: f32[2,2]) {
  b: f32[2,2] = sin a
  c: f32[2] = reduceSum[axes=[0]] b
  d: f32[2] = reduceSum[axes=[1]] b
  return c, d, c
}`,
  ));
test("literals 0 and -0 are different", () => {
  const f = parse("func() {\n  a: f32[] = neg 0:f32\n  b: f32[] = neg -0:f32\n  return a, b\n}");
  assert.is(printFunc(cse(f)), printFunc(f));
});
test("equations that no result needs go", () =>
  becomes(
    dce,
    `func(a: f32[3]) {
  b: f32[3] = sin a
  c: f32[3] = cos b
  return b
}`,
    `func(a: f32[3]) {
  b: f32[3] = sin a
  return b
}`,
  ));
test("marks dissolve and leave their operand", () =>
  becomes(
    f => inlineCalls(f, { barriers: false, keep: () => false }),
    `func(a: f32[3]) {
  b: f32[3] = mark[name="logits", role="primal"] a
  c: f32[3] = sin b
  return c
}`,
    `func(a: f32[3]) {
  b: f32[3] = sin a
  return b
}`,
  ));
test("re-indexings compose: a transposition undone is nothing, two reshapes are one", () =>
  becomes(
    f => dce(simplify(dce(simplify(f)))),
    `func(a: f32[2,3]) {
  b: f32[3,2] = transpose[perm=[1,0]] a
  c: f32[2,3] = transpose[perm=[0,1]] a
  d: f32[6] = reshape[shape=[6]] c
  return b, d
}`,
    `func(a: f32[2,3]) {
  b: f32[3,2] = transpose[perm=[1,0]] a
  c: f32[6] = reshape[shape=[6]] a
  return b, c
}`,
  ));
test("nothing folds NaN·0, ∞·0, or the sign of a zero", () => {
  const x = hostTensor("f32", [5], [NaN, Infinity, -Infinity, -0, -2]),
    f = parse(`func(a: f32[5]) {
  b: f32[5] = broadcastInDim[dims=[], shape=[5]] 0:f32
  c: f32[5] = mul a b
  d: f32[5] = add a b
  e: f32[5] = sub b a
  g: f32[5] = sub a a
  h: f32[5] = broadcastInDim[dims=[], shape=[5]] 1:f32
  i: f32[5] = mul a h
  j: f32[5] = div a h
  k: f32[5] = sub a b
  return c, d, e, g, i, j, k
}`);
  const want = evaluate(f, [x]).map(r => [...r.data]);
  assert.equal(
    evaluate(optimize(f), [x]).map(r => [...r.data]),
    want,
  );
  const got = runSchedule(lowered(f), [x]).map(r => [...r]);
  want.forEach((w, k) => w.forEach((v, i) => assert.ok(Object.is(v, got[k]?.[i]), `result ${k}[${i}]: ${got[k]?.[i]} is not ${v}`)));
});
test("recomputation behind a barrier is not merged with the original", () => {
  const f = program(x => grad((t: Tensor) => sum(remat((y: Tensor) => sin(sin(y)))(t)))(x), f64(7)),
    g = optimize(f);
  agrees(f);
  const sines = g.eqns.filter(e => e.prim.name === "sin").length;
  assert.is(sines, 1, printFunc(g)); // the backward pass alone needs sin x once, for cos(sin x); nothing of the forward pass is kept
  const both = optimize(
    program(x => {
      const h = remat((y: Tensor) => sin(sin(y)));
      return [sum(h(x)), grad((t: Tensor) => sum(h(t)))(x)];
    }, f64(7)),
  );
  assert.is(both.eqns.filter(e => e.prim.name === "sin").length, 3, printFunc(both)); // two forward, one again
});
test("optimising twice changes nothing more", () => {
  const f = optimize(program(x => grad((t: Tensor) => sum(sin(t)))(x), f32(4)));
  assert.is(printFunc(optimize(f)), printFunc(f));
});

test.run();
