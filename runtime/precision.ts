// How exactly products of f32 are wanted: said by the user, kept in programs, given to devices as their default.

/** How exactly products of f32 are wanted, where hardware offers less for more speed (CUDA cards from capability 80 on; Wasm and WebGPU always compute in full f32).
 *  `highest`: f32 multiply-adds. `high`: tensor cores on operands split into two tf32 numbers each, three products (about 2^-21 of the largest terms). `default`: the same.
 *  `tensorfloat32`: one product of operands rounded to tf32 (11 bits). Attention of f32 likewise, forward and backward. Products of f16 and bf16 are exact in all of them, with f32 sums; attention of those rounds its
 *  weights to them before they are multiplied, but not under `highest`; f64 and integers are not concerned.  @see jax.lax.Precision, jax.default_matmul_precision */
export type Precision = "default" | "high" | "highest" | "tensorfloat32";
