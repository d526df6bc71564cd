// The shape of a compiled program, shared by the compiler (which plans it) and the devices whose host code walks it: numbered slots of memory, ordered
// launches, and the loops and branches of control flow kept as structure. What a launch runs is a type parameter: a kernel here, its number there.
import type { DType } from "./dtype.ts";

/** A piece of memory of one compiled program. */
export interface Slot {
  readonly id: number;
  readonly dtype: DType;
  readonly elements: number;
  readonly home: Home;
}
/** Where a slot lives. Inputs and outputs are the caller's buffers, in order; `arena` is the program's own memory at a byte offset (bytes not yet planned: -1); a constant is a literal scalar written once. */
export type Home =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "output"; readonly index: number }
  | { readonly kind: "arena"; readonly offset: number };
/** A slot seen from inside loops: element offset = base + sum over (counter * stride). */
export interface SlotRef {
  readonly slot: number;
  readonly base: number;
  readonly terms: readonly { readonly counter: number; readonly stride: number }[];
}
/** One step of a program that launches `K`s. `counter` numbers loops. */
export type ProgramStep<K> =
  | { readonly kind: "launch"; readonly kernel: K; readonly args: readonly SlotRef[] }
  | { readonly kind: "copy"; readonly from: SlotRef; readonly to: SlotRef; readonly bytes: number }
  /** Runs `body` with counter = 0 .. count-1 (or count-1 .. 0 when `reverse`). */
  | {
      readonly kind: "loop";
      readonly counter: number;
      readonly count: number;
      readonly reverse: boolean;
      readonly body: readonly ProgramStep<K>[];
    }
  /** Runs `test`, and while the bool at `pred` is true, `body` and `test` again. */
  | { readonly kind: "while"; readonly test: readonly ProgramStep<K>[]; readonly pred: SlotRef; readonly body: readonly ProgramStep<K>[] }
  /** Runs the case numbered by the i32 at `index`, clamped. */
  | { readonly kind: "branch"; readonly index: SlotRef; readonly cases: readonly (readonly ProgramStep<K>[])[] };
