// AdamW and the two losses in jax-js. Functions take ownership of their arguments, as its rules demand; `jax.tree.ref` keeps a tree for later.
import type { AdamW, Gpt } from "../../work.ts";
import type { Arr, JaxJs, Tree } from "./api.ts";

/** What a training step carries. `t` counts the steps done. */
export interface State {
  params: Tree;
  m: Tree;
  v: Tree;
  t: number;
}

/** f32[] of value x. */
export const scalar = (jax: JaxJs, x: number): Arr => jax.numpy.array(new Float32Array([x]), { shape: [], dtype: "float32" });

/** AdamW's update, inside of `jit`: the next parameters and moments. `c1`, `c2`: 1 - b^t. */
export function adamwUpdate(
  jax: JaxJs,
  { lr, b1, b2, eps, decay }: AdamW,
  { params, m, v, c1, c2 }: { params: Tree; m: Tree; v: Tree; c1: Arr; c2: Arr },
  grads: Tree,
): [Tree, Tree, Tree] {
  const np = jax.numpy;
  const [p2, m2, v2]: [Tree, Tree, Tree] = [{}, {}, {}];
  for (const name of Object.keys(params)) {
    const [p, g] = [params[name] as Arr, grads[name] as Arr]; // one tree structure
    const mean = (m[name] as Arr).mul(b1).add(g.ref.mul(1 - b1)); // the same structure
    const square = (v[name] as Arr).mul(b2).add(np.square(g).mul(1 - b2)); // the same structure
    const update = mean.ref
      .div(c1.ref)
      .div(np.sqrt(square.ref.div(c2.ref)).add(eps))
      .add(p.ref.mul(decay));
    [p2[name], m2[name], v2[name]] = [p.sub(update.mul(lr)), mean, square];
  }
  c1.dispose();
  c2.dispose();
  return [p2, m2, v2];
}

/** A compiled AdamW step on `loss(params, ...data)`: returns the loss before the step. */
export function adamwStep(
  jax: JaxJs,
  adamw: AdamW,
  loss: (params: Tree, ...data: Arr[]) => Arr,
): (state: State, ...data: Arr[]) => Promise<number> {
  const step = jax.jit((params: Tree, m: Tree, v: Tree, c1: Arr, c2: Arr, ...data: Arr[]): [Arr, Tree, Tree, Tree] => {
    const [value, grads] = jax.valueAndGrad(loss)(jax.tree.ref(params), ...data);
    return [value, ...adamwUpdate(jax, adamw, { params, m, v, c1, c2 }, grads)];
  });
  return async (state, ...data) => {
    const t = ++state.t,
      { b1, b2 } = adamw;
    const [value, params, m, v] = step(
      state.params,
      state.m,
      state.v,
      scalar(jax, 1 - b1 ** t),
      scalar(jax, 1 - b2 ** t),
      ...data.map(x => x.ref),
    );
    Object.assign(state, { params, m, v });
    return (await value.data())[0] ?? NaN;
  };
}

/** The first state over `params`, which it takes. */
export function initial(jax: JaxJs, params: Tree): State {
  const zeros = (): Tree =>
    Object.fromEntries(
      Object.entries(params).map(([name, p]) => [
        name,
        jax.numpy.array(new Float32Array(p.shape.reduce((a, b) => a * b, 1)), { shape: p.shape, dtype: "float32" }),
      ]),
    );
  return { params, m: zeros(), v: zeros(), t: 0 };
}

/** Mean cross-entropy of logits f32[N,K] against labels i32[N]. */
export function crossEntropy(jax: JaxJs, logits: Arr, labels: Arr): Arr {
  const [count = 1, classes = 1] = logits.shape;
  return jax.nn
    .logSoftmax(logits, -1)
    .mul(jax.nn.oneHot(labels, classes))
    .sum()
    .mul(-1 / count);
}

/** Loss of a ReLU network w0,b0,w1,b1,.. */
export const mlpLoss =
  (jax: JaxJs) =>
  (params: Tree, x: Arr, labels: Arr): Arr => {
    const depth = Object.keys(params).length / 2;
    let h = x;
    for (let i = 0; i < depth; i++) {
      h = jax.numpy.matmul(h, params[`w${i}`] as Arr).add(params[`b${i}`] as Arr); // i counts the layers there are
      if (i < depth - 1) h = jax.nn.relu(h);
    }
    return crossEntropy(jax, h, labels);
  };

/** The decoder's logits f32[B*T,V] for inputs i32[B*T]. Layers are separate leaves (`wq3`): jax-js has no scan. */
export function logits(jax: JaxJs, gpt: Gpt, params: Tree, inputs: Arr): Arr {
  const { batch: b, tokens: t, dim: d, heads: h, layers, vocabulary } = gpt;
  const np = jax.numpy;
  const p = (name: string): Arr => params[name] as Arr; // the names are work.ts's
  const norm = (x: Arr, scale: Arr): Arr => jax.nn.standardize(x, -1, { epsilon: 1e-6 }).mul(scale);
  const heads = (x: Arr): Arr => x.reshape([b, t, h, d / h]);
  let x = np.matmul(jax.nn.oneHot(inputs, vocabulary), p("embed").ref).reshape([b, t, d]).add(p("pos"));
  for (let i = 0; i < layers; i++) {
    const y = norm(x.ref, p(`ln1${i}`)).reshape([b * t, d]);
    const q = heads(np.matmul(y.ref, p(`wq${i}`))),
      k = heads(np.matmul(y.ref, p(`wk${i}`))),
      v = heads(np.matmul(y, p(`wv${i}`)));
    const mixed = jax.nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([b * t, d]);
    x = x.add(np.matmul(mixed, p(`wo${i}`)).reshape([b, t, d]));
    const up = np.matmul(norm(x.ref, p(`ln2${i}`)).reshape([b * t, d]), p(`up${i}`));
    x = x.add(np.matmul(jax.nn.gelu(up, { approximate: true }), p(`down${i}`)).reshape([b, t, d]));
  }
  return np.matmul(norm(x, p("lnf")).reshape([b * t, d]), p("embed").transpose());
}

/** Loss and Functional-SAM gradient at radius `rho`, by hand: the cotangent of the logits at the parameters, pulled back at the moved parameters. */
export function functionalSam(jax: JaxJs, gpt: Gpt, rho: number): (params: Tree, inputs: Arr, targets: Arr) => [Arr, Tree] {
  const np = jax.numpy;
  return (params, inputs, targets) => {
    const model = (p: Tree): Arr => logits(jax, gpt, p, inputs.ref);
    const [z, pull] = jax.vjp(model, [jax.tree.ref(params)]);
    const [loss, c] = jax.valueAndGrad((y: Arr) => crossEntropy(jax, y, targets.ref))(z);
    const [g] = pull(c.ref);
    const names = Object.keys(params);
    const squares = names.map(name => np.square((g[name] as Arr).ref).sum()); // g has the parameters' names
    const factor = scalar(jax, rho).div(np.sqrt(squares.reduce((a, s) => a.add(s))));
    const moved = Object.fromEntries(names.map(name => [name, (params[name] as Arr).add((g[name] as Arr).mul(factor.ref))])); // the same names
    factor.dispose();
    const [z2, pull2] = jax.vjp(model, [moved]);
    z2.dispose();
    const [out] = pull2(c);
    pull.dispose();
    pull2.dispose();
    inputs.dispose();
    targets.dispose();
    return [loss, out];
  };
}
