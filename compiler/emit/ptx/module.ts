// Schedule of tiled kernels -> one PTX module. Plain text for the driver's assembler: nothing here needs a GPU.
import type { PtxArtifact, PtxFeatures, PtxKernel, PtxTensor } from "../../../runtime/artifact.ts";
import { byteSize } from "../../../runtime/dtype.ts";
import type { Schedule } from "../../ir/schedule.ts";
import type { TensorBox, TiledKernel } from "../../ir/tiled.ts";
import { forEachStep, mapLaunches } from "../../ir/walk.ts";
import { programShape } from "../shape.ts";
import { BULK_TARGET } from "./bulk.ts";
import { emitKernel } from "./kernel.ts";

/** The program as PTX for a card of this capability. */
export function emitPtx(schedule: Schedule<TiledKernel>, features: PtxFeatures): PtxArtifact {
  const numbers = new Map<TiledKernel, number>(),
    kernels: PtxKernel[] = [],
    texts: string[] = [];
  let bulk = false;
  forEachStep(schedule.steps, s => {
    if (s.kind !== "launch" || numbers.has(s.kernel)) return;
    const { kernel } = s,
      entry = unique(kernel.name, kernels),
      { text, sharedBytes, dynamicSharedBytes } = emitKernel(kernel, entry, features.capability);
    numbers.set(kernel, kernels.length);
    bulk ||= kernel.signals !== undefined;
    kernels.push({
      entry,
      groups: kernel.groups,
      threads: kernel.threads,
      sharedBytes,
      ...(dynamicSharedBytes > 0 && { dynamicSharedBytes }),
      params: kernel.params.map(({ dtype }) => ({ dtype })),
      ...(kernel.boxes && { tensors: kernel.boxes.map(b => tensorOf(b, kernel)) }),
    });
    texts.push(text);
  });
  return {
    kind: "ptx",
    ...programShape(schedule),
    slots: schedule.slots,
    kernels,
    text: [ptxHeader(features, bulk ? BULK_TARGET : undefined), ...texts, ""].join("\n\n"),
    steps: mapLaunches(schedule.steps, s => [{ ...s, kernel: numbers.get(s.kernel) ?? -1 }]), // every kernel was numbered above
  };
}
/** A kernel that is cut in two ways, for operands that are aligned and others, has one name and two entry points. */
function unique(name: string, kernels: readonly PtxKernel[]): string {
  const taken = kernels.filter(k => k.entry === name || k.entry.startsWith(`${name}_as`)).length;
  return taken === 0 ? name : `${name}_as${taken}`;
}
/** Version and target: the oldest language that has what is used, so that older drivers take it. */
export const ptxHeader = ({ capability }: PtxFeatures, target: string = `sm_${capability}`): string =>
  `.version ${capability >= 100 ? "8.6" : capability >= 90 ? "8.0" : capability >= 89 ? "7.8" : capability >= 80 ? "7.0" : "6.3"}\n.target ${target}\n.address_size 64`;
/** A box as the driver is told of it. */
function tensorOf({ param, offset, dims, strides, box }: TensorBox, k: TiledKernel): PtxTensor {
  const dtype = k.params[param]?.dtype ?? "bf16",
    size = byteSize(dtype);
  return { param, dtype, offset: offset * size, dims, strides: strides.map(n => n * size), box, swizzle: 128 };
}
