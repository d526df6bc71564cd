// Func -> Schedule: the whole program with its inputs, results, control structure and memory plan. What is inside a straight-line piece is region.ts's
// business. Loops and branches stay structure, their bodies lowered once.
import { unreachable } from "../../runtime/errors/error.ts";
import { bytesOf, sizeOf, type Aval } from "../ir/aval.ts";
import type { Func } from "../ir/func.ts";
import type { Schedule, Slot, SlotRef, Step } from "../ir/schedule.ts";
import { planArena } from "./buffers.ts";
import type { Templates } from "./attention.ts";
import { carriesOf, type Carried } from "./carries.ts";
import type { Products } from "./contract.ts";
import { forEachRef, Program } from "./program.ts";
import type { Prologue } from "./prologue.ts";
import { inPlace, mapRefs, mayReplace } from "./inplace.ts";
import { lowerRegion, type LowerControl } from "./region.ts";

/** `donate[i]`: parameter i's memory may become a result's. `products`: what the backend's matrix products can do beside summing (default plain).
 *  `templates`: its attention kernels (default none; then `optimize` must have inlined attention). `prologue`: operands that its products compute themselves (default none).
 *  `perByte`: how many operations the machine does in the time in which a byte comes from memory (default: that of a CPU, see `recompute.ts`). */
export interface LowerOptions {
  readonly donate: readonly boolean[];
  readonly products?: Products;
  readonly templates?: Templates | undefined;
  readonly prologue?: Prologue | undefined;
  readonly perByte?: number | undefined;
}

/** The program as ordered launches with a memory plan. */
export function lowerFunc(f: Func, { donate, products = "plain", templates, prologue, perByte }: LowerOptions): Schedule {
  const p = new Program(products, templates, prologue, perByte);
  const inputs = f.params.map((v, i) => p.slot(v.aval, { kind: "input", index: i }));
  const forwarded: { output: number; input: number }[] = [];
  const outputs = f.results.map((r, i) => {
    const input = r.kind === "var" ? f.params.indexOf(r) : -1;
    if (input >= 0) forwarded.push({ output: i, input });
    return p.slot(r.aval, { kind: "output", index: i });
  });
  const steps: Step[] = [];
  const targets = f.results.map((_, i) => (forwarded.some(w => w.output === i) ? undefined : outputs[i]));
  lowerRegion(p, f, inputs, targets, steps, control(p));
  const donated = donations(f, donate, forwarded, p.slots, steps);
  const lent = outputs.flatMap((r, i) => (forwarded.some(w => w.output === i) || donated.some(d => d.output === i) ? [] : [r.slot]));
  const { slots, arenaBytes } = planArena(p.slots, steps, lent);
  return { slots, steps, inputs: f.params.length, outputs: f.results.length, arenaBytes, forwarded, donated };
}

/** Lowers the control equations of `p`. */
const control =
  (p: Program): LowerControl =>
  (form, e, ins, outs, steps) => {
    const region = (f: Func, args: readonly SlotRef[], targets: readonly (SlotRef | undefined)[], into: Step[]): void =>
      lowerRegion(p, f, args, targets, into, control(p));
    switch (form.form) {
      case "call":
        region(form.func, ins, outs, steps);
        break;
      case "cond": {
        const cases = form.branches.map(b => {
          const body: Step[] = [];
          region(b, ins.slice(1), outs, body);
          return body;
        });
        steps.push({ kind: "branch", index: ins[0] as SlotRef, cases }); // cond has an index operand
        break;
      }
      case "scan": {
        const counter = p.counter(),
          slice = (ref: SlotRef, n: number): SlotRef => ({ ...ref, terms: [...ref.terms, { counter, stride: n }] });
        const avals = form.body.params.slice(form.consts, form.consts + form.carry).map(v => v.aval),
          carries = carriesOf(form, outs, counter),
          stacked = new Set(carries.map(c => c.stack));
        copyAll(
          ins.slice(form.consts, form.consts + form.carry),
          carries.map(c => c.start),
          avals,
          steps,
        );
        const xs = form.body.params
          .slice(form.consts + form.carry)
          .map((v, i) => slice(ins[form.consts + form.carry + i] as SlotRef, sizeOf(v.aval.shape))); // operands match parameters
        const ys = form.body.results
          .slice(form.carry)
          .map((r, i) => (stacked.has(form.carry + i) ? undefined : slice(outs[form.carry + i] as SlotRef, sizeOf(r.aval.shape)))); // results match outputs
        const body: Step[] = [];
        stepCarry(p, form.body, [...ins.slice(0, form.consts), ...carries.map(c => c.at), ...xs], carries, avals, ys, body);
        steps.push({ kind: "loop", counter, count: form.length, reverse: form.reverse, body });
        break;
      }
      case "while": {
        const avals = e.outs.map(v => v.aval),
          condConsts = ins.slice(0, form.condConsts),
          bodyConsts = ins.slice(form.condConsts, form.condConsts + form.bodyConsts);
        copyAll(ins.slice(form.condConsts + form.bodyConsts), outs, avals, steps);
        const pred = p.slot({ dtype: "bool", shape: [] }),
          test: Step[] = [],
          body: Step[] = [];
        region(form.cond, [...condConsts, ...outs], [pred], test);
        const carries = outs.map(at => ({ at, next: undefined }));
        stepCarry(p, form.body, [...bodyConsts, ...outs], carries, avals, [], body);
        steps.push({ kind: "while", test, pred, body });
        break;
      }
      default:
        unreachable(form);
    }
  };
