// What the emitter may assume of the engine that will compile its module.
// Why: the same program is emitted differently with fused multiply-add or with V8's 256-bit revectorizer. It refuses to probe: the runtime does that.

/** Optional abilities of a WebAssembly engine. Code for all-false features runs on every engine with SIMD128. */
export interface WasmFeatures {
  /** Relaxed SIMD: `f32x4.relaxed_madd` exists and is worth using. Results then round once a multiply-add, not twice. */
  readonly fma: boolean;
  /** The engine pairs adjacent 128-bit operations into 256-bit ones (V8 revectorizer): emit wide tiles, all loads before arithmetic. */
  readonly wide: boolean;
  /** Shared memory and atomics exist. */
  readonly threads: boolean;
}

/** The portable floor: SIMD128, one thread. */
export const BASELINE: WasmFeatures = { fma: false, wide: false, threads: false };
