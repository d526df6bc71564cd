// Where to try each primitive: shapes, dtypes, parameters and the values it is defined and smooth on. Data only; the laws that are checked
// with it live in the testing module. One list a family; a primitive without samples fails a test.
import type { DType } from "../../runtime/dtype.ts";
import { aval, type Aval, type Shape } from "../ir/aval.ts";
import type { Params } from "../ir/func.ts";
import type { Arity, Primitive } from "../ir/primitive.ts";
import * as arithmetic from "./arithmetic.ts";
import * as compare from "./compare.ts";
import * as exponential from "./exponential.ts";
import * as logic from "./logic.ts";
import * as power from "./power.ts";
import * as special from "./special.ts";
import * as trigonometric from "./trigonometric.ts";
import { threefry2x32 } from "./random.ts";
import { markOp, stopGradient } from "./identity.ts";
import { bitcast, convert } from "./convert.ts";
import { structuredSamples } from "./samples_structured.ts";
import { walkSamples } from "./samples_walks.ts";
import type { Operation } from "./define.ts";

/** Values of one operand: uniform in [low, high); whole numbers if `integer`. Without a domain: (-2, 2) for floats, whole numbers in [-4, 5) (from 0 if unsigned), both truth values. */
export interface Domain {
  readonly low: number;
  readonly high: number;
  readonly integer?: boolean;
}
/** One place to try a primitive at. `domain` has an entry per operand, null for the default. */
export interface Sample {
  readonly prim: Primitive;
  readonly avals: readonly Aval[];
  readonly params: Params;
  readonly domain?: readonly (Domain | null)[];
}

/** A sample of `op`. */
export function sampleOf<N extends Arity, P extends Params>(
  op: { readonly primitive: Primitive<N, P> },
  avals: readonly Aval[],
  params: P,
  domain?: readonly (Domain | null)[],
): Sample {
  return { prim: op.primitive as unknown as Primitive, avals, params, ...(domain ? { domain } : {}) }; // rules are methods: a narrower record is used as the general one
}

const shapes: readonly Shape[] = [[], [0], [1], [3], [5, 7], [2, 3, 5], [70, 130]];
type Pure<N extends Arity> = Operation<N>;
/** An element-wise operation at every shape in f32 and f64 (or `dtypes`), and at one in the others of `narrow`. */
function elementwise<N extends 1 | 2>(
  op: Pure<N>,
  n: N,
  domain: readonly (Domain | null)[] | undefined,
  dtypes: readonly DType[] = ["f32", "f64"],
  narrow: readonly DType[] = ["f16", "bf16"],
): Sample[] {
  const at = (d: DType, shape: Shape): Sample =>
    sampleOf(
      op,
      Array.from({ length: n }, () => aval(d, shape)),
      {},
      domain,
    );
  return [...dtypes.flatMap(d => shapes.map(shape => at(d, shape))), ...narrow.map(d => at(d, [5, 7]))];
}
const within = (low: number, high: number): Domain => ({ low, high });
const integer = (low: number, high: number): Domain => ({ low, high, integer: true });
const numbers: readonly DType[] = ["f32", "f64", "i32", "u32"];
const narrowNumbers: readonly DType[] = ["f16", "bf16", "f8e4m3", "f8e5m2", "i8", "u8"];
const integers: readonly DType[] = ["i32", "u32"];

