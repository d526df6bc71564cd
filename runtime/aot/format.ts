// What a module that was compiled ahead of time says of each of its functions. Data only: compiler/frontend/ahead writes it, the launcher reads it.
import type { OutputSpec, WgslKernel } from "../artifact.ts";
import type { DType } from "../dtype.ts";
import type { ProgramStep, Slot } from "../program.ts";

/** Bytes: deflated, as base64. */
export type Packed = string;
/** A tree of tensors: a number stands for the leaf that it numbers. */
export type Tree = number | null | readonly Tree[] | { readonly [key: string]: Tree };
/** A tensor that goes in or comes out. */
export interface Leaf {
  readonly dtype: DType;
  readonly shape: readonly number[];
}
/** What is known of a program's memory before it is loaded. */
export interface Plan {
  readonly outputs: readonly OutputSpec[];
  readonly arenaBytes: number;
}
/** One thread's WebAssembly module (see WasmArtifact). */
export interface WasmCode extends Plan {
  readonly scratchBytes: number;
  readonly bytes: Packed;
}
/** A program as WGSL (see WgslArtifact). `copy`: the shader that copies, where a step does. */
export interface WgslCode extends Plan {
  readonly slots: readonly Slot[];
  readonly steps: readonly ProgramStep<number>[];
  readonly kernels: readonly WgslKernel[];
  readonly copy?: string;
}
/** One function. A program's inputs are the constants, then the leaves of the arguments. */
export interface CompiledFunction {
  readonly name: string;
  readonly args: Tree;
  readonly ins: readonly (Leaf & { readonly path: string })[];
  readonly result: Tree;
  readonly outs: readonly Leaf[];
  /** Leaves of the arguments that a call uses up. */
  readonly donate: readonly number[];
  /** The contents of tensors that the function closed over. */
  readonly constants: readonly Packed[];
  /** Variants, best first: the first that the engine takes is used. */
  readonly wasm?: readonly WasmCode[];
  /** A WgslCode as JSON. */
  readonly wgsl?: Packed;
}

/** The bytes of what was packed. */
export async function unpack(packed: Packed): Promise<Uint8Array<ArrayBuffer>> {
  const raw = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
  return new Uint8Array(await new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer());
}
