// What the emitter may assume of the engine that will compile its module. The type is the runtime's, which probes; here is its floor.
import type { WasmFeatures } from "../../../runtime/artifact.ts";
export type { WasmFeatures };

/** The portable floor: SIMD128, one thread. */
export const BASELINE: WasmFeatures = { fma: false, wide: false, threads: false };
