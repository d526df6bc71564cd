// Walks a plan and records it. Loops are unrolled into the recording; what depends on values on the device is recorded behind gates, without waiting for them. Only a
// `while` has to know at last whether it is over: the walk then gives up its turn until the host has read a flag, having recorded several rounds, which do nothing
// once the test has failed.
import { unreachable } from "../errors/error.ts";
import type { Control } from "./control.ts";
import type { Pipeline } from "./pipelines.ts";
import type { Dispatch, Gate, Node, Place, Plan } from "./plan.ts";
import type { Recorder } from "./recorder.ts";

/** What the walk waits for, with everything recorded submitted: the flag of a region, or room in the driver's queue. */
export type Wait = { readonly kind: "flag"; readonly region: number } | { readonly kind: "room" };
/** Gives what it waits for; `next` takes the answer. */
export type Walk = Generator<Wait, void, boolean>;

const FIRST = 4; // rounds of a `while` before the host looks for the first time

/** `addresses`: of each slot, in bytes. `control`: there when the plan has regions. */
export function walk(plan: Plan, addresses: ArrayLike<number>, recorder: Recorder, control: Control | undefined): Walk {
  const counters: number[] = [];
  /** The element that a place begins at. */
  const element = ({ slot, base, terms, size }: Place): number => {
    let at = (addresses[slot] ?? 0) / size + base;
    for (const { counter, stride } of terms) at += (counters[counter] ?? 0) * stride;
    return at;
  };
  const flush = function* (): Walk {
    recorder.submit();
    if (recorder.timeline.crowded) yield { kind: "room" };
  };
  const dispatch = (d: Dispatch, words: number): void => {
    if (d.region > 0 && control) recorder.dispatch(d.pipeline, words, { control: control.buffer, at: 4 * control.arguments(d) });
    else recorder.dispatch(d.pipeline, words, d.groups);
  };
  const gate = function* (pipeline: Pipeline, memory: Control, { test, cases, which, parent, region }: Gate): Walk {
    if (recorder.full(8)) yield* flush();
    recorder.parameters(8).set([element(test) * test.size, cases, which, parent, region, ...memory.range(region)]);
    recorder.gate(pipeline, 8, memory.buffer);
  };
  const each = function* (nodes: readonly Node[]): Walk {
    for (const n of nodes) {
      switch (n.kind) {
        case "launch": {
          if (n.dispatch.groups === 0) break;
          const count = n.places.length;
          if (recorder.full(count)) yield* flush();
          const words = recorder.parameters(count);
          for (let i = 0; i < count; i++) words[i] = element(n.places[i] as Place); // in range
          dispatch(n.dispatch, count);
          break;
        }
        case "copy":
          if (n.dispatch.groups === 0) break;
          if (recorder.full(3)) yield* flush();
          recorder.parameters(3).set([element(n.from) * n.from.size, element(n.to) * n.to.size, n.bytes]);
          dispatch(n.dispatch, 3);
          break;
        case "loop":
          for (let i = 0; i < n.count; i++) {
            counters[n.counter] = n.reverse ? n.count - 1 - i : i;
            yield* each(n.body);
          }
          break;
        case "while": {
          if (!plan.gate || !control) break; // a plan with a `while` has both
          yield* each(n.test);
          yield* gate(plan.gate, control, n.enter);
          for (let rounds = Math.min(FIRST, n.chunk); ; rounds = Math.min(2 * rounds, n.chunk)) {
            for (let i = 0; i < rounds; i++) {
              yield* each(n.again);
              yield* gate(plan.gate, control, n.stay);
            }
            recorder.submit();
            if (!(yield { kind: "flag", region: n.stay.region })) break;
          }
          break;
        }
        case "branch":
          if (!plan.gate || !control) break; // the same
          for (const c of n.cases) yield* gate(plan.gate, control, c.gate); // all before any case may write over the index
          for (const c of n.cases) yield* each(c.body);
          break;
        default:
          unreachable(n);
      }
    }
  };
  return each(plan.nodes);
}
