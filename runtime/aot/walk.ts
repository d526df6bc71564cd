// The steps of a GPU program in order, as dispatches. Loops of a known length are written out; a loop or a branch that a value on the device decides asks for that value.
import type { ProgramStep, SlotRef } from "../program.ts";
import type { WgslCode } from "./format.ts";
import { widthOf } from "./storage.ts";

/** Takes a dispatch: kernel, workgroups, parameters. */
type Dispatch = (kernel: number, groups: number, parameters: readonly number[]) => void;
/** The value that is needed, a bool or an i32, at a byte of memory. */
export interface Look {
  readonly at: number;
  readonly array: typeof Uint8Array | typeof Int32Array;
}
type Steps = Generator<Look, void, number>;

/** `addresses`: of each slot, in bytes. The kernel after the last is the copy's. */
export function walk({ kernels, slots, steps }: WgslCode, addresses: readonly number[], dispatch: Dispatch): Steps {
  const counters: number[] = [];
  const element = ({ slot, base, terms }: SlotRef, width: number): number =>
    terms.reduce((at, { counter, stride }) => at + (counters[counter] ?? 0) * stride, (addresses[slot] ?? 0) / width + base);
  const byte = (r: SlotRef): number => {
    const width = widthOf(slots[r.slot]?.dtype);
    return element(r, width) * width;
  };
  const each = function* (list: readonly ProgramStep<number>[]): Steps {
    for (const s of list)
      if (s.kind === "launch") {
        const { groups = 0, params } = kernels[s.kernel] ?? {};
        if (groups > 0)
          dispatch(
            s.kernel,
            groups,
            s.args.map((a, i) => element(a, widthOf(params?.[i]?.dtype))),
          );
      } else if (s.kind === "copy") {
        if (s.bytes > 0) dispatch(kernels.length, Math.ceil((s.bytes + 3) / 1024), [byte(s.from), byte(s.to), s.bytes]); // as copyGroups says
      } else if (s.kind === "loop")
        for (let i = 0; i < s.count; i++) {
          counters[s.counter] = s.reverse ? s.count - 1 - i : i;
          yield* each(s.body);
        }
      else if (s.kind === "while")
        for (yield* each(s.test); yield { at: byte(s.pred), array: Uint8Array }; yield* each(s.test)) yield* each(s.body);
      else {
        const which = yield { at: byte(s.index), array: Int32Array };
        yield* each(s.cases[Math.max(0, Math.min(which, s.cases.length - 1))] ?? []);
      }
  };
  return each(steps);
}
