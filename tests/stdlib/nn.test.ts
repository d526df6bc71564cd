// Layers, attention and losses against JAX in f64: values and gradients.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  array,
  fromHost,
  grad,
  jit,
  greater,
  ones,
  prod,
  sum,
  valueAndGrad,
  vjp,
  type DType,
  type HostArray,
  type Tensor,
} from "../../stdlib/index.ts";
import { astype } from "../../stdlib/ops/arithmetic.ts";
import { oneHot } from "../../stdlib/ops/take.ts";
import * as random from "../../stdlib/random/index.ts";
import * as tree from "../../stdlib/tree.ts";
import * as nn from "../../stdlib/nn/index.ts";
import { goldenCases, isGoldenArray, loadGolden, type Golden } from "../goldens/load.ts";
import { numbers } from "../support/numbers.ts";

const golden = loadGolden("nn");
type Case = { readonly [key: string]: Golden };
const tensor = (g: Golden | undefined): Tensor => {
  if (g === undefined || !isGoldenArray(g)) throw new Error("not an array");
  return fromHost(g.dtype as DType, [...g.shape], g.data as HostArray);
}; // the file's layout
const near = (got: Tensor, want: Golden | undefined, what: string): void => {
  const y = numbers(tensor(want));
  numbers(got).forEach((v, i) => {
    const w = y[i] ?? NaN;
    if (!(v === w || (Number.isNaN(v) && Number.isNaN(w)) || Math.abs(v - w) <= 1e-11 * (1 + Math.abs(w))))
      assert.unreachable(`${what}[${i}]: ${v}, not ${w}`);
  });
};
/** Value and gradients of `f` in the named inputs. */
function check(c: Case, names: readonly string[], f: (...xs: Tensor[]) => Tensor, what: string): void {
  const [out, grads] = jit((xs: Tensor[], ct: Tensor) => {
    const [y, back] = vjp((...t: Tensor[]) => f(...t), ...xs);
    return [y, back(ct as never)] as const;
  })(
    names.map(n => tensor(c[n])),
    tensor(c["ct"]),
  ) as unknown as readonly [Tensor, readonly Tensor[]]; // the function just given
  near(out, c["out"], `${what} out`);
  names.forEach((n, i) => near(grads[i] as Tensor, (c["grads"] as Case)[n], `${what} d${n}`)); // one gradient a name
}
const all = (name: string, f: (c: Case, what: string) => void): void => {
  test(`${name} has JAX's values and gradients`, () => goldenCases(golden, name).forEach((c, i) => f(c, `${name} ${i}`)));
};
const optional = (c: Case, key: string): Tensor | undefined => (c[key] === null || c[key] === undefined ? undefined : tensor(c[key]));

all("layer_norm", (c, what) => {
  const names = ["x", "scale", "bias"].filter(n => isGoldenArray(c[n] ?? null));
  check(
    c,
    names,
    (x, scale, bias) => nn.layerNorm(x as Tensor, { eps: Number(c["eps"]), ...(scale ? { scale } : {}), ...(bias ? { bias } : {}) }),
    what,
  );
}); // x is always given
all("rms_norm", (c, what) => {
  const names = ["x", "scale"].filter(n => isGoldenArray(c[n] ?? null));
  check(c, names, (x, scale) => nn.rmsNorm(x as Tensor, { eps: Number(c["eps"]), ...(scale ? { scale } : {}) }), what);
}); // x is always given
all("attention", (c, what) => {
  const mask = optional(c, "mask");
  check(c, ["q", "k", "v"], (q, k, v) => nn.dotProductAttention(q as Tensor, k as Tensor, v as Tensor, mask ? { mask } : {}), what);
}); // three names, three tensors
all("multi_head", (c, what) => {
  const mask = optional(c, "mask");
  check(
    c,
    ["x", "wq", "wk", "wv", "wo"],
    (x, wq, wk, wv, wo) => nn.multiHeadAttention({ wq, wk, wv, wo } as nn.MultiHead, x as Tensor, Number(c["heads"]), mask ? { mask } : {}),
    what,
  );
}); // five names, five tensors
all("cross_entropy", (c, what) => {
  const targets = tensor(c["targets"]),
    mask = optional(c, "mask"),
    options = { labelSmoothing: Number(c["label_smoothing"]), zLoss: Number(c["z_loss"]), ...(mask ? { mask } : {}) },
    classes = tensor(c["logits"]).shape.at(-1) ?? 0;
  check(c, ["logits"], z => nn.softmaxCrossEntropy(z as Tensor, targets, options), what); // one name
  check(
    c,
    ["logits"],
    z => nn.softmaxCrossEntropy(z as Tensor, oneHot(targets, classes, { dtype: "f64" }), options),
    `${what} from probabilities`,
  ); // one name
});
all("other_losses", (c, what) => {
  const t = tensor(c["targets"]),
    losses: { readonly [op: string]: (y: Tensor) => Tensor } = {
      "mean squared error": y => nn.meanSquaredError(y, t),
      huber: y => nn.huber(y, t, { delta: Number(c["delta"]) }),
      "sigmoid binary cross-entropy": y => nn.binaryCrossEntropy(y, t),
    };
  const f = losses[String(c["op"])];
  if (!f) return assert.unreachable(`no loss ${String(c["op"])}`);
  check(c, ["y"], y => f(y as Tensor), `${what} ${String(c["op"])}`); // one name
});
all("soft_cap", (c, what) => check(c, ["x"], x => nn.softCap(x as Tensor, Number(c["cap"])), what)); // one name
all("rope", (c, what) => check(c, ["x"], x => nn.rotary(x as Tensor, { base: Number(c["base"]) }), what)); // one name
all("embedding", (c, what) => {
  const ids = tensor(c["tokens"]);
  check(c, ["table"], t => nn.embedding(t as Tensor, ids), what);
}); // one name

