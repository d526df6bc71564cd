// The library's operations against NumPy, SciPy and JAX (tests/goldens/ops.json), evaluated and compiled: values, and gradients where the file has them.
import { test } from "uvu";
import * as lib from "../../../stdlib/index.ts";
import type { Tensor } from "../../../stdlib/index.ts";
import type { HostTensor } from "../../../compiler/reference/evaluate.ts";
import { goldenCases, loadGolden, type Golden } from "../../goldens/load.ts";
import { expect, golden } from "../../support/evaluate.ts";

type Case = { readonly [key: string]: Golden };
const file = loadGolden("ops");
const numbers = (g: Golden | undefined): number[] => (g as readonly number[]).map(Number); // a list of numbers in the file's layout
const pairs = (g: Golden | undefined): [number, number][] => (g as readonly (readonly number[])[]).map(([a = 0, b = 0]) => [a, b]); // a list of pairs
/** Values of `f` at the named inputs, and, where there is a cotangent, the gradients. */
function check(what: string, c: Case, inputs: readonly string[], f: (...xs: Tensor[]) => Tensor, tolerance = 1e-12): void {
  const args = inputs.map(n => golden(c[n]));
  expect(what, f, args, [golden(c["out"])], tolerance);
  if (c["ct"] === undefined) return;
  const grads = c["grads"] as Case; // beside every ct
  expect(
    `${what} gradients`,
    (...xs) => {
      const [, back] = lib.vjp((...ys: Tensor[]) => f(...ys), ...xs.slice(0, -1));
      return back(xs.at(-1) as Tensor) as readonly Tensor[];
    },
    [...args, golden(c["ct"])],
    inputs.map(n => golden(grads[n])),
    tolerance,
  ); // one gradient for each input
}
const each = (name: string, sentence: string, f: (c: Case, what: string) => void): void =>
  test(`${name}: ${sentence}`, () => goldenCases(file, name).forEach((c, i) => f(c, `${name} ${i}`)));

