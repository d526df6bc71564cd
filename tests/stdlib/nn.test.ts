// Layers, attention and losses against JAX in f64: values and gradients.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromHost, fromStorage, jit, readSync, vjp, type DType, type HostArray, type Tensor } from "../../stdlib/index.ts";
import { gelu, relu, sigmoid, silu, softplus } from "../../stdlib/ops/activations.ts";
import { tanh } from "../../stdlib/ops/math.ts";
import * as nn from "../../stdlib/nn/index.ts";
import { goldenCases, isGoldenArray, loadGolden, type Golden } from "../goldens/load.ts";

const golden = loadGolden("nn");
type Case = { readonly [key: string]: Golden };
const tensor = (g: Golden | undefined): Tensor => { if (g === undefined || !isGoldenArray(g)) throw new Error("not an array"); return fromHost(g.dtype as DType, [...g.shape], g.data as HostArray); }; // the file's layout
const numbers = (x: Tensor): number[] => Array.from(fromStorage(x.dtype, readSync(x)));
const near = (got: Tensor, want: Golden | undefined, what: string): void => {
  const y = numbers(tensor(want));
  numbers(got).forEach((v, i) => { const w = y[i] ?? NaN; if (!(v === w || (Number.isNaN(v) && Number.isNaN(w)) || Math.abs(v - w) <= 1e-11 * (1 + Math.abs(w)))) assert.unreachable(`${what}[${i}]: ${v}, not ${w}`); });
};
/** Value and gradients of `f` in the named inputs. */
function check(c: Case, names: readonly string[], f: (...xs: Tensor[]) => Tensor, what: string): void {
  const [out, grads] = jit((xs: Tensor[], ct: Tensor) => { const [y, back] = vjp((...t: Tensor[]) => f(...t), ...xs); return [y, back(ct as never)] as const; })(names.map(n => tensor(c[n])), tensor(c["ct"])) as unknown as readonly [Tensor, readonly Tensor[]]; // the function just given
  near(out, c["out"], `${what} out`);
  names.forEach((n, i) => near(grads[i] as Tensor, (c["grads"] as Case)[n], `${what} d${n}`)); // one gradient a name
}
const all = (name: string, f: (c: Case, what: string) => void): void => { test(`${name} has JAX's values and gradients`, () => goldenCases(golden, name).forEach((c, i) => f(c, `${name} ${i}`))); };
const optional = (c: Case, key: string): Tensor | undefined => (c[key] === null || c[key] === undefined ? undefined : tensor(c[key]));

all("layer_norm", (c, what) => { const names = ["x", "scale", "bias"].filter(n => isGoldenArray(c[n] ?? null)); check(c, names, (x, scale, bias) => nn.layerNorm(x as Tensor, { eps: Number(c["eps"]), ...(scale ? { scale } : {}), ...(bias ? { bias } : {}) }), what); }); // x is always given
all("rms_norm", (c, what) => { const names = ["x", "scale"].filter(n => isGoldenArray(c[n] ?? null)); check(c, names, (x, scale) => nn.rmsNorm(x as Tensor, { eps: Number(c["eps"]), ...(scale ? { scale } : {}) }), what); }); // x is always given
all("attention", (c, what) => {
  const mask = optional(c, "mask");
  if ((tensor(c["k"]).shape[2] ?? 0) !== (tensor(c["q"]).shape[2] ?? 0)) return; // grouped queries are not part of dotProductAttention
  check(c, ["q", "k", "v"], (q, k, v) => nn.dotProductAttention(q as Tensor, k as Tensor, v as Tensor, mask ? { mask } : {}), what); // three names, three tensors
});
all("multi_head", (c, what) => { const mask = optional(c, "mask"); check(c, ["x", "wq", "wk", "wv", "wo"], (x, wq, wk, wv, wo) => nn.multiHeadAttention({ wq, wk, wv, wo } as nn.MultiHead, x as Tensor, Number(c["heads"]), mask ? { mask } : {}), what); }); // five names, five tensors
all("cross_entropy", (c, what) => { const targets = tensor(c["targets"]), mask = optional(c, "mask"); check(c, ["logits"], z => nn.softmaxCrossEntropy(z as Tensor, targets, { labelSmoothing: Number(c["label_smoothing"]), zLoss: Number(c["z_loss"]), ...(mask ? { mask } : {}) }), what); }); // one name
all("embedding", (c, what) => { const ids = tensor(c["tokens"]); check(c, ["table"], t => nn.embedding(t as Tensor, ids), what); }); // one name
test("activations have JAX's values, gradients and second derivatives", () => {
  const known: { readonly [op: string]: (x: Tensor) => Tensor } = { gelu_tanh: x => gelu(x), gelu: x => gelu(x, { exact: true }), gelu_erf: x => gelu(x, { exact: true }), silu, relu, sigmoid, softplus, tanh };
  let seen = 0;
  for (const c of goldenCases(golden, "activations")) {
    const f = known[String(c["op"])];
    if (!f) continue;
    seen++;
    near(f(tensor(c["x"])), c["out"], String(c["op"]));
  }
  assert.ok(seen >= 5, `${seen} activations of the file are known here`);
});

test.run();
