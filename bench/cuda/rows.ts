// How pullback does each row: a function that enqueues one evaluation. Inputs are the formula's numbers, never zeros. It measures nothing.
import { add, array, astype, grad, jit, matmul, mul, sigmoid, softmax, sum, tanh, valueAndGrad, type Tensor } from "pullback";
import { slice } from "pullback/extend";
import * as nn from "pullback/nn";
import * as optim from "pullback/optim";
import * as random from "pullback/random";
import { fsam } from "pullback/sharpness";
import * as tree from "pullback/tree";
import { fill } from "../peers/fill.ts";
import type { CudaWork } from "./work.ts";

/** One evaluation, enqueued; what it returns is disposed by the next. */
export type Evaluate = () => void;

const uniform = (seed: number, ...shape: readonly number[]): Tensor =>
  array(fill({ kind: "uniform", shape, seed, scale: 1 }), { shape: [...shape] });
/** Calls `f` again and again; the results of the call before are given back. */
function again(f: () => unknown): Evaluate {
  let last: unknown;
  return () => {
    const next = f();
    for (const x of tree.leaves(last ?? [])) (x as Tensor).dispose(); // results are trees of tensors
    last = next;
  };
}

const gemmTypes = {
  bf16: { dtype: "bf16", precision: "default" },
  f16: { dtype: "f16", precision: "default" },
  f32: { dtype: "f32", precision: "default" },
  tf32: { dtype: "f32", precision: "tensorfloat32" },
  ffma: { dtype: "f32", precision: "highest" },
} as const;
/** The row's work on the default device. */
export function prepare(work: CudaWork): Evaluate {
  switch (work.kind) {
    case "gemm": {
      const { dtype, precision } = gemmTypes[work.type],
        a = astype(uniform(1, work.m, work.k), dtype),
        b = astype(uniform(2, work.k, work.n), dtype),
        f = jit((x: Tensor, y: Tensor) => matmul(x, y), { precision });
      return again(() => f(a, b));
    }
    case "copy": {
      const x = uniform(3, work.n),
        f = jit((t: Tensor) => mul(t, -1)); // the least that moves every byte
      return again(() => f(x));
    }
    case "gate": {
      const x = uniform(3, work.n),
        f = jit((t: Tensor) => mul(tanh(add(mul(t, 1.3), 0.2)), sigmoid(t)));
      return again(() => f(x));
    }
    case "softmax": {
      const x = uniform(4, work.rows, work.columns),
        f = jit((t: Tensor) => softmax(t));
      return again(() => f(x));
    }
    case "layerNorm":
    case "layerNormGradient": {
      const x = uniform(5, work.rows, work.columns),
        scale = uniform(6, work.columns),
        bias = uniform(7, work.columns);
      const norm = (t: Tensor, s: Tensor, b: Tensor): Tensor => nn.layerNorm(t, { scale: s, bias: b, eps: 1e-5 });
      const all = (p: readonly [Tensor, Tensor, Tensor]): Tensor => {
        const y = norm(...p);
        return mul(sum(mul(y, y)), 0.5);
      };
      const f =
        work.kind === "layerNorm"
          ? jit((...p: [Tensor, Tensor, Tensor]) => norm(...p))
          : jit((...p: [Tensor, Tensor, Tensor]) => grad(all)(p));
      return again(() => f(x, scale, bias));
    }
    case "attention": {
      const { b, t, h, d } = work,
        heads = [8, 9, 10].map(seed => astype(uniform(seed, b, t, h, d), "bf16")) as [Tensor, Tensor, Tensor]; // three seeds
      const attend = (q: Tensor, k: Tensor, v: Tensor): Tensor => nn.dotProductAttention(q, k, v, { causal: true });
      const total = (p: readonly [Tensor, Tensor, Tensor]): Tensor => sum(astype(attend(...p), "f32"));
      const f = work.gradient ? jit((...p: [Tensor, Tensor, Tensor]) => grad(total)(p)) : jit(attend);
      return again(() => f(...heads));
    }
    case "gptStep":
      return gptStep(work);
    case "call": {
      const x = uniform(11, 16),
        f = jit((t: Tensor) => add(t, 1));
      return again(() => f(x));
    }
    default:
      return work satisfies never;
  }
}

function gptStep({ rho, n, width, h, t, b, v }: Extract<CudaWork, { kind: "gptStep" }>): Evaluate {
  const key = random.key(0),
    tokens = array(fill({ kind: "integers", shape: [b, t + 1], seed: 12, below: v }), { shape: [b, t + 1] });
  const loss = (p: nn.Decoder, x: Tensor): Tensor =>
    nn.softmaxCrossEntropy(
      nn.decoder(p, slice(x, { start: [0, 0], limit: [b, t] }), { heads: h }),
      slice(x, { start: [0, 1], limit: [b, t + 1] }),
    );
  const optimizer = optim.adamw({ lr: 3e-4, b1: 0.9, b2: 0.95, weightDecay: 0.1 });
  const plain = valueAndGrad(loss),
    gradient = rho === undefined ? plain : fsam(plain, { rho });
  const step = jit(
    (p: nn.Decoder, s: ReturnType<typeof optimizer.init>, x: Tensor) => {
      const r = gradient(p, x),
        [updates, next] = optimizer.update(r.grad, s, p);
      return { loss: r.value, params: optim.applyUpdates(p, updates), state: next };
    },
    { donate: [0, 1] },
  );
  let params = nn.initDecoder(key, { vocabulary: v, dim: width, layers: n, context: t }),
    state = optimizer.init(params);
  return () => {
    const r = step(params, state, tokens);
    params = r.params as nn.Decoder; // the step keeps the structure
    state = r.state as typeof state;
    r.loss.dispose();
  };
}
