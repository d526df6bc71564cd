// Where a scan keeps its carries. One that is stacked as it comes in (what reverse mode keeps of a chain of layers) is carried in the stack: the turn that finds it in slice i leaves the next one in
// slice i + 1, and nothing is copied. The stack and the last carry are one memory, of one slice more than the stack.
import { sizeOf, type Aval } from "../ir/aval.ts";
import type { Var } from "../ir/func.ts";
import type { ControlForm } from "../ir/primitive.ts";
import type { SlotRef } from "../ir/schedule.ts";

type Scan = Extract<ControlForm, { form: "scan" }>;
/** The number of the output that stacks carry `k` as it comes in, if there is one. */
const stackOf = ({ body, consts, carry }: Scan, k: number): number | undefined => {
  const at = body.results.indexOf(body.params[consts + k] as Var, carry); // a parameter a carry
  return at < 0 ? undefined : at;
};

/** Memory for the outputs of a scan that share it, by their number. `free`: may it be anywhere? */
export function sharedMemory(
  form: Scan,
  outs: readonly Var[],
  free: (v: Var) => boolean,
  slot: (a: Aval) => SlotRef,
): ReadonlyMap<number, SlotRef> {
  const shared = new Map<number, SlotRef>();
  for (let k = 0; k < form.carry; k++) {
    const stack = stackOf(form, k),
      [last, all] = [outs[k], outs[stack ?? -1]];
    if (stack === undefined || !last || !all || shared.has(stack) || !free(last) || !free(all)) continue;
    const n = sizeOf(last.aval.shape),
      whole = slot({ dtype: last.aval.dtype, shape: [form.length + 1, n] }),
      [first, second] = form.reverse ? [n, 0] : [0, form.length * n];
    shared.set(stack, { ...whole, base: first });
    shared.set(k, { ...whole, base: second });
  }
  return shared;
}

/** A carry's memory: where the first turn finds it, where each does, and where each leaves the next one (undefined: in its place, or wherever that is not read any more). */
export interface Carried {
  readonly start: SlotRef;
  readonly at: SlotRef;
  readonly next: SlotRef | undefined;
  /** The number of the output that needs no stacking. */
  readonly stack: number | undefined;
}
/** The carries of a scan whose outputs are at `outs`. */
export function carriesOf(form: Scan, outs: readonly SlotRef[], counter: number): readonly Carried[] {
  return outs.slice(0, form.carry).map((own, k) => {
    const stack = stackOf(form, k),
      all = stack === undefined ? undefined : outs[stack];
    if (!all || all.slot !== own.slot) return { start: own, at: own, next: undefined, stack: undefined };
    const n = sizeOf((form.body.params[form.consts + k] as Var).aval.shape), // a parameter a carry
      at = { ...all, terms: [...all.terms, { counter, stride: n }] };
    return {
      start: { ...all, base: all.base + (form.reverse ? (form.length - 1) * n : 0) },
      at,
      next: { ...at, base: at.base + (form.reverse ? -n : n) },
      stack,
    };
  });
}