const arithmeticSamples = (): Sample[] => {
  const { add, sub, mul, div, rem, min, max, neg, abs, sign, floor, ceil, round, trunc } = arithmetic;
  const away = [null, within(0.5, 2)],
    wholeAway = [integer(-9, 9), integer(1, 5)];
  return [
    ...[add, sub, mul, min, max].flatMap(op => elementwise(op, 2, undefined, numbers, narrowNumbers)),
    ...[div, rem].flatMap(op => [
      ...elementwise(op, 2, away),
      ...elementwise(op, 2, wholeAway, ["i32"], ["i8"]),
      ...elementwise(op, 2, [integer(0, 90), integer(1, 9)], ["u32"], ["u8"]),
    ]),
    ...[neg, abs, sign].flatMap(op => elementwise(op, 1, undefined, ["f32", "f64", "i32"], ["f16", "bf16", "i8"])),
    ...[floor, ceil, round, trunc].flatMap(op => elementwise(op, 1, [within(-5, 5)])),
  ];
};
const powerSamples = (): Sample[] => {
  const { pow, integerPow, sqrt, rsqrt, cbrt } = power;
  return [
    ...elementwise(pow, 2, [within(0.1, 3), within(-3, 3)]),
    ...[-3, -1, 0, 1, 2, 3, 5, 10].flatMap(n =>
      shapes.flatMap(shape => (["f32", "f64"] as const).map(d => sampleOf(integerPow, [aval(d, shape)], { n }, [within(0.5, 1.5)]))),
    ),
    sampleOf(integerPow, [aval("i32", [3])], { n: 3 }),
    sampleOf(integerPow, [aval("u8", [3])], { n: 2 }),
    ...[sqrt, rsqrt, cbrt].flatMap(op => elementwise(op, 1, [within(0.1, 9)])),
    ...elementwise(cbrt, 1, [within(-9, -0.1)]),
  ];
};
const functionSamples = (): Sample[] => {
  const { exp, exp2, expm1, log, log2, log1p, sigmoid } = exponential;
  const { sin, cos, tan, asin, acos, atan, atan2, sinh, cosh, tanh, asinh, acosh, atanh } = trigonometric;
  const { erf, erfc, erfInv, lgamma, digamma, polygamma } = special;
  return [
    ...[exp, exp2, expm1, sigmoid, tanh, sinh, cosh, asinh, erf, erfc].flatMap(op => elementwise(op, 1, [within(-3, 3)])),
    ...[sin, cos, atan].flatMap(op => elementwise(op, 1, [within(-10, 10)])),
    ...elementwise(tan, 1, [within(-1.4, 1.4)]),
    ...[asin, acos, atanh, erfInv].flatMap(op => elementwise(op, 1, [within(-0.95, 0.95)])),
    ...elementwise(acosh, 1, [within(1.1, 9)]),
    ...[log, log2].flatMap(op => elementwise(op, 1, [within(0.1, 9)])),
    ...elementwise(log1p, 1, [within(-0.9, 3)]),
    ...[lgamma, digamma].flatMap(op => elementwise(op, 1, [within(0.2, 9)])),
    ...[lgamma, digamma].flatMap(op => elementwise(op, 1, [within(-1.9, -1.1)])),
    ...[1, 2, 3].flatMap(n =>
      [
        [0.3, 9],
        [-1.9, -1.1],
      ].flatMap(([low = 0, high = 0]) =>
        (["f32", "f64"] as const).map(d => sampleOf(polygamma, [aval(d, [5, 7])], { n }, [within(low, high)])),
      ),
    ),
    ...elementwise(atan2, 2, [within(-2, 2), within(0.2, 2)]),
    ...elementwise(atan2, 2, [within(0.2, 2), within(-2, -0.2)]),
  ];
};
const logicSamples = (): Sample[] => {
  const { equal, notEqual, less, lessEqual, greater, greaterEqual, isNan, select } = compare;
  const { and, or, xor, not, shiftLeft, shiftRightLogical, shiftRightArithmetic, popcount, clz } = logic;
  const amount = [null, integer(0, 8)];
  return [
    ...[equal, notEqual].flatMap(op => elementwise(op, 2, undefined, [...numbers, "bool"], narrowNumbers)),
    ...[equal, notEqual, less, lessEqual, greater, greaterEqual].flatMap(op =>
      elementwise(op, 2, [integer(0, 3), integer(0, 3)], numbers, narrowNumbers),
    ), // ties
    ...elementwise(isNan, 1, undefined),
    ...[...numbers, ...narrowNumbers, "bool" as const].flatMap(d =>
      shapes.map(shape => sampleOf(select, [aval("bool", shape), aval(d, shape), aval(d, shape)], {})),
    ),
    ...[and, or, xor].flatMap(op => elementwise(op, 2, undefined, [...integers, "bool"], ["i8", "u8"])),
    ...elementwise(not, 1, undefined, [...integers, "bool"], ["i8", "u8"]),
    ...[shiftLeft, shiftRightLogical].flatMap(op => elementwise(op, 2, amount, integers, ["i8", "u8"])),
    ...[shiftLeft, shiftRightLogical].flatMap(op => elementwise(op, 2, [integer(0, 2 ** 31), integer(0, 40)], integers, [])),
    ...elementwise(shiftRightArithmetic, 2, [integer(-(2 ** 31), 2 ** 31), integer(0, 40)], ["i32"], []),
    ...elementwise(shiftRightArithmetic, 2, amount, [], ["i8"]),
    ...[popcount, clz].flatMap(op => [
      ...elementwise(op, 1, undefined, integers, ["i8", "u8"]),
      ...elementwise(op, 1, [integer(0, 2 ** 32)], ["u32"], []),
    ]),
  ];
};
const conversionSamples = (): Sample[] => {
  const all: readonly DType[] = [...numbers, ...narrowNumbers, "bool"];
  const bits: readonly (readonly [DType, DType])[] = [
    ["f32", "i32"],
    ["f32", "u32"],
    ["i32", "f32"],
    ["u32", "i32"],
    ["i8", "u8"],
    ["u8", "i8"],
  ];
  return [
    ...all.flatMap(from => all.map(to => sampleOf(convert, [aval(from, [5, 7])], { dtype: to }))),
    ...(["f32", "f64"] as const).flatMap(from =>
      (["i8", "u8", "i32"] as const).map(to => sampleOf(convert, [aval(from, [3])], { dtype: to }, [within(-400, 400)])),
    ),
    ...shapes.map(shape => sampleOf(convert, [aval("f64", shape)], { dtype: "f32" })),
    ...bits.flatMap(([from, to]) =>
      [[], [0], [3]].map(shape => sampleOf(bitcast, [aval(from, shape)], { dtype: to }, [from === "i32" ? integer(1, 2 ** 30) : null])),
    ),
  ];
};
const identitySamples = (): Sample[] =>
  shapes.flatMap(shape => [
    sampleOf(stopGradient, [aval("f64", shape)], {}),
    sampleOf(markOp, [aval("f64", shape)], { name: "x", role: "primal" }),
    sampleOf(
      threefry2x32,
      Array.from({ length: 4 }, () => aval("u32", shape)),
      {},
      Array.from({ length: 4 }, () => integer(0, 2 ** 32)),
    ),
  ]);

/** Samples of every primitive. */
export const primitiveSamples: readonly Sample[] = [
  ...arithmeticSamples(),
  ...powerSamples(),
  ...functionSamples(),
  ...logicSamples(),
  ...conversionSamples(),
  ...identitySamples(),
  ...structuredSamples(sampleOf),
  ...walkSamples(sampleOf),
];