test("activations have JAX's values, gradients and second derivatives", () => {
  const known: { readonly [op: string]: (x: Tensor) => Tensor } = {
    gelu_tanh: x => nn.gelu(x),
    gelu_erf: x => nn.gelu(x, { exact: true }),
    silu: nn.silu,
    relu: nn.relu,
    elu: x => nn.elu(x),
    selu: nn.selu,
    softplus: nn.softplus,
    leaky_relu: x => nn.leakyRelu(x),
    log_sigmoid: nn.logSigmoid,
  };
  const seen = goldenCases(golden, "activations").filter(c => known[String(c["op"])] !== undefined);
  assert.is(seen.length, Object.keys(known).length);
  for (const c of seen) {
    const op = String(c["op"]),
      f = known[op] as (x: Tensor) => Tensor,
      first = (x: Tensor): Tensor => grad((t: Tensor) => sum(f(t)))(x),
      x = tensor(c["x"]); // just found
    near(f(x), c["out"], op);
    near(jit(first)(x), c["grad"], `${op}'`);
    near(jit(grad((t: Tensor) => sum(first(t))))(x), c["second"], `${op}''`);
  }
});
test("a causal query sees the past only, aligned at the end when there are more keys than queries", () => {
  const q = random.normal(random.key(1), [1, 2, 1, 4]),
    k = random.normal(random.key(2), [1, 5, 1, 4]),
    v = random.normal(random.key(3), [1, 5, 1, 4]);
  const mask = array([
    [true, true, true, true, false],
    [true, true, true, true, true],
  ]);
  assert.equal(numbers(nn.dotProductAttention(q, k, v, { causal: true })), numbers(nn.dotProductAttention(q, k, v, { mask })));
});
test("a query that may look nowhere gives finite values and gradients", () => {
  const q = random.normal(random.key(1), [1, 2, 1, 4]),
    mask = array([
      [false, false],
      [true, false],
    ]);
  const f = (x: Tensor): Tensor => sum(nn.dotProductAttention(x, x, x, { mask }));
  assert.ok([...numbers(nn.dotProductAttention(q, q, q, { mask })), ...numbers(jit(grad(f))(q))].every(Number.isFinite));
});
test("in bf16 and f16 norms, attention and losses keep their dtype outside and f32 inside", () => {
  for (const dtype of ["bf16", "f16"] as const) {
    const x = astype(random.normal(random.key(1), [2, 4, 2, 8]), dtype),
      wide = astype(x, "f32"),
      close = (a: Tensor, b: Tensor): void => {
        const y = numbers(b);
        numbers(a).forEach((v, i) => assert.ok(Math.abs(v - (y[i] ?? NaN)) <= 0.03 * (1 + Math.abs(y[i] ?? 0))));
      };
    const attended = nn.dotProductAttention(x, x, x, { causal: true });
    assert.is(attended.dtype, dtype);
    close(attended, nn.dotProductAttention(wide, wide, wide, { causal: true }));
    assert.is(nn.layerNorm(x).dtype, dtype);
    close(nn.rmsNorm(x), nn.rmsNorm(wide));
    assert.is(nn.softmaxCrossEntropy(astype(random.normal(random.key(2), [3, 5]), dtype), array([0, 1, 2], { dtype: "i32" })).dtype, "f32");
  }
});
test("a masked loss is the mean over the weights, also of fractions, and 0 when nothing counts", () => {
  const z = random.normal(random.key(1), [3, 4], { dtype: "f64" }),
    y = array([0, 1, 3], { dtype: "i32" }),
    at = (mask: readonly number[]): number => nn.softmaxCrossEntropy(z, y, { mask: array([...mask], { dtype: "f64" }) }).item();
  assert.ok(Math.abs(at([0.25, 0, 0.125]) - at([2, 0, 1])) < 1e-14);
  assert.is(at([0, 0, 0]), 0);
  const g = jit(grad((x: Tensor) => nn.softmaxCrossEntropy(x, y, { mask: array([false, false, false]) })))(z);
  assert.ok(numbers(g).every(v => v === 0));
});
test("shapes that would broadcast by accident are refused with both", () => {
  const z = random.normal(random.key(1), [3, 4]);
  assert.throws(
    () => nn.softmaxCrossEntropy(z, array([1], { dtype: "i32" })),
    /E0201: softmaxCrossEntropy: integer labels i32\[1\] beside f32\[3,4\]/,
  );
  assert.throws(
    () => nn.softmaxCrossEntropy(z, array([1, 1, 1], { dtype: "i32" }), { mask: array([true]) }),
    /E0201: softmaxCrossEntropy: mask bool\[1\]/,
  );
  assert.throws(
    () => nn.softmaxCrossEntropy(z, array([1, 1, 1], { dtype: "i32" }), { labelSmoothing: 1 }),
    /E0801: softmaxCrossEntropy: labelSmoothing is 1/,
  );
  assert.throws(() => nn.meanSquaredError(z, array([1, 2, 3, 4])), /E0201: meanSquaredError: target f32\[4\] beside f32\[3,4\]/);
  assert.throws(
    () => nn.multiHeadAttention(nn.initMultiHead(random.key(1), 6), random.normal(random.key(1), [2, 6]), 4),
    /E0801: multiHeadAttention: the width 6 does not divide into 4 heads/,
  );
  assert.throws(
    () =>
      nn.dotProductAttention(
        random.normal(random.key(1), [2, 3, 4]),
        random.normal(random.key(1), [2, 2, 4]),
        random.normal(random.key(1), [2, 2, 4]),
      ),
    /E0202: attention cannot combine/,
  );
  assert.throws(() => nn.rotary(random.normal(random.key(1), [2, 1, 3])), /E0801: rotary positions pair features/);
});
test("dropout keeps the mean, drops the share it is told, and is the identity without a key", () => {
  const x = ones([20000]),
    y = numbers(nn.dropout(random.key(1), 0.25, x));
  assert.ok(y.every(v => v === 0 || v === Math.fround(1 / 0.75)));
  assert.ok(Math.abs(y.filter(v => v === 0).length / 20000 - 0.25) < 0.02);
  assert.equal(numbers(nn.dropout(null, 0.25, x)), numbers(x));
});
test("initial values have the variance of their fan", () => {
  const variance = (f: nn.Initializer): number => {
    const x = numbers(f(random.key(3), [120, 80]));
    return x.reduce((s, v) => s + v * v, 0) / x.length;
  };
  for (const [f, want] of [
    [nn.xavierUniform, 2 / 200],
    [nn.heNormal, 2 / 120],
    [nn.lecunNormal, 1 / 120],
    [nn.normal(0.5), 0.25],
    [nn.truncatedNormal(2), 4 * 0.774],
  ] as const)
    assert.ok(Math.abs(variance(f) / want - 1) < 0.05, `${variance(f)}, not ${want}`);
});
test("an MLP starts, runs and learns the exclusive or of two signs", () => {
  const x = random.normal(random.key(1), [64, 2]),
    y = astype(greater(prod(x, { axis: 1 }), 0), "i32"),
    step = jit((p: nn.Mlp) => {
      const { value, grad: g } = valueAndGrad((q: nn.Mlp) => nn.softmaxCrossEntropy(nn.mlp(q, x), y))(p);
      return { value, p: tree.sub(p, tree.scale(0.5, g)) };
    });
  let p = nn.initMlp(random.key(2), 2, 16, 2),
    first = NaN,
    last = NaN;
  for (let i = 0; i < 200; i++) {
    const r = step(p);
    p = r.p as nn.Mlp;
    last = r.value.item();
    if (i === 0) first = last;
  } // the step keeps the structure
  assert.ok(last < 0.3 * first, `${first} to ${last}`);
});
test.run();