/** A loop body. A new carry goes to its `next` place, or takes the old one's place as it is written where nothing reads the old one any more, else at the end. */
function stepCarry(
  p: Program,
  f: Func,
  args: readonly SlotRef[],
  carries: readonly Pick<Carried, "at" | "next">[],
  avals: readonly Aval[],
  rest: readonly (SlotRef | undefined)[],
  into: Step[],
): void {
  const changed = carries.map(({ at }, i) => f.results[i] !== f.params[args.indexOf(at)]);
  const next = avals.map((a, i) => carries[i]?.next ?? (changed[i] ? p.slot(a) : undefined));
  let steps: Step[] = [];
  lowerRegion(p, f, args, [...next, ...rest], steps, control(p));
  const late = next.map((from, i) => {
    const { at, next: fixed } = carries[i] as Carried; // lengths agree
    if (!from || fixed || !mayReplace(steps, at, from)) return fixed ? undefined : from;
    steps = mapRefs(steps, r => (r.slot === from.slot ? { ...at, base: at.base + r.base, terms: [...at.terms, ...r.terms] } : r));
    return undefined;
  });
  into.push(...steps);
  late.forEach((from, i) => {
    if (from) into.push({ kind: "copy", from, to: (carries[i] as Carried).at, bytes: bytesOf(avals[i] as Aval) }); // lengths agree
  });
}
function copyAll(from: readonly SlotRef[], to: readonly SlotRef[], avals: readonly Aval[], steps: Step[]): void {
  from.forEach((f, i) => steps.push({ kind: "copy", from: f, to: to[i] as SlotRef, bytes: bytesOf(avals[i] as Aval) })); // lengths agree
}

/** Outputs that may take a donated input's memory: same bytes, written only after the input's last use, or element for element in it. */
function donations(
  f: Func,
  donate: readonly boolean[],
  forwarded: readonly { readonly input: number }[],
  slots: readonly Slot[],
  steps: readonly Step[],
): { readonly output: number; readonly input: number }[] {
  const first = new Map<number, number>(),
    last = new Map<number, number>();
  steps.forEach((s, at) =>
    forEachRef([s], r => {
      if (!first.has(r.slot)) first.set(r.slot, at);
      last.set(r.slot, at);
    }),
  );
  const given = f.params.map((v, i) => ({ i, v })).filter(({ i }) => donate[i] === true && !forwarded.some(w => w.input === i));
  const free = new Set(given.map(g => g.i)),
    pairs: { output: number; input: number }[] = [];
  slots.forEach(s => {
    if (s.home.kind !== "output") return;
    const output = s.home.index,
      a = f.results[output]?.aval;
    const start = first.get(s.id);
    if (!a || start === undefined) return;
    const step = steps[start],
      fits = (input: number): boolean => {
        const end = last.get(input) ?? -1;
        return (
          end < start ||
          (end === start &&
            step?.kind === "launch" &&
            inPlace(step, { slot: input, base: 0, terms: [] }, { slot: s.id, base: 0, terms: [] }))
        );
      };
    const match = given.find(g => free.has(g.i) && bytesOf(g.v.aval) === bytesOf(a) && fits(g.i));
    if (match) {
      free.delete(match.i);
      pairs.push({ output, input: match.i });
    }
  });
  return pairs;
}
