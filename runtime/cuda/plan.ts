// A program's steps, arranged by what the host must do: straight parts are launches and copies whose order and places are known beforehand (loops of fixed
// counts unrolled) and can be replayed whole; the rest is walked turn by turn. Nothing here calls the driver.
import { byteSize } from "../dtype.ts";
import { InternalError, unreachable } from "../errors/error.ts";
import type { PtxArtifact } from "../artifact.ts";
import type { ProgramStep, SlotRef } from "../program.ts";

/** A place in memory: byte `offset` behind the slot's first, plus `stride` bytes for each turn of the loops that the host walks. */
export interface Place {
  readonly slot: number;
  readonly offset: number;
  readonly terms: readonly { readonly counter: number; readonly stride: number }[];
}
/** What the device does next. */
export type Operation =
  | { readonly kind: "launch"; readonly kernel: number; readonly args: readonly Place[] }
  | { readonly kind: "copy"; readonly from: Place; readonly to: Place; readonly bytes: number };
/** `fixed`: no place in it depends on a loop that the host walks. */
export type Part =
  | { readonly kind: "straight"; readonly operations: readonly Operation[]; readonly fixed: boolean }
  | { readonly kind: "loop"; readonly counter: number; readonly count: number; readonly reverse: boolean; readonly body: readonly Part[] }
  | { readonly kind: "while"; readonly test: readonly Part[]; readonly pred: Place; readonly body: readonly Part[] }
  | { readonly kind: "branch"; readonly index: Place; readonly cases: readonly (readonly Part[])[] };

type GpuStep = ProgramStep<number>;
/** Longer straight parts are walked: a graph node costs memory and time to make. */
export const MOST_OPERATIONS = 16384;

/** The parts of a program. `most`: the longest straight part. */
export function planProgram(program: PtxArtifact, most: number = MOST_OPERATIONS): Part[] {
  const sizes = program.slots.map(s => byteSize(s.dtype));
  const place = (r: SlotRef, turns: ReadonlyMap<number, number>): Place => {
    const size = sizes[r.slot];
    if (size === undefined) throw new InternalError(`a step uses slot ${r.slot}, the program has ${sizes.length}`);
    const known = r.terms.reduce((sum, t) => sum + t.stride * (turns.get(t.counter) ?? 0), r.base);
    return {
      slot: r.slot,
      offset: size * known,
      terms: r.terms.filter(t => !turns.has(t.counter)).map(t => ({ counter: t.counter, stride: size * t.stride })),
    };
  };
  const unroll = (steps: readonly GpuStep[], turns: ReadonlyMap<number, number>, into: Operation[]): void => {
    for (const s of steps)
      switch (s.kind) {
        case "launch":
          if (program.kernels[s.kernel]?.groups !== 0)
            // a launch of no groups does nothing
            into.push({ kind: "launch", kernel: s.kernel, args: s.args.map(a => place(a, turns)) });
          break;
        case "copy":
          if (s.bytes > 0) into.push({ kind: "copy", from: place(s.from, turns), to: place(s.to, turns), bytes: s.bytes });
          break;
        case "loop":
          for (const i of turnsOf(s)) unroll(s.body, new Map([...turns, [s.counter, i]]), into);
          break;
        case "while":
        case "branch":
          throw new InternalError(`a ${s.kind} in a straight part`);
        default:
          unreachable(s);
      }
  };
  const parts = (steps: readonly GpuStep[]): Part[] => {
    const out: Part[] = [];
    let run: GpuStep[] = [],
      length = 0;
    const close = (): void => {
      if (run.length === 0) return;
      const operations: Operation[] = [];
      unroll(run, new Map(), operations);
      const fixed = operations.every(o => (o.kind === "launch" ? o.args : [o.from, o.to]).every(p => p.terms.length === 0));
      if (operations.length > 0) out.push({ kind: "straight", operations, fixed });
      run = [];
      length = 0;
    };
    for (const s of steps) {
      const count = straightLength(s);
      if (count <= most) {
        if (length + count > most) close();
        run.push(s);
        length += count;
        continue;
      }
      close();
      switch (s.kind) {
        case "loop":
          out.push({ kind: "loop", counter: s.counter, count: s.count, reverse: s.reverse, body: parts(s.body) });
          break;
        case "while":
          out.push({ kind: "while", test: parts(s.test), pred: place(s.pred, new Map()), body: parts(s.body) });
          break;
        case "branch":
          out.push({ kind: "branch", index: place(s.index, new Map()), cases: s.cases.map(parts) });
          break;
        case "launch":
        case "copy":
          throw new InternalError("one step is longer than a part may be");
        default:
          unreachable(s);
      }
    }
    close();
    return out;
  };
  return parts(program.steps);
}
/** The turns of a loop, in order. */
export function turnsOf({ count, reverse }: { readonly count: number; readonly reverse: boolean }): number[] {
  return Array.from({ length: count }, (_, i) => (reverse ? count - 1 - i : i));
}
/** How many operations a step is, unrolled; infinitely many when only its data know. */
function straightLength(s: GpuStep): number {
  switch (s.kind) {
    case "launch":
    case "copy":
      return 1;
    case "loop":
      return s.count === 0 ? 0 : s.count * s.body.reduce((n, b) => n + straightLength(b), 0);
    case "while":
    case "branch":
      return Infinity;
    default:
      return unreachable(s);
  }
}
