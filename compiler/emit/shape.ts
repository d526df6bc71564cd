// What every artifact says about memory, read off its schedule.
import type { ProgramShape } from "../../runtime/artifact.ts";
import type { Schedule } from "../ir/schedule.ts";

/** Inputs, results and arena of a program. */
export function programShape<K>(schedule: Schedule<K>): ProgramShape {
  const slot = (kind: "input" | "output", index: number): Schedule["slots"][number] | undefined =>
    schedule.slots.find(s => s.home.kind === kind && s.home.index === index);
  return {
    inputs: Array.from({ length: schedule.inputs }, (_, i) => ({
      dtype: slot("input", i)?.dtype ?? "f32",
      elements: slot("input", i)?.elements ?? 0,
    })),
    outputs: Array.from({ length: schedule.outputs }, (_, i) => {
      const s = slot("output", i),
        forward = schedule.forwarded.find(w => w.output === i),
        donor = schedule.donated.find(d => d.output === i);
      return {
        dtype: s?.dtype ?? "f32",
        elements: s?.elements ?? 0,
        ...(forward ? { forward: forward.input } : {}),
        ...(donor ? { donor: donor.input } : {}),
      };
    }),
    arenaBytes: schedule.arenaBytes,
  };
}
