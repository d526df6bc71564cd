// The contract between compiler and runtime: bytes to load, and how much memory goes where.
import type { DType } from "./dtype.ts";
import type { Precision } from "./precision.ts";
import type { ProgramStep, Slot } from "./program.ts";

/** Optional abilities of a WebAssembly engine. Code for all-false features runs on every engine with SIMD128. */
export interface WasmFeatures {
  /** Relaxed SIMD: `f32x4.relaxed_madd` exists and is worth using. Results then round once a multiply-add, not twice. */
  readonly fma: boolean;
  /** The engine pairs adjacent 128-bit operations into 256-bit ones (V8 revectorizer): emit wide tiles, all loads before arithmetic. */
  readonly wide: boolean;
  /** Shared memory and atomics exist. */
  readonly threads: boolean;
}

/** What WGSL may assume of an adapter. `subgroup`: the smallest subgroup size, 1 without the feature. `threads`, `sharedBytes`: the most a workgroup may have. `software`: it
 *  computes on the CPU, where a subgroup is one vector register. `matrices`: what subgroups multiply. */
export interface WgslFeatures {
  readonly matrices?: SubgroupMatrices;
  readonly f16: boolean;
  readonly subgroup: number;
  readonly software?: boolean;
  readonly threads: number;
  readonly sharedBytes: number;
}
/** Subgroup matrices of an adapter, whose subgroups all have so many `threads`, and the products that there are: the best first. */
export interface SubgroupMatrices {
  readonly threads: number;
  readonly products: readonly MatrixProduct[];
}
/** [m, k] times [k, n] of `dtype`, added to sums of f32. */
export interface MatrixProduct {
  readonly dtype: "f16" | "f32";
  readonly m: number;
  readonly n: number;
  readonly k: number;
}
/** What PTX may assume of a card. `capability`: 75, 80, 90, … (major * 10 + minor). `sharedBytes`: the most a block may have without opting in to more, which is `sharedBytesOptIn`.
 *  `processors`: its multiprocessors. `precision`: of products of f32 that do not say themselves. */
export interface PtxFeatures {
  readonly capability: number;
  readonly threads: number;
  readonly sharedBytes: number;
  readonly sharedBytesOptIn: number;
  readonly processors: number;
  readonly precision?: Precision;
}
/** What a device wants code for. */
export type DeviceTarget =
  | { readonly kind: "wasm"; readonly features: WasmFeatures }
  | { readonly kind: "webgpu"; readonly features: WgslFeatures }
  | { readonly kind: "cuda"; readonly features: PtxFeatures };

/** A result: how many elements, and whose memory it may be. `forward`: it is that input, unchanged. `donor`: it takes that input's memory if donated. */
export interface OutputSpec {
  readonly dtype: DType;
  readonly elements: number;
  readonly forward?: number;
  readonly donor?: number;
}
/** What every compiled program needs from its device: inputs in order, results, and memory of its own for the time of a call. */
export interface ProgramShape {
  readonly inputs: readonly { readonly dtype: DType; readonly elements: number }[];
  readonly outputs: readonly OutputSpec[];
  readonly arenaBytes: number;
}
/** A WebAssembly module with exports `run(table: i32)` (table: i32 addresses of arena, inputs, outputs, in this order, in linear memory)
 *  and `work(launch: i32, begin: i32, end: i32)` for helpers of the pool. It imports `env.memory` (shared when `threads`), `env.parallel(kernel: i32, args: i32, extent: i32)` when `threads`,
 *  and the per-instance global `env.scratch: i32` (base of this thread's scratch). */
export interface WasmArtifact extends ProgramShape {
  readonly kind: "wasm";
  readonly bytes: Uint8Array;
  readonly threads: boolean;
  readonly scratchBytes: number;
}

/** A program whose steps the host walks: each launch is a kernel by number. Slots of forwarded outputs are not written by any step. */
export interface GpuProgram extends ProgramShape {
  readonly slots: readonly Slot[];
  readonly steps: readonly ProgramStep<number>[];
}
/** One compute shader with the entry point `main`. Bindings of group 0: 0 is the device's whole heap (storage, read_write, an array of 4- or 16-byte words), 1 a uniform
 *  `array<vec4<u32>>` that holds, for parameter p, at component p of the flattened array, the parameter's place in the heap counted in its own elements (of `params[p].dtype`).
 *  `groups` workgroups are wanted; above 65535 they are dispatched as (65535, ceil(groups / 65535)) and group g is x + 65535 y, those past `groups` returning at once. */
export interface WgslKernel {
  readonly name: string;
  readonly code: string;
  readonly groups: number;
  readonly params: readonly { readonly dtype: DType }[];
}
/** A program as WGSL. */
export interface WgslArtifact extends GpuProgram {
  readonly kind: "wgsl";
  readonly kernels: readonly WgslKernel[];
}
/** A tensor in memory, `offset` bytes behind the address of parameter `param`, and the box of it that one bulk copy brings. `dims`, `box`: innermost first, in elements. `strides`: of all but the
 *  innermost, bytes, multiples of 16. `swizzle`: bytes over which rows are interleaved in shared memory. Outside the tensor reads are zeros. */
export interface PtxTensor {
  readonly param: number;
  readonly dtype: DType;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly box: readonly number[];
  readonly swizzle: 0 | 32 | 64 | 128;
}
/** One entry point of a PTX module: its parameters are one `.u64` global address for each argument of a launch, at the argument's first element, then 128 bytes for each of `tensors`, as the driver
 *  describes them. `sharedBytes` are those
 *  that it declares; `dynamicSharedBytes` come on top (above 48 KiB in all only so), `cluster` groups in a row share memory (capability 90 and up; `groups` is a multiple). */
export interface PtxKernel {
  readonly entry: string;
  readonly groups: number;
  readonly threads: number;
  readonly sharedBytes: number;
  readonly dynamicSharedBytes?: number;
  readonly cluster?: number;
  readonly params: readonly { readonly dtype: DType }[];
  readonly tensors?: readonly PtxTensor[];
}
/** A program as one PTX module. */
export interface PtxArtifact extends GpuProgram {
  readonly kind: "ptx";
  readonly text: string;
  readonly kernels: readonly PtxKernel[];
}
/** Everything a device can load. */
export type Artifact = WasmArtifact | WgslArtifact | PtxArtifact;
