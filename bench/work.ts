// What is computed, as data: every column receives the same work with the same inputs, so nobody's program may choose its own sizes.
// It says nothing about how, how often or how fast. Letters: B batch, T tokens, V vocabulary, D width, H heads, N layers (stacked on axis 0), F = 4D.

/** An input by formula, alike in every language: see `peers/fill.ts`. `uniform` is f32 in [-scale, scale), `integers` i32 in [0, below). */
export type Fill =
  | { readonly kind: "uniform"; readonly shape: readonly number[]; readonly seed: number; readonly scale: number }
  | { readonly kind: "constant"; readonly shape: readonly number[]; readonly value: number }
  | { readonly kind: "integers"; readonly shape: readonly number[]; readonly seed: number; readonly below: number };

/** Inputs by name. */
export type Fills = { readonly [name: string]: Fill };

/** AdamW's constants. */
export interface AdamW {
  readonly lr: number;
  readonly b1: number;
  readonly b2: number;
  readonly eps: number;
  readonly decay: number;
}

/** A decoder: pre-layer-norm with scales only, learned positions, no biases, tanh-GELU of width 4D, causal attention, output tied to the embedding. */
export interface Gpt {
  readonly layers: number;
  readonly dim: number;
  readonly heads: number;
  readonly tokens: number;
  readonly batch: number;
  readonly vocabulary: number;
}

/** One piece of work. A column's figure is the time of one evaluation, results complete; `chain`'s is memory. */
export type Work =
  /** a @ b, f32[m,k] and f32[k,n]. */
  | { readonly kind: "gemm"; readonly inputs: Fills }
  /** tanh(1.3 x + 0.2) * sigmoid(x). */
  | { readonly kind: "gate"; readonly inputs: Fills }
  /** Softmax of each row of x. */
  | { readonly kind: "softmax"; readonly inputs: Fills }
  /** Layer norm of each row of x (eps 1e-5) with scale and bias; with `gradient` those of sum(y²)/2 in x, scale and bias. */
  | { readonly kind: "layerNorm"; readonly gradient: boolean; readonly inputs: Fills }
  /** Convolution, x f32[B,C,S,S] and w f32[K,C,3,3], stride 1, padding 1; with `gradient` those of sum(y²)/2 in x and w. */
  | { readonly kind: "conv"; readonly gradient: boolean; readonly inputs: Fills }
  /** One AdamW step on the mean cross-entropy of a ReLU network: w0,b0,w1,b1,.. on x, labels. */
  | { readonly kind: "mlpStep"; readonly adamw: AdamW; readonly inputs: Fills }
  /** The Hessian of the same loss times a direction (d_w0, d_b0, ..). */
  | { readonly kind: "mlpHvp"; readonly inputs: Fills }
  /** One AdamW step of the decoder. `first`: the time of the first call instead, tracing and compiling included. */
  | { readonly kind: "gptStep"; readonly first: boolean; readonly gpt: Gpt; readonly adamw: AdamW; readonly inputs: Fills }
  /** Loss and gradient of the decoder; with `rho` the loss and its Functional-SAM gradient. */
  | { readonly kind: "gptGradient"; readonly rho: number | undefined; readonly gpt: Gpt; readonly inputs: Fills }
  /** Causal attention, q, k, v f32[B,T,H,D], scale 1/sqrt(D); with `gradient` those of sum(y²)/2 in all three. */
  | { readonly kind: "attention"; readonly gradient: boolean; readonly inputs: Fills }
  /** One AdamW update of the parameters p0,p1,.. with the gradients g0,g1,.. */
  | { readonly kind: "adamw"; readonly adamw: AdamW; readonly inputs: Fills }
  /** x + 1 for each of the inputs, as one compiled call on a tree. */
  | { readonly kind: "call"; readonly inputs: Fills }
  /** h = h @ x, `links` times from h = x, under jit. The figure is the peak of resident memory over that before x was made, MiB. */
  | { readonly kind: "chain"; readonly links: number; readonly inputs: Fills };

const uniform = (seed: number, scale: number, ...shape: readonly number[]): Fill => ({ kind: "uniform", shape, seed, scale });
const constant = (value: number, ...shape: readonly number[]): Fill => ({ kind: "constant", shape, value });
const integers = (seed: number, below: number, ...shape: readonly number[]): Fill => ({ kind: "integers", shape, seed, below });
/** Half-width of the uniform distribution of Glorot's variance, 2 / (rows + columns). */
const glorot = (rows: number, columns: number): number => Math.sqrt(6 / (rows + columns));

const adamw: AdamW = { lr: 1e-3, b1: 0.9, b2: 0.98, eps: 1e-9, decay: 0.1 };

