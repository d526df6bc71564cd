// Compute pipelines by text: equal shaders are compiled once, asynchronously, and at the same time as others. A program waits on the timeline for its own.
import { InternalError, PullbackError } from "../errors/error.ts";
import { COMPUTE, type GpuHandle, type GpuLayoutEntry } from "./api.ts";
import type { Timeline } from "./timeline.ts";

const CAPACITY = 2048;

/** A pipeline on its way or there. */
export interface Pipeline {
  readonly name: string;
  readonly ready: Promise<void>;
  /** @throws InternalError before it is ready */
  handle(): GpuHandle;
  readonly settled: () => boolean;
}

/** The cache, and the two layouts: kernels see the heap (0) and their parameters (1); gates see control memory (2) too. */
export class Pipelines {
  readonly groups: { readonly kernel: GpuHandle; readonly gate: GpuHandle };
  private readonly timeline: Timeline;
  private readonly layouts: { readonly kernel: GpuHandle; readonly gate: GpuHandle };
  private readonly cache = new Map<string, Pipeline>();

  constructor(timeline: Timeline) {
    const { gpu } = (this.timeline = timeline);
    const storage = (binding: number): GpuLayoutEntry => ({ binding, visibility: COMPUTE, buffer: { type: "storage" } });
    const kernel: GpuLayoutEntry[] = [storage(0), { binding: 1, visibility: COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true } }];
    this.groups = {
      kernel: gpu.createBindGroupLayout({ entries: kernel }),
      gate: gpu.createBindGroupLayout({ entries: [...kernel, storage(2)] }),
    };
    this.layouts = {
      kernel: gpu.createPipelineLayout({ bindGroupLayouts: [this.groups.kernel] }),
      gate: gpu.createPipelineLayout({ bindGroupLayouts: [this.groups.gate] }),
    };
  }
  /** The pipeline of a shader. Its `ready` rejects with E0707 and the compiler's words when the driver does not take it. */
  get(name: string, code: string, layout: "kernel" | "gate" = "kernel"): Pipeline {
    const known = this.cache.get(code);
    if (known) {
      this.cache.delete(code);
      this.cache.set(code, known);
      return known;
    }
    const made = this.compile(name, code, layout);
    this.cache.set(code, made);
    made.ready.catch(() => this.cache.delete(code)); // the next try compiles again
    if (this.cache.size > CAPACITY)
      for (const oldest of this.cache.keys()) {
        this.cache.delete(oldest);
        break;
      }
    return made;
  }

  private compile(name: string, code: string, layout: "kernel" | "gate"): Pipeline {
    const { gpu } = this.timeline;
    let handle: GpuHandle | undefined, making: Promise<GpuHandle> | undefined;
    const outcome = this.timeline.guard(() => {
      const module = gpu.createShaderModule({ code, label: name });
      making = gpu.createComputePipelineAsync({ label: name, layout: this.layouts[layout], compute: { module, entryPoint: "main" } });
      making.catch(() => {}); // told below, in better words
    });
    const ready = (async (): Promise<void> => {
      const refusal = await outcome;
      if (refusal) throw notTaken(name, code, refusal.error);
      try {
        handle = await making;
      } catch (e) {
        throw notTaken(name, code, e);
      }
    })();
    ready.catch(() => {}); // whoever runs the program hears of it
    return {
      name,
      ready,
      settled: () => handle !== undefined,
      handle: () => {
        if (!handle) throw new InternalError(`the pipeline of ${name} is used before it is there`);
        return handle;
      },
    };
  }
}

function notTaken(name: string, code: string, cause: unknown): PullbackError {
  return new PullbackError(
    "E0707",
    `the driver does not take the shader ${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { help: `this is a fault of pullback's or of the driver's, please report it with the shader:\n${code}`, cause },
  );
}