each("einsum", "values and gradients of sums of products", (c, what) =>
  check(
    what,
    c,
    Object.keys(c).filter(k => /^x\d$/.test(k)),
    (...xs) => lib.einsum(String(c["spec"]), ...xs),
  ),
);
each("conv", "values and gradients of convolutions without input dilation", (c, what) => {
  if (numbers(c["lhs_dilation"]).some(d => d !== 1)) return; // convTranspose's, tested beside it
  check(what, c, ["lhs", "rhs"], (x, w) =>
    lib.conv(x as Tensor, w as Tensor, {
      strides: numbers(c["strides"]),
      padding: pairs(c["padding"]),
      dilation: numbers(c["rhs_dilation"]),
      groups: Number(c["groups"]),
    }),
  ); // two names, two tensors
});
each("reduce_window", "maximum pools, and mean pools as sums over sizes", (c, what) => {
  const window = numbers(c["window"]),
    options = { strides: numbers(c["strides"]), padding: pairs(c["padding"]), dilation: numbers(c["dilation"]) };
  if (c["op"] === "sum") check(what, c, ["x"], x => lib.avgPool(x as Tensor, window, options).mul(window.reduce((a, b) => a * b, 1))); // one name
  if (c["op"] === "max" && c["ties"] === undefined) check(what, c, ["x"], x => lib.maxPool(x as Tensor, window, options)); // one name
});
each("cumulative", "running folds", (c, what) => {
  const fs: { readonly [op: string]: (x: Tensor, o: lib.CumulativeOptions) => Tensor } = {
    cumsum: lib.cumsum,
    cumprod: lib.cumprod,
    cummax: lib.cummax,
    cummin: lib.cummin,
    cumlogsumexp: lib.cumlogsumexp,
  };
  const tied = c["op"] === "cummax" && golden(c["x"]).data.some((v, i, xs) => xs.indexOf(v) !== i); // ties are shared here, JAX's differ
  const { ct: _ct, ...valueOnly } = c;
  check(what, tied ? valueOnly : c, ["x"], x =>
    (fs[String(c["op"])] as typeof lib.cumsum)(x as Tensor, { axis: Number(c["axis"]), reverse: c["reverse"] === true }),
  ); // every op of the file is in the table
});
each("take", "positions inside and outside, in each mode", (c, what) => {
  const i = golden(c["indices"]),
    lift = (x: Tensor): Tensor =>
      lib.take(x, lib.array([...i.data], { dtype: "i32", shape: i.shape }), { axis: Number(c["axis"]), mode: c["mode"] as "clip" }); // fill, clip or wrap
  check(what, c, ["x"], x => lift(x as Tensor)); // one name
});
each("take_along_axis", "positions for each element", (c, what) => {
  const i = golden(c["indices"]);
  check(what, c, ["x"], x =>
    lib.takeAlongAxis(x as Tensor, lib.array([...i.data], { dtype: "i32", shape: i.shape }), { axis: Number(c["axis"]) }),
  ); // one name
});
each("gather_pairs", "rows and columns together", (c, what) => {
  const at = (k: string): Tensor => {
    const i = golden(c[k]);
    return lib.array([...i.data], { dtype: "i32", shape: i.shape });
  };
  check(what, c, ["x"], x => lib.index(x as Tensor, at("rows"), at("cols"))); // one name
});
each("scatter", "updates with repeated positions and positions outside", (c, what) => {
  if (c["mode"] !== "drop") return;
  const fs: { readonly [op: string]: typeof lib.setAt } = {
    set: lib.setAt,
    add: lib.addAt,
    mul: lib.mulAt,
    min: lib.minAt,
    max: lib.maxAt,
  };
  const i = golden(c["indices"]),
    { ct: _ct, ...valueOnly } = c;
  check(what, c["op"] === "mul" ? valueOnly : c, ["x", "updates"], (x, u) =>
    (fs[String(c["op"])] as typeof lib.setAt)(x as Tensor, [lib.array([...i.data], { dtype: "i32", shape: i.shape })], u as Tensor),
  ); // every op of the file is in the table; repeated positions make mul's gradient a refusal
});
each("dynamic_slice", "windows are moved inside", (c, what) => {
  const start = [...golden(c["start"]).data];
  if (c["op"] === "dynamic_slice") check(what, c, ["x"], x => lib.dynamicSlice(x as Tensor, start, numbers(c["sizes"]))); // one name
  else check(what, c, ["x", "update"], (x, u) => lib.dynamicUpdateSlice(x as Tensor, u as Tensor, start)); // two names
});
each("sort", "sorted values and their positions", (c, what) => {
  if (c["keys"] !== undefined)
    return expect(
      what,
      (k, v) => lib.sortWith(k as Tensor, v as Tensor),
      [golden(c["keys"]), golden(c["values"])],
      [golden(c["sorted_keys"]), golden(c["sorted_values"])],
    ); // two arguments
  const o = { descending: c["descending"] === true, axis: Number(c["axis"] ?? -1) };
  expect(what, x => lib.argsort(x as Tensor, o), [golden(c["x"])], [golden(c["argsort"])]); // one argument
  if (c["out"] === undefined) expect(what, x => lib.sort(x as Tensor, o), [golden(c["x"])], [golden(c["sorted"])]); // one argument
  else check(what, c, ["x"], x => lib.sort(x as Tensor, o)); // one name
});
each("top_k", "the largest and their positions", (c, what) => {
  const ordered = c["of"] !== "zeros"; // 0 and -0 are equal here; JAX's top_k alone puts 0 first
  expect(
    what,
    x => {
      const t = lib.topK(x as Tensor, Number(c["k"]));
      return ordered ? [t.values, t.indices] : [t.values];
    },
    [golden(c["x"])],
    ordered ? [golden(c["values"]), golden(c["indices"])] : [golden(c["values"])],
  ); // one argument
});
each("argminmax", "the first of ties, and NaN before all", (c, what) => {
  const o = c["axis"] === undefined ? {} : { axis: Number(c["axis"]) };
  expect(what, x => [lib.argmax(x as Tensor, o), lib.argmin(x as Tensor, o)], [golden(c["x"])], [golden(c["argmax"]), golden(c["argmin"])]); // one argument
});
each("searchsorted", "places on either side of equals", (c, what) =>
  expect(
    what,
    (a, v) => lib.searchsorted(a as Tensor, v as Tensor, { side: c["side"] as "left" }),
    [golden(c["a"]), golden(c["v"])],
    [golden(c["out"])],
  ),
); // left or right
each("reductions", "statistics, softmax and norms, with ties, NaN, nothing and extremes", (c, what) => {
  const fs: { readonly [op: string]: (x: Tensor, o: { readonly axis: number }) => Tensor } = {
    max: lib.max,
    min: lib.min,
    sum: lib.sum,
    prod: lib.prod,
    mean: lib.mean,
    var: lib.variance,
    std: lib.std,
    logsumexp: lib.logsumexp,
    softmax: lib.softmax,
    log_softmax: lib.logSoftmax,
    norm: lib.norm,
  };
  check(`${what} ${String(c["op"])} of ${String(c["of"])}`, c, ["x"], x =>
    (fs[String(c["op"])] as typeof lib.sum)(x as Tensor, { axis: Number(c["axis"]) }),
  ); // every op of the file is in the table
});

