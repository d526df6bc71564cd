// What primitives promise beyond the laws: values at edges, conventions, errors with both facts. Expected values are written out or come from
// formulas other than the implementation's.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PullbackError } from "../../../runtime/errors/error.ts";
import type { DType } from "../../../runtime/dtype.ts";
import { aval, type Aval, type Shape } from "../../../compiler/ir/aval.ts";
import { abs, add, max, mul } from "../../../compiler/primitives/arithmetic.ts";
import { broadcastInDim, reduceSum } from "../../../compiler/primitives/broadcast.ts";
import { clamp, select } from "../../../compiler/primitives/compare.ts";
import { bitcast, convert } from "../../../compiler/primitives/convert.ts";
import { dotGeneral } from "../../../compiler/primitives/dot.ts";
import { exp } from "../../../compiler/primitives/exponential.ts";
import { full, iota, zeros } from "../../../compiler/primitives/fill.ts";
import { gather, scatterAdd, scatterMax, scatterMul, scatterSet } from "../../../compiler/primitives/gather.ts";
import { mark, stopGradient, type MarkParams } from "../../../compiler/primitives/identity.ts";
import { clz, not, popcount, shiftLeft, shiftRightArithmetic, shiftRightLogical } from "../../../compiler/primitives/logic.ts";
import { integerPow, pow } from "../../../compiler/primitives/power.ts";
import { argmax, reduceAnd, reduceMax, reduceMin, reduceProd } from "../../../compiler/primitives/reduce.ts";
import { moveAxis, reshape, reverse, squeeze, transpose } from "../../../compiler/primitives/shape.ts";
import { concat, dynamicSlice, pad, slice } from "../../../compiler/primitives/slice.ts";
import { digamma, polygamma } from "../../../compiler/primitives/special.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../compiler/reference/evaluate.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { traceClosed } from "../../../compiler/trace/trace.ts";
import { jvpFunc } from "../../../compiler/transforms/jvp.ts";
import { transposeFunc } from "../../../compiler/transforms/transpose.ts";

const host = (dtype: DType, shape: Shape, data: readonly number[]): HostTensor => hostTensor(dtype, shape, data);
const vector = (...xs: number[]): HostTensor => host("f64", [xs.length], xs);
const apply = (f: (...xs: Tensor[]) => Tensor, ...args: HostTensor[]): number[] => [
  ...(evaluate(
    traceClosed((...xs) => [f(...xs)], args),
    args,
  )[0]?.data ?? []),
];
/** df/dx_wrt by jvp along ones. */
const slope = (f: (...xs: Tensor[]) => Tensor, wrt: number, ...args: HostTensor[]): number[] => {
  const pushed = jvpFunc(
    traceClosed((...xs) => [f(...xs)], args),
    args.map((_, i) => i === wrt),
    [true],
  ).func;
  const x = args[wrt];
  return [
    ...(evaluate(pushed, [
      ...args,
      ...(x
        ? [
            host(
              "f64",
              x.shape,
              [...x.data].map(() => 1),
            ),
          ]
        : []),
    ])[1]?.data ?? []),
  ];
};
const cotangent = (f: (x: Tensor) => Tensor, x: HostTensor, ct: HostTensor): number[] => {
  const back = transposeFunc(
    traceClosed(y => [f(y)], [x]),
    [true],
    [true],
  );
  return [...(evaluate(back.func, [ct])[0]?.data ?? [])];
};
const throws = (code: string, facts: readonly string[], f: (...xs: Tensor[]) => Tensor, ...avals: Aval[]): void => {
  try {
    traceClosed((...xs) => [f(...xs)], avals);
  } catch (e) {
    assert.instance(e, PullbackError);
    const error = e as PullbackError; // just asserted
    assert.is(error.code, code, error.message);
    for (const fact of facts) assert.ok(error.message.includes(fact), `${error.message} does not say ${fact}`);
    assert.ok(error.help, "no help");
    return;
  }
  assert.unreachable(`no ${code}`);
};
const f32 = (...shape: number[]): Aval => aval("f32", shape);
const i32 = (...shape: number[]): Aval => aval("i32", shape);

