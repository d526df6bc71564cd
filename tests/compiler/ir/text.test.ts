// Programs as text: printing, reading back, refusing what is malformed, and the checker.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { checkFunc } from "../../../compiler/ir/check.ts";
import { freshVar, type Func } from "../../../compiler/ir/func.ts";
import { parseFunc } from "../../../compiler/ir/parse.ts";
import { printFunc, printNumber } from "../../../compiler/ir/print.ts";
import type { Primitive } from "../../../compiler/ir/primitive.ts";
import { add, mul, neg } from "../../../compiler/primitives/arithmetic.ts";
import { broadcastInDim, reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { exp } from "../../../compiler/primitives/exponential.ts";
import { lit } from "../../../compiler/trace/builder.ts";
import { traceClosed } from "../../../compiler/trace/trace.ts";

const known = [add, mul, neg, exp, broadcastInDim, reduceSum].map(op => op.primitive as unknown as Primitive); // records of fixed arity seen as general ones
const sample = (): Func =>
  traceClosed(
    (x, y) => {
      const z = mul(exp(x), broadcastInDim(y as never, { shape: [2, 3], dims: [1] }));
      return [reduceSum(z, { axes: [0, 1] }), add(z, broadcastInDim(lit(-0, "f32"), { shape: [2, 3], dims: [] })), lit(Infinity, "f32")];
    },
    [
      { dtype: "f32", shape: [2, 3] },
      { dtype: "f32", shape: [3] },
    ],
  );

test("a program prints with types, sorted parameters and renumbered variables", () => {
  assert.is(
    printFunc(sample()),
    `func(a: f32[2,3], b: f32[3]) {
  c: f32[2,3] = exp a
  d: f32[2,3] = broadcastInDim[dims=[1], shape=[2,3]] b
  e: f32[2,3] = mul c d
  f: f32[] = reduceSum[axes=[0,1]] e
  g: f32[2,3] = broadcastInDim[dims=[], shape=[2,3]] -0:f32
  h: f32[2,3] = add e g
  return f, h, inf:f32
}`,
  );
});
test("print, parse, print is the identity", () => {
  const text = printFunc(sample());
  assert.is(printFunc(checkFunc(parseFunc(text, known))), text);
});
test("numbers print shortest and read back to the same bits", () => {
  fc.assert(
    fc.property(fc.double(), x => {
      const t = printNumber(x);
      const f = parseFunc(`func() { return ${t}:f64 }`, known).results[0];
      assert.ok(f?.kind === "lit" && Object.is(f.value, x), t);
    }),
  );
});
test("malformed text is refused with line and column, whatever it is", () => {
  const refuse = (text: string, pattern: RegExp): void => {
    assert.throws(() => parseFunc(text, known), pattern);
  };
  refuse(
    "func(a: f32[2]) {\n  b: f32[2] = nope a\n  return b\n}",
    /E0602: program text, line 2, column 15: expected a known primitive, found "nope"/,
  );
  refuse("func(a: f32[2]) { b: f32[3] = exp a return b }", /exp gives f32\[2\], the text says f32\[3\]/);
  refuse("func(a: f32[2]) { a: f32[2] = exp a return a }", /a is defined twice/);
  refuse("func() { return z }", /expected a defined variable, found "z"/);
  refuse("func(a: f32[-1]) { return a }", /expected a size/);
  refuse(`func(a: f32[2]) { b: f32[2] = neg[__proto__=1] a return b }`, /parameter name/);
  const text = printFunc(sample());
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, junk) => {
      try {
        checkFunc(parseFunc(text.slice(0, at) + junk + text.slice(at + 1), known));
      } catch (e) {
        assert.match(String(e), /E0\d\d\d/);
      }
    }),
    { numRuns: 500 },
  );
});
test("the checker finds unbound variables, double bindings and wrong types", () => {
  const x = freshVar({ dtype: "f32", shape: [] }),
    y = freshVar({ dtype: "f32", shape: [] }),
    wrong = freshVar({ dtype: "f64", shape: [] });
  const prim = known[2] as Primitive; // neg
  const eqn = (a: typeof x, b: typeof x) => ({ prim, ins: [a], params: {}, outs: [b] });
  assert.throws(() => checkFunc({ params: [], eqns: [eqn(x, y)], results: [y] }), /unbound/);
  assert.throws(() => checkFunc({ params: [x], eqns: [eqn(x, y), eqn(x, y)], results: [y] }), /bound twice/);
  assert.throws(() => checkFunc({ params: [x], eqns: [eqn(x, wrong)], results: [wrong] }), /neg gives f32\[\], its outputs say f64\[\]/);
  assert.throws(() => checkFunc({ params: [x], eqns: [], results: [y] }), /return uses unbound/);
});

test.run();
