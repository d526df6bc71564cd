// A kernel ready to run: instructions as functions, registers as slots. And what the outside may know of it.
import type { Run } from "./lanes.ts";
import type { Fragment, Warp } from "./warp.ts";

/** What became of an instruction that may wait. `go`: on to the next. `retry`: not done, the same again when woken or at the next turn. `stop`: done; on to the next when woken. `pause`: done; give the others a turn. */
export type Outcome = "go" | "retry" | "stop" | "pause";
/** An instruction that may wait for other threads. */
export type Sync = (w: Warp, mask: number, f: Fragment) => Outcome;

/** What an instruction does. */
export type Action =
  | { readonly kind: "plain"; readonly run: Run }
  | { readonly kind: "branch"; readonly label: string }
  | { readonly kind: "exit" }
  | { readonly kind: "sync"; readonly run: Sync };

/** A parameter, at its offset in the block of all parameters. */
export interface PtxParam {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly align: number;
}
/** What a launch needs to know of a kernel. `sharedBytes`: static. `maxThreads`: `.maxntid` or `.reqntid`, product of its numbers. */
export interface PtxEntry {
  readonly name: string;
  readonly params: readonly PtxParam[];
  readonly paramBytes: number;
  readonly sharedBytes: number;
  readonly localBytes: number;
  readonly maxThreads: number | undefined;
  readonly requiredThreads: readonly [number, number, number] | undefined;
}

/** The numbers in `kinds`. */
export const KINDS = { plain: 0, branch: 1, exit: 2, sync: 3 } as const;

/** See above. Arrays run parallel, an element an instruction. */
export interface Program extends PtxEntry {
  /** Words of a warp's register file, the file's first content, and the special registers in it. */
  readonly fileWords: number;
  readonly constants: Uint32Array;
  readonly specials: readonly { readonly name: string; readonly slot: number }[];
  readonly predicates: number;
  readonly kinds: Uint8Array;
  /** 0: unguarded; p + 1: where predicate p holds; -(p + 1): where it does not. */
  readonly guards: Int32Array;
  readonly runs: readonly Run[];
  readonly syncs: readonly Sync[];
  readonly targets: Int32Array;
  /** The end of the plain instructions that start here and that no branch enters. */
  readonly ends: Int32Array;
  readonly lines: Int32Array;
  readonly texts: readonly string[];
}
