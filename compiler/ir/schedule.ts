// Ordered launches over numbered slots, with the loops and branches of control flow kept as structure, and a memory plan.
import type { DType } from "../../runtime/dtype.ts";
import type { Kernel } from "./kernel.ts";

/** A piece of memory of one compiled program. */
export interface Slot { readonly id: number; readonly dtype: DType; readonly elements: number; readonly home: Home }
/** Where a slot lives. Inputs and outputs are the caller's buffers, in order; `arena` is the program's own memory at a byte offset (bytes not yet planned: -1); a constant is a literal scalar written once. */
export type Home =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "output"; readonly index: number }
  | { readonly kind: "arena"; readonly offset: number };
/** A slot seen from inside loops: element offset = base + sum over (counter * stride). */
export interface SlotRef { readonly slot: number; readonly base: number; readonly terms: readonly { readonly counter: number; readonly stride: number }[] }
/** One step of a program. `counter` numbers loops. */
export type Step =
  | { readonly kind: "launch"; readonly kernel: Kernel; readonly args: readonly SlotRef[] }
  | { readonly kind: "copy"; readonly from: SlotRef; readonly to: SlotRef; readonly bytes: number }
  /** Runs `body` with counter = 0 .. count-1 (or count-1 .. 0 when `reverse`). */
  | { readonly kind: "loop"; readonly counter: number; readonly count: number; readonly reverse: boolean; readonly body: readonly Step[] }
  /** Runs `test`, and while the bool at `pred` is true, `body` and `test` again. */
  | { readonly kind: "while"; readonly test: readonly Step[]; readonly pred: SlotRef; readonly body: readonly Step[] }
  /** Runs the case numbered by the i32 at `index`, clamped. */
  | { readonly kind: "branch"; readonly index: SlotRef; readonly cases: readonly (readonly Step[])[] };
/** A whole program. `outputs[i]` may alias an input (identity results): then the runtime copies or shares. */
export interface Schedule { readonly slots: readonly Slot[]; readonly steps: readonly Step[]; readonly inputs: number; readonly outputs: number; readonly arenaBytes: number;
  /** Results that are an input unchanged: output index -> input index (no step writes them). */
  readonly forwarded: readonly { readonly output: number; readonly input: number }[];
  /** Donated inputs whose memory an output takes over: output index -> input index. */
  readonly donated: readonly { readonly output: number; readonly input: number }[] }
