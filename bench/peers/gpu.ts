// The GPU of a column in Node: Dawn over the Vulkan driver that VK_ICD_FILENAMES names, as a browser would show it, and every dispatch counted, alike for all columns.
import type { Gpu } from "../../runtime/webgpu/api.ts";

type Dispatches = Record<"dispatchWorkgroups" | "dispatchWorkgroupsIndirect", (...args: unknown[]) => void>;

/** `navigator.gpu` and the globals of WebGPU from here on. `dispatches`: how many there have been. */
export async function dawn(): Promise<{ readonly gpu: Gpu; readonly dispatches: () => number }> {
  const { create, globals } = await import("webgpu");
  const gpu = create([]) as unknown as Gpu; // the structural type of what is used
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "Node.js" }, configurable: true });
  let count = 0;
  const passes = (globals as unknown as { GPUComputePassEncoder: { prototype: Dispatches } }).GPUComputePassEncoder.prototype; // one of the globals
  for (const name of ["dispatchWorkgroups", "dispatchWorkgroupsIndirect"] as const) {
    const original = passes[name];
    passes[name] = function (this: unknown, ...args: unknown[]): void {
      count++;
      original.apply(this, args);
    };
  }
  return { gpu, dispatches: () => count };
}
