// Schedule of tiled kernels -> one PTX module. Plain text for the driver's assembler: nothing here needs a GPU.
import type { PtxArtifact, PtxFeatures, PtxKernel } from "../../../runtime/artifact.ts";
import type { Schedule } from "../../ir/schedule.ts";
import type { TiledKernel } from "../../ir/tiled.ts";
import { forEachStep, mapLaunches } from "../../ir/walk.ts";
import { programShape } from "../shape.ts";
import { emitKernel } from "./kernel.ts";

/** The program as PTX for a card of this capability. */
export function emitPtx(schedule: Schedule<TiledKernel>, features: PtxFeatures): PtxArtifact {
  const numbers = new Map<TiledKernel, number>(),
    kernels: PtxKernel[] = [],
    texts: string[] = [];
  forEachStep(schedule.steps, s => {
    if (s.kind !== "launch" || numbers.has(s.kernel)) return;
    const { kernel } = s,
      entry = kernel.name,
      { text, sharedBytes, dynamicSharedBytes } = emitKernel(kernel, entry, features.capability);
    numbers.set(kernel, kernels.length);
    kernels.push({
      entry,
      groups: kernel.groups,
      threads: kernel.threads,
      sharedBytes,
      ...(dynamicSharedBytes > 0 && { dynamicSharedBytes }),
      params: kernel.params.map(({ dtype }) => ({ dtype })),
    });
    texts.push(text);
  });
  return {
    kind: "ptx",
    ...programShape(schedule),
    slots: schedule.slots,
    kernels,
    text: [ptxHeader(features), ...texts, ""].join("\n\n"),
    steps: mapLaunches(schedule.steps, s => [{ ...s, kernel: numbers.get(s.kernel) ?? -1 }]), // every kernel was numbered above
  };
}
/** Version and target: the oldest language that has what is used, so that older drivers take it. */
export const ptxHeader = ({ capability }: PtxFeatures): string =>
  `.version ${capability >= 100 ? "8.6" : capability >= 90 ? "8.0" : capability >= 89 ? "7.8" : capability >= 80 ? "7.0" : "6.3"}\n.target sm_${capability}\n.address_size 64`;
