// The contract between compiler and runtime: bytes to load, and how much memory goes where.
import type { DType } from "./dtype.ts";

/** Optional abilities of a WebAssembly engine. Code for all-false features runs on every engine with SIMD128. */
export interface WasmFeatures {
  /** Relaxed SIMD: `f32x4.relaxed_madd` exists and is worth using. Results then round once a multiply-add, not twice. */
  readonly fma: boolean;
  /** The engine pairs adjacent 128-bit operations into 256-bit ones (V8 revectorizer): emit wide tiles, all loads before arithmetic. */
  readonly wide: boolean;
  /** Shared memory and atomics exist. */
  readonly threads: boolean;
}

/** A result: how many elements, and whose memory it may be. `forward`: it is that input, unchanged. `donor`: it takes that input's memory if donated. */
export interface OutputSpec { readonly dtype: DType; readonly elements: number; readonly forward?: number; readonly donor?: number }
/** A WebAssembly module with exports `run(table: i32)` (table: i32 addresses of arena, inputs, outputs, in this order, in linear memory)
 *  and `work(launch: i32, begin: i32, end: i32)` for helpers of the pool. It imports `env.memory` (shared when `threads`), `env.parallel(kernel: i32, args: i32, extent: i32)` when `threads`,
 *  and the per-instance global `env.scratch: i32` (base of this thread's scratch). */
export interface WasmArtifact {
  readonly kind: "wasm"; readonly bytes: Uint8Array; readonly threads: boolean;
  readonly inputs: readonly { readonly dtype: DType; readonly elements: number }[]; readonly outputs: readonly OutputSpec[];
  readonly arenaBytes: number; readonly scratchBytes: number;
}
/** Everything a device can load. Other targets join this union. */
export type Artifact = WasmArtifact;
