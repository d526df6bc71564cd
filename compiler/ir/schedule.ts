// Ordered launches over numbered slots, with the loops and branches of control flow kept as structure, and a memory plan.
import type { ProgramStep, Slot } from "../../runtime/program.ts";
import type { Kernel } from "./kernel.ts";
export type { Home, Slot, SlotRef } from "../../runtime/program.ts";

/** One step of a program, over kernels of any level. */
export type Step<K = Kernel> = ProgramStep<K>;
/** A whole program. `outputs[i]` may alias an input (identity results): then the runtime copies or shares. */
export interface Schedule<K = Kernel> {
  readonly slots: readonly Slot[];
  readonly steps: readonly Step<K>[];
  readonly inputs: number;
  readonly outputs: number;
  readonly arenaBytes: number;
  /** Results that are an input unchanged: output index -> input index (no step writes them). */
  readonly forwarded: readonly { readonly output: number; readonly input: number }[];
  /** Donated inputs whose memory an output takes over: output index -> input index. */
  readonly donated: readonly { readonly output: number; readonly input: number }[];
}
