// A transform of one's own: interval bounds and operation counts over Funcs, with a primitive that brings its own rule.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sizeOf } from "../../../compiler/ir/aval.ts";
import { add, mul, neg } from "../../../compiler/primitives/arithmetic.ts";
import { reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { definePrimitive } from "../../../compiler/primitives/define.ts";
import { dotGeneral } from "../../../compiler/primitives/dot.ts";
import { tanh } from "../../../compiler/primitives/trigonometric.ts";
import { defineTransform } from "../../../compiler/transforms/transform.ts";
import { f64, func } from "./numeric.ts";

type Interval = readonly [number, number];
const bounds = defineTransform<Interval>({
  name: "bounds",
  literal: v => [v, v],
  byKind: { view: ({ ins }) => [...ins], erase: ({ ins }) => [...ins] },
});
bounds.define(add.primitive, ({ ins: [x, y] }) => [[(x?.[0] ?? 0) + (y?.[0] ?? 0), (x?.[1] ?? 0) + (y?.[1] ?? 0)]]);
bounds.define(neg.primitive, ({ ins: [x] }) => [[-(x?.[1] ?? 0), -(x?.[0] ?? 0)]]);
const clamped = definePrimitive<1>({
  name: "acme.clamped",
  aval: ([x]) => x,
  lower: { kind: "map", scalar: (s, [x]) => s.unary("tanh", x) },
  rules: { [bounds.symbol]: () => [[-1, 1]] },
});
const twice = definePrimitive<1>({ name: "acme.twice", aval: ([x]) => x, lower: { kind: "composite", body: ([x]) => [add(x, x)] } });

test("rules come from the transform, from the record, by kind, and through composite bodies", () => {
  assert.equal(
    bounds.run(
      func((x, y) => add(neg(x), twice(clamped(y))), f64(), f64()),
      [
        [1, 2],
        [-9, 9],
      ],
    ),
    [[-4, 1]],
  );
});

test("a primitive without a rule is an error that says how to give it one", () => {
  assert.throws(
    () =>
      bounds.run(
        func(x => tanh(x), f64()),
        [[0, 1]],
      ),
    /E0301: tanh has no bounds rule[\s\S]*transform\.define\(tanh\.primitive, rule\)/,
  );
});

test("a count of floating-point operations is one line per kind", () => {
  let flops = 0;
  const count = (n: number, outs: number): undefined[] => {
    flops += n;
    return new Array<undefined>(outs).fill(undefined);
  };
  const counter = defineTransform<undefined>({
    name: "flops",
    literal: () => undefined,
    byKind: {
      map: ({ eqn }) => count(sizeOf(eqn.outs[0]?.aval.shape ?? []), eqn.outs.length),
      view: ({ eqn }) => count(0, eqn.outs.length),
      reduce: ({ eqn }) => count(sizeOf(eqn.ins[0]?.aval.shape ?? []), eqn.outs.length),
      contract: ({ eqn }) => count(2 * sizeOf(eqn.outs[0]?.aval.shape ?? []) * (eqn.ins[0]?.aval.shape.at(-1) ?? 1), 1),
    },
  });
  counter.run(
    func(
      (a, b) =>
        reduceSum(mul(dotGeneral(a, b, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] }), tanh(a)), { axes: [0, 1] }),
      f64(4, 4),
      f64(4, 4),
    ),
    [undefined, undefined],
  );
  assert.is(flops, 2 * 64 + 16 + 16 + 16);
});

test.run();
