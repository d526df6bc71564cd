// What pullback does for each row: a function of tensors, and what it is called with: the formula's numbers, never zeros. It measures nothing.
import { add, array, astype, grad, jit, matmul, mul, sigmoid, softmax, sum, tanh, valueAndGrad, type Tensor } from "pullback";
import { slice, type Precision } from "pullback/extend";
import * as nn from "pullback/nn";
import * as optim from "pullback/optim";
import { mixed } from "pullback/precision";
import * as random from "pullback/random";
import { fsam } from "pullback/sharpness";
import * as tree from "pullback/tree";
import { fill } from "../peers/fill.ts";
import type { Fill } from "../work.ts";
import type { CudaWork } from "./work.ts";

/** One evaluation, enqueued; what it returns is disposed by the next. */
export type Evaluate = () => void;
/** The numbers that a formula describes. */
export type Given = (formula: Fill) => Tensor;
/** A row as a program. `carried`: results past the first take the place of all inputs but the last in the next evaluation, and their memory. */
export interface Program {
  readonly f: (...xs: Tensor[]) => Tensor | readonly Tensor[];
  readonly inputs: (given: Given) => readonly Tensor[];
  readonly precision?: Precision;
  readonly carried?: boolean;
}

/** The row's work on the default device. */
export function prepare(work: CudaWork): Evaluate {
  const { f, inputs, precision, carried = false } = programOf(work);
  let args = inputs(formula => array(fill(formula), { shape: [...formula.shape] })),
    last: readonly Tensor[] = [];
  const donate = carried ? args.slice(0, -1).map((_, i) => i) : [],
    run = jit((...xs: Tensor[]) => tree.leaves(f(...xs)) as Tensor[], { donate, ...(precision && { precision }) }); // leaves of a tree of tensors
  return () => {
    const results = run(...args);
    for (const x of last) x.dispose();
    last = carried ? results.slice(0, 1) : results;
    if (carried) args = [...results.slice(1), ...args.slice(-1)];
  };
}

const uniform = (seed: number, ...shape: readonly number[]): Fill => ({ kind: "uniform", shape, seed, scale: 1 });
const gemmTypes = {
  bf16: { dtype: "bf16", precision: "default" },
  f16: { dtype: "f16", precision: "default" },
  f32: { dtype: "f32", precision: "default" },
  tf32: { dtype: "f32", precision: "tensorfloat32" },
  ffma: { dtype: "f32", precision: "highest" },
} as const;
type Three = [Tensor, Tensor, Tensor];
/** The row's work as a program. */
export function programOf(work: CudaWork): Program {
  switch (work.kind) {
    case "gemm": {
      const { dtype, precision } = gemmTypes[work.type];
      return {
        f: (x, y) => matmul(x as Tensor, y as Tensor),
        inputs: given => [astype(given(uniform(1, work.m, work.k)), dtype), astype(given(uniform(2, work.k, work.n)), dtype)],
        precision,
      };
    }
    case "copy":
      return { f: x => mul(x as Tensor, -1), inputs: given => [given(uniform(3, work.n))] }; // the least that moves every byte
    case "gate":
      return { f: x => mul(tanh(add(mul(x as Tensor, 1.3), 0.2)), sigmoid(x as Tensor)), inputs: given => [given(uniform(3, work.n))] };
    case "softmax":
      return { f: x => softmax(x as Tensor), inputs: given => [given(uniform(4, work.rows, work.columns))] };
    case "layerNorm":
    case "layerNormGradient": {
      const norm = (t: Tensor, s: Tensor, b: Tensor): Tensor => nn.layerNorm(t, { scale: s, bias: b, eps: 1e-5 });
      const all = (p: Three): Tensor => {
        const y = norm(...p);
        return mul(sum(mul(y, y)), 0.5);
      };
      return {
        f: (...p) => (work.kind === "layerNorm" ? norm(...(p as Three)) : grad(all)(p as Three)),
        inputs: given => [given(uniform(5, work.rows, work.columns)), given(uniform(6, work.columns)), given(uniform(7, work.columns))],
      };
    }
    case "attention": {
      const { b, t, h, d } = work,
        attend = (q: Tensor, k: Tensor, v: Tensor): Tensor => nn.dotProductAttention(q, k, v, { causal: true });
      const total = (p: Three): Tensor => sum(astype(attend(...p), "f32"));
      return {
        f: (...p) => (work.gradient ? grad(total)(p as Three) : attend(...(p as Three))),
        inputs: given => [8, 9, 10].map(seed => astype(given(uniform(seed, b, t, h, d)), "bf16")),
      };
    }
    case "gptStep":
      return gptStep(work);
    case "call":
      return { f: x => add(x as Tensor, 1), inputs: given => [given(uniform(11, 16))] };
    default:
      return work satisfies never;
  }
}

type Gpt = Extract<CudaWork, { kind: "gptStep" }>;
function gptStep({ rho, compute, n, width, h, t, b, v }: Gpt): Program {
  const optimizer = optim.adamw({ lr: 3e-4, b1: 0.9, b2: 0.95, weightDecay: 0.1 });
  const start = (layers: number, dim: number, context: number, vocabulary: number): unknown => {
    const params = nn.initDecoder(random.key(0), { vocabulary, dim, layers, context });
    return [params, optimizer.init(params)];
  };
  const given = (p: nn.Decoder, x: Tensor): Tensor =>
    nn.softmaxCrossEntropy(
      nn.decoder(p, slice(x, { start: [0, 0], limit: [b, t] }), { heads: h }),
      slice(x, { start: [0, 1], limit: [b, t + 1] }),
    );
  const plain = valueAndGrad(compute === "f32" ? given : mixed(given, { compute })),
    gradient = rho === undefined ? plain : fsam(plain, { rho });
  return {
    f: (...xs) => {
      const structure = tree.structure(start(1, 1, 1, 1)), // which does not depend on sizes
        [p, s] = tree.unflatten(structure, xs.slice(0, -1)) as [nn.Decoder, ReturnType<typeof optimizer.init>], // as `start` makes them
        r = gradient(p, xs.at(-1) as Tensor), // the tokens
        [updates, next] = optimizer.update(r.grad, s, p);
      return tree.leaves([r.value, optim.applyUpdates(p, updates), next]) as Tensor[]; // trees of tensors
    },
    inputs: given => [
      ...(tree.leaves(start(n, width, t, v)) as Tensor[]), // likewise
      given({ kind: "integers", shape: [b, t + 1], seed: 12, below: v }),
    ],
    carried: true,
  };
}
