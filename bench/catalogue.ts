// The rows of the table and what is asked of each. Sizes are here, programs are with the columns.
import {
  adamwUpdate,
  attention,
  call,
  chain,
  conv,
  gate,
  gemm,
  gptGradient,
  gptStep,
  layerNorm,
  mlpHvp,
  mlpStep,
  softmax,
  type Gpt,
  type Work,
} from "./work.ts";

/** A demand on pullback's one-thread figure. `wide` replaces `atMost` for the column with 256-bit vectors. */
export type Target =
  | { readonly kind: "atMost"; readonly atMost: number; readonly wide?: number }
  | { readonly kind: "faster"; readonly than: string; readonly times: number };

interface Common {
  readonly id: string;
  readonly title: string;
  /** What the first release needs. */
  readonly need?: Target;
  /** What comes next. */
  readonly aim?: Target;
}
/** A row that is measured. */
export interface Measured extends Common {
  readonly kind: "measured";
  readonly unit: "ms" | "MiB";
  readonly work: Work;
  /** Measured on the first evaluation of a new process. */
  readonly fresh: boolean;
  /** Whether a second thread can matter. */
  readonly parallel: boolean;
  /** Takes minutes: runs only when it is named. */
  readonly heavy: boolean;
}
/** A row that is one row's figure over another's, in the same column. */
export interface Ratio extends Common {
  readonly kind: "ratio";
  readonly of: string;
  readonly over: string;
}
/** A row. */
export type Row = Measured | Ratio;

type Options = Partial<Pick<Measured, "unit" | "fresh" | "parallel" | "heavy" | "need" | "aim">>;
const row = (id: string, title: string, work: Work, options: Options = {}): Measured => ({
  kind: "measured",
  id,
  title,
  work,
  unit: "ms",
  fresh: false,
  parallel: true,
  heavy: false,
  ...options,
});
const ratio = (id: string, title: string, of: string, over: string, targets: Pick<Common, "need" | "aim"> = {}): Ratio => ({
  kind: "ratio",
  id,
  title,
  of,
  over,
  ...targets,
});
const atMost = (limit: number, wide?: number): Target => ({ kind: "atMost", atMost: limit, ...(wide === undefined ? {} : { wide }) });
const faster = (than: string, times: number): Target => ({ kind: "faster", than, times });

const small: Gpt = { layers: 4, dim: 128, heads: 4, tokens: 128, batch: 8, vocabulary: 65 };
const digits = [784, 512, 512, 10];
const product = { need: faster("jax-js", 1.5) };

