// Attention of the library: the one operation means what the composed formula means, to every order of derivative, and differentiates, batches, loops and rematerialises like anything else.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  zeros,
  grad,
  hessian,
  hvp,
  jit,
  jvp,
  mul,
  reshape,
  remat,
  scan,
  stack,
  sum,
  vmap,
  type DType,
  type Tensor,
} from "../../../stdlib/index.ts";
import { fromHost } from "../../../compiler/index.ts";
import { dotProductAttention, type AttentionOptions } from "../../../stdlib/nn/index.ts";
import { checkGrads } from "../../../stdlib/testing/index.ts";
import { numbers } from "../../compiler/transforms/numeric.ts";

interface Heads {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}
const tensor = (seed: number, shape: readonly number[], dtype: DType = "f64"): Tensor => {
  const x = numbers(
    shape.reduce((a, b) => a * b, 1),
    seed,
    -1,
    1,
  );
  return fromHost(dtype, shape, dtype === "f64" ? Float64Array.from(x) : Float32Array.from(x));
};
const heads = (t: number, s: number, h: number, g: number, d: number, dtype: DType = "f64"): Heads => ({
  q: tensor(1, [2, t, h, d], dtype),
  k: tensor(2, [2, s, g, d], dtype),
  v: tensor(3, [2, s, g, d], dtype),
});
const whole = ({ q, k, v }: Heads, o: AttentionOptions = {}): Tensor => dotProductAttention(q, k, v, o);
/** The composed formula: a bias of zeros asks for it. */
const composed = (p: Heads, o: AttentionOptions = {}): Tensor => whole(p, { ...o, bias: zeros([], { dtype: p.q.dtype }) });
const close = (got: Tensor, want: Tensor, tolerance: number, what: string): void => {
  assert.equal(got.shape, want.shape, what);
  const x = [...got.dataSync()].map(Number),
    y = [...want.dataSync()].map(Number),
    scale = tolerance * Math.max(1, ...y.map(Math.abs));
  const at = x.findIndex((a, i) => !(Math.abs(a - (y[i] ?? NaN)) <= scale));
  if (at >= 0) assert.unreachable(`${what}: [${at}] is ${x[at]}, not ${y[at]}`);
};
const loss =
  (f: typeof whole, w: Tensor, o: AttentionOptions) =>
  (p: Heads): Tensor =>
    sum(mul(f(p, o), mul(f(p, o), w)));
const cases: readonly (readonly [Heads, AttentionOptions])[] = [
  [heads(1, 1, 1, 1, 1), {}],
  [heads(5, 5, 2, 2, 4), { causal: true }],
  [heads(3, 7, 4, 2, 3), { causal: true, scale: 0.7 }],
  [heads(6, 2, 2, 1, 4), {}],
  [heads(66, 70, 2, 1, 5), { causal: true }], // large enough for a kernel of its own
];

test("values, gradients and Hessian-vector products are those of the composed formula", () => {
  for (const [p, o] of cases) {
    const w = tensor(7, p.q.shape),
      dp = { q: tensor(4, p.q.shape), k: tensor(5, p.k.shape), v: tensor(6, p.v.shape) },
      what = `${p.q.shape} ${p.k.shape}`;
    const all = jit((x: Heads, dx: Heads) => {
      const of = (f: typeof whole): Tensor[] => {
        const l = loss(f, w, o),
          g = grad(l)(x),
          h = hvp(l)(x, dx);
        return [f(x, o), ...Object.values(g), ...Object.values(h)] as Tensor[]; // trees of tensors
      };
      return { got: of(whole), want: of(composed) };
    })(p, dp);
    all.got.forEach((y, i) => close(y, all.want[i] as Tensor, 1e-10, `${what}, result ${i}`)); // lists of one length
  }
});
test("forward and reverse derivatives agree with differences, and the Hessian is symmetric", () => {
  const p = heads(3, 4, 1, 1, 2),
    w = tensor(7, p.q.shape);
  checkGrads((q: Tensor, k: Tensor, v: Tensor) => loss(whole, w, { causal: true })({ q, k, v }), [p.q, p.k, p.v]);
  const h = hessian((q: Tensor) => loss(whole, w, {})({ ...p, q }))(p.q),
    n = 12,
    m = reshape(h as Tensor, [n, n]); // of one tensor
  const x = [...m.dataSync()].map(Number);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) assert.ok(Math.abs((x[i * n + j] ?? 0) - (x[j * n + i] ?? 1)) < 1e-12);
});
test("a batch by vmap is a loop, differentiated too; remat and scan change nothing", () => {
  const ps = [heads(4, 6, 2, 2, 3), heads(4, 6, 2, 2, 3)].map((p, i) => ({ ...p, q: mul(p.q, i + 1) })),
    o = { causal: true },
    w = tensor(7, [2, 4, 2, 3]),
    g = grad(loss(whole, w, o));
  const batched = { q: stack(ps.map(p => p.q)), k: stack(ps.map(p => p.k)), v: stack(ps.map(p => p.v)) };
  const each = ps.map(p => g(p)),
    all = vmap(g)(batched) as Heads; // as its operand
  for (const name of ["q", "k", "v"] as const) close(all[name], stack(each.map(x => x[name])), 1e-14, `vmap ${name}`);
  const again = grad(remat(loss(whole, w, o)))(ps[0] as Heads); // two heads
  for (const name of ["q", "k", "v"] as const) close(again[name], (each[0] as Heads)[name], 1e-14, `remat ${name}`); // as above
  const twice = (q: Tensor): Tensor =>
      scan((c: Tensor, k: Tensor) => [whole({ q: c, k, v: k }, o), sum(c)] as const, q, batched.k)[0] as Tensor, // the carry is a tensor
    unrolled = (q: Tensor): Tensor => ps.reduce((c, { k }) => whole({ q: c, k, v: k }, o), q);
  close(
    grad((q: Tensor) => sum(mul(twice(q), w)))(batched.q.at(0)),
    grad((q: Tensor) => sum(mul(unrolled(q), w)))(batched.q.at(0)),
    1e-13,
    "scan",
  );
});
test("forward mode and f32 at the size of a kernel", () => {
  const p = heads(80, 80, 2, 2, 16, "f32"),
    o = { causal: true },
    dq = tensor(4, p.q.shape, "f32");
  const push = (f: typeof whole): Tensor[] => {
    const [y, dy] = jvp((q: Tensor) => f({ ...p, q }, o), [p.q], [dq]) as [Tensor, Tensor]; // value and tangent
    return [y, dy];
  };
  const { got, want } = jit(() => ({ got: push(whole), want: push(composed) }))();
  got.forEach((y, i) => close(y, want[i] as Tensor, 2e-5, `result ${i}`)); // two of each
});
test.run();