test("powers have finite derivatives where they are finite themselves", () => {
  assert.equal(slope(pow, 0, vector(0, 0, 2, -2), vector(0, 2, 0, 3)), [0, 0, 0, 12]);
  assert.equal(slope(pow, 1, vector(0, 0, 1), vector(2, 0, 5)), [0, 0, 0]);
  assert.equal(
    slope(x => integerPow(x, { n: 0 }), 0, vector(0, 3)),
    [0, 0],
  );
  assert.equal(
    apply(x => integerPow(x, { n: -2 }), vector(2, -4)),
    [0.25, 0.0625],
  );
  assert.equal(
    apply(x => integerPow(x, { n: 5 }), host("i32", [2], [3, -2])),
    [243, -32],
  );
});
test("equal operands of max share the derivative, and abs has slope 0 at 0", () => {
  assert.equal(slope(max, 0, vector(1, 2, 3), vector(2, 2, 2)), [0, 0.5, 1]);
  assert.equal(slope(max, 1, vector(1, 2, 3), vector(2, 2, 2)), [1, 0.5, 0]);
  assert.equal(slope(abs, 0, vector(-2, 0, 2)), [-1, 0, 1]);
});
test("clamp keeps NaN and passes the derivative at its limits", () => {
  const f = (x: Tensor): Tensor => clamp(x, full([4], -1, "f64"), full([4], 1, "f64"));
  assert.equal(apply(f, vector(-5, NaN, 1, 0.5)), [-1, NaN, 1, 0.5]);
  assert.equal(slope(f, 0, vector(-5, -1, 1, 0.5)), [0, 1, 1, 1]);
});
test("products have exact derivatives at zeros, also the second", () => {
  const prod = (x: Tensor): Tensor => reduceProd(x, { axes: [0] });
  const along =
    (...dx: number[]) =>
    (x: Tensor): Tensor =>
      mul(x, evaluateTo(dx));
  const evaluateTo = (dx: readonly number[]): Tensor => concat(...dx.map(v => full([1], v, "f64")), { axis: 0 });
  assert.equal(
    slope(x => prod(add(vectorOf(0, 3, 5), along(1, 0, 0)(broadcastInDim(x, { shape: [3], dims: [] })))), 0, host("f64", [], [0])),
    [15],
  );
  const first = jvpFunc(
    traceClosed(x => [prod(x)], [aval("f64", [3])]),
    [true],
    [true],
  ).func;
  const second = jvpFunc({ ...first, results: first.results.slice(1) }, [true, false], [true]).func;
  // ∂²(xyz)/∂x∂y = z, at (0, 0, 7)
  assert.equal([...(evaluate(second, [vector(0, 0, 7), vector(1, 0, 0), vector(0, 1, 0)])[1]?.data ?? [])], [7]);
});
const vectorOf = (...xs: number[]): Tensor => concat(...xs.map(v => full([1], v, "f64")), { axis: 0 });

