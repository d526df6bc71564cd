// Every GPUBuffer that the runtime makes, by what it is for. So a device of the user's is left with none of them, and tests see that none is forgotten.
import type { GpuBuffer, GpuDevice } from "./api.ts";

/** What a buffer is for. */
export type Purpose = "heap" | "parameters" | "staging" | "control" | "times";

/** The buffers that are live. */
export class Buffers {
  private readonly gpu: GpuDevice;
  private readonly live = new Map<GpuBuffer, Purpose>();

  constructor(gpu: GpuDevice) {
    this.gpu = gpu;
  }
  /** A buffer of zeros. What the driver thinks of it is said to the error scopes around. */
  make(purpose: Purpose, size: number, usage: number): GpuBuffer {
    const buffer = this.gpu.createBuffer({ size, usage, label: `pullback ${purpose}` });
    this.live.set(buffer, purpose);
    return buffer;
  }
  /** Work that has been submitted may still use it: the driver frees it afterwards. */
  destroy(buffer: GpuBuffer): void {
    if (this.live.delete(buffer)) buffer.destroy();
  }
  destroyAll(): void {
    for (const buffer of [...this.live.keys()]) this.destroy(buffer);
  }
  /** How many are live. */
  count(purpose: Purpose): number {
    let n = 0;
    for (const p of this.live.values()) if (p === purpose) n++;
    return n;
  }
}
