// What is measured on a card, as data: the same sizes for every column. `paper` sizes are for a run without a card, which only shows that every row works.
// Letters: B batch, H heads, T tokens, D head size, V vocabulary, N layers.

/** What a GEMM multiplies: bf16 and f16 operands, f32 at the default precision, f32 operands rounded to tf32, or f32 multiply-adds. Results are f32 sums rounded to the operands' type. */
export type GemmType = "bf16" | "f16" | "f32" | "tf32" | "ffma";
/** One row. `flops` and `bytes` of one evaluation decide its unit: whatever is there is told per second, else the time is. */
export interface CudaRow {
  readonly id: string;
  readonly title: string;
  readonly work: CudaWork;
  readonly flops?: number;
  readonly bytes?: number;
}
/** One piece of work; each column says how. */
export type CudaWork =
  /** a @ b, [m, k] and [k, n]. */
  | { readonly kind: "gemm"; readonly type: GemmType; readonly m: number; readonly k: number; readonly n: number }
  /** y = x, and y = tanh(1.3 x + 0.2) * sigmoid(x), f32[n]. */
  | { readonly kind: "copy" | "gate"; readonly n: number }
  /** Of each row of f32[rows, columns]. `layerNormGradient`: of sum(y²)/2 in x, scale and bias. */
  | { readonly kind: "softmax" | "layerNorm" | "layerNormGradient"; readonly rows: number; readonly columns: number }
  /** Causal, bf16[B, T, H, D]; with `gradient` those of sum(y) in q, k and v too. */
  | {
      readonly kind: "attention";
      readonly gradient: boolean;
      readonly b: number;
      readonly t: number;
      readonly h: number;
      readonly d: number;
    }
  /** One AdamW step of a decoder (pre-layer-norm, tied embedding), or with `rho` one Functional-SAM step. `compute`: bf16 with parameters and state in f32, or f32 throughout. */
  | {
      readonly kind: "gptStep";
      readonly rho: number | undefined;
      readonly compute: "bf16" | "f32";
      readonly n: number;
      readonly width: number;
      readonly h: number;
      readonly t: number;
      readonly b: number;
      readonly v: number;
    }
  /** x + 1, f32[16]: what a call costs. */
  | { readonly kind: "call" };

const gemm = (type: GemmType, m: number, k: number, n: number): CudaRow => ({
  id: `gemm-${type}-${m}x${k}x${n}`,
  title: `GEMM ${type} ${m}×${k}×${n}`,
  work: { kind: "gemm", type, m, k, n },
  flops: 2 * m * k * n,
});
const stream = (kind: "copy" | "gate", n: number): CudaRow => ({ id: kind, title: `${kind} f32[${n}]`, work: { kind, n }, bytes: 8 * n });
const rows = (kind: "softmax" | "layerNorm" | "layerNormGradient", r: number, columns: number): CudaRow => ({
  id: kind,
  title: `${kind} f32[${r}, ${columns}]`,
  work: { kind, rows: r, columns },
  bytes: 8 * r * columns,
});
const attention = (gradient: boolean, b: number, t: number, h: number, d: number): CudaRow => ({
  id: gradient ? "attention-gradient" : "attention",
  title: `causal attention${gradient ? " and gradient" : ""} bf16[${b}, ${t}, ${h}, ${d}]`,
  work: { kind: "attention", gradient, b, t, h, d },
  flops: (gradient ? 7 : 2) * b * h * t * t * d, // half of the products are masked; the gradient adds five products
});
const gpt = (
  compute: "bf16" | "f32",
  rho: number | undefined,
  n: number,
  width: number,
  h: number,
  t: number,
  b: number,
  v: number,
): CudaRow => ({
  id: `gpt-${rho === undefined ? "adamw" : "fsam"}-${compute}`,
  title: `GPT ${n}×${width}, ${b}×${t} tokens, ${rho === undefined ? "AdamW" : "Functional-SAM"} step in ${compute}`,
  work: { kind: "gptStep", rho, compute, n, width, h, t, b, v },
});

/** Rows for a card. */
export const cardRows: readonly CudaRow[] = [
  ...(["bf16", "f32", "tf32"] as const).flatMap(type => [
    gemm(type, 1024, 1024, 1024),
    gemm(type, 2048, 2048, 2048),
    gemm(type, 4096, 4096, 4096),
    gemm(type, 8192, 8192, 8192),
    gemm(type, 4093, 4099, 4111),
  ]),
  gemm("f16", 8192, 8192, 8192),
  gemm("ffma", 4096, 4096, 4096),
  gemm("bf16", 64, 16384, 64),
  stream("copy", 2 ** 27),
  stream("gate", 2 ** 27),
  rows("softmax", 8192, 8192),
  rows("layerNorm", 32768, 2048),
  rows("layerNormGradient", 32768, 2048),
  attention(false, 4, 4096, 16, 128),
  attention(true, 4, 4096, 16, 128),
  ...(["bf16", "f32"] as const).flatMap(compute => [
    gpt(compute, undefined, 12, 768, 12, 1024, 8, 50304),
    gpt(compute, 0.05, 12, 768, 12, 1024, 8, 50304),
  ]),
  { id: "call", title: "x + 1, f32[16]: one call", work: { kind: "call" } },
];
/** The same rows, as small as they go. */
export const paperRows: readonly CudaRow[] = [
  gemm("bf16", 8, 8, 8),
  gemm("f32", 7, 9, 5),
  gemm("tf32", 9, 8, 16),
  gemm("f16", 16, 16, 16),
  gemm("ffma", 4, 8, 4),
  stream("copy", 256),
  stream("gate", 256),
  rows("softmax", 4, 16),
  rows("layerNorm", 4, 16),
  rows("layerNormGradient", 4, 16),
  attention(false, 1, 8, 2, 16),
  attention(true, 1, 8, 2, 16),
  gpt("bf16", undefined, 1, 8, 2, 4, 1, 11),
  gpt("bf16", 0.05, 1, 8, 2, 4, 1, 11),
  gpt("f32", undefined, 1, 8, 2, 4, 1, 11),
  { id: "call", title: "x + 1, f32[16]: one call", work: { kind: "call" } },
];
