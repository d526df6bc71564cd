// The meaning of primitives against another engine's numbers (JAX, NumPy, SciPy): the evaluator shares that meaning with the backends, so only
// numbers from outside can catch a mistake in it.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isFloat, type DType } from "../../../runtime/dtype.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import * as arithmetic from "../../../compiler/primitives/arithmetic.ts";
import { bitcast, convert } from "../../../compiler/primitives/convert.ts";
import * as cumulative from "../../../compiler/primitives/cumulative.ts";
import * as exponential from "../../../compiler/primitives/exponential.ts";
import * as gathering from "../../../compiler/primitives/gather.ts";
import * as logic from "../../../compiler/primitives/logic.ts";
import * as power from "../../../compiler/primitives/power.ts";
import * as reduce from "../../../compiler/primitives/reduce.ts";
import { dynamicSlice, dynamicUpdateSlice } from "../../../compiler/primitives/slice.ts";
import { sort } from "../../../compiler/primitives/sort.ts";
import * as special from "../../../compiler/primitives/special.ts";
import { conv } from "../../../compiler/primitives/conv.ts";
import { reduceWindow } from "../../../compiler/primitives/window.ts";
import * as trigonometric from "../../../compiler/primitives/trigonometric.ts";
import { evaluate, hostTensor, type HostTensor } from "../../../compiler/reference/evaluate.ts";
import { round } from "../../../compiler/reference/scalar.ts";
import { lit } from "../../../compiler/trace/builder.ts";
import type { Tensor } from "../../../compiler/trace/tensor.ts";
import { traceClosed } from "../../../compiler/trace/trace.ts";
import { jvpFunc } from "../../../compiler/transforms/jvp.ts";
import { transposeFunc } from "../../../compiler/transforms/transpose.ts";
import { goldenArray, goldenAt, goldenCases, loadGolden, type Golden } from "../../goldens/load.ts";