/** Every row, in the table's order. */
export const rows: readonly Row[] = [
  row("gemm256", "matmul 256", gemm(256), product),
  row("gemm512", "matmul 512", gemm(512), product),
  row("gemm1000", "matmul 1000", gemm(1000), product),
  row("gemm1001", "matmul 1001 (odd)", gemm(1001), product),
  row("gemm1024", "matmul 1024", gemm(1024), { ...product, aim: atMost(50, 27) }),
  row("gemm2048", "matmul 2048", gemm(2048), product),
  ratio("cliff", "odd-size cliff: 1001 over 1000", "gemm1001", "gemm1000", { need: atMost(1.3) }),
  row("gate", "tanh(ax+b)·sigmoid(x), 2²⁴", gate(2 ** 24), { aim: atMost(40, 22) }),
  row("softmax", "softmax 4096×1024", softmax(4096, 1024), { aim: atMost(5) }),
  row("norm", "layer norm 4096×1024", layerNorm(4096, 1024, false), { aim: atMost(4) }),
  row("normgrad", "layer norm, forward and backward", layerNorm(4096, 1024, true)),
  row("conv", "conv 3×3, 32×64×32×32 → 64", conv(32, 64, 32, 64, false), { aim: atMost(45) }),
  row("convgrad", "conv, forward and backward", conv(32, 64, 32, 64, true), { aim: atMost(200) }),
  row("mlp", "MLP 784-512-512-10, batch 128, AdamW step", mlpStep(128, digits), { aim: atMost(8) }),
  row("hvp", "its Hessian-vector product", mlpHvp(128, digits), { aim: atMost(12) }),
  row("gpt64", "GPT 4L d128 h4 T64 B12 V65, AdamW step", gptStep({ ...small, tokens: 64, batch: 12 }, false), { aim: atMost(90) }),
  row("gpt", "GPT 4L d128 h4 T128 B8 V65, AdamW step", gptStep(small, false), { need: faster("jax-js", 2.5), aim: atMost(150) }),
  row(
    "gptlarge",
    "GPT 6L d384 h6 T256 B8 V65, AdamW step",
    gptStep({ layers: 6, dim: 384, heads: 6, tokens: 256, batch: 8, vocabulary: 65 }, false),
    { heavy: true, aim: atMost(2600) },
  ),
  row("grad", "GPT (T128 B8): gradient", gptGradient(small, undefined)),
  row("fsam", "GPT (T128 B8): Functional-SAM gradient", gptGradient(small, 0.05)),
  ratio("fsamratio", "Functional-SAM gradient over gradient", "fsam", "grad", { need: atMost(2.1), aim: atMost(1.95) }),
  row("call", "compiled call, 1 tiny operation", call(1), { parallel: false, aim: atMost(0.005) }),
  row("leaves", "compiled call, 1,200 leaves in and out", call(1200), { parallel: false, need: atMost(5), aim: atMost(1.5) }),
  row("first", "first call of the GPT step (trace + compile)", gptStep(small, true), {
    fresh: true,
    parallel: false,
    need: atMost(1500),
    aim: atMost(500),
  }),
  row("memory", "peak memory, 64 chained 4 MiB matmuls under jit (ideal 12)", chain(1024, 64), {
    unit: "MiB",
    fresh: true,
    parallel: false,
    need: atMost(24),
    aim: atMost(16),
  }),
];

const beats = { need: faster("jax-js-webgpu", 1) };
/** The rows of WebGPU, where software drivers have to finish too. */
export const gpuRows: readonly Row[] = [
  row("gemm512", "matmul 512", gemm(512), beats),
  row("gemm1000", "matmul 1000", gemm(1000), beats),
  row("gemm1001", "matmul 1001 (odd)", gemm(1001), beats),
  row("softmax", "softmax 1024×1024", softmax(1024, 1024), beats),
  row("norm", "layer norm 1024×1024", layerNorm(1024, 1024, false), beats),
  row("normgrad", "layer norm, forward and backward", layerNorm(1024, 1024, true), beats),
  row("attention", "causal attention, B2 T256 H4 D64", attention(2, 256, 4, 64, false), beats),
  row("attentiongrad", "its gradient", attention(2, 256, 4, 64, true), beats),
  row("conv", "conv 3×3, 4×32×32×32 → 32", conv(4, 32, 32, 32, false), beats),
  row("convgrad", "conv, forward and backward", conv(4, 32, 32, 32, true), beats),
  row("adamw", "AdamW over 60 matrices of 64×64", adamwUpdate(60, 64), beats),
  row("leaves", "compiled call, 400 leaves in and out", call(400), beats),
  row("gpt", "GPT 2L d128 h4 T64 B4 V65, AdamW step", gptStep({ ...small, layers: 2, tokens: 64, batch: 4 }, false), beats),
  row("first", "its first call (trace + compile)", gptStep({ ...small, layers: 2, tokens: 64, batch: 4 }, true), { ...beats, fresh: true }),
];

/** The rows that `names` selects (all but the heavy ones when undefined), with the rows that chosen ratios need. Unknown names come back as `unknown`. */
export function select(
  names: readonly string[] | undefined,
  all: readonly Row[] = rows,
): { readonly chosen: readonly Row[]; readonly unknown: readonly string[] } {
  const wanted = new Set(names ?? all.filter(r => r.kind === "ratio" || !r.heavy).map(r => r.id));
  const unknown = [...wanted].filter(name => !all.some(r => r.id === name));
  for (const r of all) if (r.kind === "ratio" && wanted.has(r.id)) wanted.add(r.of).add(r.over);
  return { chosen: all.filter(r => wanted.has(r.id)), unknown };
}