const unary: { readonly [op: string]: (x: Tensor) => Tensor } = {
  exp: lib.exp,
  expm1: lib.expm1,
  log: lib.log,
  log1p: lib.log1p,
  sqrt: lib.sqrt,
  rsqrt: lib.rsqrt,
  cbrt: lib.cbrt,
  sin: lib.sin,
  cos: lib.cos,
  tan: lib.tan,
  asin: lib.asin,
  acos: lib.acos,
  atan: lib.atan,
  sinh: lib.sinh,
  cosh: lib.cosh,
  tanh: lib.tanh,
  asinh: lib.asinh,
  acosh: lib.acosh,
  atanh: lib.atanh,
  erf: lib.erf,
  erfc: lib.erfc,
  erf_inv: lib.erfInv,
  logistic: lib.sigmoid,
  lgamma: lib.lgamma,
  digamma: lib.digamma,
  floor: lib.floor,
  ceil: lib.ceil,
  round_half_even: lib.round,
  trunc: lib.trunc,
  sign: lib.sign,
  abs: lib.abs,
  log_sigmoid: lib.logSigmoid,
  softplus: lib.softplus,
};
each("unary", "elementary functions at their edges", (c, what) => {
  const f = unary[String(c["op"])] as (x: Tensor) => Tensor; // every op of the file is in the table
  expect(`${what} ${String(c["op"])}`, x => f(x as Tensor), [golden(c["x"])], [golden(c["out"])], 1e-11); // one argument
});
const gradients: { readonly [op: string]: (x: Tensor) => Tensor } = {
  ...unary,
  relu: lib.relu,
  relu6: lib.relu6,
  "clip(-1,1)": x => lib.clip(x, -1, 1),
  gelu_tanh: x => lib.gelu(x),
  gelu_erf: x => lib.gelu(x, { exact: true }),
  silu: lib.silu,
  elu: x => lib.elu(x),
};
each("unary_gradients", "derivatives at corners and far out", (c, what) => {
  const f = gradients[String(c["op"])] as (x: Tensor) => Tensor; // every op of the file is in the table
  const want: HostTensor = golden(c["grad"]),
    corner = c["op"] === "abs" && c["convention"] !== undefined; // |x|' at 0 is 0 here, 1 in JAX
  expect(
    `${what} ${String(c["op"])}`,
    x => [f(x as Tensor), lib.grad((t: Tensor) => f(t).sum())(x as Tensor) as Tensor],
    [golden(c["x"])],
    [golden(c["out"]), corner ? { ...want, data: want.data.map(() => 0) } : want],
    1e-12,
  ); // one argument
});
const binary: { readonly [op: string]: (a: Tensor, b: Tensor) => Tensor } = {
  atan2: lib.atan2,
  pow: lib.pow,
  hypot: lib.hypot,
  logaddexp: lib.logaddexp,
  maximum: lib.maximum,
  minimum: lib.minimum,
  fmod: lib.rem,
  remainder: lib.mod,
  floor_divide: lib.floorDiv,
  divide: lib.div,
};
each("binary", "functions of two at their edges", (c, what) => {
  const f = binary[String(c["op"])];
  if (f)
    expect(
      `${what} ${String(c["op"])}`,
      (a, b) => f(a as Tensor, b as Tensor),
      [golden(c["a"]), golden(c["b"])],
      [golden(c["out"])],
      1e-12,
    ); // two arguments
});
each("binary_gradients", "derivatives of functions of two, at ties and zeros", (c, what) => {
  const grads = c["grads"] as Case; // every case has gradients
  if (c["op"] === "integer_pow")
    return expect(
      what,
      x => [lib.pow(x as Tensor, Number(c["n"])), lib.grad((t: Tensor) => lib.pow(t, Number(c["n"])).sum())(x as Tensor) as Tensor],
      [golden(c["a"])],
      [golden(c["out"]), golden(grads["a"])],
      1e-12,
    ); // one argument
  const f = binary[String(c["op"])] as (a: Tensor, b: Tensor) => Tensor; // every other op of the file is in the table
  expect(
    `${what} ${String(c["op"])}`,
    (a, b) => [
      f(a as Tensor, b as Tensor),
      ...(lib.grad((s: Tensor, t: Tensor) => f(s, t).sum(), { argnums: [0, 1] })(a as Tensor, b as Tensor) as readonly Tensor[]),
    ],
    [golden(c["a"]), golden(c["b"])],
    [golden(c["out"]), golden(grads["a"]), golden(grads["b"])],
    1e-12,
  ); // two arguments
});

test.run();