const file = loadGolden("ops");
type Case = { readonly [key: string]: Golden };
/** 16-bit floats are stored as bits. */
function fromBits(bits: number, dtype: DType): number {
  const exponentBits = dtype === "f16" ? 5 : 8,
    mantissaBits = 15 - exponentBits;
  const sign = bits >> 15 ? -1 : 1,
    exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1),
    mantissa = bits & (2 ** mantissaBits - 1),
    bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return mantissa ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? mantissa * 2 ** (1 - bias - mantissaBits) : (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias));
}
function tensor(node: Golden, ...path: (string | number)[]): HostTensor {
  const a = goldenArray(node, ...path);
  if (a.dtype === "u64" || a.dtype === "u16") throw new Error("only random bits have these");
  const { dtype } = a;
  return hostTensor(
    dtype,
    a.shape,
    Array.from(a.data, x => (dtype === "f16" || dtype === "bf16" ? fromBits(x, dtype) : x)),
  );
}
function same(got: HostTensor | undefined, want: HostTensor, tolerance: number, what: string): void {
  assert.equal(got?.shape, want.shape, what);
  assert.is(got?.dtype, want.dtype, what);
  want.data.forEach((y, i) => {
    const x = got?.data[i] ?? NaN;
    if (!(x === y || (Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= tolerance * Math.max(Math.abs(y), 1e-290)))
      assert.unreachable(`${what}: [${i}] ${x}, not ${y}`);
  });
}
const program = (f: (...xs: Tensor[]) => Tensor | readonly Tensor[], args: readonly HostTensor[]): Func =>
  traceClosed((...xs) => {
    const out = f(...xs);
    return Array.isArray(out) ? (out as readonly Tensor[]) : [out as Tensor];
  }, args); // Array.isArray does not narrow readonly arrays
const run = (f: (...xs: Tensor[]) => Tensor | readonly Tensor[], ...args: HostTensor[]): HostTensor[] => evaluate(program(f, args), args);
/** The cotangents of the float arguments, by jvp and transposition. */
function vjp(f: (...xs: Tensor[]) => Tensor, args: readonly HostTensor[], ct: HostTensor): (HostTensor | undefined)[] {
  const float = args.map(a => isFloat(a.dtype)),
    pushed = jvpFunc(program(f, args), float, [true]).func;
  const linear = { ...pushed, results: pushed.results.slice(1) };
  const back = transposeFunc(
    linear,
    linear.params.map((_, i) => i >= args.length),
    [true],
  );
  const cts = evaluate(back.func, [...args, ct]);
  const nonzero = [...back.nonzero];
  return float.map(has => (has && nonzero.shift() ? cts.shift() : undefined));
}
const checkGrads = (c: Case, f: (...xs: Tensor[]) => Tensor, names: readonly string[], tolerance: number, what: string): void => {
  const args = names.map(n => tensor(c, n)),
    ct =
      c["ct"] === undefined
        ? hostTensor(
            "f64",
            tensor(c, "out").shape,
            tensor(c, "out").data.map(() => 1),
          )
        : tensor(c, "ct");
  const cts = vjp(f, args, ct);
  names.forEach((n, i) => {
    if (args[i]?.dtype === "f64")
      same(
        cts[i] ?? hostTensor("f64", args[i]?.shape ?? [], new Float64Array(args[i]?.data.length ?? 0)),
        tensor(c, "grads", n),
        tolerance,
        `${what} gradient ${n}`,
      );
  });
};
const text = (c: Case, key: string): string => String(c[key]);
const number = (c: Case, key: string): number => Number(c[key]);

const unary: { readonly [op: string]: (x: Tensor) => Tensor } = {
  exp: exponential.exp,
  expm1: exponential.expm1,
  log: exponential.log,
  log1p: exponential.log1p,
  logistic: exponential.sigmoid,
  sqrt: power.sqrt,
  rsqrt: power.rsqrt,
  cbrt: power.cbrt,
  sin: trigonometric.sin,
  cos: trigonometric.cos,
  tan: trigonometric.tan,
  asin: trigonometric.asin,
  acos: trigonometric.acos,
  atan: trigonometric.atan,
  sinh: trigonometric.sinh,
  cosh: trigonometric.cosh,
  tanh: trigonometric.tanh,
  asinh: trigonometric.asinh,
  acosh: trigonometric.acosh,
  atanh: trigonometric.atanh,
  erf: special.erf,
  erfc: special.erfc,
  erf_inv: special.erfInv,
  lgamma: special.lgamma,
  digamma: special.digamma,
  floor: arithmetic.floor,
  ceil: arithmetic.ceil,
  round_half_even: arithmetic.round,
  trunc: arithmetic.trunc,
  sign: arithmetic.sign,
  abs: arithmetic.abs,
  neg: arithmetic.neg,
  not: logic.not,
  population_count: logic.popcount,
  clz: logic.clz,
};
const binary: { readonly [op: string]: (x: Tensor, y: Tensor) => Tensor } = {
  atan2: trigonometric.atan2,
  pow: power.pow,
  maximum: arithmetic.max,
  minimum: arithmetic.min,
  max: arithmetic.max,
  min: arithmetic.min,
  fmod: arithmetic.rem,
  divide: arithmetic.div,
  div: arithmetic.div,
  rem: arithmetic.rem,
  mul: arithmetic.mul,
  add: arithmetic.add,
  sub: arithmetic.sub,
  and: logic.and,
  or: logic.or,
  xor: logic.xor,
  shift_left: logic.shiftLeft,
  shift_right_arithmetic: logic.shiftRightArithmetic,
  shift_right_logical: logic.shiftRightLogical,
};
const composed = new Set(["log_sigmoid", "softplus", "relu", "relu6", "clip(-1,1)", "gelu_tanh", "gelu_erf", "silu", "elu"]); // the standard library's

test("functions of one number agree with NumPy and SciPy in f64 and f32", () => {
  let n = 0;
  for (const c of goldenCases(file, "unary")) {
    const op = text(c, "op"),
      f = unary[op];
    if (composed.has(op)) continue;
    if (!f) throw new Error(`no primitive for ${op}`);
    same(run(f, tensor(c, "x"))[0], tensor(c, "out"), op === "lgamma" || op === "digamma" ? 1e-12 : 4e-15, op);
    same(run(f, tensor(c, "x_f32"))[0], tensor(c, "out_f32"), 3e-7, `${op} f32`);
    n++;
  }
  assert.is(n, 31);
});
test("their derivatives at special points agree with JAX", () => {
  for (const c of goldenCases(file, "unary_gradients")) {
    const op = text(c, "op"),
      f = unary[op];
    if (composed.has(op) || (op === "abs" && c["convention"] !== undefined)) continue; // abs'(0) = 0 here
    if (!f) throw new Error(`no primitive for ${op}`);
    const x = tensor(c, "x");
    same(
      vjp(
        f,
        [x],
        hostTensor(
          "f64",
          x.shape,
          x.data.map(() => 1),
        ),
      )[0] ??
        hostTensor(
          "f64",
          x.shape,
          x.data.map(() => 0),
        ),
      tensor(c, "grad"),
      1e-14,
      op,
    );
  }
});
test("functions of two numbers agree with NumPy over all pairs of special values", () => {
  let n = 0;
  for (const c of goldenCases(file, "binary")) {
    const f = binary[text(c, "op")];
    if (!f) continue; // hypot and its kind are compositions
    same(run(f, tensor(c, "a"), tensor(c, "b"))[0], tensor(c, "out"), 2e-15, text(c, "op"));
    n++;
  }
  assert.is(n, 6);
});
test("their derivatives agree with JAX", () => {
  for (const c of goldenCases(file, "binary_gradients")) {
    const op = text(c, "op"),
      f = binary[op];
    if (op === "integer_pow") checkGrads(c, x => power.integerPow(x, { n: number(c, "n") }), ["a"], 1e-12, `${op} ${number(c, "n")}`);
    else if (f) checkGrads(c, f, ["a", "b"], 1e-12, op);
  }
});
test("integer arithmetic agrees with XLA, at zero and at the limits too", () => {
  let n = 0;
  for (const c of goldenCases(file, "integers")) {
    const op = text(c, "op"),
      two = c["b"] !== undefined,
      a = tensor(c, "a");
    if (op === "shift_right_arithmetic" && a.dtype === "u32") continue; // refused here
    const f = binary[op],
      g = unary[op];
    if (two && f && op !== "pow") same(run(f, a, tensor(c, "b"))[0], tensor(c, "out"), 0, `${op} ${a.dtype}`);
    else if (!two && g) same(run(g, a)[0], tensor(c, "out"), 0, `${op} ${a.dtype}`);
    else continue;
    n++;
  }
  assert.is(n, 26);
});
test("conversions agree with XLA: truncation, saturation, wrapping and rounding to even", () => {
  for (const c of goldenCases(file, "conversions")) {
    const x = tensor(c, "x"),
      want = tensor(c, "out");
    same(run(t => convert(t, { dtype: want.dtype }), x)[0], want, 0, `${x.dtype} to ${want.dtype}`);
  }
});
test("bitcasts between dtypes of one size agree with XLA", () => {
  for (const c of goldenCases(file, "bitcasts")) {
    const x = tensor(c, "x"),
      want = tensor(c, "out");
    if (x.dtype === "f64" || want.shape.length !== x.shape.length || (x.dtype === "u8") !== (want.dtype === "i8")) continue; // sizes differ
    const got = run(t => bitcast(t, { dtype: want.dtype }), x)[0];
    same(got, { ...want, data: want.data.map(v => round(want.dtype, v)) }, 0, `${x.dtype} as ${want.dtype}`);
  }
});
test("reductions and their gradients agree with JAX with ties, zeros, NaN and nothing", () => {
  const ops: { readonly [op: string]: (x: Tensor, axes: readonly number[]) => Tensor } = {
    max: (x, axes) => reduce.reduceMax(x, { axes }),
    min: (x, axes) => reduce.reduceMin(x, { axes }),
    sum: (x, axes) => reduce.reduceSum(x, { axes }),
    prod: (x, axes) => reduce.reduceProd(x, { axes }),
  };
  let n = 0;
  for (const c of goldenCases(file, "reductions")) {
    const f = ops[text(c, "op")],
      x = tensor(c, "x"),
      what = `${text(c, "op")} of ${text(c, "of")}`;
    if (!f) continue;
    const g = (t: Tensor): Tensor => f(t, [x.shape.length - 1]);
    same(run(g, x)[0], tensor(c, "out"), 1e-15, what);
    if (c["grads"] !== undefined && c["grads"] !== null) checkGrads(c, g, ["x"], 1e-13, what);
    n++;
  }
  assert.is(n, 12);
});
test("argmax and argmin agree with JAX: first of ties, NaN wins", () => {
  for (const c of goldenCases(file, "argminmax")) {
    const x = tensor(c, "x"),
      axis = c["axis"] === undefined ? 0 : number(c, "axis");
    same(run(t => reduce.argmax(t, { axis, dtype: "i32" }), x)[0], tensor(c, "argmax"), 0, "argmax");
    same(run(t => reduce.argmin(t, { axis, dtype: "i32" }), x)[0], tensor(c, "argmin"), 0, "argmin");
  }
});
test("scatters agree with JAX, with repeated and outside positions", () => {
  const ops = {
    set: gathering.scatterSet,
    add: gathering.scatterAdd,
    mul: gathering.scatterMul,
    min: gathering.scatterMin,
    max: gathering.scatterMax,
  };
  for (const c of goldenCases(file, "scatter")) {
    const op = ops[text(c, "op") as keyof typeof ops],
      mode = text(c, "mode") === "clip" ? "clip" : "drop"; // the file has no others
    const x = tensor(c, "x"),
      raw = tensor(c, "indices"),
      size = x.shape[0] ?? 0;
    const indices = { ...raw, shape: [...raw.shape, 1], data: raw.data.map(i => (i < 0 ? i + size : i)) }; // JAX first counts from the end
    const f = (t: Tensor, i: Tensor, u: Tensor): Tensor => op(t, i, u, { mode });
    same(run(f, x, indices, tensor(c, "updates"))[0], tensor(c, "out"), 0, `${text(c, "op")} ${mode}`);
    if (c["grads"] === undefined || text(c, "op") === "mul") continue;
    const cts = vjp(f, [x, indices, tensor(c, "updates")], tensor(c, "ct"));
    same(cts[0], tensor(c, "grads", "x"), 1e-14, `${text(c, "op")} ${mode} gradient x`);
    same(cts[2], tensor(c, "grads", "updates"), 1e-14, `${text(c, "op")} ${mode} gradient updates`);
  }
});
test("gather agrees with JAX's take, clipped and filled, and so does its gradient", () => {
  let n = 0;
  for (const c of goldenCases(file, "take")) {
    const mode = text(c, "mode"),
      x = tensor(c, "x"),
      raw = tensor(c, "indices"),
      axis = number(c, "axis");
    if (mode === "wrap" || axis !== 0) continue; // the standard library's
    const indices = { ...raw, shape: [...raw.shape, 1], data: raw.data.map(i => (mode === "fill" && i < 0 ? i + (x.shape[0] ?? 0) : i)) };
    const f = (t: Tensor, i: Tensor): Tensor => gathering.gather(t, i, { mode: mode === "clip" ? "clip" : "fill" });
    same(run(f, x, indices)[0], tensor(c, "out"), 0, mode);
    same(vjp(f, [x, indices], tensor(c, "ct"))[0], tensor(c, "grads", "x"), 1e-14, `${mode} gradient`);
    n++;
  }
  assert.is(n, 2);
});
test("dynamic slices and updates agree with JAX, clamped, and so do their gradients", () => {
  for (const c of goldenCases(file, "dynamic_slice")) {
    const x = tensor(c, "x"),
      start = [...tensor(c, "start").data].map((v, d) => lit(v < 0 ? v + (x.shape[d] ?? 0) : v, "i32")),
      update = text(c, "op") === "dynamic_update_slice";
    const sizes = update ? [] : (goldenAt(c, "sizes") as readonly number[]); // the file's own list
    const f = (t: Tensor, u?: Tensor): Tensor => (u ? dynamicUpdateSlice(t, u, ...start, {}) : dynamicSlice(t, ...start, { sizes }));
    const args = update ? [x, tensor(c, "update")] : [x];
    same(run(f, ...args)[0], tensor(c, "out"), 0, text(c, "op"));
    checkGrads(c, f, update ? ["x", "update"] : ["x"], 1e-14, text(c, "op"));
  }
});
test("running folds and their gradients agree with JAX", () => {
  const ops = {
    cumsum: cumulative.cumsum,
    cumprod: cumulative.cumprod,
    cummax: cumulative.cummax,
    cummin: cumulative.cummin,
    cumlogsumexp: cumulative.cumlogsumexp,
  };
  for (const c of goldenCases(file, "cumulative")) {
    const op = ops[text(c, "op") as keyof typeof ops],
      p = { axis: number(c, "axis"), reverse: c["reverse"] === true };
    const what = `${text(c, "op")} ${JSON.stringify(p)}`;
    same(run(t => op(t, p), tensor(c, "x"))[0], tensor(c, "out"), 1e-14, what);
    checkGrads(c, t => op(t, p), ["x"], 1e-12, what);
  }
});
test("convolutions and their gradients agree with JAX: strides, dilations, groups, negative padding", () => {
  let n = 0;
  for (const c of goldenCases(file, "conv")) {
    const list = (key: string): readonly number[] => goldenAt(c, key) as readonly number[]; // the file's own lists
    const params = {
      stride: list("strides"),
      pad: goldenAt(c, "padding") as readonly (readonly [number, number])[],
      base: list("lhs_dilation"),
      dilation: list("rhs_dilation"),
      groups: number(c, "groups"),
    };
    const f = (x: Tensor, w: Tensor): Tensor => conv(x, w, params);
    same(run(f, tensor(c, "lhs"), tensor(c, "rhs"))[0], tensor(c, "out"), 1e-11, `conv ${n}`);
    checkGrads(c, f, ["lhs", "rhs"], 1e-11, `conv ${n}`);
    n++;
  }
  assert.is(n, 12);
});
test("window folds agree with JAX, and their gradients where nothing ties", () => {
  for (const c of goldenCases(file, "reduce_window")) {
    const list = (key: string): readonly number[] => goldenAt(c, key) as readonly number[]; // the file's own lists
    const op = text(c, "op") as "sum" | "max" | "min"; // the file has no others
    const params = {
      stride: list("strides"),
      pad: goldenAt(c, "padding") as readonly (readonly [number, number])[],
      dilation: list("dilation"),
      base: list("window").map(() => 1),
    };
    const x = tensor(c, "x"),
      f = (t: Tensor): Tensor => reduceWindow(t, op, list("window"), params),
      what = `${op} ${JSON.stringify(params)}`;
    same(run(f, x)[0], tensor(c, "out"), 1e-14, what);
    if (new Set(x.data).size === x.data.length) checkGrads(c, f, ["x"], 1e-12, what);
  }
});
test("the largest of a window of integers ignores the padding", () => {
  const x = hostTensor("i32", [3], [-5, -7, -6]);
  const [largest] = run(t => reduceWindow(t, "max", [2], { stride: [1], pad: [[1, 1]], dilation: [1], base: [1] }), x);
  assert.equal([...(largest?.data ?? [])], [-5, -5, -6, -6]);
});
test("sorting is stable and puts NaN where JAX does", () => {
  for (const c of goldenCases(file, "sort")) {
    if (c["sorted"] === undefined) continue;
    const x = tensor(c, "x"),
      axis = c["axis"] === undefined ? 0 : number(c, "axis");
    same(run(t => sort(t, { axis, keys: 1, descending: c["descending"] === true }), x)[0], tensor(c, "sorted"), 0, text(c, "of"));
  }
});
test.run();
