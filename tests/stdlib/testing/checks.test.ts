// The public checks pass for right records and find wrong ones; and they hold for a sample of every primitive on the CPU device.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, mul, sin, stack, sum, type Tensor } from "../../../stdlib/index.ts";
import { cos, definePrimitive, fullLike, mul as mulOp, sizeOf, stopGradient, type Aval, type Primitive } from "../../../compiler/extend.ts";
import { primitiveSamples } from "../../../compiler/primitives/samples.ts";
import { allPrimitives } from "../../../compiler/primitives/all.ts";
import { checkGrads, checkPrimitive, type PrimitiveSample } from "../../../stdlib/testing/index.ts";

const wrong = (factor: number) =>
  definePrimitive<1>({
    name: "test.sine",
    aval: ([x]) => x,
    lower: { kind: "map", scalar: (s, [x]) => s.unary("sin", x) },
    jvp: [(dx, [x]) => mulOp(dx, factor === 1 ? cos(x) : x)],
  });
const general = (p: unknown): Primitive => p as Primitive; // a record of fixed arity seen as a general one
const sample = [{ avals: [{ dtype: "f64", shape: [3] }] }] as const;

test("checkGrads accepts a right gradient and refuses a wrong one with both numbers", () => {
  const x = array([0.3, -1, 2], { dtype: "f64" });
  checkGrads((t: Tensor) => sum(mul(sin(t), t)), [x]);
  assert.throws(() => checkGrads((t: Tensor) => wrong(2)(t), [x]), /E0802: checkGrads: forward mode, output 0\[0\] gives/);
  assert.throws(() => checkGrads((t: Tensor) => t, [array([1])]), /E0801/);
});
test("checkPrimitive accepts a right record and refuses a wrong derivative", () => {
  checkPrimitive(general(wrong(1).primitive), sample);
  assert.throws(() => checkPrimitive(general(wrong(2).primitive), sample), /E0802/);
});
test("checkGrads follows higher orders, and names the order's disagreement", () => {
  const x = array([0.3, -1, 2], { dtype: "f64" });
  checkGrads((t: Tensor) => sum(mul(sin(t), mul(t, t))), [x], { order: 3, eps: 1e-5, rtol: 1e-5 });
  const onlyFirst = definePrimitive<1>({
    name: "test.flat",
    aval: ([y]) => y,
    lower: { kind: "map", scalar: (s, [y]) => s.unary("sin", y) },
    jvp: [(dy, [y]) => mulOp(dy, stopGradient(cos(y)))],
  });
  checkGrads((t: Tensor) => onlyFirst(t), [x]);
  assert.throws(() => checkGrads((t: Tensor) => onlyFirst(t), [x], { order: 2 }), /E0802: checkGrads: forward mode/);
});
test("checkPrimitive finds each kind of wrong record, by the law's name", () => {
  const base = {
    name: "test.twice",
    aval: ([x]: readonly [Aval]) => x,
    lower: { kind: "composite", body: ([x]: readonly [Tensor]) => [mulOp(x, fullLike(x, 2))] },
  } as const;
  const check = (record: object, samples: readonly PrimitiveSample[] = sample): void =>
    checkPrimitive(general({ ...base, ...record }), samples);
  check({});
  assert.throws(() => check({}, []), /E0802: checkPrimitive\(test.twice\) was given no samples/);
  assert.throws(
    () => check({ batch: ([x]: readonly [Tensor]) => [x] }),
    /a batch against a loop, operands \[batched\]: output 0, element 0/,
  );
  assert.throws(() => check({ linear: "jointly", transpose: ([ct]: readonly [Tensor]) => [ct] }), /reverse mode, <ct, J dx>/);
  const scaled = {
    ...base,
    name: "test.scaled",
    aval: ([x]: readonly [Aval, Aval]) => x,
    lower: { kind: "composite", body: ([x, y]: readonly [Tensor, Tensor]) => [mulOp(x, y)] },
  } as const;
  const pair = [
    {
      avals: [
        { dtype: "f32", shape: [2] },
        { dtype: "f32", shape: [2] },
      ],
      domain: [null, { low: 1, high: 3 }],
    },
  ] as const;
  checkPrimitive(general(scaled), pair);
  const unaware = {
    ...scaled,
    batch: ([x, y]: readonly [Tensor, Tensor]) => [mulOp(x.ndim > 1 ? x : stack([x, x]), y.ndim > 1 ? y : stack([mulOp(y, y), y]))],
  };
  assert.throws(() => checkPrimitive(general(unaware), pair), /operands \[batched, shared\]/);
});
for (const prim of allPrimitives) {
  test(`${prim.name} keeps the laws on each of its samples`, () => {
    const samples = primitiveSamples.filter(s => s.prim === prim && s.avals.every(a => sizeOf(a.shape) <= 200)); // larger ones are compared on the device in tests/backends
    assert.ok(samples.length > 0, "it has no samples");
    checkPrimitive(
      prim,
      samples.map(s => ({ avals: s.avals, params: s.params, ...(s.domain ? { domain: s.domain } : {}), rtol: 2e-5 })),
    );
  });
}

test.run();
