// A program made ready to be encoded: its steps with their pipelines, and its regions. A region is what happens or not by a value on the device: the body of a
// `while`, a case of a `branch`. Its launches are indirect, and a gate has set their sizes, or zero, before.
import type { WgslArtifact } from "../artifact.ts";
import { byteSize } from "../dtype.ts";
import { InternalError, unreachable } from "../errors/error.ts";
import type { ProgramStep, Slot, SlotRef } from "../program.ts";
import { COPY, copyGroups, GATE } from "./kernels.ts";
import type { Pipeline, Pipelines, View } from "./pipelines.ts";

/** A place in memory: the slot's address + (base + sum of counter * stride) elements of `size` bytes. */
export interface Place extends SlotRef {
  readonly size: number;
}
/** A dispatch: number `at` of those of its region. Region 0 is always on. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  readonly groups: number;
  readonly region: number;
  readonly at: number;
}
/** What decides about a region: a place on the device, and which of how many cases it is (cases 0: a bool). */
export interface Gate {
  readonly test: Place;
  readonly cases: number;
  readonly which: number;
  readonly parent: number;
  readonly region: number;
}
/** A step. */
export type Node =
  | { readonly kind: "launch"; readonly dispatch: Dispatch; readonly places: readonly Place[] }
  | { readonly kind: "copy"; readonly dispatch: Dispatch; readonly from: Place; readonly to: Place; readonly bytes: number }
  | { readonly kind: "loop"; readonly counter: number; readonly count: number; readonly reverse: boolean; readonly body: readonly Node[] }
  /** `again` is body and test once more. The host looks whether the region is still on after at most `chunk` of them. */
  | {
      readonly kind: "while";
      readonly test: readonly Node[];
      readonly enter: Gate;
      readonly again: readonly Node[];
      readonly stay: Gate;
      readonly chunk: number;
    }
  | { readonly kind: "branch"; readonly cases: readonly { readonly gate: Gate; readonly body: readonly Node[] }[] };
/** A region's dispatches in control memory: `first` and `count` of them, all programs' regions in one row. */
export interface Region {
  readonly first: number;
  readonly groups: readonly number[];
}
/** A program ready to be encoded. */
export interface Plan {
  readonly slots: readonly Slot[];
  readonly nodes: readonly Node[];
  readonly pipelines: readonly Pipeline[];
  readonly gate: Pipeline | undefined;
  readonly regions: readonly Region[];
}

const MOST = 65535; // workgroups a dimension
/** So many workgroups as (x, y). */
export const split = (groups: number): readonly [number, number] => [Math.min(groups, MOST), Math.ceil(groups / MOST)];

/** The plan of a program. Its pipelines begin to compile. */
export function planProgram(artifact: WgslArtifact, pipelines: Pipelines): Plan {
  const planner = new Planner(artifact, pipelines);
  const nodes = planner.prepare(artifact.steps, 0);
  let first = 0;
  const regions = planner.regions.map((groups, i) => {
    const region = { first, groups };
    if (i > 0) first += groups.length;
    return region;
  });
  return { slots: artifact.slots, nodes, pipelines: [...planner.used], gate: planner.gate, regions };
}

class Planner {
  readonly used: Set<Pipeline>;
  readonly regions: number[][] = [[]];
  gate: Pipeline | undefined;
  private readonly artifact: WgslArtifact;
  private readonly pipelines: Pipelines;
  private readonly kernels: readonly Pipeline[];

  constructor(artifact: WgslArtifact, pipelines: Pipelines) {
    this.artifact = artifact;
    this.pipelines = pipelines;
    this.kernels = artifact.kernels.map(k => pipelines.get(k.name, k.code, k.params.length));
    this.used = new Set(this.kernels);
  }
  prepare(steps: readonly ProgramStep<number>[], region: number): Node[] {
    return steps.map(s => this.step(s, region));
  }

  private step(s: ProgramStep<number>, region: number): Node {
    switch (s.kind) {
      case "launch": {
        const kernel = this.artifact.kernels[s.kernel],
          pipeline = this.kernels[s.kernel];
        if (!kernel || !pipeline || kernel.params.length !== s.args.length)
          throw new InternalError(`kernel ${s.kernel} launched with ${s.args.length} arguments`);
        const places = s.args.map((r, i) => ({ ...r, size: byteSize(kernel.params[i]?.dtype ?? "u8") }));
        return { kind: "launch", dispatch: this.dispatch(pipeline, kernel.groups, region), places };
      }
      case "copy": {
        const from = this.place(s.from),
          to = this.place(s.to);
        return { kind: "copy", dispatch: this.dispatch(this.own("copy", COPY, 3), copyGroups(s.bytes), region), from, to, bytes: s.bytes };
      }
      case "loop":
        return { ...s, body: this.prepare(s.body, region) };
      case "while": {
        const own = this.region(),
          test = this.place(s.pred),
          gate = { test, cases: 0, which: 0, region: own };
        const again = [...this.prepare(s.body, own), ...this.prepare(s.test, own)];
        return {
          kind: "while",
          test: this.prepare(s.test, region),
          enter: { ...gate, parent: region },
          again,
          stay: { ...gate, parent: own },
          chunk: waits(again) ? 1 : Math.max(1, Math.min(64, Math.floor(512 / weight(again)))),
        };
      }
      case "branch": {
        const test = this.place(s.index);
        return {
          kind: "branch",
          cases: s.cases.map((body, which) => {
            const own = this.region();
            return { gate: { test, cases: s.cases.length, which, parent: region, region: own }, body: this.prepare(body, own) };
          }),
        };
      }
      default:
        return unreachable(s);
    }
  }
  private place(r: SlotRef): Place {
    const slot = this.artifact.slots[r.slot];
    if (!slot) throw new InternalError(`slot ${r.slot} of ${this.artifact.slots.length}`);
    return { ...r, size: byteSize(slot.dtype) };
  }
  private dispatch(pipeline: Pipeline, groups: number, region: number): Dispatch {
    const list = this.regions[region];
    if (!list) throw new InternalError(`region ${region} of ${this.regions.length}`);
    return { pipeline, groups, region, at: list.push(groups) - 1 };
  }
  private region(): number {
    this.gate = this.own("gate", GATE, 8, "gate");
    return this.regions.push([]) - 1;
  }
  private own(name: string, code: string, count: number, view: View = "kernel"): Pipeline {
    const p = this.pipelines.get(name, code, count, view);
    this.used.add(p);
    return p;
  }
}

/** Does the host have to look at something inside? */
const waits = (nodes: readonly Node[]): boolean =>
  nodes.some(n => n.kind === "while" || (n.kind === "loop" && waits(n.body)) || (n.kind === "branch" && n.cases.some(c => waits(c.body))));
/** Dispatches of one run of the nodes. */
const weight = (nodes: readonly Node[]): number =>
  nodes.reduce(
    (sum, n) =>
      sum + (n.kind === "loop" ? n.count * weight(n.body) : n.kind === "branch" ? n.cases.reduce((s, c) => s + 1 + weight(c.body), 0) : 1),
    1,
  );