/** Square matrices of n. */
export const gemm = (n: number): Work => ({ kind: "gemm", inputs: { a: uniform(1, 1, n, n), b: uniform(2, 1, n, n) } });
/** n values. */
export const gate = (n: number): Work => ({ kind: "gate", inputs: { x: uniform(1, 4, n) } });
/** Rows of `columns` values. */
export const softmax = (rows: number, columns: number): Work => ({ kind: "softmax", inputs: { x: uniform(1, 4, rows, columns) } });
/** Rows of `columns` values. */
export const layerNorm = (rows: number, columns: number, gradient: boolean): Work => ({
  kind: "layerNorm",
  gradient,
  inputs: { x: uniform(1, 2, rows, columns), scale: uniform(2, 1, columns), bias: uniform(3, 1, columns) },
});
/** 3x3 from c channels of s by s to k channels. */
export const conv = (b: number, c: number, s: number, k: number, gradient: boolean): Work => ({
  kind: "conv",
  gradient,
  inputs: { x: uniform(1, 1, b, c, s, s), w: uniform(2, 0.1, k, c, 3, 3) },
});
/** b sequences of t tokens, h heads of size d. */
export const attention = (b: number, t: number, h: number, d: number, gradient: boolean): Work => ({
  kind: "attention",
  gradient,
  inputs: Object.fromEntries(["q", "k", "v"].map((name, i) => [name, uniform(i, 1, b, t, h, d)])),
});
/** `count` matrices of n by n. */
export const adamwUpdate = (count: number, n: number): Work => ({
  kind: "adamw",
  adamw,
  inputs: Object.fromEntries(
    ["p", "g"].flatMap((name, k) => Array.from({ length: count }, (_, i) => [`${name}${i}`, uniform(2 * i + k, 1, n, n)])),
  ),
});
/** `count` tensors of 16 values. */
export const call = (count: number): Work => ({
  kind: "call",
  inputs: Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, uniform(i, 1, 16)])),
});
/** Products of n by n matrices; the entries keep their size from link to link. */
export const chain = (n: number, links: number): Work => ({ kind: "chain", links, inputs: { x: uniform(1, Math.sqrt(3 / n), n, n) } });

function mlpInputs(batch: number, sizes: readonly number[]): Fills {
  const fills: Record<string, Fill> = { x: uniform(90, 1, batch, sizes[0] ?? 0), labels: integers(91, sizes.at(-1) ?? 0, batch) };
  sizes.slice(1).forEach((to, i) => {
    const from = sizes[i] ?? 0;
    fills[`w${i}`] = uniform(i, glorot(from, to), from, to);
    fills[`b${i}`] = constant(0.01, to);
  });
  return fills;
}
/** A network of these widths. */
export const mlpStep = (batch: number, sizes: readonly number[]): Work => ({ kind: "mlpStep", adamw, inputs: mlpInputs(batch, sizes) });
/** A network of these widths, and a direction. */
export function mlpHvp(batch: number, sizes: readonly number[]): Work {
  const inputs = mlpInputs(batch, sizes);
  const direction = Object.entries(inputs)
    .filter(([name]) => /^[wb]\d/.test(name))
    .map(([name, fill], i): [string, Fill] => [`d_${name}`, uniform(40 + i, 1, ...fill.shape)]);
  return { kind: "mlpHvp", inputs: { ...inputs, ...Object.fromEntries(direction) } };
}

/** The decoder's parameters and its tokens i32[B,T+1]. */
function gptInputs({ layers: n, dim: d, tokens: t, batch: b, vocabulary: v }: Gpt): Fills {
  const embedding = Math.sqrt(3 / d); // variance 1/D
  return {
    embed: uniform(1, embedding, v, d),
    pos: uniform(2, embedding, t, d),
    ln1: constant(1, n, d),
    ln2: constant(1, n, d),
    lnf: constant(1, d),
    wq: uniform(3, glorot(d, d), n, d, d),
    wk: uniform(4, glorot(d, d), n, d, d),
    wv: uniform(5, glorot(d, d), n, d, d),
    wo: uniform(6, glorot(d, d), n, d, d),
    up: uniform(7, glorot(d, 4 * d), n, d, 4 * d),
    down: uniform(8, glorot(d, 4 * d), n, 4 * d, d),
    tokens: integers(9, v, b, t + 1),
  };
}
/** Training the decoder `gpt`. */
export const gptStep = (gpt: Gpt, first: boolean): Work => ({ kind: "gptStep", first, gpt, adamw, inputs: gptInputs(gpt) });
/** Its gradient: plain, or Functional-SAM's at radius `rho`. */
export const gptGradient = (gpt: Gpt, rho: number | undefined): Work => ({ kind: "gptGradient", rho, gpt, inputs: gptInputs(gpt) });