test("polygamma has its known values, also at negative arguments", () => {
  const close = (got: readonly number[], want: readonly number[]): void =>
    want.forEach((w, i) => assert.ok(Math.abs((got[i] ?? NaN) / w - 1) < 1e-12, `${got[i]} is not ${w}`));
  const zeta3 = 1.2020569031595942,
    catalan = 0.915965594177219;
  close(
    apply(x => polygamma(x, { n: 1 }), vector(1, 0.5, 2, 0.25, -0.5)),
    [Math.PI ** 2 / 6, Math.PI ** 2 / 2, Math.PI ** 2 / 6 - 1, Math.PI ** 2 + 8 * catalan, Math.PI ** 2 / 2 + 4],
  );
  close(
    apply(x => polygamma(x, { n: 2 }), vector(1, 0.5, -0.5)),
    [-2 * zeta3, -14 * zeta3, -14 * zeta3 + 16],
  );
  close(
    apply(x => polygamma(x, { n: 3 }), vector(1, 0.5)),
    [Math.PI ** 4 / 15, Math.PI ** 4],
  );
  close(slope(digamma, 0, vector(1)), [Math.PI ** 2 / 6]);
});
test("8-bit integers keep to 8 bits", () => {
  const u8 = host("u8", [3], [0, 1, 255]),
    i8 = host("i8", [3], [-1, 1, -128]);
  assert.equal(apply(popcount, i8), [8, 1, 1]);
  assert.equal(apply(clz, u8), [8, 7, 0]);
  assert.equal(apply(not, u8), [255, 254, 0]);
  assert.equal(apply(shiftRightLogical, i8, host("i8", [3], [1, 0, 7])), [127, 1, 1]);
  assert.equal(apply(shiftRightArithmetic, i8, host("i8", [3], [1, 0, 7])), [-1, 1, -1]);
  assert.equal(apply(shiftLeft, u8, host("u8", [3], [1, 7, 4])), [0, 128, 240]);
  assert.equal(apply(add, u8, u8), [0, 2, 254]);
  assert.equal(
    apply(x => convert(x, { dtype: "u8" }), vector(-3, 300, NaN, 7.9)),
    [0, 255, 0, 7],
  );
  assert.equal(
    apply(x => convert(x, { dtype: "u8" }), host("i32", [2], [-1, 257])),
    [255, 1],
  );
});
test("folds of nothing give the identity", () => {
  const none = (d: DType): HostTensor => host(d, [0], []);
  assert.equal(
    apply(x => reduceMax(x, { axes: [0] }), none("f32")),
    [-Infinity],
  );
  assert.equal(
    apply(x => reduceMin(x, { axes: [0] }), none("i8")),
    [127],
  );
  assert.equal(
    apply(x => reduceMax(x, { axes: [0] }), none("u32")),
    [0],
  );
  assert.equal(
    apply(x => reduceAnd(x, { axes: [0] }), none("bool")),
    [1],
  );
  assert.equal(
    apply(x => reduceProd(x, { axes: [0] }), none("f64")),
    [1],
  );
});
test("pad crops, spreads and fills; its transpose undoes", () => {
  const p = { low: [-1], high: [2], interior: [1] };
  assert.equal(
    apply(x => pad(x, full([], 9, "f64"), p), vector(1, 2, 3)),
    [9, 2, 9, 3, 9, 9],
  );
  assert.equal(
    cotangent(x => pad(x, full([], 9, "f64"), p), vector(1, 2, 3), vector(1, 2, 3, 4, 5, 6)),
    [0, 2, 4],
  );
  assert.equal(
    cotangent(v => pad(zeros(aval("f64", [2])), v, { low: [1], high: [1], interior: [1] }), host("f64", [], [0]), vector(1, 2, 4, 8, 16)),
    [21],
  );
});
test("slices step, and their transpose puts back", () => {
  const p = { start: [1], limit: [6], strides: [2] };
  assert.equal(
    apply(x => slice(x, p), vector(0, 1, 2, 3, 4, 5, 6)),
    [1, 3, 5],
  );
  assert.equal(
    cotangent(x => slice(x, p), vector(0, 0, 0, 0, 0, 0, 0), vector(7, 8, 9)),
    [0, 7, 0, 8, 0, 9, 0],
  );
});
test("reshape, transpose, reverse, moveAxis and squeeze order elements as row-major indices say", () => {
  const x = host("i32", [2, 3], [0, 1, 2, 3, 4, 5]);
  assert.equal(
    apply(t => transpose(t, { perm: [1, 0] }), x),
    [0, 3, 1, 4, 2, 5],
  );
  assert.equal(
    apply(t => reverse(t, { axes: [1] }), x),
    [2, 1, 0, 5, 4, 3],
  );
  assert.equal(
    apply(t => reshape(transpose(t, { perm: [1, 0] }), { shape: [2, 3] }), x),
    [0, 3, 1, 4, 2, 5],
  );
  const y = host(
    "i32",
    [2, 3, 4],
    Array.from({ length: 24 }, (_, i) => i),
  );
  assert.equal(
    apply(t => slice(moveAxis(t, 0, 2), { start: [1, 2, 0], limit: [2, 3, 2] }), y),
    [6, 18],
  );
  assert.equal(
    apply(t => squeeze(t, [0]), host("i32", [1, 2], [3, 4])),
    [3, 4],
  );
});
test("iota counts along its axis, in any number type", () => {
  assert.equal(
    apply(() => iota({ dtype: "f16", shape: [2, 3], axis: 1 })),
    [0, 1, 2, 0, 1, 2],
  );
  assert.equal(
    apply(() => iota({ dtype: "u8", shape: [2, 3], axis: 0 })),
    [0, 0, 0, 1, 1, 1],
  );
});
test("dotGeneral puts batch, then left, then right dimensions", () => {
  const x = host("f64", [2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    y = host("f64", [3, 2], [1, 2, 3, 4, 5, 6]); // x [a, b, c], y [c, b]
  const want: number[] = [];
  for (let b = 0; b < 2; b++)
    for (let a = 0; a < 2; a++)
      want.push([0, 1, 2].reduce((s, c) => s + (x.data[a * 6 + b * 3 + c] ?? NaN) * (y.data[c * 2 + b] ?? NaN), 0));
  assert.equal(
    apply((p, q) => dotGeneral(p, q, { lhsBatch: [1], rhsBatch: [1], lhsContract: [2], rhsContract: [0] }), x, y),
    want,
  );
});
test("of repeated positions the last write stays, and only it has a gradient", () => {
  const x = vector(0, 0, 0),
    at = host("i32", [3, 1], [1, 1, 7]),
    u = vector(5, 6, 7);
  assert.equal(
    apply((a, i, b) => scatterSet(a, i, b, { mode: "drop" }), x, at, u),
    [0, 6, 0],
  );
  assert.equal(
    slopeAlong((a, i, b) => scatterSet(a, i, b, { mode: "drop" }), [x, at, u]),
    [[0, 1, 0]],
  );
  assert.equal(
    apply((a, i, b) => scatterAdd(a, i, b, { mode: "clip" }), x, at, u),
    [0, 11, 7],
  );
  assert.equal(
    apply((a, i, b) => scatterMax(a, i, b, { mode: "drop" }), vector(1, 9, 1), at, u),
    [1, 9, 1],
  );
});
/** Gradient of the sum of ct·f with respect to the last argument, ct = (1, 2, 3): which updates arrive. */
function slopeAlong(f: (x: Tensor, i: Tensor, u: Tensor) => Tensor, [x, i, u]: readonly [HostTensor, HostTensor, HostTensor]): number[][] {
  const linear = traceClosed((a, b, c) => [f(a, b, c)], [x, i, u]);
  const back = transposeFunc(linear, [false, false, true], [true]);
  return [[...(evaluate(back.func, [x, i, vector(1, 1, 1)])[0]?.data ?? [])]];
}
test("scatterMul differentiates its updates only when positions are promised unique", () => {
  const x = vector(2, 3, 4),
    at = host("i32", [2, 1], [2, 0]),
    u = vector(5, 6);
  assert.equal(
    slope((a, i, b) => scatterMul(a, i, b, { mode: "drop", unique: true }), 2, x, at, u),
    [2, 0, 4],
  );
  assert.throws(
    () => slope((a, i, b) => scatterMul(a, i, b, { mode: "drop" }), 2, x, at, u),
    (e: unknown) => e instanceof PullbackError && e.code === "E0301",
  );
});
test("gather clips or fills what lies outside, and the tangent of a fill is zero", () => {
  const x = vector(1, 2, 3),
    at = host("i32", [3, 1], [-1, 1, 5]);
  assert.equal(
    apply((a, i) => gather(a, i, { mode: "clip" }), x, at),
    [1, 2, 3],
  );
  assert.equal(
    apply((a, i) => gather(a, i, { mode: "fill" }), x, at),
    [NaN, 2, NaN],
  );
  assert.equal(
    slope((a, i) => gather(a, i, { mode: "fill" }), 0, x, at),
    [0, 1, 0],
  );
});
test("a mark follows its derivative and its cotangent by role", () => {
  const roles = (f: ReturnType<typeof traceClosed>): string[] =>
    f.eqns.filter(e => e.prim.name === "mark").map(e => (e.params as MarkParams).role); // the params of a mark
  const f = traceClosed(x => [mark("z", x)], [f32(2)]);
  const pushed = jvpFunc(f, [true], [true]).func;
  assert.equal(roles(f), ["primal"]);
  assert.equal(roles(pushed).sort(), ["primal", "tangent"]);
  assert.equal(roles(jvpFunc(pushed, [true, true], [true, true]).func).sort(), ["primal", "tangent", "tangent", "tangent.tangent"]);
  const tangent = { ...pushed, results: pushed.results.slice(1) };
  assert.equal(roles(transposeFunc(tangent, [false, true], [true]).func), ["cotangent"]);
});
test("stopGradient is the identity without a derivative", () => {
  assert.equal(
    slope(x => mul(x, stopGradient(x)), 0, vector(3, 4)),
    [3, 4],
  );
});
test("select chooses and its branches are linear", () => {
  const c = host("bool", [2], [1, 0]);
  assert.equal(apply(select, c, vector(1, 2), vector(3, 4)), [1, 4]);
  assert.equal(slope(select, 1, c, vector(1, 2), vector(3, 4)), [1, 0]);
});

test("shapes that do not fit are refused with both shapes", () => {
  throws("E0201", ["f32[64,256]", "f32[10]"], add, f32(64, 256), f32(10));
  throws("E0201", ["f32[3]", "[2,4]"], x => broadcastInDim(x, { shape: [2, 4], dims: [1] }), f32(3));
  throws("E0201", ["f32[2,3]", "f32[3,3]"], (x, y) => concat(x, y, { axis: 1 }), f32(2, 3), f32(3, 3));
  throws(
    "E0202",
    ["f32[2,3]", "f32[4,5]"],
    (x, y) => dotGeneral(x, y, { lhsBatch: [], rhsBatch: [], lhsContract: [1], rhsContract: [0] }),
    f32(2, 3),
    f32(4, 5),
  );
  throws("E0201", ["[3]", "f32[4]"], (x, i, u) => scatterAdd(x, i, u, { mode: "drop" }), f32(5), i32(3, 1), f32(4));
});
test("dtypes that do not fit are refused with both dtypes", () => {
  throws("E0204", ["f32[]", "i32[]"], add, f32(), i32());
  throws("E0204", ["exp", "i32[3]"], exp, i32(3));
  throws("E0204", ["add", "bool[3]"], add, aval("bool", [3]), aval("bool", [3]));
  throws("E0204", ["f64[]", "i32"], x => bitcast(x, { dtype: "i32" }), aval("f64", []));
  throws("E0204", ["shiftRightArithmetic", "u32[]"], shiftRightArithmetic, aval("u32", []), aval("u32", []));
  throws("E0204", ["bool", "f32[2]"], select, f32(2), f32(2), f32(2));
  throws("E0204", ["i32", "f32[3,1]"], (x, i) => gather(x, i, { mode: "clip" }), f32(5), f32(3, 1));
});
test("axes that do not exist, or repeat, are refused", () => {
  throws("E0203", ["[2]", "f32[2,3]"], x => reduceSum(x, { axes: [2] }), f32(2, 3));
  throws("E0203", ["[0,0]"], x => reduceSum(x, { axes: [0, 0] }), f32(2, 3));
  throws("E0203", ["[0,0]"], x => transpose(x, { perm: [0, 0] }), f32(2, 3));
  throws("E0203", ["[5]"], x => dotGeneral(x, x, { lhsBatch: [], rhsBatch: [], lhsContract: [5], rhsContract: [0] }), f32(2, 3));
});
test("sizes that are impossible are refused", () => {
  throws("E0205", ["6 elements", "[4]"], x => reshape(x, { shape: [4] }), f32(2, 3));
  throws("E0205", ["limit [4]", "f32[3]"], x => slice(x, { start: [0], limit: [4] }), f32(3));
  throws("E0205", ["[-1]"], x => broadcastInDim(x, { shape: [-1], dims: [] }), f32());
  throws("E0205", ["[4]", "f32[3]"], (x, i) => dynamicSlice(x, i, { sizes: [4] }), f32(3), i32());
  throws("E0205", ["size 0"], x => argmax(x, { axis: 0, dtype: "i32" }), f32(0));
  throws("E0205", ["-1"], x => integerPow(x, { n: -1 }), i32());
  throws("E0205", ["no operands"], () => concat({ axis: 0 }));
  throws("E0205", ["f32[0]"], (x, i) => gather(x, i, { mode: "clip" }), f32(0), i32(3, 1));
});
test.run();
