// Schedule of tiled kernels -> WGSL modules, one a kernel. Plain text: nothing here needs a GPU.
import type { WgslArtifact, WgslKernel } from "../../../runtime/artifact.ts";
import type { Schedule } from "../../ir/schedule.ts";
import type { TiledKernel } from "../../ir/tiled.ts";
import { forEachStep, mapLaunches } from "../../ir/walk.ts";
import { programShape } from "../shape.ts";
import { emitKernel } from "./kernel.ts";

/** The program as WGSL. Kernels of one text are one kernel. */
export function emitWgsl(schedule: Schedule<TiledKernel>): WgslArtifact {
  const numbers = new Map<TiledKernel, number>(),
    known = new Map<string, number>(),
    kernels: WgslKernel[] = [];
  forEachStep(schedule.steps, s => {
    if (s.kind !== "launch" || numbers.has(s.kernel)) return;
    const { kernel } = s,
      code = emitKernel(kernel),
      key = `${kernel.groups} ${kernel.params.map(p => p.dtype).join()}\n${code}`;
    let n = known.get(key);
    if (n === undefined) {
      n = kernels.length;
      known.set(key, n);
      kernels.push({ name: kernel.name, code, groups: kernel.groups, params: kernel.params.map(({ dtype }) => ({ dtype })) });
    }
    numbers.set(kernel, n);
  });
  return {
    kind: "wgsl",
    ...programShape(schedule),
    slots: schedule.slots,
    kernels,
    steps: mapLaunches(schedule.steps, s => [{ ...s, kernel: numbers.get(s.kernel) ?? -1 }]), // every kernel was numbered above
  };
}
